//! What the data path counts, each connector by itself; `/metrics` shows it.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use otlp::Signal;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::Gate;

/// The two ways in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// OTLP/gRPC.
    Grpc,
    /// OTLP/HTTP.
    Http,
}

/// Every word that stands under `reason`: those of [`crate::RetryReason`] and [`crate::Refusal`], and the receiver's.
const REASONS: [&str; 17] = [
    "hold_time",
    "line",
    "memory",
    "draining",
    "paused",
    "kafka",
    "internal",
    "malformed",
    "too_large",
    "slow_body",
    "unknown_path",
    "method",
    "content_type",
    "content_encoding",
    "framing",
    "not_http2",
    "panic",
];

/// The signal of what was sent to a path that is not one of OTLP.
const NO_SIGNAL: &str = "none";

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ConnectorLabel {
    connector: Arc<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SignalLabel {
    connector: Arc<str>,
    signal: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TransportLabel {
    connector: Arc<str>,
    signal: &'static str,
    transport: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    connector: Arc<str>,
    signal: &'static str,
    reason: &'static str,
}

/// The counters of all connectors, under their names.
#[derive(Debug)]
pub struct Families {
    requests: Family<TransportLabel, Counter>,
    items_received: Family<SignalLabel, Counter>,
    bytes_received: Family<SignalLabel, Counter>,
    items_stored: Family<SignalLabel, Counter>,
    records_stored: Family<SignalLabel, Counter>,
    items_rejected: Family<SignalLabel, Counter>,
    refusals: Family<ReasonLabel, Counter>,
    request_seconds: Family<SignalLabel, Histogram>,
    in_flight: Family<SignalLabel, Gauge>,
    connections: Family<ConnectorLabel, Gauge>,
    connections_refused: Family<ConnectorLabel, Counter>,
    memory_used_bytes: Gauge,
    memory_max_bytes: Gauge,
}

/// All counters of one connector's data path. They outlive what an update puts in place of what it replaces.
#[derive(Debug)]
pub struct Metrics {
    connector: Arc<str>,
    signals: [Arc<SignalMetrics>; Signal::ALL.len()],
    in_flight: [Gauge; Signal::ALL.len()],
    /// What was sent to a path of no signal.
    strays: Refusals,
    connections: Gauge,
    connections_refused: Counter,
}

/// The counters of one signal, looked up once.
#[derive(Debug)]
pub struct SignalMetrics {
    requests: [Counter; 2],
    items_received: Counter,
    bytes_received: Counter,
    items_stored: Counter,
    records_stored: Counter,
    items_rejected: Counter,
    refusals: Refusals,
    request_seconds: Histogram,
}

/// Refusals of one signal by reason. Each is shown from the first one on, until the connector is gone: requests that
/// are refused after that are counted, and not shown.
#[derive(Debug)]
struct Refusals {
    connector: Arc<str>,
    signal: &'static str,
    counts: [OnceLock<Counter>; REASONS.len()],
    /// Where they are shown; `None` once the connector is gone.
    shown: Mutex<Option<Family<ReasonLabel, Counter>>>,
}

fn histogram() -> Histogram {
    Histogram::new([0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0])
}

impl Default for Families {
    fn default() -> Self {
        Self {
            requests: Family::default(),
            items_received: Family::default(),
            bytes_received: Family::default(),
            items_stored: Family::default(),
            records_stored: Family::default(),
            items_rejected: Family::default(),
            refusals: Family::default(),
            request_seconds: Family::new_with_constructor(histogram),
            in_flight: Family::default(),
            connections: Family::default(),
            connections_refused: Family::default(),
            memory_used_bytes: Gauge::default(),
            memory_max_bytes: Gauge::default(),
        }
    }
}

impl Families {
    /// The counters of the connector of that name.
    #[must_use]
    pub fn of(&self, connector: &str) -> Metrics {
        let connector: Arc<str> = connector.into();
        let signals = Signal::ALL.map(|which| {
            let signal = which.name();
            let label = SignalLabel { connector: Arc::clone(&connector), signal };
            let transport = |transport| {
                let connector = Arc::clone(&connector);
                self.requests.get_or_create_owned(&TransportLabel { connector, signal, transport })
            };
            let refusals = self.refusals(&connector, signal);
            Arc::new(SignalMetrics {
                requests: [transport("grpc"), transport("http")],
                items_received: self.items_received.get_or_create_owned(&label),
                bytes_received: self.bytes_received.get_or_create_owned(&label),
                items_stored: self.items_stored.get_or_create_owned(&label),
                records_stored: self.records_stored.get_or_create_owned(&label),
                items_rejected: self.items_rejected.get_or_create_owned(&label),
                refusals,
                request_seconds: self.request_seconds.get_or_create_owned(&label),
            })
        });
        let in_flight = Signal::ALL.map(|which| {
            let label = SignalLabel { connector: Arc::clone(&connector), signal: which.name() };
            self.in_flight.get_or_create_owned(&label)
        });
        let label = ConnectorLabel { connector: Arc::clone(&connector) };
        Metrics {
            strays: self.refusals(&connector, NO_SIGNAL),
            connector,
            signals,
            in_flight,
            connections: self.connections.get_or_create_owned(&label),
            connections_refused: self.connections_refused.get_or_create_owned(&label),
        }
    }

    fn refusals(&self, connector: &Arc<str>, signal: &'static str) -> Refusals {
        Refusals {
            connector: Arc::clone(connector),
            signal,
            counts: [const { OnceLock::new() }; REASONS.len()],
            shown: Mutex::new(Some(self.refusals.clone())),
        }
    }

    /// Takes the counters of a connector that is no more out of what is shown.
    pub fn forget(&self, metrics: &Metrics) {
        let connector = &metrics.connector;
        metrics.strays.hide();
        for signal in Signal::ALL {
            metrics.signal(signal).refusals.hide();
            let signal = signal.name();
            let connector = || Arc::clone(connector);
            let label = SignalLabel { connector: connector(), signal };
            self.items_received.remove(&label);
            self.bytes_received.remove(&label);
            self.items_stored.remove(&label);
            self.records_stored.remove(&label);
            self.items_rejected.remove(&label);
            self.request_seconds.remove(&label);
            self.in_flight.remove(&label);
            for transport in ["grpc", "http"] {
                self.requests.remove(&TransportLabel { connector: connector(), signal, transport });
            }
        }
        let label = ConnectorLabel { connector: Arc::clone(connector) };
        self.connections.remove(&label);
        self.connections_refused.remove(&label);
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
            "Bytes of all budgets in use",
            Unit::Bytes,
            self.memory_used_bytes.clone(),
        );
        part.register_with_unit(
            "memory_max",
            "Bytes of all budgets",
            Unit::Bytes,
            self.memory_max_bytes.clone(),
        );
    }

    /// Brings the gauges of memory up to date, which nobody keeps; called before each scrape.
    pub fn refresh(&self, used_bytes: usize, total_bytes: usize) {
        self.memory_used_bytes.set(gauge(used_bytes));
        self.memory_max_bytes.set(gauge(total_bytes));
    }
}

fn gauge(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

impl Default for Metrics {
    /// Counters that nobody shows.
    fn default() -> Self {
        Families::default().of("")
    }
}

impl Metrics {
    /// The counters of one signal.
    #[must_use]
    pub fn signal(&self, signal: Signal) -> &Arc<SignalMetrics> {
        &self.signals[signal.index()]
    }

    /// A request to a path of no signal was answered with an error.
    pub fn refused_stray(&self, reason: &'static str) {
        self.strays.count(reason);
    }

    /// Requests to a path of no signal that were answered with an error so far.
    #[must_use]
    pub fn strays_refused(&self) -> u64 {
        self.strays.total()
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

    /// Brings the gauges that nobody keeps up to date; called before each scrape.
    pub fn refresh(&self, gate: &Gate) {
        for signal in Signal::ALL {
            self.in_flight[signal.index()].set(gauge(gate.taken(signal)));
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
        self.refusals.count(reason);
    }

    /// A request was answered after `time`.
    pub fn answered(&self, time: Duration) {
        self.request_seconds.observe(time.as_secs_f64());
    }

    /// Requests that have arrived so far.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.iter().map(Counter::get).sum()
    }

    /// Requests answered with an error so far.
    #[must_use]
    pub fn requests_refused(&self) -> u64 {
        self.refusals.total()
    }

    /// Items that Kafka has acknowledged so far.
    #[must_use]
    pub fn items_stored(&self) -> u64 {
        self.items_stored.get()
    }

    /// Records that Kafka has acknowledged so far.
    #[must_use]
    pub fn records_stored(&self) -> u64 {
        self.records_stored.get()
    }
}

impl Refusals {
    fn count(&self, reason: &'static str) {
        let known = REASONS.iter().zip(&self.counts).find(|(known, _)| **known == reason);
        debug_assert!(known.is_some(), "{reason} is not among the reasons");
        let Some((_, count)) = known else { return };
        let first = || {
            let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
            let shown = shown.as_ref().map(|family| family.get_or_create_owned(&self.label(reason)));
            shown.unwrap_or_default()
        };
        count.get_or_init(first).inc();
    }

    fn total(&self) -> u64 {
        self.counts.iter().filter_map(OnceLock::get).map(Counter::get).sum()
    }

    fn hide(&self) {
        if let Some(family) = self.shown.lock().unwrap_or_else(PoisonError::into_inner).take() {
            for reason in REASONS {
                family.remove(&self.label(reason));
            }
        }
    }

    fn label(&self, reason: &'static str) -> ReasonLabel {
        ReasonLabel { connector: Arc::clone(&self.connector), signal: self.signal, reason }
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;

    use super::*;

    #[test]
    fn a_connector_that_is_gone_leaves_no_counter() {
        let families = Families::default();
        let mut registry = Registry::default();
        families.register(&mut registry);
        let shown = |registry: &Registry| {
            let mut text = String::new();
            encode(&mut text, registry).map(|()| text).unwrap_or_default()
        };
        let prod = families.of("prod");
        let hostile = families.of("a\"b\n");
        for metrics in [&prod, &hostile] {
            for reason in REASONS {
                metrics.signal(Signal::Logs).refused(reason);
                metrics.refused_stray(reason);
            }
            metrics.signal(Signal::Logs).stored(1);
        }
        let both = shown(&registry);
        assert!(
            both.contains(r#"otlp2kafka_items_stored_total{connector="prod",signal="logs"} 1"#),
            "{both}"
        );
        assert!(both.contains(r#"connector="a\"b\n""#), "{both}");
        families.forget(&hostile);
        let one = shown(&registry);
        assert!(!one.contains(r#"a\"b"#), "{one}");
        let never_refused = prod.signal(Signal::Traces);
        families.forget(&prod);
        assert!(!shown(&registry).contains("prod"));
        // Requests that were in flight then are refused, some as nobody was before.
        never_refused.refused("draining");
        prod.signal(Signal::Logs).refused("draining");
        assert!(!shown(&registry).contains("prod"));
        assert_eq!((never_refused.requests_refused(), prod.signal(Signal::Logs).requests_refused()), (1, 18));
        // Nor do they count into another one of that name.
        let next = families.of("prod");
        next.signal(Signal::Logs).refused("draining");
        prod.signal(Signal::Logs).refused("draining");
        let both = shown(&registry);
        let line = r#"otlp2kafka_refusals_total{connector="prod",signal="logs",reason="draining"} 1"#;
        assert!(both.contains(line), "{both}");
    }
}
