//! The way into Kafka as a whole: opened once for each connector, shared by its workers.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use kafka_client::{Cluster, Settings};
use otlp::Signal;
use pipeline::Shared;

use crate::config::Config;
#[cfg(feature = "librdkafka")]
use crate::config::RECORD_OVERHEAD_BYTES;
use crate::error::OpenError;
use crate::intake::{Core, WorkerIntake};
#[cfg(feature = "librdkafka")]
use crate::producer::Librdkafka;
use crate::producer::{Client, Natives};
use crate::record::Shape;
use crate::topics::{Topics, Watching, look};

/// The way of one connector into Kafka.
#[derive(Debug)]
pub struct Sink {
    core: Arc<Core>,
    client: Arc<Client>,
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
        let keys_place = !config.produce.ignore_keys;
        let Config {
            route,
            format,
            converter,
            marks,
            limits,
            record_bytes_max,
            output_bytes_max,
            creation,
            ..
        } = config;
        shared.health.fail("kafka", format!("Kafka at {} has not answered yet", config.bootstrap));
        #[cfg(feature = "librdkafka")]
        let library = config.librdkafka.map(|properties| {
            let bounds = (shared.budget.total_bytes(), record_bytes_max + RECORD_OVERHEAD_BYTES);
            Librdkafka::bounded(properties, bounds, !creation.enabled)
        });
        #[cfg(not(feature = "librdkafka"))]
        let library = None::<std::convert::Infallible>;
        let client = match library {
            #[cfg(feature = "librdkafka")]
            Some(properties) => Client::Librdkafka(Arc::new(Librdkafka::open(
                properties,
                route.topics().clone(),
                usize::MAX,
            )?)),
            #[cfg(not(feature = "librdkafka"))]
            Some(never) => match never {},
            None => {
                let cluster = Cluster::new(within(config.client, config.produce.delivery_timeout));
                cluster.let_brokers_create(!creation.enabled);
                let natives = Natives::new(cluster, config.produce, &route, config.instances);
                Client::Native(Box::new(natives))
            }
        };
        let client = Arc::new(client);
        let core = Arc::new(Core {
            shape: Shape { format, converter, limits },
            marks,
            keys_place,
            output_bytes_max,
            shared,
            topics: Topics::new(record_bytes_max),
        });
        let cluster = Cluster::new(config.admin);
        cluster.interest(route.distinct());
        cluster.let_brokers_create(!creation.enabled);
        let watching = Watching {
            core: Arc::clone(&core),
            client: Arc::clone(&client),
            route,
            creation,
            bootstrap: config.bootstrap,
            cluster,
            record_bytes_max,
        };
        Ok(Arc::new(Self { core, client, watching }))
    }

    /// The way of one worker. Called on the worker, inside its `LocalSet`, where it starts the task that wakes
    /// the worker's requests.
    #[must_use]
    pub fn intake(self: &Arc<Self>) -> WorkerIntake {
        WorkerIntake::spawn(Arc::clone(&self.core), self.client.of_worker())
    }

    /// The control task: creates missing topics, keeps [`Shared::health`] truthful and the limits of the topics
    /// known. Runs until the drain's last phase.
    pub async fn watch(self: Arc<Self>) {
        self.watching.run().await;
    }

    /// Waits for the reports of what was handed to Kafka, at most `limit`, and stops the client; what is left
    /// then is answered retryably.
    pub async fn close(&self, limit: Duration) {
        self.client.close(limit).await;
    }

    /// What the Kafka client has counted, each with its name and what it is.
    #[must_use]
    pub fn client_counts(&self) -> Vec<(&'static str, &'static str, u64)> {
        self.client.counts()
    }

    /// The Kafka cluster's id, once it is known.
    #[must_use]
    pub fn kafka_cluster_id(&self) -> Option<String> {
        self.watching.cluster.view().cluster_id.clone()
    }

    /// Looks at the cluster once, for `otlp2kafka check`. Changes nothing, except that brokers with
    /// `auto.create.topics.enable` make missing topics when `topic.creation.enable` is false.
    pub async fn check(&self, timeout: Duration) -> Report {
        let Watching { cluster, route, creation, .. } = &self.watching;
        let creates = creation.enabled;
        let sight = look(cluster, route, timeout).await;
        let brokers =
            cluster.view().brokers.iter().map(|(id, it)| format!("{} (id {id})", it.address)).collect();
        let topics = route.distinct().into_iter().map(|topic| {
            let signals: Vec<Signal> =
                Signal::ALL.into_iter().filter(|signal| route.topic(*signal) == topic).collect();
            let count = signals.first().map_or(0, |signal| sight.partitions[signal.index()].count);
            TopicReport {
                topic: topic.to_owned(),
                signals,
                partitions: (count > 0).then_some(count),
                would_create: creates && sight.missing.iter().any(|name| name == topic),
            }
        });
        let topics = topics.collect();
        let missing = format!("missing topics: {}", sight.missing.join(", "));
        let missing = Some(missing).filter(|_| !creates && !sight.missing.is_empty());
        let other = sight.trouble.map(|why| {
            let heard = self.client.trouble().map_or_else(String::new, |heard| format!(" ({heard})"));
            format!("{why}{heard}")
        });
        let trouble: Vec<String> = other.into_iter().chain(missing).collect();
        let trouble = (!trouble.is_empty()).then(|| trouble.join("; "));
        Report { brokers, topics, trouble }
    }
}

/// What is asked beside producing, such as for new leaders, has to come while the records can still be sent: one broker
/// that does not answer must not cost them all of their time.
fn within(client: Settings, delivery: Duration) -> Settings {
    const SHORTEST: Duration = Duration::from_secs(1);
    let share = (delivery / 4).max(SHORTEST);
    Settings {
        request_timeout: client.request_timeout.min(share),
        setup_timeout: client.setup_timeout.min(share * 2),
        ..client
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
