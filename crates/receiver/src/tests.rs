//! The receivers from outside: real sockets, raw bytes, an HTTP/2 client, and an intake that does as it is told.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use bytes::Bytes;
use pipeline::{
    Budget, Carried, Drain, Encoding, Gate, Health, Intake, Metrics, Phase, Request, RetryReason, Shared,
    Switch, Verdict,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::{
    Config, Door, Ended, Generation, KEYS, Listening, Retired, ServeError, Station, Windows, Workers,
};

mod client;
mod drain;
mod grpc;
mod http;
mod limits;
mod tls;
mod updates;

/// Longer than any wait of a test that passes.
const LONG: Duration = Duration::from_secs(20);

/// What the intake got.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Got {
    signal: otlp::Signal,
    encoding: Encoding,
    body: Bytes,
    carried: Carried,
    charged: usize,
}

/// An intake that notes what it gets and answers what the test says, once the test lets it.
#[derive(Debug)]
struct Told {
    verdict: Mutex<Verdict>,
    open: watch::Sender<bool>,
    got: watch::Sender<Vec<Got>>,
    waiting: AtomicUsize,
    panic: std::sync::atomic::AtomicBool,
}

struct Fake(Arc<Told>);

impl Intake for Fake {
    async fn store(&self, request: Request) -> Verdict {
        struct Waiting<'a>(&'a AtomicUsize);
        impl Drop for Waiting<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::SeqCst);
            }
        }
        let Request { signal, encoding, body, carried, charge, deadline, permit, .. } = request;
        self.0.waiting.fetch_add(1, Ordering::SeqCst);
        let _waiting = Waiting(&self.0.waiting);
        self.0.got.send_modify(|got| {
            got.push(Got { signal, encoding, body: body.clone(), carried, charged: charge.bytes() });
        });
        assert!(!self.0.panic.load(Ordering::SeqCst), "the test wants a panic");
        let mut open = self.0.open.subscribe();
        let opened = tokio::time::timeout_at(deadline.at(), open.wait_for(|open| *open)).await;
        drop((charge, permit));
        match opened {
            Ok(_) => self.0.verdict.lock().unwrap().clone(),
            Err(_) => Verdict::Retry(RetryReason::HoldTime),
        }
    }
}

/// A running pair of receivers.
struct Server {
    /// Upgraded for as long as the server runs.
    station: Weak<Station<Fake>>,
    grpc: SocketAddr,
    http: SocketAddr,
    told: Arc<Told>,
    shared: Arc<Shared>,
    switch: Switch,
    finished: tokio::task::JoinHandle<Result<(), ServeError>>,
}

/// What differs between tests.
struct Setup<'a> {
    keys: &'a [(&'a str, &'a str)],
    carried: &'a [&'a str],
    budget_bytes: usize,
    places: usize,
}

impl Default for Setup<'_> {
    fn default() -> Self {
        Self { keys: &[], carried: &[], budget_bytes: 256 << 20, places: 100 }
    }
}

/// The files that configurations of tests name.
fn read_file(path: &str) -> io::Result<Vec<u8>> {
    std::fs::read(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(path))
}

fn config(keys: &[(&str, &str)]) -> Result<Config, Vec<::config::Problem>> {
    let given = [("otlp.grpc.port", "0"), ("otlp.http.port", "0"), ("otlp.bind.address", "127.0.0.1")];
    let raw: BTreeMap<String, String> =
        given.iter().chain(keys).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let (values, problems) = ::config::parse(KEYS, &raw);
    assert_eq!(problems, []);
    Config::from_values(&values, &read_file)
}

impl Told {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            verdict: Mutex::new(Verdict::Stored { rejected: None }),
            open: watch::channel(true).0,
            got: watch::channel(Vec::new()).0,
            waiting: AtomicUsize::new(0),
            panic: false.into(),
        })
    }
}

fn generation(config: &Config, shared: &Arc<Shared>, told: &Arc<Told>) -> Generation<Fake> {
    let told = Arc::clone(told);
    let windows = Windows::new(&shared.budget);
    Generation::new(config, Arc::clone(shared), windows, move || Fake(Arc::clone(&told)))
}

