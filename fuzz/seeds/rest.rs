//! Fuzzing: bodies of REST calls, each for the call that it is of, and one that is of none.

use std::io::Result;
use std::path::Path;

use crate::write;

/// All of them.
pub(crate) fn write_all(corpus: &Path) -> Result<()> {
    const CONFIG: &str =
        r#"{"connector.class":"SomeSource","some.port":4317,"some.switch":true,"some.words":"a, b"}"#;
    const OFFSETS: &str =
        r#"{"offsets":[{"partition":{"p":1},"offset":{"o":[1.5]}},{"partition":{},"offset":null}]}"#;
    let create = format!(r#"{{"name":" b ","config":{CONFIG},"initial_state":"PAUSED"}}"#);
    let wrapped = format!(r#"{{"name":"b","config":{CONFIG},"tasks":[{{"task":0}}],"type":"source"}}"#);
    let list = format!(r#"["b",{CONFIG},"STOPPED"]"#);
    for (name, call, body) in [
        ("create", 0, create.as_str()),
        ("create-list", 0, &list),
        ("put", 1, CONFIG),
        ("put-wrapped", 2, &wrapped),
        ("put-list", 2, &list),
        ("patch", 3, r#"{"some.port":"1","some.words":null,"name":"a","x":-1.5e3,"y":"\u00fc\"\\"}"#),
        ("patch-missing", 4, r#"{"some.port":"1"}"#),
        ("offsets", 5, OFFSETS),
        ("offsets-list", 5, r#"{"offsets":[[{"p":1},{"o":1}]]}"#),
        ("offsets-running", 6, OFFSETS),
        ("validate", 7, r#"{"connector.class":"SomeSource","name":"n","some.port":0,"some.secret":"s"}"#),
        ("level", 8, r#"{"level":"DEBUG"}"#),
    ] {
        write(&corpus.join("rest"), name, &[&[call], body.as_bytes()].concat())?;
    }
    Ok(())
}
