//! The other direction, for `tail`: reads records of topics as they come. No group, nothing is committed.

use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant};

use config::Problem;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::Message as _;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::classify;
use crate::properties::{self, Client, librdkafka};

/// A record that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its topic.
    pub topic: String,
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// Milliseconds since the epoch, when it has a timestamp.
    pub timestamp_ms: Option<i64>,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value; empty when it has none.
    pub value: Vec<u8>,
}

/// Why there is no reader.
#[derive(Debug, thiserror::Error)]
pub enum ReaderError {
    /// Mistakes in the client's properties.
    #[error("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Properties {
        /// All of them.
        problems: Vec<Problem>,
    },
    /// The client library refused, or a broker did.
    #[error("Kafka: {0}")]
    Kafka(#[from] KafkaError),
    /// No such topic.
    #[error("there is no topic {topic}")]
    NoTopic {
        /// Its name.
        topic: String,
    },
}

/// Reads topics.
pub struct Reader {
    consumer: BaseConsumer,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}

impl Reader {
    /// Opens all partitions of `topics`, from their beginning or for what comes from now on. `raw` are the
    /// worker's keys: `consumer.*`, and its own security properties where those set none. Blocks its thread,
    /// at most `timeout` for each topic.
    ///
    /// # Errors
    ///
    /// [`ReaderError`], also when the brokers do not answer in time.
    pub fn open(
        bootstrap: &str,
        raw: &BTreeMap<String, String>,
        read: &dyn Fn(&str) -> io::Result<Vec<u8>>,
        topics: &[String],
        from_beginning: bool,
        timeout: Duration,
    ) -> Result<Self, ReaderError> {
        let (given, _) = properties::collect(raw, &["consumer."]);
        let mapped = librdkafka::of(&given, Client::Consumer, read);
        if !mapped.problems.is_empty() {
            return Err(ReaderError::Properties { problems: mapped.problems });
        }
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", bootstrap)
            .set("group.id", "otlp2kafka-tail")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "earliest")
            .set("enable.metrics.push", "false")
            .set("allow.auto.create.topics", "false")
            .set_log_level(RDKafkaLogLevel::Warning);
        for (name, value) in &mapped.properties {
            config.set(name, value);
        }
        let consumer: BaseConsumer = config.create()?;
        let mut assignment = TopicPartitionList::new();
        for topic in topics {
            let metadata = consumer.fetch_metadata(Some(topic), timeout)?;
            let partitions =
                metadata.topics().iter().find(|found| found.name() == topic && found.error().is_none());
            let Some(partitions) = partitions.filter(|found| !found.partitions().is_empty()) else {
                return Err(ReaderError::NoTopic { topic: topic.clone() });
            };
            for partition in partitions.partitions() {
                // Where the end is must be known now: what comes while the consumer connects is not left out.
                let (low, high) = consumer.fetch_watermarks(topic, partition.id(), timeout)?;
                let from = Offset::Offset(if from_beginning { low } else { high });
                assignment.add_partition_offset(topic, partition.id(), from)?;
            }
        }
        consumer.assign(&assignment)?;
        Ok(Self { consumer })
    }

    /// The next record, or `None` when none comes within `timeout`. Blocks its thread.
    ///
    /// # Errors
    ///
    /// [`ReaderError::Kafka`] for what does not pass by itself; outages are waited for.
    pub fn poll(&self, timeout: Duration) -> Result<Option<Message>, ReaderError> {
        let end = Instant::now() + timeout;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Some(polled) = self.consumer.poll(left) else { return Ok(None) };
            match polled {
                Ok(message) => {
                    return Ok(Some(Message {
                        topic: message.topic().to_owned(),
                        partition: message.partition(),
                        offset: message.offset(),
                        timestamp_ms: message.timestamp().to_millis(),
                        key: message.key().map(<[u8]>::to_vec),
                        value: message.payload().unwrap_or_default().to_vec(),
                    }));
                }
                Err(error) if passes(&error) => tracing::debug!(%error, "waiting for Kafka"),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Whether the library goes on by itself.
fn passes(error: &KafkaError) -> bool {
    use rdkafka::types::RDKafkaErrorCode as Code;
    let Some(code) = error.rdkafka_error_code() else { return false };
    !matches!(
        code,
        Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed
            | Code::SaslAuthenticationFailed
            | Code::Authentication
            | Code::UnknownTopicOrPartition
            | Code::UnknownTopic
    ) && classify::classify(code) == classify::Class::Retry
}
