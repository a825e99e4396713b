//! The syntax of each source, and where each value says it came from.

use super::*;

fn plain(pairs: &Pairs) -> Vec<(&str, &str)> {
    pairs.iter().map(|(key, given)| (key.as_str(), given.value.as_str())).collect()
}

fn file(name: &str, text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (folder, path)
}

fn read_connector(name: &str, text: &str) -> Result<Vec<(String, String)>, String> {
    let (_folder, path) = file(name, text);
    let mut mistakes = Vec::new();
    let pairs = connector_file(&path, &mut mistakes).pairs;
    match mistakes.first() {
        None => Ok(plain(&pairs).into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect()),
        Some(mistake) => Err(mistake.to_string().replace(&path, name)),
    }
}

#[test]
fn properties_are_read_as_java_reads_them() {
    let text = "# comment\n! comment\n\nbootstrap.servers=a:9092,\\\n    b:9092\nkey.converter : x\\u0041\n\
                spaced value with = and :\nlast=1\nlast=2\nempty=\n";
    let (_folder, path) = file("worker.properties", text);
    let mut mistakes = Vec::new();
    let pairs = properties_file(&path, &mut mistakes);
    assert_eq!(mistakes, []);
    assert_eq!(
        plain(&pairs),
        [
            ("bootstrap.servers", "a:9092,b:9092"),
            ("empty", ""),
            ("key.converter", "xA"),
            ("last", "2"),
            ("spaced", "value with = and :"),
        ]
    );
    assert_eq!(pairs["last"].origin, Origin::File(path));
}

#[test]
fn comments_escapes_and_the_last_line_stop_no_start() {
    let text = b"# see C:\\users\\me\na=\\ud83d\\ude00 \xe4\nlast=1\\";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("worker.properties").display().to_string();
    std::fs::write(&path, text).unwrap();
    let mut mistakes = Vec::new();
    assert_eq!(plain(&properties_file(&path, &mut mistakes)), [("a", "😀 ä"), ("last", "1")]);
    assert_eq!(plain(&connector_file(&path, &mut mistakes).pairs), [("a", "😀 ä"), ("last", "1")]);
    assert_eq!(mistakes, []);
    std::fs::write(&path, "\na=\\u12\n").unwrap();
    properties_file(&path, &mut mistakes);
    assert_eq!(
        mistakes[0].to_string(),
        format!("{path}: line 2: behind \\u there must be four hexadecimal digits")
    );
}

#[test]
fn a_connector_file_has_three_forms() {
    let expected = vec![
        ("a".to_owned(), "1".to_owned()),
        ("b".to_owned(), "true".to_owned()),
        ("c".to_owned(), "1.50".to_owned()),
        ("name".to_owned(), "n".to_owned()),
    ];
    let flat = r#" {"name":"n","a":1,"b":true,"c":"1.50"}"#;
    assert_eq!(read_connector("c.json", flat), Ok(expected.clone()));
    assert_eq!(read_connector("without-ending", flat), Ok(expected.clone()));
    let wrapped = r#"{"name":"n","config":{"a":1,"b":true,"c":"1.50"},"initial_state":"RUNNING"}"#;
    assert_eq!(read_connector("c.json", wrapped), Ok(expected.clone()));
    let twice = r#"{"name":"n","config":{"a":1,"b":true,"c":"1.50","name":"n"}}"#;
    assert_eq!(read_connector("c.json", twice), Ok(expected.clone()));
    assert_eq!(read_connector("c.properties", "name=n\na=1\nb=true\nc=1.50\n"), Ok(expected));
}

#[test]
fn a_connector_file_that_is_none_says_why() {
    let cases = [
        ("[]", "c.json: expected a JSON object"),
        (r#"{"a":null}"#, "c.json: a: null is no value"),
        (r#"{"a":[1]}"#, "c.json: a: expected text, a number, true or false"),
        (r#"{"name":"x","config":{"name":"y"}}"#, "c.json: two names: x outside and y inside config"),
        ("{\n\"a\":1,\n}", "c.json: not JSON: trailing comma at line 3 column 1"),
    ];
    for (text, expected) in cases {
        assert_eq!(read_connector("c.json", text), Err(expected.to_owned()), "{text}");
    }
    let mut mistakes = Vec::new();
    connector_file("/nowhere/c.json", &mut mistakes);
    properties_file("/nowhere/w.properties", &mut mistakes);
    let texts: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        ["/nowhere/c.json: No such file or directory", "/nowhere/w.properties: No such file or directory"]
    );
}

#[test]
fn environment_names_become_keys() {
    let variables = [
        ("CONNECT_BOOTSTRAP_SERVERS", "a:9092"),
        ("OTLP2KAFKA_OTLP_GRPC_PORT", "5317"),
        ("CONNECT_A__B___C", "x"),
        ("PATH", "/bin"),
        ("CONNECT_", "nothing"),
        ("CONNECT_LISTENERS", "http://:1"),
        ("OTLP2KAFKA_LISTENERS", "http://:2"),
        // What Kubernetes sets for services called connect and otlp2kafka-otlp.
        ("CONNECT_SERVICE_HOST", "10.0.0.1"),
        ("CONNECT_SERVICE_PORT", "8083"),
        ("CONNECT_SERVICE_PORT_REST", "8083"),
        ("CONNECT_PORT", "tcp://10.0.0.1:8083"),
        ("CONNECT_PORT_8083_TCP_ADDR", "10.0.0.1"),
        ("OTLP2KAFKA_OTLP_PORT", "tcp://10.0.0.2:4317"),
        ("OTLP2KAFKA_OTLP_SERVICE_HOST", "10.0.0.2"),
        ("OTLP2KAFKA_OTLP_PORT_4317_TCP_PROTO", "tcp"),
    ];
    let pairs = environment(variables.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(
        plain(&pairs),
        [
            ("a-b_c", "x"),
            ("bootstrap.servers", "a:9092"),
            ("listeners", "http://:2"),
            ("otlp.grpc.port", "5317"),
        ]
    );
    assert_eq!(pairs["a-b_c"].origin.to_string(), "environment CONNECT_A__B___C");
}

#[test]
fn options_need_a_key() {
    let given = ["a=1", "b=x=y", "a=2", "novalue", "=3", "c="].map(str::to_owned);
    let mut mistakes = Vec::new();
    let pairs = options(&given, &mut mistakes);
    assert_eq!(plain(&pairs), [("a", "2"), ("b", "x=y"), ("c", "")]);
    let texts: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    assert_eq!(texts, ["-o: expected KEY=VALUE, found novalue", "-o: expected KEY=VALUE, found =3"]);
}
