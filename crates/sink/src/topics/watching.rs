//! Watches Kafka from the control runtime: creates what is missing, and says whether records can be stored.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kafka_client::cluster::View;
use kafka_client::{Cluster, ErrorCode};
use otlp::Signal;
use pipeline::Phase;
use tokio::time::Instant;

use super::{Topics, admin};
use crate::config::{Creation, RECORD_OVERHEAD_BYTES};
use crate::intake::Core;
use crate::producer::{Client, Partitions};
use crate::route::Route;

/// The part's name in `/readyz`.
const PART: &str = "kafka";
const LOOK_TIMEOUT: Duration = Duration::from_secs(3);
const CREATE_TIMEOUT: Duration = Duration::from_secs(5);
const LIMITS_TIMEOUT: Duration = Duration::from_secs(2);
/// Pauses between looks: after creating topics, when all is well, when Kafka is not there, when it refused to create a
/// topic.
const PAUSE_CREATED: Duration = Duration::from_millis(50);
const PAUSE_READY: Duration = Duration::from_secs(5);
const PAUSE_TROUBLE: Duration = Duration::from_millis(500);
const PAUSE_REFUSED: Duration = Duration::from_secs(3);
/// A line while waiting.
const PROGRESS: Duration = Duration::from_secs(10);

/// What one look at the cluster shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sight {
    /// Those of each signal's topic, whatever is with the others; none of what is missing or in trouble.
    pub(crate) partitions: [Partitions; 4],
    /// Topics that brokers do not know.
    pub(crate) missing: Vec<String>,
    /// The first of what else is wrong.
    pub(crate) trouble: Option<String>,
}

impl Sight {
    fn trouble(why: String) -> Self {
        Self { trouble: Some(why), ..Self::default() }
    }
}

/// Looks at the cluster.
pub(crate) async fn look(cluster: &Cluster, route: &Route, timeout: Duration) -> Sight {
    match tokio::time::timeout(timeout, cluster.refresh()).await {
        Ok(Ok(())) => in_view(&cluster.view(), route),
        Ok(Err(error)) => Sight::trouble(error.to_string()),
        Err(_) => {
            let heard = cluster.trouble().map_or_else(String::new, |heard| format!(": {heard}"));
            Sight::trouble(format!("no answer within {} ms{heard}", timeout.as_millis()))
        }
    }
}

fn in_view(view: &View, route: &Route) -> Sight {
    let mut sight = Sight::default();
    for topic in route.distinct() {
        let Some(found) = view.topics.get(topic).filter(|found| found.exists()) else {
            sight.missing.push(topic.to_owned());
            continue;
        };
        let led = (0..).zip(&found.partitions).filter(|(_, partition)| partition.leader.is_some());
        let led: Vec<i32> = led.map(|(number, _)| number).collect();
        let trouble = match found.error {
            None | Some(ErrorCode::LEADER_NOT_AVAILABLE) if led.is_empty() => {
                format!("no partition of the topic {topic} has a leader")
            }
            None | Some(ErrorCode::LEADER_NOT_AVAILABLE) => {
                let partitions = Partitions { count: found.partitions.len(), led };
                for signal in Signal::ALL.into_iter().filter(|signal| route.topic(*signal) == topic) {
                    sight.partitions[signal.index()] = partitions.clone();
                }
                continue;
            }
            Some(code) => format!("topic {topic}: {code}"),
        };
        sight.trouble.get_or_insert(trouble);
    }
    sight
}

