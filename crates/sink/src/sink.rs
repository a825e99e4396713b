//! The way into Kafka as a whole: opened once for each connector, shared by its workers.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use otlp::Signal;
use kafka_client::Cluster;
use pipeline::Shared;

use crate::config::{Config, RECORD_OVERHEAD_BYTES};
use crate::error::OpenError;
use crate::intake::{Core, WorkerIntake};
use crate::producer::{Librdkafka, Natives, Way};
use crate::record::Shape;
use crate::topics::{Sight, Topics, Watching, look};

/// The way of one connector into Kafka.
#[derive(Debug)]
pub struct Sink {
    core: Arc<Core>,
    producer: Arc<Librdkafka>,
    natives: Natives,
    cluster: Cluster,
    watching: Watching,
}

/// What `check` found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Addresses of the brokers that answered.
    pub brokers: Vec<String>,
    /// Each topic once.
    pub topics: Vec<TopicReport>,
    /// What keeps records from being stored; `None` when nothing does, or only topics that would be created.
    pub trouble: Option<String>,
}

/// What `check` found of one topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicReport {
    /// Its name.
    pub topic: String,
    /// The signals that go there.
    pub signals: Vec<Signal>,
    /// Its partitions; `None` when it is missing or nothing is known.
    pub partitions: Option<usize>,
    /// Whether a start would create it.
    pub would_create: bool,
}

impl Sink {
    /// Opens the Kafka client. Kafka need not be there: until it is, [`Shared::health`] says so, and requests
    /// are answered retryably.
    ///
    /// # Errors
    ///
    /// [`OpenError`] when the client does not start, such as on a certificate that can't be read.
    pub fn open(config: Config, shared: Arc<Shared>) -> Result<Arc<Self>, OpenError> {
        for note in &config.notes {
            tracing::warn!("{note}");
        }
        let Config { route, format, converter, limits, record_bytes_max, output_bytes_max, creation, .. } =
            config;
        let mut properties = config.librdkafka_producer;
        // The budget bounds what is in the client; its own limits lie above, so that it never refuses.
        let kilobytes = (shared.budget.total_bytes() / 1024).saturating_mul(2).saturating_add(64 << 10);
        properties.insert("queue.buffering.max.kbytes".into(), kilobytes.min(0x7FFF_FFFF).to_string());
        properties.insert("queue.buffering.max.messages".into(), "0".into());
        let request_bytes_max = (record_bytes_max + RECORD_OVERHEAD_BYTES).max(1_000_000);
        properties.insert("message.max.bytes".into(), request_bytes_max.to_string());
        // Topics are created by us, or by the brokers where the user leaves it to them.
        properties.insert("allow.auto.create.topics".into(), (!creation.enabled).to_string());
        shared.health.fail("kafka", format!("Kafka at {} has not answered yet", config.bootstrap));
        let producer = Arc::new(Librdkafka::open(properties, route.topics().clone(), usize::MAX)?);
        let core = Arc::new(Core {
            shape: Shape { format, converter, limits },
            output_bytes_max,
            shared,
            topics: Topics::new(record_bytes_max),
        });
let cluster = Cluster::new(config.client);
        cluster.interest(route.topics().to_vec());
        let natives = Natives::new(cluster.clone(), config.produce, &route, config.instances);
        let watching = Watching {
            core: Arc::clone(&core),
            producer: Arc::clone(&producer),
            route,
            creation,
            bootstrap: config.bootstrap,
            admin: config.librdkafka_admin,
            record_bytes_max,
        };
        Ok(Arc::new(Self { core, producer, natives, cluster, watching }))
    }

    /// The way of one worker. Called on the worker, inside its `LocalSet`, where it starts the task that wakes
    /// the worker's requests.
    #[must_use]
    pub fn intake(self: &Arc<Self>) -> WorkerIntake {
        WorkerIntake::spawn(Arc::clone(&self.core), Way::Native(self.natives.of_worker()))
    }

    /// The control task: creates missing topics, keeps [`Shared::health`] truthful and the limits of the topics
    /// known. Runs until the drain's last phase.
    pub async fn watch(self: Arc<Self>) {
        let c = self.cluster.clone(); tokio::spawn(async move { c.run().await });
        self.watching.run().await;
    }

    /// Waits for the reports of what was handed to Kafka, at most `limit`, and stops the client; what is left
    /// then is answered retryably.
    pub async fn close(&self, limit: Duration) {
        let producer = Arc::clone(&self.producer);
        // An error means that the runtime is going down, which ends the process as well.
        drop(tokio::task::spawn_blocking(move || producer.close(limit)).await);
    }

    /// What the producers have counted, each with its name and what it is; nothing for librdkafka.
    pub fn producer_counts(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        self.natives.stats().counts()
    }

    /// How often the producer was replaced after an error that it does not survive.
    #[must_use]
    pub fn producer_replacements(&self) -> u64 {
        self.producer.replaced()
    }

    /// Looks at the cluster once, for `otlp2kafka check`. Changes nothing, except that brokers with
    /// `auto.create.topics.enable` make missing topics when `topic.creation.enable` is false.
    pub async fn check(&self, timeout: Duration) -> Report {
        let Some(cluster) = self.producer.cluster() else {
            let trouble = Some("the client is closed".to_owned());
            return Report { brokers: Vec::new(), topics: Vec::new(), trouble };
        };
        let route = self.watching.route.clone();
        let creates = self.watching.creation.enabled;
        let looked = tokio::task::spawn_blocking(move || {
            let brokers = cluster.brokers(route.topic(Signal::Traces), timeout).unwrap_or_default();
            let sight = look(&cluster, &route, timeout);
            (brokers, sight, route)
        });
        let (brokers, sight, route) = match looked.await {
            Ok(looked) => looked,
            Err(error) => {
                return Report { brokers: Vec::new(), topics: Vec::new(), trouble: Some(error.to_string()) };
            }
        };
        let topics = route.distinct().into_iter().map(|topic| {
            let signals: Vec<Signal> =
                Signal::ALL.into_iter().filter(|signal| route.topic(*signal) == topic).collect();
            let partitions = match (&sight, signals.first()) {
                (Sight::Ready(partitions), Some(signal)) => Some(partitions[signal.index()].count),
                _ => None,
            };
            let missing =
                matches!(&sight, Sight::Missing(missing) if missing.iter().any(|name| name == topic));
            TopicReport { topic: topic.to_owned(), signals, partitions, would_create: missing && creates }
        });
        let topics = topics.collect();
        let trouble = match sight {
            Sight::Ready(_) => None,
            Sight::Missing(_) if creates => None,
            Sight::Missing(missing) => Some(format!("missing topics: {}", missing.join(", "))),
            Sight::Trouble(why) => {
                let heard =
                    self.producer.trouble().map_or_else(String::new, |heard| format!(" ({heard})"));
                Some(format!("{why}{heard}"))
            }
        };
        Report { brokers, topics, trouble }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for broker in &self.brokers {
            writeln!(f, "broker {broker}")?;
        }
        for TopicReport { topic, signals, partitions, would_create } in &self.topics {
            let signals: Vec<&str> = signals.iter().map(|signal| signal.name()).collect();
            write!(f, "topic {topic} ({}): ", signals.join(", "))?;
            match (partitions, would_create) {
                (Some(count), _) => writeln!(f, "{count} partitions")?,
                (None, true) => writeln!(f, "missing, would be created")?,
                (None, false) => writeln!(f, "not seen")?,
            }
        }
        match &self.trouble {
            Some(why) => write!(f, "not ready: {why}"),
            None => write!(f, "ready"),
        }
    }
}

#[cfg(test)]
mod tests;
