//! Watches Kafka from the control runtime: creates what is missing, and says whether records can be stored.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use otlp::Signal;
use pipeline::Phase;
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::Topics;
use super::admin::Admin;
use crate::config::{Creation, RECORD_OVERHEAD_BYTES};
use crate::intake::Core;
use crate::producer::{Cluster, Librdkafka, Partitions};
use crate::route::Route;

/// The part's name in `/readyz`.
const PART: &str = "kafka";
const LOOK_TIMEOUT: Duration = Duration::from_secs(3);
const CREATE_TIMEOUT: Duration = Duration::from_secs(5);
const LIMITS_TIMEOUT: Duration = Duration::from_secs(2);
/// Pauses between looks: when all is well, when Kafka is not there, when it refused to create a topic.
const PAUSE_READY: Duration = Duration::from_secs(5);
const PAUSE_TROUBLE: Duration = Duration::from_millis(500);
const PAUSE_REFUSED: Duration = Duration::from_secs(3);
/// A line while waiting.
const PROGRESS: Duration = Duration::from_secs(10);

/// What one look at the cluster shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sight {
    /// All topics are there.
    Ready([Partitions; 4]),
    /// Brokers answer, and do not know these topics.
    Missing(Vec<String>),
    /// Something else.
    Trouble(String),
}

/// Looks at the cluster. Blocks its thread.
pub(crate) fn look(cluster: &Cluster, route: &Route, timeout: Duration) -> Sight {
    let mut seen: BTreeMap<&str, Partitions> = BTreeMap::new();
    let mut missing = Vec::new();
    for topic in route.distinct() {
        match cluster.partitions(topic, timeout) {
            Ok(Some(partitions)) if partitions.led.is_empty() => {
                return Sight::Trouble(format!("no partition of the topic {topic} has a leader"));
            }
            Ok(Some(partitions)) => drop(seen.insert(topic, partitions)),
            Ok(None) => missing.push(topic.to_owned()),
            Err(error) => {
                let why = error
                    .rdkafka_error_code()
                    .map_or_else(|| error.to_string(), |code| crate::classify::name(code).to_owned());
                return Sight::Trouble(format!("no answer on the topic {topic}: {why}"));
            }
        }
    }
    if !missing.is_empty() {
        return Sight::Missing(missing);
    }
    Sight::Ready(Signal::ALL.map(|signal| seen.get(route.topic(signal)).cloned().unwrap_or_default()))
}

/// The control task of one connector's way into Kafka.
#[derive(Debug)]
pub(crate) struct Watching {
    pub(crate) core: Arc<Core>,
    pub(crate) producer: Arc<Librdkafka>,
    pub(crate) route: Route,
    pub(crate) creation: Creation,
    pub(crate) bootstrap: String,
    pub(crate) admin: BTreeMap<String, String>,
    /// Largest record value by configuration.
    pub(crate) record_bytes_max: usize,
}

impl Watching {
    /// Runs until the drain's last phase.
    pub(crate) async fn run(&self) {
        let mut drain = self.core.shared.drain.clone();
        tokio::select! {
            () = drain.reached(Phase::Closing) => {}
            () = self.watch() => {}
        }
    }

    async fn watch(&self) {
        let mut ready = false;
        let mut since = Instant::now();
        let mut spoke = Instant::now();
        self.unready(format!("Kafka at {} has not answered yet", self.bootstrap));
        loop {
            let sight = self.sight().await;
            let (now_ready, pause, trouble) = match sight {
                Sight::Ready(partitions) => {
                    self.core.topics.set_partitions(partitions);
                    (true, PAUSE_READY, String::new())
                }
                Sight::Missing(topics) => match self.create(topics).await {
                    Ok(()) => (false, PAUSE_TROUBLE, "waiting for the created topics".to_owned()),
                    Err(why) => (false, PAUSE_REFUSED, why),
                },
                Sight::Trouble(why) => (false, PAUSE_TROUBLE, why),
            };
            if now_ready && !ready {
                self.learn_limits().await;
                let _news = self.core.shared.health.recover(PART);
                tracing::info!(bootstrap = %self.bootstrap, topics = ?self.route.distinct(), "Kafka is there");
            }
            if !now_ready {
                let trouble = self.in_words(trouble);
                let overdue = spoke.elapsed() >= PROGRESS;
                if ready {
                    since = Instant::now();
                }
                if ready || overdue {
                    spoke = Instant::now();
                    tracing::warn!(waiting_seconds = since.elapsed().as_secs(), "{trouble}");
                }
                self.unready(trouble);
            }
            ready = now_ready;
            self.pause(ready, pause).await;
        }
    }

    /// When all is well, news from the client end the pause, but not at once: they can come with every record.
    async fn pause(&self, ready: bool, pause: Duration) {
        tokio::time::sleep(PAUSE_TROUBLE).await;
        tokio::select! {
            () = tokio::time::sleep(pause.saturating_sub(PAUSE_TROUBLE)) => {}
            () = self.producer.news(), if ready => {}
        }
    }

    fn unready(&self, why: String) {
        let _news = self.core.shared.health.fail(PART, why);
    }

    fn in_words(&self, trouble: String) -> String {
        let heard = self.producer.trouble().map_or_else(String::new, |heard| format!(" ({heard})"));
        format!("Kafka at {}: {trouble}{heard}", self.bootstrap)
    }

    async fn sight(&self) -> Sight {
        let Some(cluster) = self.producer.cluster() else {
            return Sight::Trouble("the client is closed".into());
        };
        let route = self.route.clone();
        blocking(move || look(&cluster, &route, LOOK_TIMEOUT)).await.unwrap_or_else(Sight::Trouble)
    }

    async fn create(&self, topics: Vec<String>) -> Result<(), String> {
        if !self.creation.enabled {
            return Err(format!("missing topics {}, and topic.creation.enable is false", topics.join(", ")));
        }
        let (properties, creation, runtime) = (self.admin.clone(), self.creation.clone(), Handle::current());
        blocking(move || {
            let admin =
                Admin::open(&properties, runtime, CREATE_TIMEOUT).map_err(|error| error.to_string())?;
            admin.create(&topics, &creation).map_err(|why| format!("topics can't be created: {why}"))
        })
        .await?
    }

    /// Asks for `max.message.bytes`, which only makes records fit at the first try: no answer is no trouble.
    async fn learn_limits(&self) {
        let (properties, route, runtime) = (self.admin.clone(), self.route.clone(), Handle::current());
        let asked = blocking(move || {
            let admin =
                Admin::open(&properties, runtime, LIMITS_TIMEOUT).map_err(|error| error.to_string())?;
            admin.message_bytes_max(&route.distinct()).map_err(|error| error.to_string())
        });
        match asked.await {
            Ok(Ok(limits)) => self.apply(&limits),
            Ok(Err(why)) | Err(why) => {
                tracing::debug!(
                    why,
                    "max.message.bytes of the topics is not known; it is learned from refusals"
                );
            }
        }
    }

    fn apply(&self, limits: &BTreeMap<String, usize>) {
        for signal in Signal::ALL {
            let Some(message_bytes_max) = limits.get(self.route.topic(signal)) else { continue };
            let value = message_bytes_max.saturating_sub(RECORD_OVERHEAD_BYTES).min(self.record_bytes_max);
            let topics: &Topics = &self.core.topics;
            topics.set_record_bytes_max(signal, value);
            self.producer.limit_batch(*message_bytes_max);
        }
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
    tokio::task::spawn_blocking(work).await.map_err(|error| error.to_string())
}
