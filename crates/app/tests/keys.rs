//! Keys, single items and headers, as Java's consumer finds them: in Apache Kafka and in the embedded broker.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use testkit::java::{self, Record};
use testkit::kafka::Kafka;
use testkit::server::{Builder, Server};
use testkit::{consume, http};

use crate::server;

const PARTITIONS: u32 = 3;
const REQUESTS: usize = 40;
const SERVICES: [&str; 3] = ["cart", "pay", "größe"];

/// A trace id for each of four traces; the last has none.
fn trace(n: usize) -> String {
    if n % 4 == 3 { String::new() } else { format!("{:032x}", n % 4 + 1) }
}

/// Two services with two spans each, numbered through by their names.
fn body(request: usize) -> String {
    let group = |which: usize| {
        let n = request * 4 + which * 2;
        let name = SERVICES[(request + which) % SERVICES.len()];
        let span =
            |n: usize| json!({"traceId": trace(n), "spanId": "eee19b7ec3c1b174", "name": n.to_string()});
        json!({
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": name}}]},
            "scopeSpans": [{"spans": [span(n), span(n + 1)]}],
        })
    };
    json!({"resourceSpans": [group(0), group(1)]}).to_string()
}

/// The numbers of the spans in a record, in order.
fn spans(record: &Record) -> Vec<usize> {
    let value: Value = serde_json::from_slice(record.value.as_ref().unwrap()).unwrap();
    let list = |value: &Value, name: &str| value[name].as_array().cloned().unwrap_or_default();
    list(&value, "resource_spans")
        .iter()
        .flat_map(|resource| list(resource, "scope_spans"))
        .flat_map(|scope| list(&scope, "spans"))
        .map(|span| span["name"].as_str().unwrap().parse().unwrap())
        .collect()
}

/// What each span's key has to be.
fn expected_key(by: &str, span: usize) -> Option<String> {
    match by {
        "trace_id" => Some(trace(span)).filter(|id| !id.is_empty()),
        "service" => Some(SERVICES[(span / 4 + span % 4 / 2) % SERVICES.len()].to_owned()),
        _ => None,
    }
}

fn start(kafka: Option<&Kafka>, options: &[(&str, &str)]) -> Server {
    let builder = match kafka {
        Some(kafka) => server().kafka(&kafka.bootstrap),
        None => server(),
    };
    let builder = builder.option("topic.creation.default.partitions", PARTITIONS);
    let server =
        options.iter().fold(builder, |builder: Builder, (key, value)| builder.option(key, value)).start();
    server.wait_until_ready();
    server
}

fn send(server: &Server, body: &str) {
    let headers =
        [("content-type", "application/json"), ("X-Tenant", "blue"), ("Authorization", "Bearer secret")];
    let answer = http::request(server.http, "POST", "/v1/traces", &headers, body.as_bytes()).unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (200, "{}"), "{}", server.log());
}

/// Scenario: a client that waits for each answer; services and traces that come again in each request.
/// Guarantees: each span is in a record of its key, once; the key's partition is the one that Java chooses; records of
/// one key are in the order of sending; headers say what is in the record.
fn check(kafka: Option<&Kafka>, by: &str, unit: &str) {
    let topic = format!("keys-{by}-{unit}");
    let server = start(
        kafka,
        &[
            ("kafka.topic.traces", &topic),
            ("otlp.record.key", by),
            ("otlp.record.unit", unit),
            ("otlp.record.headers", "signal,format,items,env=test,header:x-tenant,header:x-none"),
        ],
    );
    (0..REQUESTS).for_each(|request| send(&server, &body(request)));
    let records = java::consume(&server.bootstrap, &topic);
    let mut of_key: BTreeMap<Option<String>, Vec<usize>> = BTreeMap::new();
    let mut partitions: BTreeMap<String, BTreeSet<i32>> = BTreeMap::new();
    for record in &records {
        let key = record.key.clone().map(|key| String::from_utf8(key).unwrap());
        let inside = spans(record);
        assert!(inside.iter().all(|span| expected_key(by, *span) == key), "{by} {unit}: {key:?} {inside:?}");
        assert!(unit == "request" || inside.len() == 1);
        let expected = [("signal", "traces"), ("format", "json"), ("env", "test"), ("x-tenant", "blue")];
        let mut expected: Vec<_> =
            expected.map(|(name, value)| (name.to_owned(), Some(value.as_bytes().to_vec()))).into();
        expected.push(("items".to_owned(), Some(inside.len().to_string().into_bytes())));
        assert_eq!(record.headers, expected);
        if let Some(key) = &key {
            partitions.entry(key.clone()).or_default().insert(record.partition);
        }
        of_key.entry(key).or_default().extend(inside);
    }
    let mut all: Vec<usize> = of_key.values().flatten().copied().collect();
    all.sort_unstable();
    assert!(all.iter().copied().eq(0..REQUESTS * 4), "{by} {unit}: {} spans", all.len());
    for (key, spans) in of_key.iter().filter(|(key, _)| key.is_some()) {
        assert!(spans.is_sorted(), "{by} {unit}: {key:?} {spans:?}");
    }
    let keys: Vec<Vec<u8>> = partitions.keys().map(|key| key.clone().into_bytes()).collect();
    let found: Vec<i32> = partitions.values().map(|found| *found.first().unwrap()).collect();
    assert!(partitions.values().all(|found| found.len() == 1), "{partitions:?}");
    assert_eq!(found, java::partitions(&keys, PARTITIONS));
    println!("{by} {unit}: {} records of {} keys", records.len(), partitions.len());
}

#[test]
fn javas_consumer_finds_keys_items_and_headers_in_apache_kafka() {
    let kafka = Kafka::shared();
    for (by, unit) in [("trace_id", "request"), ("service", "request"), ("service", "item"), ("none", "item")]
    {
        check(Some(&kafka), by, unit);
    }
}

#[test]
fn javas_consumer_finds_keys_items_and_headers_in_the_embedded_broker() {
    for (by, unit) in [("trace_id", "item"), ("service", "request")] {
        check(None, by, unit);
    }
}

/// The key that docs/records.md promises, by a client that is not ours; and parts of a large request have it.
#[test]
fn the_resources_hash_is_the_documented_one_in_all_parts() {
    let options = [("otlp.record.key", "resource"), ("otlp.record.max.bytes", "20000")];
    let server = start(None, &options);
    let span = |n: usize| json!({"name": n.to_string(), "traceState": "x".repeat(500)});
    let spans: Vec<Value> = (0..200).map(span).collect();
    let name = json!({"key": "service.name", "value": {"stringValue": "cart"}});
    let resource = json!({"attributes": [name]});
    let body = json!({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]});
    send(&server, &body.to_string());
    let records = consume::all(&server.bootstrap, "otlp-traces");
    assert!(records.len() > 5, "{}", records.len());
    assert!(records.iter().all(|record| record.key.as_deref() == Some(b"31e93f829572183f")));
    assert!(records.iter().all(|record| record.partition == records[0].partition));
}

#[test]
fn a_header_with_a_secret_stops_the_start_by_name() {
    let output = std::process::Command::new(crate::program())
        .args(["check", "-o", "otlp.record.headers=header:authorization", "-o", "otlp.record.key=trace"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(64), "{said}");
    assert!(said.contains("header:authorization is refused"), "{said}");
    assert!(said.contains("otlp.record.key") && said.contains("trace_id"), "{said}");
}
