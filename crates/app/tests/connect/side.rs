//! One of the two workers: its address, its class, and what a valid connector needs there.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;

use serde_json::{Map, Value};
use testkit::{http, ports};

use super::calls::Call;

/// A worker.
pub(super) struct Side {
    rest: SocketAddr,
    /// What stands for it on this side, by what stands for both.
    words: Vec<(&'static str, String)>,
    /// The pairs of a valid connector beside its class.
    good: fn(u16) -> Vec<(&'static str, String)>,
    /// The port of each connector.
    ports: RefCell<BTreeMap<String, u16>>,
}

/// An answer in the words of both sides.
pub(super) struct Answer {
    pub(super) status: u16,
    /// The media type, empty for none.
    pub(super) kind: String,
    pub(super) location: Option<String>,
    pub(super) text: String,
    pub(super) json: Option<Value>,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short: String = self.text.chars().take(600).collect();
        write!(f, "{} {} {short}", self.status, self.kind)
    }
}

impl Side {
    /// Kafka Connect with the connector of its own that reads a file.
    pub(super) fn file_connector(rest: SocketAddr) -> Self {
        let class = "org.apache.kafka.connect.file.FileStreamSourceConnector";
        Self {
            rest,
            words: words(rest, class, "FileStreamSource", "batch.size", "4.3.1"),
            good: |_| vec![("topic", "t".to_owned()), ("file", "/dev/null".to_owned())],
            ports: RefCell::default(),
        }
    }

    /// This program.
    pub(super) fn otlp_connector(rest: SocketAddr) -> Self {
        let class = "io.conduktor.connect.otel.OpenTelemetrySourceConnector";
        let version = env!("CARGO_PKG_VERSION");
        Self {
            rest,
            words: words(rest, class, "OpenTelemetrySource", "otlp.message.queue.size", version),
            good: |port| {
                vec![
                    ("otlp.grpc.enabled", "false".to_owned()),
                    ("otlp.http.port", port.to_string()),
                    ("otlp.bind.address", "127.0.0.1".to_owned()),
                ]
            },
            ports: RefCell::default(),
        }
    }

    /// The call's answer.
    pub(super) fn ask(&self, call: &Call) -> Answer {
        let mut headers: Vec<(&str, &str)> =
            call.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let typed = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        if call.body.is_some() && !typed {
            headers.push(("content-type", "application/json"));
        }
        headers.retain(|(_, value)| !value.is_empty());
        self.send(&call.call, &headers, &self.body(call))
    }

    /// The body that the call has on this side.
    pub(super) fn body(&self, call: &Call) -> String {
        match (&call.body, &call.text) {
            (Some(body), _) => self.to_side(&self.with_good(body).to_string()),
            (None, Some(text)) => self.to_side(text),
            (None, None) => String::new(),
        }
    }

    pub(super) fn send(&self, call: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let (method, path) = call.split_once(' ').expect("a method and a path");
        let path = self.to_side(path);
        let answer = http::request(self.rest, method, &path, headers, body.as_bytes())
            .unwrap_or_else(|error| panic!("{call} at {}: {error}", self.rest));
        let kind = answer.header("content-type").unwrap_or("").split(';').next().unwrap_or("");
        let text = self.to_both(&answer.text());
        Answer {
            status: answer.status,
            kind: kind.trim().to_owned(),
            location: answer.header("location").map(|location| self.to_both(location)),
            json: serde_json::from_str(&text).ok(),
            text,
        }
    }

    fn to_side(&self, text: &str) -> String {
        self.words.iter().fold(text.to_owned(), |text, (both, own)| text.replace(both, own))
    }

    fn to_both(&self, text: &str) -> String {
        // Longer ones first: some are part of others.
        let shown =
            self.words.iter().fold(text.to_owned(), |text, (both, own)| text.replace(own.as_str(), both));
        // The version of Kafka Connect that both say they are.
        shown.replace("\"version\":\"4.3.1\",\"commit\"", "\"version\":\"@version@\",\"commit\"")
    }

    /// Puts the pairs of a valid connector in the place of `@good`.
    fn with_good(&self, value: &Value) -> Value {
        match value {
            Value::Object(map) => {
                let mut with = Map::new();
                for (key, value) in map {
                    match value.as_str().filter(|_| key == "@good") {
                        None => drop(with.insert(key.clone(), self.with_good(value))),
                        Some(name) => {
                            with.entry("connector.class").or_insert_with(|| "@class@".into());
                            for (key, value) in (self.good)(self.port(name)) {
                                with.insert(key.to_owned(), value.into());
                            }
                        }
                    }
                }
                Value::Object(with)
            }
            Value::Array(values) => Value::Array(values.iter().map(|value| self.with_good(value)).collect()),
            other => other.clone(),
        }
    }

    fn port(&self, name: &str) -> u16 {
        *self.ports.borrow_mut().entry(name.to_owned()).or_insert_with(ports::free)
    }
}

fn words(
    rest: SocketAddr,
    class: &str,
    alias: &str,
    number: &str,
    version: &str,
) -> Vec<(&'static str, String)> {
    vec![
        ("@class@", class.to_owned()),
        ("@task-class@", class.replace("Connector", "Task")),
        ("@short@", format!("{alias}Connector")),
        ("@alias@", alias.to_owned()),
        ("@number@", number.to_owned()),
        ("\"@version@\"", format!("\"{version}\"")),
        ("@worker@", rest.to_string()),
    ]
}
