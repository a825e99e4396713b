//! What can go wrong before any request: opening the client with a configuration that was found good.

use rdkafka::error::KafkaError;

/// The Kafka client could not be opened. That brokers can't be reached is no such error.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The client library refused its configuration.
    #[error("the Kafka client does not start: {0}")]
    Client(#[from] KafkaError),
    /// No thread for the client's reports.
    #[error("no thread for the Kafka client: {0}")]
    Thread(#[from] std::io::Error),
    /// The client library refused a topic's name.
    #[error("the Kafka client refuses the topic {topic}")]
    Topic {
        /// The name as configured.
        topic: String,
    },
}
