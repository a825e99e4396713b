//! A load of numbered requests, the ledger of how each was answered, and the audit of what a topic holds.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use otlp::Signal;
use prost::Message;
use tokio::time::MissedTickBehavior;

use crate::{consume, grpc};

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

/// What the audit counted, in requests if not said otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Audit {
    /// Items acknowledged.
    pub items: u64,
    /// Acknowledged at the first try.
    pub first: u64,
    /// Acknowledged after a retry.
    pub retried: u64,
    /// Never acknowledged.
    pub failed: u64,
    /// Tries that were not acknowledged.
    pub failed_tries: u64,
    /// Acknowledged, and not in the topic.
    pub lost: u64,
    /// More copies than one of those acknowledged at the first try.
    pub duplicates_first: u64,
    /// More copies than one of the others.
    pub duplicates_other: u64,
    /// First appearances behind a later request of the same client on the same partition.
    pub out_of_order: u64,
    /// Records that are not one whole request with its items in order.
    pub torn: u64,
}

impl Audit {
    /// What must not be, each with its count; the failed tries bound the duplicates of requests sent again.
    #[must_use]
    pub fn breaches(&self) -> Vec<String> {
        let excess = self.duplicates_other.saturating_sub(self.failed_tries);
        [
            ("lost", self.lost),
            ("duplicates among requests acknowledged at the first try", self.duplicates_first),
            ("duplicates more than tries that failed", excess),
            ("out of order", self.out_of_order),
            ("torn", self.torn),
        ]
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(what, count)| format!("{count} {what}"))
        .collect()
    }
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
    let mut template = Template::new(shared.plan.items);
    let mut connection = None;
    let mut outcomes = Vec::new();
    while !shared.stop.load(Ordering::Relaxed) {
        ticks.tick().await;
        let frame = template.stamp(client, u64::try_from(outcomes.len()).unwrap_or(u64::MAX));
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

/// A request's bytes, in which the places of the ids are known.
struct Template {
    frame: BytesMut,
    places: Vec<usize>,
}

impl Template {
    fn new(items: u32) -> Self {
        let spans = (0..items)
            .map(|index| Span {
                trace_id: [[0xa5_u8; 12].as_slice(), &index.to_be_bytes()].concat(),
                span_id: (u64::from(index) + 1).to_be_bytes().to_vec(),
                name: "audit".into(),
                start_time_unix_nano: 1_760_000_000_000_000_000,
                end_time_unix_nano: 1_760_000_000_000_000_001,
                ..Default::default()
            })
            .collect();
        let scope_spans = vec![ScopeSpans { spans, ..Default::default() }];
        let request = ExportTraceServiceRequest {
            resource_spans: vec![ResourceSpans { scope_spans, ..Default::default() }],
        };
        let wire = request.encode_to_vec();
        let mut frame = BytesMut::with_capacity(wire.len() + 5);
        frame.put_u8(0);
        frame.put_u32(u32::try_from(wire.len()).expect("a small request"));
        frame.put_slice(&wire);
        let mut places = Vec::new();
        let mut from = 0;
        while let Some(at) = frame[from..].windows(12).position(|window| window == [0xa5; 12]) {
            places.push(from + at);
            from += at + 16;
        }
        Self { frame, places }
    }

    /// The request whose trace ids are the client and the number.
    fn stamp(&mut self, client: u64, number: u64) -> Bytes {
        for place in &self.places {
            self.frame[*place..*place + 8].copy_from_slice(&client.to_be_bytes());
            self.frame[*place + 8..*place + 16].copy_from_slice(&number.to_be_bytes());
        }
        Bytes::copy_from_slice(&self.frame)
    }
}

/// Client and number of a record that is one whole request.
fn identity(value: &[u8], items: u32) -> Option<(u64, u64)> {
    let request = ExportTraceServiceRequest::decode(value).ok()?;
    let spans = request.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
    let mut expected = 0;
    let mut identity = None;
    for span in spans.flat_map(|scope| &scope.spans) {
        let (client, number) = span.trace_id.split_first_chunk::<8>()?;
        let this = (u64::from_be_bytes(*client), u64::from_be_bytes(number.try_into().ok()?));
        let index = u64::from_be_bytes(span.span_id.as_slice().try_into().ok()?);
        expected += 1;
        if index != expected || *identity.get_or_insert(this) != this {
            return None;
        }
    }
    identity.filter(|_| expected == u64::from(items))
}

/// What has been read so far.
struct Reading {
    /// Copies by client and number.
    copies: Vec<Vec<u32>>,
    /// The latest request by partition and client.
    latest: std::collections::BTreeMap<(i32, u64), u64>,
    audit: Audit,
}

impl Ledger {
    /// Reads the whole topic, whose records are protobuf, and compares it with the ledger.
    ///
    /// # Panics
    ///
    /// When the topic cannot be read to its end.
    #[must_use]
    pub fn audit(&self, bootstrap: &str, topic: &str) -> Audit {
        let copies = self.outcomes.iter().map(|client| vec![0; client.len()]).collect();
        let mut reading = Reading { copies, latest: Default::default(), audit: Audit::default() };
        consume::each(bootstrap, topic, |record| {
            reading.take(record.partition, identity(&record.value, self.items));
        });
        let mut audit = reading.audit;
        for (outcomes, copies) in self.outcomes.iter().zip(&reading.copies) {
            for (outcome, copies) in outcomes.iter().zip(copies) {
                audit.count(*outcome, *copies);
            }
        }
        audit.items = (audit.first + audit.retried) * u64::from(self.items);
        audit
    }
}

impl Reading {
    fn take(&mut self, partition: i32, identity: Option<(u64, u64)>) {
        let found = identity.and_then(|(client, number)| {
            let copies = self.copies.get_mut(usize::try_from(client).ok()?)?;
            Some((client, number, copies.get_mut(usize::try_from(number).ok()?)?))
        });
        let Some((client, number, copies)) = found else {
            self.audit.torn += 1;
            return;
        };
        *copies += 1;
        if *copies == 1 {
            let latest = self.latest.entry((partition, client)).or_insert(number);
            if number < *latest {
                self.audit.out_of_order += 1;
            }
            *latest = number.max(*latest);
        }
    }
}

impl Audit {
    fn count(&mut self, outcome: Outcome, copies: u32) {
        let more = u64::from(copies.saturating_sub(1));
        match outcome {
            Outcome::First => {
                self.first += 1;
                self.duplicates_first += more;
                self.lost += u64::from(copies == 0);
            }
            Outcome::Retried(failed) => {
                self.retried += 1;
                self.failed_tries += u64::from(failed);
                self.duplicates_other += more;
                self.lost += u64::from(copies == 0);
            }
            Outcome::Failed(failed) => {
                self.failed += 1;
                self.failed_tries += u64::from(failed);
                self.duplicates_other += more;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An audit of one client's outcomes against records given as (partition, number).
    fn audit(outcomes: &[Outcome], records: &[(i32, u64)]) -> Audit {
        let mut template = Template::new(3);
        let copies = vec![vec![0; outcomes.len()]];
        let mut reading = Reading { copies, latest: Default::default(), audit: Audit::default() };
        for (partition, number) in records {
            reading.take(*partition, identity(&template.stamp(0, *number)[5..], 3));
        }
        let mut audit = reading.audit;
        outcomes.iter().zip(&reading.copies[0]).for_each(|(outcome, copies)| audit.count(*outcome, *copies));
        audit
    }

    #[test]
    fn what_is_missing_twice_or_out_of_order_is_found() {
        use Outcome::{Failed, First, Retried};
        let whole = audit(&[First, First, First], &[(0, 0), (1, 1), (0, 2)]);
        assert_eq!((whole.first, whole.breaches()), (3, Vec::new()));
        assert_eq!(audit(&[First, First], &[(0, 1)]).lost, 1);
        assert_eq!(audit(&[First, First], &[(0, 0), (0, 1), (0, 1)]).duplicates_first, 1);
        assert_eq!(audit(&[First, First], &[(0, 1), (0, 0)]).out_of_order, 1);
        assert_eq!(audit(&[First, First], &[(0, 1), (1, 0)]).out_of_order, 0);
        let retried = audit(&[Retried(1), Failed(1)], &[(0, 0), (0, 0), (0, 1)]);
        assert_eq!((retried.duplicates_other, retried.breaches()), (1, Vec::new()));
        assert_eq!(audit(&[Retried(1)], &[(0, 0), (0, 0), (0, 0)]).breaches().len(), 1);
        assert_eq!(audit(&[First], &[(0, 7)]).torn, 1);
    }
}
