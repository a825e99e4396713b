//! The other direction, for `tail`: reads records of topics as they come. No group, nothing is committed.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use config::Problem;
use kafka_client::reader::{Position, Reader as Client, ReaderSettings, Record, Wanted};
use kafka_client::security::Surroundings;
use kafka_client::{Cluster, Error};
use tokio::runtime::Runtime;

use crate::config::client;

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
    /// Its headers, in their order.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
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
    /// The brokers cannot be reached, or refuse.
    #[error("Kafka: {0}")]
    Kafka(#[from] Error),
    /// The brokers take too long.
    #[error("Kafka: no answer within {after_ms} ms{}", .heard.as_deref().map(|it| format!(" ({it})")).unwrap_or_default())]
    NoAnswer {
        /// How long was waited, in milliseconds.
        after_ms: u128,
        /// The last that was heard, in words.
        heard: Option<String>,
    },
    /// No such topic.
    #[error("there is no topic {topic}")]
    NoTopic {
        /// Its name.
        topic: String,
    },
    /// The system gives no means to wait for the network.
    #[error("cannot wait for the network: {0}")]
    System(#[from] std::io::Error),
}

/// Reads topics.
#[derive(Debug)]
pub struct Reader {
    /// Runs only while somebody waits for a record.
    inner: Mutex<(Runtime, Client)>,
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
        surroundings: &Surroundings,
        topics: &[String],
        from_beginning: bool,
        timeout: Duration,
    ) -> Result<Self, ReaderError> {
        let settings = client::reader(bootstrap, raw, surroundings)
            .map_err(|problems| ReaderError::Properties { problems })?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let cluster = Cluster::new(settings);
        let position = if from_beginning { Position::Beginning } else { Position::End };
        let wanted: Vec<Wanted> =
            topics.iter().map(|topic| Wanted { topic: topic.clone(), partitions: None, position }).collect();
        let timeout = timeout.saturating_mul(u32::try_from(topics.len()).unwrap_or(u32::MAX));
        let client = runtime.block_on(async {
            let opening = Client::open(cluster.clone(), ReaderSettings::default(), &wanted);
            tokio::time::timeout(timeout, opening).await
        });
        let client = match client {
            Ok(Ok(client)) => client,
            Ok(Err(error)) => return Err(missing(&cluster, topics).unwrap_or(ReaderError::Kafka(error))),
            Err(_) => {
                let heard = cluster.trouble();
                return Err(ReaderError::NoAnswer { after_ms: timeout.as_millis(), heard });
            }
        };
        Ok(Self { inner: Mutex::new((runtime, client)) })
    }

    /// The next record, or `None` when none comes within `timeout`. Blocks its thread.
    ///
    /// # Errors
    ///
    /// [`ReaderError::Kafka`] for what does not pass by itself; outages are waited for.
    pub fn poll(&self, timeout: Duration) -> Result<Option<Message>, ReaderError> {
        let (runtime, client) = &mut *self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let next = runtime.block_on(async { tokio::time::timeout(timeout, client.next()).await });
        match next {
            Ok(record) => Ok(Some(record?.into())),
            Err(_) => Ok(None),
        }
    }
}

impl From<Record> for Message {
    fn from(record: Record) -> Self {
        Self {
            topic: record.topic.to_string(),
            partition: record.partition,
            offset: record.offset,
            timestamp_ms: record.timestamp_ms,
            key: record.key.map(Vec::from),
            headers: record
                .headers
                .iter()
                .map(|(name, value)| (name.to_owned(), value.map(<[u8]>::to_vec)))
                .collect(),
            value: record.value.map(Vec::from).unwrap_or_default(),
        }
    }
}

/// The first of the topics that the brokers say is not there.
fn missing(cluster: &Cluster, topics: &[String]) -> Option<ReaderError> {
    let view = cluster.view();
    let topic = topics.iter().find(|name| view.topics.get(*name).is_some_and(|seen| !seen.exists()))?;
    Some(ReaderError::NoTopic { topic: topic.clone() })
}
