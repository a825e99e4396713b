//! Hop 7: the cluster as metadata shows it, checked before anybody relies on it.

use std::collections::{BTreeMap, BTreeSet};

use kafka_wire::ErrorCode;
use kafka_wire::messages::{
    MetadataResponse, MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use tokio::time::Instant;
use uuid::Uuid;

use crate::HostPort;

/// Partitions of all topics of interest together. Kafka supports about so many in a cluster.
const PARTITIONS_MAX: usize = 1_000_000;
/// Brokers of a cluster; the largest known have about a thousand.
const BROKERS_MAX: usize = 10_000;

/// What is known of the cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct View {
    /// The brokers by their ids.
    pub brokers: BTreeMap<i32, Broker>,
    /// The cluster's id; `None` where brokers do not tell.
    pub cluster_id: Option<String>,
    /// Whom to ask for changes of topics.
    pub controller: Option<i32>,
    /// The topics of interest.
    pub topics: BTreeMap<String, Topic>,
    /// When it was seen; `None` before the first time.
    pub fetched_at: Option<Instant>,
}

/// A broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broker {
    /// Where it listens.
    pub address: HostPort,
    /// Where it stands; `broker.rack`.
    pub rack: Option<String>,
}

/// A topic.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Topic {
    /// Nil where brokers are older than KIP-516.
    pub id: Uuid,
    /// The partitions, each at its number.
    pub partitions: Vec<Partition>,
    /// Why the topic cannot be used, such as that there is none.
    pub error: Option<ErrorCode>,
}

impl Topic {
    /// Whether brokers know the topic, be it usable or not.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.error != Some(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)
    }
}

/// A partition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Partition {
    /// The broker that leads it; `None` while there is none.
    pub leader: Option<i32>,
    /// Which leadership it is; -1 where brokers do not tell.
    pub leader_epoch: i32,
    /// Brokers that keep it.
    pub replicas: usize,
    /// Those of them that are up to date.
    pub in_sync: usize,
}

