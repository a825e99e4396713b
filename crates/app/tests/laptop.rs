//! What a newcomer does: start it, send the documented span, look at the topic.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use testkit::{consume, http};

use crate::{TEST_SPAN, program, server};

#[test]
fn the_documented_span_is_answered_and_shown_by_tail_and_by_another_client() {
    let server = server().start();
    server.wait_until_ready();
    let answer = http::post(server.http, "/v1/traces", "application/json", TEST_SPAN.as_bytes()).unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (200, "{}"));
    assert_eq!(answer.header("content-type"), Some("application/json"));

    let records = consume::all(&server.bootstrap, "otlp-traces");
    assert_eq!(records.len(), 1);
    let record: Value = serde_json::from_slice(&records[0].value).unwrap();
    let span = &record["resource_spans"][0]["scope_spans"][0]["spans"][0];
    assert_eq!(span["name"], "test-operation");
    assert_eq!(span["start_time_unix_nano"], "1609459200000000000");
    assert_eq!(span["trace_id"], "W47/95gDgQPSabYzgT/GDA==");

    let tail = ["tail", "--bootstrap-server", &server.bootstrap, "--from-beginning", "--max-messages", "1"];
    let output = Command::new(program()).args(tail).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for word in ["resource_spans", "start_time_unix_nano", "W47/95gDgQPSabYzgT/GDA==", "my-test-service"] {
        assert!(text.contains(word), "{word} is not in:\n{text}");
    }
}

#[test]
fn it_listens_within_half_a_second() {
    // The bound is wide, since test machines are busy; the figure itself is in the bench.
    let start = Instant::now();
    let server = server().start();
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}\n{}", start.elapsed(), server.log());
}

#[test]
fn data_and_topics_survive_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let mut first = server().data(data.path()).start();
    first.wait_until_ready();
    let answer = http::post(first.http, "/v1/traces", "application/json", TEST_SPAN.as_bytes()).unwrap();
    assert_eq!(answer.status, 200);
    assert!(first.terminate().success(), "{}", first.log());
    let second = server().data(data.path()).start();
    second.wait_until_ready();
    assert_eq!(consume::all(&second.bootstrap, "otlp-traces").len(), 1);
}

#[test]
fn status_health_and_metrics_say_what_is() {
    let server = server().start();
    server.wait_until_ready();
    let get = |path: &str| http::get(server.rest, path).unwrap();
    let names: Value = serde_json::from_slice(&get("/connectors").body).unwrap();
    let name = names[0].as_str().unwrap();
    let status = get(&format!("/connectors/{name}/status"));
    let status: Value = serde_json::from_slice(&status.body).unwrap();
    assert_eq!(status["connector"]["state"], "RUNNING");
    assert_eq!(status["tasks"][0]["state"], "RUNNING");
    assert_eq!(get("/connectors/other/status").status, 404);
    assert_eq!(get("/livez").status, 200);

    http::post(server.http, "/v1/traces", "application/json", TEST_SPAN.as_bytes()).unwrap();
    let refused = http::post(server.http, "/v1/traces", "application/json", b"{").unwrap();
    assert_eq!(refused.status, 400);
    let metrics = get("/metrics").text();
    for line in [
        r#"otlp2kafka_requests_total{connector="otlp-source",signal="traces",transport="http"} 2"#,
        r#"otlp2kafka_items_stored_total{connector="otlp-source",signal="traces"} 1"#,
        r#"otlp2kafka_records_stored_total{connector="otlp-source",signal="traces"} 1"#,
        r#"otlp2kafka_refusals_total{connector="otlp-source",signal="traces",reason="malformed"} 1"#,
        r#"otlp2kafka_kafka_requests_total{connector="otlp-source"} 1"#,
        r#"otlp2kafka_kafka_records_total{connector="otlp-source"} 1"#,
        r#"otlp2kafka_kafka_batches_resent_total{connector="otlp-source"} 0"#,
    ] {
        assert!(metrics.contains(line), "{line} is not in:\n{metrics}");
    }
}
