//! A server on the bench's Kafka, and calls of its REST interface with the time that each takes.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use testkit::http::{self, Answer, Connection};
use testkit::kafka::{Cluster, Listener};
use testkit::server::{Builder, Server};

/// The class that connectors here have.
pub(crate) const CLASS: &str = "io.conduktor.connect.otel.OpenTelemetrySourceConnector";
/// The connector that the server has from the start.
pub(crate) const FIRST: &str = "otlp-source";
/// How long a connector may take to be what was asked for.
const LIMIT: Duration = Duration::from_secs(30);

/// What all parts run on.
pub(crate) struct Stage {
    pub(crate) cluster: Cluster,
    pub(crate) program: PathBuf,
}

impl Stage {
    /// A server that is ready to store.
    pub(crate) fn server(&self) -> Server {
        let server = Builder::new(&self.program).kafka(&self.bootstrap()).start();
        server.wait_until_ready();
        server
    }

    pub(crate) fn bootstrap(&self) -> String {
        self.cluster.bootstrap(Listener::Plaintext)
    }
}

/// One client of the REST interface.
pub(crate) struct Rest {
    addr: SocketAddr,
    kept: Option<Connection>,
}

impl Rest {
    /// With a connection for each call.
    pub(crate) fn new(addr: SocketAddr) -> Self {
        Self { addr, kept: None }
    }

    /// With one connection for all calls.
    pub(crate) fn kept(addr: SocketAddr) -> Result<Self> {
        Ok(Self { addr, kept: Some(Connection::open(addr)?) })
    }

    /// The answer, and how long it took.
    pub(crate) fn call(
        &mut self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(Answer, Duration)> {
        let headers: &[_] = if body.is_some() { &[("content-type", "application/json")] } else { &[] };
        let text = body.map(Value::to_string).unwrap_or_default();
        let start = Instant::now();
        let answer = match &mut self.kept {
            Some(kept) => kept.request(method, path, headers, text.as_bytes()),
            None => http::request(self.addr, method, path, headers, text.as_bytes()),
        };
        let took = start.elapsed();
        Ok((answer.with_context(|| format!("{method} {path}"))?, took))
    }

    /// As [`Rest::call`]; every answer but a success is an error.
    pub(crate) fn succeed(&mut self, method: &str, path: &str, body: Option<&Value>) -> Result<Duration> {
        let (answer, took) = self.call(method, path, body)?;
        ensure!(answer.status < 300, "{method} {path}: {} {}", answer.status, answer.text());
        Ok(took)
    }

    /// Waits until a connector and its task, if it has one, are in a state.
    pub(crate) fn wait_for(&mut self, name: &str, state: &str) -> Result<()> {
        let end = Instant::now() + LIMIT;
        loop {
            let (answer, _) = self.call("GET", &format!("/connectors/{name}/status"), None)?;
            let status: Value = serde_json::from_slice(&answer.body)?;
            let tasks = status["tasks"].as_array().map(Vec::as_slice).unwrap_or_default();
            let parts: Vec<&Value> = std::iter::once(&status["connector"]).chain(tasks).collect();
            if parts.iter().all(|part| part["state"] == state) {
                return Ok(());
            }
            if Instant::now() > end {
                bail!("{name} is not {state}: {status}");
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// The pairs of a connector with one port of its own, and what else is said of it.
pub(crate) fn config(name: &str, door: &str, port: u16, more: &Value) -> Value {
    let mut config = json!({
        "name": name,
        "connector.class": CLASS,
        "otlp.bind.address": "127.0.0.1",
        "otlp.grpc.enabled": (door == "grpc").to_string(),
        "otlp.http.enabled": (door == "http").to_string(),
    });
    config[format!("otlp.{door}.port")] = port.to_string().into();
    for (key, value) in more.as_object().into_iter().flatten() {
        config[key] = value.clone();
    }
    config
}
