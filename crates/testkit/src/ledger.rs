//! A load of numbered requests, the ledger of how each was answered, and the audit of what a topic holds.

mod audit;
mod request;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use otlp::Signal;
use tokio::time::MissedTickBehavior;

pub use self::audit::Audit;
use self::request::Template;
use crate::grpc;

/// gRPC codes after which OTLP says to send again.
const RETRYABLE: [u32; 7] = [1, 4, 8, 10, 11, 14, 15];
/// How long a client waits before it sends again.
const BACKOFF: Duration = Duration::from_millis(200);
/// How long a client goes on sending its last request again after the stop.
const LAST_CHANCE: Duration = Duration::from_secs(90);

/// What to send.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Clients; each waits for an answer before its next request.
    pub clients: usize,
    /// Spans of each request.
    pub items: u32,
    /// Spans a second of all clients together, which they catch up with after a fault.
    pub rate: u32,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Success at the first try.
    First,
    /// Success after that many tries that failed.
    Retried(u16),
    /// No success, or a refusal that says not to send again.
    Failed(u16),
}

/// A load that goes on until it is stopped.
#[derive(Debug)]
pub struct Running {
    shared: Arc<Shared>,
    thread: JoinHandle<Ledger>,
}

#[derive(Debug)]
struct Shared {
    plan: Plan,
    addr: SocketAddr,
    stop: AtomicBool,
    acknowledged: AtomicU64,
}

/// Every request of a load, by client in the order of sending.
#[derive(Debug)]
pub struct Ledger {
    /// Spans of each request.
    pub items: u32,
    /// How long it ran.
    pub length: Duration,
    /// By client, by the request's number.
    pub outcomes: Vec<Vec<Outcome>>,
}

/// Starts the load in a thread of its own.
#[must_use]
pub fn start(addr: SocketAddr, plan: Plan) -> Running {
    let shared =
        Arc::new(Shared { plan, addr, stop: AtomicBool::new(false), acknowledged: AtomicU64::new(0) });
    let thread = {
        let shared = Arc::clone(&shared);
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            tokio::task::LocalSet::new().block_on(&runtime, send_all(shared))
        })
    };
    Running { shared, thread }
}

impl Running {
    /// Requests acknowledged so far.
    #[must_use]
    pub fn acknowledged(&self) -> u64 {
        self.shared.acknowledged.load(Ordering::Relaxed)
    }

    /// Lets each client finish its request.
    ///
    /// # Panics
    ///
    /// When a client did.
    #[must_use]
    pub fn stop(self) -> Ledger {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the load ends without a panic")
    }
}

async fn send_all(shared: Arc<Shared>) -> Ledger {
    let start = Instant::now();
    let clients: Vec<_> = (0..shared.plan.clients)
        .map(|client| {
            let client = u64::try_from(client).unwrap_or(u64::MAX);
            tokio::task::spawn_local(send(Arc::clone(&shared), client))
        })
        .collect();
    let mut outcomes = Vec::new();
    for client in clients {
        outcomes.push(client.await.expect("a client ends without a panic"));
    }
    Ledger { items: shared.plan.items, length: start.elapsed(), outcomes }
}

async fn send(shared: Arc<Shared>, client: u64) -> Vec<Outcome> {
    let clients = u32::try_from(shared.plan.clients).unwrap_or(u32::MAX);
    let every = Duration::from_secs(1) * clients * shared.plan.items / shared.plan.rate;
    // Clients start at different moments, so that they do not send all at once.
    let place = every * u32::try_from(client).unwrap_or(0) / clients;
    let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + place, every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut template = Template::new(client, shared.plan.items);
    let mut connection = None;
    let mut outcomes = Vec::new();
    while !shared.stop.load(Ordering::Relaxed) {
        ticks.tick().await;
        let frame = template.stamp(u64::try_from(outcomes.len()).unwrap_or(u64::MAX));
        let outcome = send_until_done(&shared, &mut connection, &frame).await;
        if !matches!(outcome, Outcome::Failed(_)) {
            shared.acknowledged.fetch_add(1, Ordering::Relaxed);
        }
        outcomes.push(outcome);
    }
    outcomes
}

async fn send_until_done(shared: &Shared, connection: &mut Option<grpc::Client>, frame: &Bytes) -> Outcome {
    let mut failed = 0;
    let mut stopped = None;
    loop {
        let status = try_once(shared.addr, connection, frame).await;
        match status {
            Some(0) if failed == 0 => return Outcome::First,
            Some(0) => return Outcome::Retried(failed),
            _ => failed = failed.saturating_add(1),
        }
        if shared.stop.load(Ordering::Relaxed) {
            stopped.get_or_insert_with(Instant::now);
        }
        let late = stopped.is_some_and(|stopped| stopped.elapsed() > LAST_CHANCE);
        if late || status.is_some_and(|status| !RETRYABLE.contains(&status)) {
            return Outcome::Failed(failed);
        }
        tokio::time::sleep(BACKOFF).await;
    }
}

/// The gRPC status, or nothing without an answer.
async fn try_once(addr: SocketAddr, connection: &mut Option<grpc::Client>, frame: &Bytes) -> Option<u32> {
    if connection.is_none() {
        *connection = grpc::Client::connect(addr).await.ok();
    }
    let client = connection.as_ref()?;
    match client.call_raw(Signal::Traces.grpc_path(), frame.clone(), &grpc::Options::default()).await {
        Ok(answer) => answer.status,
        Err(_) => {
            *connection = None;
            None
        }
    }
}
