//! What only reads: shapes field by field, errors, health, metrics, and the end of a listener.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use pipeline::Phase;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{call, call_with, create, send, start};
use crate::{Serves, bind};

#[tokio::test]
async fn connects_shapes_field_by_field() {
    let server = start().await;
    create(server.addr, "a").await;
    let cases = [
        ("/", r#"{"version":"4.3.1","commit":"0.1.0","kafka_cluster_id":"a-cluster"}"#),
        ("/connectors", r#"["a"]"#),
        ("/connectors/", r#"["a"]"#),
        (
            "/connectors/a",
            r#"{"name":"a","config":{"connector.class":"SomeSource","name":"a"},"tasks":[{"connector":"a","task":0}],"type":"source"}"#,
        ),
        ("/connectors/%61/config/", r#"{"connector.class":"SomeSource","name":"a"}"#),
        (
            "/connectors/a/status?forward=false",
            r#"{"name":"a","connector":{"state":"RUNNING","worker_id":"worker.example:8083","version":"1.0"},"tasks":[{"id":0,"state":"RUNNING","worker_id":"worker.example:8083","version":"1.0"}],"type":"source"}"#,
        ),
        (
            "/connectors/a/tasks",
            r#"[{"id":{"connector":"a","task":0},"config":{"connector.class":"SomeSource","name":"a","task.class":"org.example.SomeSourceTask"}}]"#,
        ),
        (
            "/connectors/a/tasks/0/status",
            r#"{"id":0,"state":"RUNNING","worker_id":"worker.example:8083","version":"1.0"}"#,
        ),
        ("/connectors/a/topics", r#"{"a":{"topics":["t"]}}"#),
        ("/connectors/other/topics", r#"{"other":{"topics":[]}}"#),
        ("/connectors/a/offsets", r#"{"offsets":[{"partition":{"p":1},"offset":{"o":1.5}}]}"#),
        ("/connectors?expand=other", r#"{"a":{}}"#),
        (
            "/connector-plugins",
            r#"[{"class":"org.example.SomeSourceConnector","type":"source","version":"1.0"}]"#,
        ),
        (
            "/connector-plugins?connectorsOnly=false",
            r#"[{"class":"org.example.SomeSourceConnector","type":"source","version":"1.0"},{"class":"org.example.Converter","type":"converter","version":"1.0"}]"#,
        ),
        (
            "/admin/loggers/",
            r#"{"root":{"level":"INFO","last_modified":null},"sink":{"level":"INFO","last_modified":null}}"#,
        ),
        ("/admin/loggers/sink", r#"{"level":"INFO","last_modified":null}"#),
        (
            "/health",
            r#"{"status":"healthy","message":"Worker has completed startup and is ready to handle requests."}"#,
        ),
    ];
    for (path, expected) in cases {
        let answer = call(server.addr, "GET", path).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, expected), "{path}");
        assert!(answer.head.contains("content-type: application/json"), "{path}: {}", answer.head);
        assert!(answer.head.contains("server: otlp2kafka/"), "{path}: {}", answer.head);
    }
    let answer = call(server.addr, "GET", "/connectors?expand=status&expand=info").await;
    assert!(answer.body.starts_with(r#"{"a":{"status":{"name":"a""#), "{}", answer.body);
    assert!(answer.body.contains(r#""info":{"name":"a","config""#), "{}", answer.body);
}

#[tokio::test]
async fn a_failed_task_shows_its_trace() {
    let server = start().await;
    let config = r#"{"connector.class":"SomeSource","fail":"port 4317 is in use\nby another"}"#;
    assert_eq!(send(server.addr, "PUT", "/connectors/a/config", config).await.status, 201);
    let answer = call(server.addr, "GET", "/connectors/a/status").await;
    assert!(
        answer.body.contains(r#""state":"FAILED","worker_id":"worker.example:8083","version":"1.0","trace":"port 4317 is in use\nby another"}]"#),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn errors_have_connects_shape() {
    let server = start().await;
    create(server.addr, "a").await;
    let cases = [
        ("GET", "/nothing", 404, "HTTP 404 Not Found"),
        ("GET", "/connectors/a/tasks/x/status", 404, "HTTP 404 Not Found"),
        ("DELETE", "/", 405, "HTTP 405 Method Not Allowed"),
        ("POST", "/connectors/x/status", 405, "HTTP 405 Method Not Allowed"),
        ("GET", "/connectors/%zz", 400, "HTTP 400 Bad Request"),
        ("GET", "/connectors/%ff", 400, "HTTP 400 Bad Request"),
        ("GET", "/connectors/x", 404, "Connector x not found"),
        ("GET", "/connectors/x/config", 404, "Connector x not found"),
        ("GET", "/connectors/x/tasks", 404, "Connector x not found"),
        ("GET", "/connectors/x/offsets", 404, "Connector x not found"),
        ("DELETE", "/connectors/x/offsets", 404, "Connector x not found"),
        ("DELETE", "/connectors/x", 404, "Connector x not found"),
        ("GET", "/connectors/x/status", 404, "No status found for connector x"),
        ("GET", "/connectors/a/tasks/-1/status", 404, "No status found for task a--1"),
        ("GET", "/connectors/a/tasks/1/status", 404, "No status found for task a-1"),
        ("POST", "/connectors/a/tasks/1/restart", 404, "Task a-1 not found"),
        ("PUT", "/connectors/x/pause", 404, "Unknown connector x"),
        ("PUT", "/connectors/x/resume", 404, "Unknown connector x"),
        ("PUT", "/connectors/x/stop", 404, "Unknown connector x"),
        ("POST", "/connectors/x/restart", 404, "Unknown connector: x"),
        ("GET", "/connector-plugins/x/config", 404, "Unknown plugin x."),
        ("GET", "/admin/loggers/x", 404, "Logger x not found."),
    ];
    for (method, path, status, message) in cases {
        let answer = call(server.addr, method, path).await;
        let body = format!(r#"{{"error_code":{status},"message":"{message}"}}"#);
        assert_eq!((answer.status, answer.body), (status, body), "{method} {path}");
        assert!(answer.head.contains("content-type: application/json"), "{path}: {}", answer.head);
    }
    let answer = call(server.addr, "PUT", "/connectors").await;
    assert!(answer.head.contains("allow: get"), "{}", answer.head);
    let answer = call(server.addr, "OPTIONS", "/connectors").await;
    assert_eq!(answer.status, 200);
    assert!(answer.head.contains("allow: get,head,post"), "{}", answer.head);
}

#[tokio::test]
async fn whoever_takes_no_json_is_turned_away() {
    let server = start().await;
    for (accept, status) in [
        ("application/json", 200),
        ("*/*", 200),
        ("text/html, application/*;q=0.5", 200),
        ("text/html", 406),
        ("text/plain", 406),
    ] {
        let answer = call_with(server.addr, "GET", "/connectors", &format!("Accept: {accept}\r\n")).await;
        assert_eq!(answer.status, status, "{accept}");
    }
    let answer = call_with(server.addr, "GET", "/metrics", "Accept: text/plain\r\n").await;
    assert_eq!(answer.status, 200);
    let answer = call_with(server.addr, "GET", "/nothing", "Accept: text/html\r\n").await;
    assert_eq!(answer.status, 404);
}

#[tokio::test]
async fn plugin_keys_are_listed_own_first() {
    let server = start().await;
    let answer = call(server.addr, "GET", "/connector-plugins/SomeSource/config?version=1.0").await;
    assert_eq!(answer.status, 200);
    let port = r#"{"name":"some.tls.port","type":"INT","required":false,"default_value":"4317","importance":"HIGH","documentation":"A key.","group":"Group","order_in_group":2,"width":"SHORT","display_name":"Some TLS port","dependents":[]}"#;
    assert!(answer.body.contains(port), "{}", answer.body);
    assert!(answer.body.contains(r#""dependents":["some.tls.port"]"#), "{}", answer.body);
    let (own, framework) = answer.body.split_once(r#"{"name":"name""#).unwrap();
    assert!(own.contains("some.tls.enabled") && framework.contains("connector.class"));
    let answer = call(server.addr, "GET", "/connector-plugins/SomeSource/config?version=2.0").await;
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("available versions: [1.0]"), "{}", answer.body);
}

#[tokio::test]
async fn ready_only_while_every_part_works_and_nobody_leaves() {
    let server = start().await;
    assert_eq!(call(server.addr, "GET", "/livez").await.status, 200);
    assert_eq!(call(server.addr, "GET", "/readyz").await.status, 200);

    server.health.fail("kafka", "no broker at\n127.0.0.1:9092".into());
    let answer = call(server.addr, "GET", "/readyz").await;
    assert_eq!((answer.status, answer.body.as_str()), (503, "kafka: no broker at 127.0.0.1:9092\n"));
    assert_eq!(call(server.addr, "GET", "/livez").await.status, 200);

    server.health.recover("kafka");
    assert_eq!(call(server.addr, "GET", "/readyz").await.status, 200);

    server.switch.advance(Phase::Leaving);
    assert_eq!(call(server.addr, "GET", "/health").await.status, 503);
    let answer = call(server.addr, "GET", "/readyz").await;
    assert_eq!((answer.status, answer.body.as_str()), (503, "drain: the server is shutting down\n"));
}

#[tokio::test]
async fn gauges_are_fresh_at_each_scrape() {
    let server = start().await;
    for n in 1..=2 {
        let answer = call(server.addr, "GET", "/metrics").await;
        assert_eq!(answer.status, 200);
        assert!(answer.body.contains(&format!("scrapes {n}\n")), "{}", answer.body);
        assert!(answer.body.ends_with("# EOF\n"));
        assert!(answer.head.contains("content-type: application/openmetrics-text"), "{}", answer.head);
    }
}

#[tokio::test]
async fn a_head_without_end_is_cut_off_and_others_are_served() {
    let server = start().await;
    let long = format!("GET /livez HTTP/1.1\r\nHost: x\r\nX-Long: {}", "a".repeat(100 << 10));
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    // The server may hang up before it has read everything.
    drop(stream.write_all(long.as_bytes()).await);
    let mut answer = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await;
    assert!(ended.is_ok(), "the connection is still open");
    assert!(!answer.starts_with(b"HTTP/1.1 200"));
    assert_eq!(call(server.addr, "GET", "/livez").await.status, 200);
}

#[tokio::test]
async fn closing_ends_the_listener_and_kept_connections() {
    let server = start().await;
    let mut kept = TcpStream::connect(server.addr).await.unwrap();
    kept.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut first = [0; 12];
    kept.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");

    server.switch.advance(Phase::Closing);
    tokio::time::timeout(Duration::from_secs(10), server.serving).await.unwrap().unwrap();
    let mut rest = Vec::new();
    tokio::time::timeout(Duration::from_secs(10), kept.read_to_end(&mut rest)).await.unwrap().unwrap();
    assert!(TcpStream::connect(server.addr).await.is_err());
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let first = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), Serves::All, None).await.unwrap();
    let error = bind(first.addr(), Serves::All, None).await.unwrap_err();
    assert!(error.is_in_use());
    assert_eq!(error.to_string(), format!("cannot listen on {}", first.addr()));
}