impl View {
    /// The view after an answer, of which only `interest` is kept. The error is in words.
    pub(crate) fn followed_by(
        &self,
        answer: MetadataResponse,
        interest: &BTreeSet<String>,
    ) -> Result<Self, String> {
        let brokers = brokers(answer.brokers)?;
        let mut topics = BTreeMap::new();
        let mut left = PARTITIONS_MAX;
        for told in answer.topics {
            left = left
                .checked_sub(told.partitions.len())
                .ok_or_else(|| format!("more than {PARTITIONS_MAX} partitions"))?;
            let Some(name) = told.name.clone().filter(|name| interest.contains(name)) else { continue };
            let topic = topic(&name, told, &brokers, self.topics.get(&name))?;
            if topics.contains_key(&name) {
                return Err(format!("topic {name} twice"));
            }
            topics.insert(name, topic);
        }
        for name in interest.iter().filter(|name| !topics.contains_key(*name)).collect::<Vec<_>>() {
            let error = Some(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
            topics.insert(name.clone(), Topic { error, ..Default::default() });
        }
        let controller = Some(answer.controller_id).filter(|id| brokers.contains_key(id));
        let cluster_id = answer.cluster_id;
        Ok(Self { brokers, cluster_id, controller, topics, fetched_at: Some(Instant::now()) })
    }

    /// The leader of a partition, with its epoch.
    #[must_use]
    pub fn leader(&self, topic: &str, partition: i32) -> Option<(i32, i32)> {
        let partition = self.topics.get(topic)?.partitions.get(usize::try_from(partition).ok()?)?;
        Some((partition.leader?, partition.leader_epoch))
    }
}

fn brokers(told: Vec<MetadataResponseBroker>) -> Result<BTreeMap<i32, Broker>, String> {
    if told.len() > BROKERS_MAX {
        return Err(format!("{} brokers", told.len()));
    }
    // Of a broker that has just started and knows nothing yet.
    if told.is_empty() {
        return Err("no brokers".to_owned());
    }
    let mut brokers = BTreeMap::new();
    for MetadataResponseBroker { node_id, host, port, rack } in told {
        let wrong = format!("broker {node_id} at {host:?}, port {port}");
        let address = address(host, port).filter(|_| node_id >= 0).ok_or_else(|| wrong.clone())?;
        if brokers.insert(node_id, Broker { address, rack }).is_some() {
            return Err(format!("{wrong} twice"));
        }
    }
    Ok(brokers)
}

/// A broker's address as it stands in an answer.
pub(crate) fn address(host: String, port: i32) -> Option<HostPort> {
    let port = u16::try_from(port).ok().filter(|port| *port > 0)?;
    (!host.is_empty()).then_some(HostPort { host, port })
}

fn topic(
    name: &str,
    told: MetadataResponseTopic,
    brokers: &BTreeMap<i32, Broker>,
    known: Option<&Topic>,
) -> Result<Topic, String> {
    let known = known.filter(|known| known.id == told.topic_id);
    let count = told.partitions.len();
    let mut partitions: Vec<Option<Partition>> = vec![None; count];
    for one in told.partitions {
        let index = one.partition_index;
        let place = usize::try_from(index).ok().and_then(|at| Some((at, partitions.get_mut(at)?)));
        let Some((at, place @ None)) = place else {
            return Err(format!(
                "topic {name} with {count} partitions has partition {index}, or has it twice"
            ));
        };
        let one =
            partition(&one, brokers).map_err(|why| format!("topic {name}, partition {index}: {why}"))?;
        // KIP-320: a broker that lags behind does not bring back a leader that was replaced.
        let newer = known
            .and_then(|known| known.partitions.get(at))
            .filter(|known| one.leader_epoch >= 0 && known.leader_epoch > one.leader_epoch);
        // Nor does anybody bring back one that went away.
        let newer = newer.map(|known| Partition { leader: present(known.leader, brokers), ..known.clone() });
        *place = Some(newer.unwrap_or(one));
    }
    let partitions = partitions.into_iter().flatten().collect();
    let error = Some(told.error_code).filter(|code| !code.is_none());
    Ok(Topic { id: told.topic_id, partitions, error })
}

/// A leader that is not among the brokers is one that just went away.
fn present(leader: Option<i32>, brokers: &BTreeMap<i32, Broker>) -> Option<i32> {
    leader.filter(|id| brokers.contains_key(id))
}

fn partition(told: &MetadataResponsePartition, brokers: &BTreeMap<i32, Broker>) -> Result<Partition, String> {
    let MetadataResponsePartition { leader_id, leader_epoch, .. } = *told;
    if leader_id < -1 || leader_epoch < -1 {
        return Err(format!("leader {leader_id} with epoch {leader_epoch}"));
    }
    let leader = present(Some(leader_id), brokers);
    Ok(Partition { leader, leader_epoch, replicas: told.replica_nodes.len(), in_sync: told.isr_nodes.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broker(node_id: i32) -> MetadataResponseBroker {
        MetadataResponseBroker { node_id, host: format!("kafka-{node_id}"), port: 9092, rack: None }
    }

    fn led(partition_index: i32, leader_id: i32, leader_epoch: i32) -> MetadataResponsePartition {
        MetadataResponsePartition { partition_index, leader_id, leader_epoch, ..Default::default() }
    }

    fn answer(id: u128, partitions: Vec<MetadataResponsePartition>) -> MetadataResponse {
        let topic_id = Uuid::from_u128(id);
        let topic =
            MetadataResponseTopic { name: Some("t".into()), topic_id, partitions, ..Default::default() };
        let brokers = vec![broker(1), broker(2)];
        MetadataResponse { brokers, controller_id: 2, topics: vec![topic], ..Default::default() }
    }

    fn after(view: &View, answer: MetadataResponse) -> Result<View, String> {
        view.followed_by(answer, &["t".to_owned(), "u".to_owned()].into())
    }

    #[test]
    fn an_answer_becomes_a_view() {
        let view = after(&View::default(), answer(1, vec![led(1, -1, 3), led(0, 1, 7)])).unwrap();
        assert_eq!(view.controller, Some(2));
        assert_eq!(view.leader("t", 0), Some((1, 7)));
        assert_eq!(view.leader("t", 1), None);
        assert_eq!(view.leader("t", 2), None);
        assert_eq!(view.topics["u"].error, Some(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
        let gone = after(&view, answer(1, vec![led(0, 9, 8)])).unwrap();
        assert_eq!(gone.leader("t", 0), None, "a leader that is no broker");
    }

    #[test]
    fn an_older_leader_epoch_replaces_no_newer_one_of_the_same_topic() {
        let view = after(&View::default(), answer(1, vec![led(0, 1, 7)])).unwrap();
        let stale = after(&view, answer(1, vec![led(0, 2, 6)])).unwrap();
        assert_eq!(stale.leader("t", 0), Some((1, 7)));
        let same = after(&view, answer(1, vec![led(0, 2, 7)])).unwrap();
        assert_eq!(same.leader("t", 0), Some((2, 7)));
        let untold = after(&view, answer(1, vec![led(0, 2, -1)])).unwrap();
        assert_eq!(untold.leader("t", 0), Some((2, -1)));
        let made_anew = after(&view, answer(2, vec![led(0, 2, 0)])).unwrap();
        assert_eq!(made_anew.leader("t", 0), Some((2, 0)));
    }

    #[test]
    fn a_newer_leader_that_is_no_broker_any_more_is_not_brought_back() {
        let view = after(&View::default(), answer(1, vec![led(0, 1, 7)])).unwrap();
        let mut stale = answer(1, vec![led(0, 2, 6)]);
        stale.brokers.remove(0);
        let view = after(&view, stale).unwrap();
        assert_eq!(view.leader("t", 0), None);
        assert_eq!(view.topics["t"].partitions[0].leader_epoch, 7);
        let back = after(&view, answer(1, vec![led(0, 2, 6)])).unwrap();
        assert_eq!(back.leader("t", 0), None, "who led in epoch 6 does not lead in 7");
        let newer = after(&view, answer(1, vec![led(0, 2, 7)])).unwrap();
        assert_eq!(newer.leader("t", 0), Some((2, 7)));
    }

    #[test]
    fn contradictions_are_refused() {
        let refused = |change: &dyn Fn(&mut MetadataResponse)| {
            let mut told = answer(1, vec![led(0, 1, 1), led(1, 1, 1)]);
            change(&mut told);
            after(&View::default(), told).unwrap_err()
        };
        let partition = |at: usize, change: fn(&mut MetadataResponsePartition)| {
            refused(&|told| change(&mut told.topics[0].partitions[at]))
        };
        assert!(partition(1, |one| one.partition_index = 0).contains("partition 0"));
        assert!(partition(1, |one| one.partition_index = 2).contains("partition 2"));
        assert!(partition(0, |one| one.partition_index = -1).contains("partition -1"));
        assert!(partition(0, |one| one.leader_id = -2).contains("leader -2"));
        assert!(partition(0, |one| one.leader_epoch = -9).contains("epoch -9"));
        assert!(refused(&|told| told.brokers.clear()).contains("no brokers"));
        assert!(refused(&|told| told.brokers[0].node_id = -1).contains("broker -1"));
        assert!(refused(&|told| told.brokers[0].port = 70_000).contains("port 70000"));
        assert!(refused(&|told| told.brokers[0].host.clear()).contains("broker 1"));
        assert!(refused(&|told| told.brokers[1].node_id = 1).contains("twice"));
        assert!(refused(&|told| told.topics.push(told.topics[0].clone())).contains("topic t twice"));
        let many = |told: &mut MetadataResponse| {
            told.topics[0].partitions = vec![MetadataResponsePartition::default(); PARTITIONS_MAX + 1];
        };
        assert!(refused(&many).contains("more than 1000000"));
    }
}