/// The end of a server, phase by phase.
async fn finish(
    ports: [Listening; 2],
    station: Arc<Station<Fake>>,
    workers: Workers<Fake>,
    ended: Ended,
    mut drain: Drain,
) -> Result<(), ServeError> {
    drain.reached(Phase::Draining).await;
    let [grpc, http] = ports;
    let leaving = [grpc.close().await, http.close().await];
    let left = async {
        for leaving in &leaving {
            leaving.finished().await;
        }
    };
    tokio::select! {
        () = left => {}
        () = drain.reached(Phase::Closing) => {
            for leaving in &leaving {
                leaving.cut();
            }
            for leaving in &leaving {
                leaving.finished().await;
            }
        }
    }
    drop((leaving, station, workers));
    ended.finished().await
}

impl Server {
    async fn start(setup: Setup<'_>) -> Self {
        let (switch, drain) = pipeline::drain();
        let shared = Arc::new(Shared {
            budget: Budget::new(setup.budget_bytes, setup.budget_bytes / 2),
            gate: Arc::new(Gate::new(setup.places)),
            metrics: Arc::new(Metrics::default()),
            health: Arc::new(Health::default()),
            drain,
        });
        let told = Told::new();
        let mut config = config(setup.keys).unwrap();
        let carried: Vec<String> = setup.carried.iter().map(|name| (*name).to_owned()).collect();
        config.carry(&carried).unwrap();
        let (workers, ended) = Workers::start(2).unwrap();
        let station = Arc::new(workers.station());
        station.prepare(generation(&config, &shared, &told)).await;
        station.switch().await.done().await;
        let ports = [Door::Grpc, Door::Http].map(|door| {
            let bound = crate::bind(config.address(door).unwrap()).unwrap();
            station.listen(bound, door, config.tls.as_ref(), config.connections_max, &shared.metrics)
        });
        let [grpc, http] = [ports[0].addr(), ports[1].addr()];
        let kept = Arc::downgrade(&station);
        let finished = tokio::spawn(finish(ports, station, workers, ended, shared.drain.clone()));
        Self { station: kept, grpc, http, told, shared, switch, finished }
    }

    /// Puts another configuration in force. Requests are told by what is returned.
    async fn update(&self, keys: &[(&str, &str)]) -> (Arc<Told>, Retired) {
        let told = Told::new();
        let station = self.station.upgrade().unwrap();
        station.prepare(generation(&config(keys).unwrap(), &self.shared, &told)).await;
        (told, station.switch().await)
    }

    fn answer(&self, verdict: Verdict) {
        *self.told.verdict.lock().unwrap() = verdict;
    }

    fn hold(&self) {
        self.told.open.send_replace(false);
    }

    fn let_go(&self) {
        self.told.open.send_replace(true);
    }

    fn got(&self) -> Vec<Got> {
        self.told.got.borrow().clone()
    }

    async fn got_many(&self, count: usize) {
        let mut got = self.told.got.subscribe();
        let arrived = tokio::time::timeout(LONG, got.wait_for(|got| got.len() >= count)).await;
        arrived.expect("the request did not arrive").unwrap();
    }

    /// Everything that requests held is free again.
    async fn at_rest(&self) {
        // What windows hold stays with their connections.
        until("everything is free", || {
            otlp::Signal::ALL.iter().all(|signal| self.shared.gate.taken(*signal) == 0)
                && self.shared.budget.used_bytes() <= 8 << 20
                && self.told.waiting.load(Ordering::SeqCst) == 0
        })
        .await;
    }

    async fn stop(self) {
        self.switch.advance(Phase::Draining);
        self.switch.advance(Phase::Closing);
        let finished = tokio::time::timeout(LONG, self.finished).await;
        finished.expect("the server did not finish").unwrap().unwrap();
        assert_eq!(self.shared.budget.used_bytes(), 0);
        assert_eq!(self.shared.metrics.connections().get(), 0);
    }
}

/// For what tells nobody when it changes.
async fn until(what: &str, condition: impl Fn() -> bool) {
    let end = tokio::time::Instant::now() + LONG;
    while !condition() {
        assert!(tokio::time::Instant::now() < end, "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, future).await.expect("no answer in time")
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

async fn connect(address: SocketAddr) -> TcpStream {
    within(TcpStream::connect(address)).await.unwrap()
}

/// Sends `bytes` on a connection of its own and returns all that comes back until the server closes.
async fn exchange(address: SocketAddr, bytes: &[u8]) -> String {
    let mut socket = connect(address).await;
    // The server may answer and close before it has read everything.
    let _early = socket.write_all(bytes).await;
    let mut text = Vec::new();
    let _reset = within(socket.read_to_end(&mut text)).await;
    String::from_utf8_lossy(&text).into_owned()
}
