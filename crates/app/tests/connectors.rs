//! Several connectors in one process: made, changed, paused, stopped and deleted over REST, each apart from the others.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};
use testkit::server::Server;
use testkit::{consume, http, ports};

use crate::{TEST_SPAN, server};

const LONG: Duration = Duration::from_secs(30);
const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

/// Calls REST, and takes the answer's JSON.
fn call(server: &Server, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let answer = http::request(server.rest, method, path, &JSON, body.as_bytes()).unwrap();
    (answer.status, serde_json::from_slice(&answer.body).unwrap_or(Value::Null))
}

fn put(server: &Server, path: &str) -> u16 {
    call(server, "PUT", path, &Value::Null).0
}

/// The state of a connector and of its task, `-` where it has none.
fn states(server: &Server, name: &str) -> (String, String) {
    let (status, body) = call(server, "GET", &format!("/connectors/{name}/status"), &Value::Null);
    assert_eq!(status, 200, "{body}");
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    (text(&body["connector"]["state"]), text(&body["tasks"][0]["state"]))
}

fn wait_for_states(server: &Server, name: &str, connector: &str, task: &str) {
    let wanted = (connector.to_owned(), task.to_owned());
    testkit::process::wait_for(&format!("{name} is {wanted:?}"), LONG, || states(server, name) == wanted);
}

/// A connector of its own port, topics and budget.
fn config(name: &str, port: u16) -> Value {
    json!({
        "name": name,
        "connector.class": "io.conduktor.connect.otel.OpenTelemetrySourceConnector",
        "otlp.grpc.enabled": false,
        "otlp.http.port": port,
        "otlp.bind.address": "127.0.0.1",
        "otlp.memory.max.bytes": 64 << 20,
        "kafka.topic.traces": format!("{name}-traces"),
    })
}

fn create(server: &Server, name: &str, config: &Value) -> (u16, Value) {
    call(server, "POST", "/connectors", &json!({"name": name, "config": config}))
}

