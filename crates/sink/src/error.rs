//! What can go wrong before any request: opening the client with a configuration that was found good.

/// The Kafka client could not be opened. That brokers can't be reached is no such error, so that only librdkafka has
/// any.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The client library refused its configuration.
    #[cfg(feature = "librdkafka")]
    #[error("the Kafka client does not start: {0}")]
    Client(#[from] rdkafka::error::KafkaError),
    /// No thread for the client's reports.
    #[cfg(feature = "librdkafka")]
    #[error("no thread for the Kafka client: {0}")]
    Thread(#[from] std::io::Error),
    /// The client library refused a topic's name.
    #[cfg(feature = "librdkafka")]
    #[error("the Kafka client refuses the topic {topic}")]
    Topic {
        /// The name as configured.
        topic: String,
    },
}