/// The control task of one connector's way into Kafka.
#[derive(Debug)]
pub(crate) struct Watching {
    pub(crate) core: Arc<Core>,
    pub(crate) client: Arc<Client>,
    pub(crate) route: Route,
    pub(crate) creation: Creation,
    pub(crate) bootstrap: String,
    /// What looks at the topics and creates them, over connections of its own.
    pub(crate) cluster: Cluster,
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
            () = self.client.run() => {}
        }
    }

    async fn watch(&self) {
        let mut ready = false;
        let mut limits = BTreeMap::new();
        let mut since = Instant::now();
        let mut spoke = Instant::now();
        self.unready(format!("Kafka at {} has not answered yet", self.bootstrap));
        loop {
            let Sight { partitions, missing, trouble } = self.sight(ready).await;
            self.core.topics.set_partitions(partitions);
            let (now_ready, pause, trouble) = match (self.create(missing).await, trouble) {
                (Ok(false), None) => (true, PAUSE_READY, String::new()),
                (Ok(true), None) => (false, PAUSE_CREATED, "waiting for the created topics".to_owned()),
                (Ok(_), Some(why)) => (false, PAUSE_TROUBLE, why),
                (Err(why), None) => (false, PAUSE_REFUSED, why),
                (Err(why), Some(other)) => (false, PAUSE_REFUSED, format!("{other}; {why}")),
            };
            if now_ready && !ready {
                self.client.ask_again();
                // A topic may have been made anew.
                limits.clear();
            }
            if now_ready {
                self.learn_limits(&mut limits).await;
            }
            if now_ready && !ready {
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
        tokio::time::sleep(pause.min(PAUSE_TROUBLE)).await;
        tokio::select! {
            () = tokio::time::sleep(pause.saturating_sub(PAUSE_TROUBLE)) => {}
            () = self.client.news(), if ready => {}
        }
    }

    fn unready(&self, why: String) {
        let _news = self.core.shared.health.fail(PART, why);
    }

    fn in_words(&self, trouble: String) -> String {
        let heard = self.client.trouble().map_or_else(String::new, |heard| format!(" ({heard})"));
        one_line(&format!("Kafka at {}: {trouble}{heard}", self.bootstrap))
    }

    /// A broker that was there answers soon; until it is there, whoever is slow to connect is given the time.
    async fn sight(&self, ready: bool) -> Sight {
        let setup = if ready { Duration::ZERO } else { self.cluster.settings().setup_timeout };
        let sight = look(&self.cluster, &self.route, LOOK_TIMEOUT + setup).await;
        // Who may look at topics may not be who produces.
        match self.client.blocked() {
            Some(why) if sight.trouble.is_none() && sight.missing.is_empty() => {
                Sight { trouble: Some(why), ..sight }
            }
            _ => sight,
        }
    }

    /// Returns whether there was something to create.
    async fn create(&self, topics: Vec<String>) -> Result<bool, String> {
        if topics.is_empty() {
            return Ok(false);
        }
        if !self.creation.enabled {
            return Err(format!("missing topics {}, and topic.creation.enable is false", topics.join(", ")));
        }
        let created = admin::create(&self.cluster, &topics, &self.creation, CREATE_TIMEOUT).await;
        created.map(|()| true).map_err(|why| format!("topics can't be created: {why}"))
    }

    /// Asks for `max.message.bytes`, which only makes records fit at the first try: no answer is no trouble. What is as
    /// it was in `known` leaves untouched what refusals have taught since.
    async fn learn_limits(&self, known: &mut BTreeMap<String, usize>) {
        let route = self.route.distinct();
        let asked = admin::message_bytes_max(&self.cluster, &route);
        let why = match tokio::time::timeout(LIMITS_TIMEOUT, asked).await {
            Ok(Ok(mut limits)) => {
                limits.retain(|topic, bytes| known.insert(topic.clone(), *bytes) != Some(*bytes));
                return self.apply(&limits);
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {} ms", LIMITS_TIMEOUT.as_millis()),
        };
        tracing::debug!(why, "max.message.bytes of the topics is not known; it is learned from refusals");
    }

    fn apply(&self, limits: &BTreeMap<String, usize>) {
        for signal in Signal::ALL {
            let Some(message_bytes_max) = limits.get(self.route.topic(signal)) else { continue };
            let value = message_bytes_max.saturating_sub(RECORD_OVERHEAD_BYTES).min(self.record_bytes_max);
            let topics: &Topics = &self.core.topics;
            topics.set_record_bytes_max(signal, value);
            self.client.set_batch_limit(signal, *message_bytes_max);
        }
    }
}

/// Words of brokers may have several lines.
fn one_line(text: &str) -> String {
    text.split(['\r', '\n']).map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use kafka_client::cluster::{Partition, Topic};

    use super::*;

    fn topic(leaders: &[Option<i32>], error: Option<ErrorCode>) -> Topic {
        let partition = |leader: &Option<i32>| Partition { leader: *leader, ..Default::default() };
        Topic { partitions: leaders.iter().map(partition).collect(), error, ..Default::default() }
    }

    fn seen(logs: Topic) -> Sight {
        let route = Route::new(["other", "other", "logs", "other"].map(str::to_owned));
        let topics = [("other".to_owned(), topic(&[Some(1)], None)), ("logs".to_owned(), logs)];
        in_view(&View { topics: topics.into(), ..Default::default() }, &route)
    }

    /// Whatever is with one topic, the partitions of the others are known.
    #[test]
    fn what_is_wrong_is_said_with_its_topic() {
        let other = Partitions { count: 1, led: vec![0] };
        let with = |logs: Partitions| [other.clone(), other.clone(), logs, other.clone()];
        let good = seen(topic(&[Some(2), None, Some(1)], None));
        let partitions = with(Partitions { count: 3, led: vec![0, 2] });
        assert_eq!(good, Sight { partitions, ..Sight::default() });
        let bad = |missing: &[&str], trouble: Option<&str>| Sight {
            partitions: with(Partitions::default()),
            missing: missing.iter().map(|&topic| topic.to_owned()).collect(),
            trouble: trouble.map(str::to_owned),
        };
        let missing = seen(topic(&[], Some(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)));
        assert_eq!(missing, bad(&["logs"], None));
        let refused = seen(topic(&[], Some(ErrorCode::TOPIC_AUTHORIZATION_FAILED)));
        assert_eq!(refused, bad(&[], Some("topic logs: TOPIC_AUTHORIZATION_FAILED")));
        let electing = seen(topic(&[None], Some(ErrorCode::LEADER_NOT_AVAILABLE)));
        assert_eq!(electing, bad(&[], Some("no partition of the topic logs has a leader")));
    }

    /// A topic in trouble hides neither what is missing nor the others' partitions.
    #[test]
    fn one_topic_in_trouble_does_not_stop_the_others() {
        let route = Route::new(["traces", "metrics", "logs", "profiles"].map(str::to_owned));
        let topics = [
            ("traces".to_owned(), topic(&[None], None)),
            ("logs".to_owned(), topic(&[Some(1)], None)),
            ("profiles".to_owned(), topic(&[], Some(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION))),
        ];
        let sight = in_view(&View { topics: topics.into(), ..Default::default() }, &route);
        assert_eq!(sight.missing, ["metrics", "profiles"]);
        assert_eq!(sight.trouble.as_deref(), Some("no partition of the topic traces has a leader"));
        assert_eq!(sight.partitions.each_ref().map(|it| it.count), [0, 0, 1, 0]);
    }

    #[test]
    fn trouble_is_one_line() {
        assert_eq!(one_line("a\r\n  b\nc"), "a b c");
    }
}