fn at(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// The status of an export, `None` when nobody listens.
fn export(port: u16) -> Option<http::Answer> {
    http::request(at(port), "POST", "/v1/traces", &JSON, TEST_SPAN.as_bytes()).ok()
}

fn stored(server: &Server, topic: &str) -> usize {
    consume::all(&server.bootstrap, topic).len()
}

#[test]
fn three_environments_side_by_side() {
    let server = server().start();
    server.wait_until_ready();
    let three = ["prod", "staging", "dev"].map(|name| (name, ports::free()));
    for (name, port) in three {
        let (status, body) = create(&server, name, &config(name, port));
        assert_eq!((status, &body["name"]), (201, &json!(name)));
        assert_eq!(body["config"]["otlp.http.port"], port.to_string());
        assert_eq!(states(&server, name), ("RUNNING".to_owned(), "RUNNING".to_owned()));
    }
    for (_, port) in three {
        assert_eq!(export(port).unwrap().status, 200);
    }
    for (name, _) in three {
        assert_eq!(stored(&server, &format!("{name}-traces")), 1);
    }
    // One whose Kafka is not there refuses retryably in its hold time, and the others do not notice.
    let mut lost = config("staging", three[1].1);
    lost["producer.override.bootstrap.servers"] = json!("127.0.0.1:1");
    lost["admin.override.bootstrap.servers"] = json!("127.0.0.1:1");
    lost["otlp.request.hold.ms"] = json!(1000);
    assert_eq!(call(&server, "PUT", "/connectors/staging/config", &lost).0, 200);
    wait_for_states(&server, "staging", "RUNNING", "RUNNING");
    std::thread::scope(|scope| {
        let stuck = scope.spawn(|| export(three[1].1).unwrap().status);
        for _ in 0..20 {
            assert_eq!(export(three[0].1).unwrap().status, 200);
            assert_eq!(export(three[2].1).unwrap().status, 200);
        }
        assert_eq!(stuck.join().unwrap(), 503);
    });
    assert_eq!(states(&server, "staging"), ("RUNNING".to_owned(), "RUNNING".to_owned()));
    server.wait_until_ready();
    let metrics = http::get(server.rest, "/metrics").unwrap().text();
    for line in [
        r#"otlp2kafka_items_stored_total{connector="prod",signal="traces"} 21"#,
        r#"otlp2kafka_items_stored_total{connector="staging",signal="traces"} 1"#,
        r#"otlp2kafka_refusals_total{connector="staging",signal="traces",reason="hold_time"} 1"#,
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
    assert_eq!(call(&server, "DELETE", "/connectors/dev", &Value::Null).0, 204);
    assert!(export(three[2].1).is_none(), "the port of a deleted connector is released");
    assert_eq!(call(&server, "GET", "/connectors/dev/status", &Value::Null).0, 404);
    assert!(!http::get(server.rest, "/metrics").unwrap().text().contains(r#"connector="dev""#));
    assert_eq!(export(three[0].1).unwrap().status, 200);
}

#[test]
fn a_taken_port_is_a_failed_task_until_it_is_free() {
    let server = server().start();
    server.wait_until_ready();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    assert_eq!(create(&server, "late", &config("late", port)).0, 201);
    assert_eq!(states(&server, "late"), ("RUNNING".to_owned(), "FAILED".to_owned()));
    let (_, body) = call(&server, "GET", "/connectors/late/status", &Value::Null);
    let trace = body["tasks"][0]["trace"].as_str().unwrap();
    assert!(trace.lines().count() > 2 && trace.contains(&port.to_string()), "{trace}");
    assert!(body["connector"].get("trace").is_none(), "{body}");
    drop(taken);
    wait_for_states(&server, "late", "RUNNING", "RUNNING");
    assert_eq!(export(port).unwrap().status, 200);

    // Two of ours: the second is told whose the port is, and gets it when the first goes.
    assert_eq!(create(&server, "second", &config("second", port)).0, 201);
    let (_, body) = call(&server, "GET", "/connectors/second/status", &Value::Null);
    assert!(body["tasks"][0]["trace"].as_str().unwrap().contains("The connector late"), "{body}");
    assert_eq!(call(&server, "DELETE", "/connectors/late", &Value::Null).0, 204);
    assert_eq!(call(&server, "POST", "/connectors/second/tasks/0/restart", &Value::Null).0, 204);
    wait_for_states(&server, "second", "RUNNING", "RUNNING");
    assert_eq!(export(port).unwrap().status, 200);
    assert_eq!(stored(&server, "second-traces"), 1);
}

#[test]
fn pause_keeps_ports_and_stop_releases_them_across_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let server = server().data(data.path()).start();
    server.wait_until_ready();
    let port = ports::free();
    assert_eq!(create(&server, "c", &config("c", port)).0, 201);
    let kept = TcpStream::connect(at(port)).unwrap();
    assert_eq!(put(&server, "/connectors/c/pause"), 202);
    assert_eq!(states(&server, "c"), ("PAUSED".to_owned(), "PAUSED".to_owned()));
    let refused = export(port).unwrap();
    assert_eq!((refused.status, refused.header("retry-after").is_some()), (503, true));
    // An update does not resume, and a pause survives.
    let mut changed = config("c", port);
    changed["otlp.message.format"] = json!("protobuf");
    assert_eq!(call(&server, "PUT", "/connectors/c/config", &changed).0, 200);
    assert_eq!(export(port).unwrap().status, 503);
    drop((kept, server));

    let server = crate::server().data(data.path()).start();
    server.wait_until_ready();
    assert_eq!(states(&server, "c"), ("PAUSED".to_owned(), "PAUSED".to_owned()));
    let (_, shown) = call(&server, "GET", "/connectors/c/config", &Value::Null);
    assert_eq!(shown["otlp.message.format"], "protobuf");
    assert_eq!(export(port).unwrap().status, 503);
    assert_eq!(put(&server, "/connectors/c/resume"), 202);
    assert_eq!(export(port).unwrap().status, 200);
    assert_eq!(put(&server, "/connectors/c/stop"), 204);
    assert_eq!(states(&server, "c"), ("STOPPED".to_owned(), "-".to_owned()));
    let again = TcpListener::bind(at(port)).expect("the port is released");
    drop(again);
    assert_eq!(put(&server, "/connectors/c/resume"), 202);
    wait_for_states(&server, "c", "RUNNING", "RUNNING");
    assert_eq!(export(port).unwrap().status, 200);
}

#[test]
fn only_a_changed_address_rebinds() {
    let server = server().start();
    server.wait_until_ready();
    let (port, other) = (ports::free(), ports::free());
    assert_eq!(create(&server, "c", &config("c", port)).0, 201);
    let mut moved = config("c", other);
    moved["kafka.topic.traces"] = json!("moved");
    assert_eq!(call(&server, "PUT", "/connectors/c/config", &moved).0, 200);
    wait_for_states(&server, "c", "RUNNING", "RUNNING");
    assert!(export(port).is_none(), "the old port is released");
    assert_eq!(export(other).unwrap().status, 200);
    assert_eq!(stored(&server, "moved"), 1);
    // What is wrong changes nothing.
    moved["otlp.http.port"] = json!("70000");
    let (status, body) = call(&server, "PUT", "/connectors/c/config", &moved);
    assert_eq!(status, 400, "{body}");
    assert_eq!(export(other).unwrap().status, 200);
}

#[test]
fn the_default_connector_gives_way_and_stays_deleted() {
    let data = tempfile::tempdir().unwrap();
    let server = server().data(data.path()).start();
    server.wait_until_ready();
    let port = server.http.port();
    assert_eq!(create(&server, "mine", &config("mine", ports::free())).0, 201);
    assert_eq!(call(&server, "GET", "/connectors", &Value::Null).1, json!(["mine", "otlp-source"]));
    // To one that is changed, as to one that is new.
    assert_eq!(call(&server, "PUT", "/connectors/mine/config", &config("mine", port)).0, 200);
    assert_eq!(call(&server, "GET", "/connectors", &Value::Null).1, json!(["mine"]));
    wait_for_states(&server, "mine", "RUNNING", "RUNNING");
    assert_eq!(export(port).unwrap().status, 200);
    assert_eq!(stored(&server, "mine-traces"), 1);
    assert_eq!(call(&server, "DELETE", "/connectors/mine", &Value::Null).0, 204);
    drop(server);
    let server = crate::server().data(data.path()).start();
    assert_eq!(call(&server, "GET", "/connectors", &Value::Null).1, json!(["otlp-source"]));
    assert_eq!(call(&server, "DELETE", "/connectors/otlp-source", &Value::Null).0, 204);
    let folder = data.path().join("connectors");
    assert!(folder.join("otlp-source.json").exists());
    std::fs::write(folder.join("torn.json"), r#"{"name":"torn","conf"#).unwrap();
    drop(server);
    let builder = crate::server().data(data.path()).option("otlp.http.enabled", "true");
    let server = builder.start_without_receivers();
    testkit::process::wait_for("REST answers", LONG, || http::get(server.rest, "/connectors").is_ok());
    assert_eq!(call(&server, "GET", "/connectors", &Value::Null).1, json!([]));
    assert!(folder.join("torn.json.damaged").exists());
    assert!(server.log().contains("torn.json"), "{}", server.log());
    assert_eq!(create(&server, "otlp-source", &config("otlp-source", port)).0, 201);
    assert_eq!(export(port).unwrap().status, 200);
}
