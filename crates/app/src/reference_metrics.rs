//! The connector's own metrics by the names that its JMX beans have behind Prometheus' exporter, for dashboards and alerts
//! that exist.
//!
//! The names and what they count are those of `io.conduktor.connect.otel:type=OpenTelemetryConnector`: messages are export
//! requests. There a queue's size and capacity stay 0, and what was dropped had been answered with success; here they are
//! what is.

use std::sync::Arc;

use otlp::Signal;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;

use crate::connectors::Board;

/// Reads the counts when they are asked for.
#[derive(Debug)]
pub(crate) struct ReferenceMetrics(pub(crate) Arc<Board>);

/// What one connector has counted, the signals that the reference has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Messages {
    /// Export requests that arrived: traces, metrics, logs, and profiles, which only totals contain.
    pub(crate) received: [u64; Signal::ALL.len()],
    /// Those answered with an error.
    pub(crate) refused: [u64; Signal::ALL.len()],
    /// Those that wait for Kafka's acknowledgement.
    pub(crate) waiting: [usize; Signal::ALL.len()],
    /// The most that may wait, of each signal.
    pub(crate) places: usize,
    /// Records that Kafka has acknowledged.
    pub(crate) records: u64,
}

impl Messages {
    /// Each metric's name, what it is, and its value.
    fn values(&self) -> [(&'static str, &'static str, f64); 16] {
        let [traces, metrics, logs] = [Signal::Traces, Signal::Metrics, Signal::Logs].map(Signal::index);
        let (received, refused) = (self.received.iter().sum(), self.refused.iter().sum());
        let waiting: usize = self.waiting.iter().sum();
        let fullest = self.waiting.iter().copied().max().unwrap_or(0);
        [
            ("TracesReceived", "Trace requests that arrived", float(self.received[traces])),
            ("MetricsReceived", "Metric requests that arrived", float(self.received[metrics])),
            ("LogsReceived", "Log requests that arrived", float(self.received[logs])),
            ("TracesDropped", "Trace requests that were answered with an error", float(self.refused[traces])),
            (
                "MetricsDropped",
                "Metric requests that were answered with an error",
                float(self.refused[metrics]),
            ),
            ("LogsDropped", "Log requests that were answered with an error", float(self.refused[logs])),
            ("TotalMessagesReceived", "Requests that arrived", float(received)),
            ("TotalMessagesDropped", "Requests that were answered with an error", float(refused)),
            ("RecordsProduced", "Records that Kafka has acknowledged", float(self.records)),
            ("TotalLagCount", "Requests that wait for Kafka", float(waiting as u64)),
            ("TracesQueueSize", "Trace requests that wait for Kafka", float(self.waiting[traces] as u64)),
            ("MetricsQueueSize", "Metric requests that wait for Kafka", float(self.waiting[metrics] as u64)),
            ("LogsQueueSize", "Log requests that wait for Kafka", float(self.waiting[logs] as u64)),
            ("QueueCapacity", "Requests of each signal that may wait for Kafka", float(self.places as u64)),
            (
                "MaxQueueUtilizationPercent",
                "How full the fullest queue is",
                percent(fullest as u64, self.places as u64),
            ),
            (
                "DropRate",
                "Requests answered with an error, in percent of those that arrived",
                percent(refused, received),
            ),
        ]
    }
}

/// Counts above 2^53 lose their last digits, as every value of Prometheus does.
fn float(count: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a value of Prometheus is a double")]
    let value = count as f64;
    value
}

fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { float(part) * 100.0 / float(whole) }
}

impl Collector for ReferenceMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let connectors: Vec<_> = self
            .0
            .messages()
            .into_iter()
            .map(|(connector, messages)| (connector, messages.values()))
            .collect();
        for (at, (name, help, _)) in Messages::default().values().into_iter().enumerate() {
            let kind = ConstGauge::new(0.0).metric_type();
            let name = format!("otlp_{name}");
            let mut metric = encoder.encode_descriptor(&name, help, None, kind)?;
            for (connector, values) in &connectors {
                let label = [("connector_name", connector.as_str())];
                ConstGauge::new(values[at].2).encode(metric.encode_family(&label)?)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(messages: Messages, name: &str) -> f64 {
        messages.values().into_iter().find(|(known, ..)| *known == name).unwrap().2
    }

    #[test]
    fn rates_are_percent_and_zero_of_nothing() {
        let messages = Messages {
            received: [8, 1, 1, 10],
            refused: [1, 0, 0, 4],
            waiting: [0, 25, 3, 50],
            places: 100,
            records: 15,
        };
        let of = |name| value(messages, name).to_bits();
        assert_eq!(of("TotalMessagesReceived"), 20.0_f64.to_bits());
        assert_eq!(of("TracesDropped"), 1.0_f64.to_bits());
        assert_eq!(of("DropRate"), 25.0_f64.to_bits());
        assert_eq!(of("MaxQueueUtilizationPercent"), 50.0_f64.to_bits());
        assert_eq!(of("TotalLagCount"), 78.0_f64.to_bits());
        for name in ["DropRate", "MaxQueueUtilizationPercent", "TotalMessagesReceived"] {
            assert_eq!(value(Messages::default(), name).to_bits(), 0.0_f64.to_bits(), "{name}");
        }
    }
}
