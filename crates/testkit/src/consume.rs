//! An independent reader: everything that a topic holds, by librdkafka.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value; empty when null.
    pub value: Vec<u8>,
    /// Milliseconds since 1970.
    pub timestamp_ms: i64,
}

/// Reads a topic from its beginning to the end that it has now.
///
/// # Panics
///
/// When the broker does not answer within 30 s.
#[must_use]
pub fn all(bootstrap: &str, topic: &str) -> Vec<Record> {
    let mut records = Vec::new();
    each(bootstrap, topic, |record| records.push(record));
    records.sort_by_key(|record| (record.partition, record.offset));
    records
}

/// As [`all`], one record after the other as they come; in the order of offsets within a partition.
///
/// # Panics
///
/// When nothing comes for 30 s.
pub fn each(bootstrap: &str, topic: &str, mut take: impl FnMut(Record)) {
    const SILENCE: Duration = Duration::from_secs(30);
    let mut limit = Instant::now() + SILENCE;
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", bootstrap)
        .set("group.id", "testkit")
        .set("enable.auto.commit", "false")
        .set("fetch.message.max.bytes", "10000000")
        .set("check.crcs", "true");
    let consumer: BaseConsumer = config.create().expect("a Kafka client");
    let wait = Duration::from_secs(10);
    let metadata = consumer.fetch_metadata(Some(topic), wait).expect("metadata of the topic");
    let mut wanted = TopicPartitionList::new();
    let mut ends = Vec::new();
    for partition in metadata.topics().iter().flat_map(|topic| topic.partitions()) {
        let (low, high) = loop {
            match consumer.fetch_watermarks(topic, partition.id(), wait) {
                // Named as the leader, and not yet aware of it: the topic was made a moment ago.
                Err(KafkaError::MetadataFetch(RDKafkaErrorCode::NotLeaderForPartition))
                    if Instant::now() < limit =>
                {
                    std::thread::sleep(Duration::from_millis(20));
                }
                watermarks => break watermarks.expect("watermarks"),
            }
        };
        if high > low {
            wanted.add_partition_offset(topic, partition.id(), Offset::Offset(low)).expect("an offset");
            ends.push((partition.id(), high));
        }
    }
    consumer.assign(&wanted).expect("assign");
    let mut count = 0_u64;
    while !ends.is_empty() {
        assert!(Instant::now() < limit, "{topic}: read {count} records, then nothing more came");
        let Some(message) = consumer.poll(Duration::from_millis(200)) else { continue };
        let message = message.expect("a record");
        ends.retain(|(partition, end)| *partition != message.partition() || message.offset() + 1 < *end);
        count += 1;
        limit = Instant::now() + SILENCE;
        take(Record {
            partition: message.partition(),
            offset: message.offset(),
            key: message.key().map(<[u8]>::to_vec),
            value: message.payload().unwrap_or_default().to_vec(),
            timestamp_ms: message.timestamp().to_millis().unwrap_or(0),
        });
    }
}
