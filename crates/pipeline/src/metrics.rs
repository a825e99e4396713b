//! What the data path counts; `/metrics` shows it.

use std::sync::Arc;
use std::time::Duration;

use otlp::Signal;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::{Budget, Gate};

/// The two ways in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// OTLP/gRPC.
    Grpc,
    /// OTLP/HTTP.
    Http,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SignalLabel {
    signal: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TransportLabel {
    signal: &'static str,
    transport: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    signal: &'static str,
    reason: &'static str,
}

/// All counters of the data path.
#[derive(Debug)]
pub struct Metrics {
    signals: [Arc<SignalMetrics>; Signal::ALL.len()],
    requests: Family<TransportLabel, Counter>,
    items_received: Family<SignalLabel, Counter>,
    bytes_received: Family<SignalLabel, Counter>,
    items_stored: Family<SignalLabel, Counter>,
    records_stored: Family<SignalLabel, Counter>,
    items_rejected: Family<SignalLabel, Counter>,
    refusals: Family<ReasonLabel, Counter>,
    request_seconds: Family<SignalLabel, Histogram>,
    in_flight: Family<SignalLabel, Gauge>,
    connections: Gauge,
    connections_refused: Counter,
    memory_used_bytes: Gauge,
    memory_max_bytes: Gauge,
}

/// The counters of one signal, looked up once.
#[derive(Debug)]
pub struct SignalMetrics {
    signal: &'static str,
    requests: [Counter; 2],
    items_received: Counter,
    bytes_received: Counter,
    items_stored: Counter,
    records_stored: Counter,
    items_rejected: Counter,
    refusals: Family<ReasonLabel, Counter>,
    request_seconds: Histogram,
}

fn histogram() -> Histogram {
    Histogram::new([0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0])
}

impl Default for Metrics {
    fn default() -> Self {
        let requests = Family::<TransportLabel, Counter>::default();
        let items_received = Family::<SignalLabel, Counter>::default();
        let bytes_received = Family::<SignalLabel, Counter>::default();
        let items_stored = Family::<SignalLabel, Counter>::default();
        let records_stored = Family::<SignalLabel, Counter>::default();
        let items_rejected = Family::<SignalLabel, Counter>::default();
        let refusals = Family::<ReasonLabel, Counter>::default();
        let request_seconds = Family::<SignalLabel, Histogram>::new_with_constructor(histogram);
        let signals = Signal::ALL.map(|which| {
            let signal = which.name();
            let label = SignalLabel { signal };
            let transport = |transport| requests.get_or_create_owned(&TransportLabel { signal, transport });
            Arc::new(SignalMetrics {
                signal,
                requests: [transport("grpc"), transport("http")],
                items_received: items_received.get_or_create_owned(&label),
                bytes_received: bytes_received.get_or_create_owned(&label),
                items_stored: items_stored.get_or_create_owned(&label),
                records_stored: records_stored.get_or_create_owned(&label),
                items_rejected: items_rejected.get_or_create_owned(&label),
                refusals: refusals.clone(),
                request_seconds: request_seconds.get_or_create_owned(&label),
            })
        });
        Self {
            signals,
            requests,
            items_received,
            bytes_received,
            items_stored,
            records_stored,
            items_rejected,
            refusals,
            request_seconds,
            in_flight: Family::default(),
            connections: Gauge::default(),
            connections_refused: Counter::default(),
            memory_used_bytes: Gauge::default(),
            memory_max_bytes: Gauge::default(),
        }
    }
}

impl Metrics {
    /// The counters of one signal.
    #[must_use]
    pub fn signal(&self, signal: Signal) -> &Arc<SignalMetrics> {
        &self.signals[signal.index()]
    }

    /// Open connections of all receivers.
    #[must_use]
    pub fn connections(&self) -> &Gauge {
        &self.connections
    }

    /// A connection was closed at once, because there were too many.
    pub fn connection_refused(&self) {
        self.connections_refused.inc();
    }

    /// Connections closed at once so far.
    #[must_use]
    pub fn connections_refused(&self) -> u64 {
        self.connections_refused.get()
    }

    /// Puts all counters under their names.
    pub fn register(&self, registry: &mut Registry) {
        let part = registry.sub_registry_with_prefix("otlp2kafka");
        part.register("requests", "Export requests that arrived", self.requests.clone());
        part.register(
            "items_received",
            "Spans, data points, log records and profiles that arrived",
            self.items_received.clone(),
        );
        part.register_with_unit(
            "received",
            "Bytes of unpacked request bodies",
            Unit::Bytes,
            self.bytes_received.clone(),
        );
        part.register("items_stored", "Items that Kafka has acknowledged", self.items_stored.clone());
        part.register("records_stored", "Kafka records acknowledged", self.records_stored.clone());
        part.register("items_rejected", "Items counted out by partial success", self.items_rejected.clone());
        part.register("refusals", "Requests answered with an error, by reason", self.refusals.clone());
        part.register_with_unit(
            "request_duration",
            "From a request's head to its answer",
            Unit::Seconds,
            self.request_seconds.clone(),
        );
        part.register(
            "requests_in_flight",
            "Requests admitted and not yet acknowledged",
            self.in_flight.clone(),
        );
        part.register("connections", "Open connections of the receivers", self.connections.clone());
        part.register(
            "connections_refused",
            "Connections closed at once, because there were too many",
            self.connections_refused.clone(),
        );
        part.register_with_unit(
            "memory_used",
            "Bytes of the budget in use",
            Unit::Bytes,
            self.memory_used_bytes.clone(),
        );
        part.register_with_unit(
            "memory_max",
            "Bytes of the budget",
            Unit::Bytes,
            self.memory_max_bytes.clone(),
        );
    }

    /// Brings the gauges that nobody keeps up to date; called before each scrape.
    pub fn refresh(&self, budget: &Budget, gate: &Gate) {
        let gauge = |bytes: usize| i64::try_from(bytes).unwrap_or(i64::MAX);
        self.memory_used_bytes.set(gauge(budget.used_bytes()));
        self.memory_max_bytes.set(gauge(budget.total_bytes()));
        for signal in Signal::ALL {
            let label = SignalLabel { signal: signal.name() };
            self.in_flight.get_or_create(&label).set(gauge(gate.taken(signal)));
        }
    }
}

impl SignalMetrics {
    /// A request's head arrived.
    pub fn request(&self, transport: Transport) {
        self.requests[transport as usize].inc();
    }

    /// A request's body was read and checked.
    pub fn received(&self, items: u64, bytes: usize) {
        self.items_received.inc_by(items);
        self.bytes_received.inc_by(bytes as u64);
    }

    /// Kafka acknowledged a record.
    pub fn stored(&self, items: u64) {
        self.items_stored.inc_by(items);
        self.records_stored.inc();
    }

    /// Items were counted out by partial success.
    pub fn rejected(&self, items: u64) {
        self.items_rejected.inc_by(items);
    }

    /// A request was answered with an error.
    pub fn refused(&self, reason: &'static str) {
        self.refusals.get_or_create(&ReasonLabel { signal: self.signal, reason }).inc();
    }

    /// A request was answered after `time`.
    pub fn answered(&self, time: Duration) {
        self.request_seconds.observe(time.as_secs_f64());
    }

    /// Items that Kafka has acknowledged so far.
    #[must_use]
    pub fn items_stored(&self) -> u64 {
        self.items_stored.get()
    }
}
