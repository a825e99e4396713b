//! Each answer over a real socket, byte by byte where clients compare bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use pipeline::{Health, Phase, Switch, drain};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::{
    Connector, Exposition, Level, Loggers, Part, Plugin, Publisher, Requests, RunState, State, Target, bind,
    commands, connectors,
};

struct Server {
    addr: SocketAddr,
    health: Arc<Health>,
    switch: Switch,
    publisher: Publisher,
    _requests: Requests,
    serving: JoinHandle<()>,
}

async fn start() -> Server {
    let (switch, drain) = drain();
    let (publisher, connectors) = connectors();
    let (commands, requests) = commands();
    let health = Arc::new(Health::default());
    let mut registry = Registry::default();
    let gauge = Gauge::<u64, AtomicU64>::default();
    registry.register("scrapes", "Calls of refresh", gauge.clone());
    let count = AtomicU64::new(0);
    let metrics = Exposition::new(registry, move || {
        gauge.set(count.fetch_add(1, Ordering::Relaxed) + 1);
    });
    let bound = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.unwrap();
    let addr = bound.addr();
    let state = State {
        worker_id: "worker.example:8083".into(),
        commit: "0.1.0".into(),
        connectors,
        commands,
        plugin: plugin(),
        loggers: Loggers::new(Level::Info, &[], |_, _| {}),
        health: Arc::clone(&health),
        drain: drain.clone(),
        metrics,
    };
    let serving = tokio::spawn(bound.serve(Arc::new(state), drain));
    publisher.publish("otlp-source", running());
    Server { addr, health, switch, publisher, _requests: requests, serving }
}

fn plugin() -> Plugin {
    Plugin {
        class: "org.example.Source",
        task_class: "org.example.Task",
        aliases: &["Source"],
        version: "1.0",
        keys: Vec::new(),
        framework_keys: Vec::new(),
        validate: Arc::new(|_| Vec::new()),
    }
}

fn part(state: RunState) -> Part {
    Part { state, worker_id: "worker.example:8083".into() }
}

fn running() -> Connector {
    let config = [("name", "otlp-source"), ("otlp.grpc.port", "4317")];
    Connector {
        config: config.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect::<BTreeMap<_, _>>(),
        target: Target::Started,
        part: part(RunState::Running),
        tasks: vec![part(RunState::Running)],
        topics: BTreeSet::new(),
    }
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

async fn exchange(addr: SocketAddr, request: &str) -> Answer {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    tokio::time::timeout(Duration::from_secs(10), stream.read_to_string(&mut text)).await.unwrap().unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
}

async fn call(addr: SocketAddr, method: &str, path: &str) -> Answer {
    exchange(addr, &format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).await
}

#[tokio::test]
async fn connects_shapes_field_by_field() {
    let server = start().await;
    let cases = [
        ("/", r#"{"version":"4.1.0","commit":"0.1.0","kafka_cluster_id":null}"#),
        ("/connectors", r#"["otlp-source"]"#),
        ("/connectors/", r#"["otlp-source"]"#),
        (
            "/connectors/otlp-source",
            r#"{"name":"otlp-source","config":{"name":"otlp-source","otlp.grpc.port":"4317"},"tasks":[{"connector":"otlp-source","task":0}],"type":"source"}"#,
        ),
        ("/connectors/otlp%2Dsource/config", r#"{"name":"otlp-source","otlp.grpc.port":"4317"}"#),
        (
            "/connectors/otlp-source/status?forward=false",
            r#"{"name":"otlp-source","connector":{"state":"RUNNING","worker_id":"worker.example:8083"},"tasks":[{"id":0,"state":"RUNNING","worker_id":"worker.example:8083"}],"type":"source"}"#,
        ),
    ];
    for (path, expected) in cases {
        let answer = call(server.addr, "GET", path).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, expected), "{path}");
        assert!(answer.head.contains("content-type: application/json"), "{path}: {}", answer.head);
        assert!(answer.head.contains("server: otlp2kafka/"), "{path}: {}", answer.head);
    }
}

#[tokio::test]
async fn a_failed_task_shows_its_trace() {
    let server = start().await;
    let failed = RunState::Failed { trace: "port 4317 is in use".into() };
    server.publisher.publish("otlp-source", Connector { tasks: vec![part(failed)], ..running() });
    let answer = call(server.addr, "GET", "/connectors/otlp-source/status").await;
    assert!(
        answer.body.contains(
            r#""tasks":[{"id":0,"state":"FAILED","worker_id":"worker.example:8083","trace":"port 4317 is in use"}]"#
        ),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn errors_have_connects_shape() {
    let server = start().await;
    let cases = [
        ("GET", "/nothing", 404, r#"{"error_code":404,"message":"HTTP 404 Not Found"}"#),
        ("DELETE", "/", 405, r#"{"error_code":405,"message":"HTTP 405 Method Not Allowed"}"#),
        (
            "POST",
            "/connectors/x/status",
            405,
            r#"{"error_code":405,"message":"HTTP 405 Method Not Allowed"}"#,
        ),
        ("GET", "/connectors/x", 404, r#"{"error_code":404,"message":"Connector x not found"}"#),
        ("GET", "/connectors/x/config", 404, r#"{"error_code":404,"message":"Connector x not found"}"#),
        (
            "GET",
            "/connectors/x/status",
            404,
            r#"{"error_code":404,"message":"No status found for connector x"}"#,
        ),
    ];
    for (method, path, status, body) in cases {
        let answer = call(server.addr, method, path).await;
        assert_eq!((answer.status, answer.body.as_str()), (status, body), "{method} {path}");
        assert!(answer.head.contains("content-type: application/json"), "{path}: {}", answer.head);
    }
    let answer = call(server.addr, "PUT", "/connectors").await;
    assert!(answer.head.contains("allow: get"), "{}", answer.head);
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
    let first = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.unwrap();
    let error = bind(first.addr()).await.unwrap_err();
    assert!(error.is_in_use());
    assert_eq!(error.to_string(), format!("cannot listen on {}", first.addr()));
}
