//! Each answer over a real socket, byte by byte where clients compare bytes; a small worker stands behind.

mod access;
mod changes;
mod hostile;
mod reads;
mod worker;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use config::{Importance, Key, Kind, Unit};
use pipeline::{Health, Switch, drain};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use rustls::ServerConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::{
    Cluster, Exposition, KEYS, Level, Loggers, Options, Plugin, Problem, Serves, State, Troubles, bind,
    commands, connectors,
};

struct Server {
    addr: SocketAddr,
    health: Arc<Health>,
    switch: Switch,
    serving: JoinHandle<()>,
}

async fn start() -> Server {
    start_with(&[], Serves::All, None).await
}

/// With keys of the REST API, and the users `ann` and `bob`.
async fn start_with(given: &[(&str, &str)], serves: Serves, tls: Option<Arc<ServerConfig>>) -> Server {
    let (switch, drain) = drain();
    let (publisher, connectors) = connectors();
    let (commands, requests) = commands();
    tokio::spawn(worker::work(requests, publisher));
    let health = Arc::new(Health::default());
    let mut registry = Registry::default();
    let gauge = Gauge::<u64, AtomicU64>::default();
    registry.register("scrapes", "Calls of refresh", gauge.clone());
    let count = AtomicU64::new(0);
    let metrics = Exposition::new(registry, move || {
        gauge.set(count.fetch_add(1, Ordering::Relaxed) + 1);
    });
    let bound = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), serves, tls).await.unwrap();
    let addr = bound.addr();
    let raw = given.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let (values, problems) = config::parse(KEYS, &raw);
    assert!(problems.is_empty(), "{problems:?}");
    let state = State {
        worker_id: "worker.example:8083".into(),
        commit: "0.1.0".into(),
        connectors,
        commands,
        plugin: plugin(),
        cluster: Cluster::new(|| Some("a-cluster".to_owned())),
        loggers: Loggers::new(Level::Info, &["sink"], |_, _| {}),
        troubles: {
            let health = Arc::clone(&health);
            let owned = |(part, why): (&str, String)| (part.to_owned(), why);
            Troubles::new(move || health.troubles().into_iter().map(owned).collect())
        },
        drain: drain.clone(),
        metrics,
        options: Options::from_values(&values, &|_| Ok(b"# users\nann: s3cret\nbob=b b\n".to_vec())).unwrap(),
    };
    let serving = tokio::spawn(bound.serve(Arc::new(state), drain));
    Server { addr, health, switch, serving }
}

static NAME: Key = key("name", Kind::NonEmpty, None);
static CLASS: Key = key("connector.class", Kind::OneOf(&["org.example.SomeSourceConnector"]), None);
static SWITCH: Key = key("some.tls.enabled", Kind::Bool, Some("false"));
static PORT: Key = key("some.tls.port", Kind::Int { min: 1, max: 65535, unit: Unit::Port }, Some("4317"));

const fn key(name: &'static str, kind: Kind, default: Option<&'static str>) -> Key {
    Key { name, kind, default, importance: Importance::High, group: "Group", doc: "A key." }
}

fn plugin() -> Plugin {
    Plugin {
        class: "org.example.SomeSourceConnector",
        task_class: "org.example.SomeSourceTask",
        aliases: &["SomeSourceConnector", "SomeSource"],
        version: "1.0",
        keys: vec![&SWITCH, &PORT],
        framework_keys: vec![&NAME, &CLASS],
        converters: &["org.example.Converter"],
        header_converters: &[],
        client_property: |name| (name == "acks").then(|| "Acknowledgements.".to_owned()),
        validate: Arc::new(|pairs| {
            let (_, problems) = config::parse(&[&SWITCH, &PORT], pairs);
            let shown = |problem: config::Problem| Problem {
                message: problem.to_string(),
                value: pairs.get(&problem.key).cloned(),
                key: problem.key,
            };
            problems.into_iter().map(shown).collect()
        }),
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
    call_with(addr, method, path, "").await
}

/// With more lines of the head.
async fn call_with(addr: SocketAddr, method: &str, path: &str, lines: &str) -> Answer {
    exchange(addr, &format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{lines}\r\n")).await
}

async fn send(addr: SocketAddr, method: &str, path: &str, json: &str) -> Answer {
    let length = json.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: rest.example\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{json}"
    );
    exchange(addr, &request).await
}

/// Creates a connector of that name.
async fn create(addr: SocketAddr, name: &str) {
    let config = r#"{"connector.class":"SomeSource"}"#;
    let answer =
        send(addr, "POST", "/connectors", &format!(r#"{{"name":"{name}","config":{config}}}"#)).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
}
