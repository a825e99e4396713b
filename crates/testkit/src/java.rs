//! Java's own clients as a measure: which partition they choose, which errors they know, what they read.

use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::kafka::{Version, root};

/// A record as Java's consumer gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// Milliseconds since 1970.
    pub timestamp_ms: i64,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value.
    pub value: Option<Vec<u8>>,
    /// Its headers in their order, repeated names included.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

/// An error of the protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// Its number on the wire.
    pub code: i16,
    /// Its name in capitals.
    pub name: String,
    /// Whether Java's clients send again.
    pub retriable: bool,
}

/// The partition that Java's producer chooses for each key.
///
/// # Panics
///
/// When Java fails.
#[must_use]
pub fn partitions(keys: &[Vec<u8>], count: u32) -> Vec<i32> {
    let lines: Vec<String> = keys.iter().map(|key| to_hex(key)).collect();
    let output = run("Partitions.java", &[&count.to_string()], lines);
    output.lines().map(|line| line.parse().expect("a partition")).collect()
}

/// All errors that the newest release of the protocol has.
///
/// # Panics
///
/// When Java fails.
#[must_use]
pub fn errors() -> Vec<Error> {
    let output = run("ErrorCodes.java", &[], Vec::new());
    let parse = |line: &str| -> Option<Error> {
        let mut words = line.split(' ');
        let code = words.next()?.parse().ok()?;
        Some(Error { code, name: words.next()?.to_owned(), retriable: words.next()? == "true" })
    };
    output.lines().map(|line| parse(line).expect("an error's line")).collect()
}

/// Everything that a topic holds, read with checksums checked, by partition and offset.
///
/// # Panics
///
/// When Java fails.
#[must_use]
pub fn consume(bootstrap: &str, topic: &str) -> Vec<Record> {
    let output = run("Consume.java", &[bootstrap, topic], Vec::new());
    let mut records: Vec<Record> =
        output.lines().map(|line| record(line).expect("a record's line")).collect();
    records.sort_by_key(|record| (record.partition, record.offset));
    records
}

/// Who operates a cluster, over a plain listener.
#[derive(Debug)]
pub struct Operator {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Operator {
    /// Starts Java, and waits for nothing.
    ///
    /// # Panics
    ///
    /// When Java is not there.
    #[must_use]
    pub fn start(bootstrap: &str) -> Self {
        let mut child = spawn("Operator.java", &[bootstrap]);
        let orders = child.stdin.take().expect("the input is piped");
        let answers = BufReader::new(child.stdout.take().expect("the output is piped"));
        Self { child, orders, answers }
    }

    /// `create` a topic, `move` the leaders of a topic, `deny` everybody a topic, or `allow` a user everything. Returns
    /// the answer: of `move`, how many moved.
    ///
    /// # Panics
    ///
    /// When Java fails.
    pub fn tell(&mut self, what: &str, name: &str) -> String {
        writeln!(self.orders, "{what} {name}").expect("Java reads its input");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("text");
        assert!(!answer.is_empty(), "{what} {name} failed");
        answer.trim().to_owned()
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn record(line: &str) -> Option<Record> {
    let all: Value = serde_json::from_str(line).ok()?;
    let number = |name: &str| all[name].as_i64();
    let header = |pair: &Value| Some((String::from_utf8(bytes(&pair[0])?).ok()?, bytes(&pair[1])));
    Some(Record {
        partition: i32::try_from(number("partition")?).ok()?,
        offset: number("offset")?,
        timestamp_ms: number("timestamp")?,
        key: bytes(&all["key"]),
        value: bytes(&all["value"]),
        headers: all["headers"].as_array()?.iter().map(header).collect::<Option<_>>()?,
    })
}

fn bytes(hex: &Value) -> Option<Vec<u8>> {
    let text = hex.as_str()?;
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Starts a program of `tools/java` with the newest release's classes.
fn spawn(program: &str, args: &[&str]) -> Child {
    Command::new("java")
        .args(["-Xmx384m", "-XX:+UseSerialGC", "-cp", &Version::V4.classpath()])
        .arg(root().join("tools/java").join(program))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("java is installed")
}

/// Runs one to its end.
fn run(program: &str, args: &[&str], lines: Vec<String>) -> String {
    let mut child = spawn(program, args);
    let mut input = BufWriter::new(child.stdin.take().expect("the input is piped"));
    let writing = std::thread::spawn(move || {
        lines.iter().for_each(|line| writeln!(input, "{line}").expect("Java reads its input"));
    });
    let mut output = String::new();
    child.stdout.take().expect("the output is piped").read_to_string(&mut output).expect("text");
    writing.join().expect("the input is written");
    assert!(child.wait().is_ok_and(|status| status.success()), "{program} {args:?} failed");
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_consumer_is_read_in_full() {
        let line = r#"{"partition":2,"offset":7,"timestamp":5,"key":null,"value":"00ff","headers":[["61","01"],["61",null]]}"#;
        let record = record(line).unwrap();
        assert_eq!((record.partition, record.offset, record.timestamp_ms), (2, 7, 5));
        assert_eq!((record.key, record.value), (None, Some(vec![0, 255])));
        assert_eq!(record.headers, [("a".into(), Some(vec![1])), ("a".into(), None)]);
    }
}
