//! What the Kafka producers count, in the exposition of `/metrics`.

use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use sink::Sink;

/// Reads the counts when they are asked for.
#[derive(Debug)]
pub(crate) struct Producers(pub(crate) Arc<Sink>);

impl Collector for Producers {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        for (name, help, count) in self.0.client_counts() {
            let counter = ConstCounter::new(count);
            let name = format!("otlp2kafka_kafka_{name}");
            let metric = encoder.encode_descriptor(&name, help, None, counter.metric_type())?;
            counter.encode(metric)?;
        }
        Ok(())
    }
}
