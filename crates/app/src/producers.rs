//! What the Kafka producers count, in the exposition of `/metrics`.

use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;

use crate::connectors::Board;

/// Reads the counts when they are asked for.
#[derive(Debug)]
pub(crate) struct Producers(pub(crate) Arc<Board>);

impl Collector for Producers {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        for (name, (help, counts)) in self.0.client_counts() {
            let name = format!("otlp2kafka_kafka_{name}");
            let kind = ConstCounter::new(0_u64).metric_type();
            let mut metric = encoder.encode_descriptor(&name, help, None, kind)?;
            for (connector, count) in counts {
                let label = [("connector", connector)];
                ConstCounter::new(count).encode(metric.encode_family(&label)?)?;
            }
        }
        Ok(())
    }
}
