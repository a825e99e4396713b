//! Hop 7: where logs begin and end, which offset belongs to a time, and how far a group has read.

use std::collections::BTreeMap;
use std::sync::Arc;

use kafka_wire::ErrorCode;
use kafka_wire::messages::{
    EARLIEST_TIMESTAMP, LATEST_TIMESTAMP, ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic,
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic, OffsetFetchRequest,
    OffsetFetchRequestGroup, OffsetFetchRequestTopic,
};
use tokio::time::{Instant, sleep};

use crate::backoff::Backoff;
use crate::{Cluster, Error};

/// A topic's partition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition's number.
    pub partition: i32,
}

impl TopicPartition {
    /// The partition of a topic.
    pub fn new(topic: impl Into<Arc<str>>, partition: i32) -> Self {
        Self { topic: topic.into(), partition }
    }

    pub(super) fn refused(&self, code: ErrorCode) -> Error {
        let what = format!("topic {}, partition {}", self.topic, self.partition);
        Error::Refused { what, code, message: None }
    }
}

/// Which offset of a partition is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OffsetOf {
    /// The first record.
    Beginning,
    /// The place after the last record.
    End,
    /// The first record whose timestamp, in milliseconds since 1970, is not before this one.
    Time(i64),
}

impl OffsetOf {
    fn timestamp(self) -> i64 {
        match self {
            Self::Beginning => EARLIEST_TIMESTAMP,
            Self::End => LATEST_TIMESTAMP,
            // Negative ones have meanings of their own.
            Self::Time(ms) => ms.max(0),
        }
    }
}

/// Offsets of partitions; `None` for a time after that of every record. What passes is asked again with new metadata,
/// at most for the request timeout.
///
/// # Errors
///
/// The first partition's that is refused or cannot be asked for in time.
pub async fn list_offsets(
    cluster: &Cluster,
    wanted: &BTreeMap<TopicPartition, OffsetOf>,
) -> Result<BTreeMap<TopicPartition, Option<i64>>, Error> {
    cluster.interest(wanted.keys().map(|one| &*one.topic));
    let end = Instant::now() + cluster.settings().request_timeout;
    let mut backoff = Backoff::new(cluster.settings().retry_backoff);
    let mut found = BTreeMap::new();
    loop {
        let mut trouble = None;
        for (leader, asked) in by_leader(cluster, wanted, &found, &mut trouble) {
            if let Err(error) = ask(cluster, leader, &asked, wanted, &mut found).await {
                if !passes(&error) {
                    return Err(error);
                }
                trouble = Some(error);
            }
        }
        let Some(trouble) = trouble else { return Ok(found) };
        let pause = backoff.next();
        if Instant::now() + pause >= end {
            return Err(trouble);
        }
        sleep(pause).await;
        cluster.refresh().await?;
    }
}

/// The partitions not found yet, by who leads them. `trouble` is set when somebody has no leader.
fn by_leader(
    cluster: &Cluster,
    wanted: &BTreeMap<TopicPartition, OffsetOf>,
    found: &BTreeMap<TopicPartition, Option<i64>>,
    trouble: &mut Option<Error>,
) -> BTreeMap<i32, BTreeMap<String, Vec<ListOffsetsPartition>>> {
    let view = cluster.view();
    let mut asked: BTreeMap<i32, BTreeMap<String, Vec<ListOffsetsPartition>>> = BTreeMap::new();
    for (one, of) in wanted.iter().filter(|(one, _)| !found.contains_key(one)) {
        let Some((leader, current_leader_epoch)) = view.leader(&one.topic, one.partition) else {
            *trouble = Some(one.refused(ErrorCode::LEADER_NOT_AVAILABLE));
            continue;
        };
        let partition = ListOffsetsPartition {
            partition_index: one.partition,
            current_leader_epoch,
            timestamp: of.timestamp(),
        };
        asked.entry(leader).or_default().entry(one.topic.to_string()).or_default().push(partition);
    }
    asked
}

async fn ask(
    cluster: &Cluster,
    leader: i32,
    asked: &BTreeMap<String, Vec<ListOffsetsPartition>>,
    wanted: &BTreeMap<TopicPartition, OffsetOf>,
    found: &mut BTreeMap<TopicPartition, Option<i64>>,
) -> Result<(), Error> {
    let topics = asked.iter();
    let topics = topics
        .map(|(name, partitions)| ListOffsetsTopic { name: name.clone(), partitions: partitions.clone() });
    let request = ListOffsetsRequest {
        topics: topics.collect(),
        timeout_ms: i32::try_from(cluster.settings().request_timeout.as_millis()).unwrap_or(i32::MAX),
        ..Default::default()
    };
    let answer = cluster.ask_broker(leader, &request).await?;
    let mut trouble = None;
    let told = answer.topics.into_iter().flat_map(|topic| {
        let name = topic.name;
        topic
            .partitions
            .into_iter()
            .map(move |it| (TopicPartition::new(name.as_str(), it.partition_index), it))
    });
    for (one, told) in told.filter(|(one, _)| wanted.contains_key(one)) {
        let offset = Some(told.offset).filter(|offset| *offset >= 0);
        let may_be_none = matches!(wanted.get(&one), Some(OffsetOf::Time(_)));
        if !told.error_code.is_none() {
            trouble = Some(one.refused(told.error_code));
        } else if offset.is_some() || may_be_none {
            found.insert(one, offset);
        } else {
            // Every log has a beginning and an end. Believed, the partition would be left out, or asked for for ever.
            let at =
                format!("topic {}, partition {} has the offset {}", one.topic, one.partition, told.offset);
            return Err(cluster.contradicted(leader, at));
        }
    }
    let is_asked = |one: &TopicPartition| {
        asked.get(&*one.topic).is_some_and(|all| all.iter().any(|it| it.partition_index == one.partition))
    };
    let left_out = wanted.keys().find(|one| is_asked(one) && !found.contains_key(one));
    let left_out = left_out.map(|one| one.refused(ErrorCode::UNKNOWN_SERVER_ERROR));
    trouble.or(left_out).map_or(Ok(()), Err)
}

/// Whether new metadata, or just time, can cure it.
pub(super) fn passes(error: &Error) -> bool {
    match error {
        Error::Refused { code, .. } => code.is_retriable() || *code == ErrorCode::BROKER_NOT_AVAILABLE,
        Error::NoBroker(reason) => passes(reason),
        Error::Resolve { .. } | Error::Connect { .. } | Error::TimedOut { .. } | Error::Lost { .. } => true,
        _ => false,
    }
}

/// Offsets that a group has committed; `None` for partitions of which it has none.
///
/// # Errors
///
/// As [`Cluster::ask_coordinator`]; the first refusal.
pub async fn committed(
    cluster: &Cluster,
    group: &str,
    partitions: &[TopicPartition],
) -> Result<BTreeMap<TopicPartition, Option<i64>>, Error> {
    let mut by_topic: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    for one in partitions {
        by_topic.entry(&one.topic).or_default().push(one.partition);
    }
    let topics = by_topic.into_iter().map(|(name, partition_indexes)| OffsetFetchRequestTopic {
        name: name.to_owned(),
        partition_indexes,
    });
    let topics: Vec<_> = topics.collect();
    let (group_id, one_group) = (group.to_owned(), Some(topics));
    let request = OffsetFetchRequest {
        groups: vec![OffsetFetchRequestGroup {
            group_id: group_id.clone(),
            topics: one_group.clone(),
            ..Default::default()
        }],
        group_id,
        topics: one_group,
        ..Default::default()
    };
    let of_group = |answer: &kafka_wire::messages::OffsetFetchResponse| {
        answer.groups.first().map_or(answer.error_code, |group| group.error_code)
    };
    let answer = cluster.ask_coordinator(group, &request, |answer| of_group(answer).is_retriable()).await?;
    let code = of_group(&answer);
    if !code.is_none() {
        return Err(Error::Refused { what: format!("offsets of group {group}"), code, message: None });
    }
    let mut found: BTreeMap<_, _> = partitions.iter().map(|one| (one.clone(), None)).collect();
    for topic in answer.topics.into_iter().chain(answer.groups.into_iter().flat_map(|group| group.topics)) {
        for told in topic.partitions {
            let one = TopicPartition::new(topic.name.as_str(), told.partition_index);
            if !told.error_code.is_none() {
                return Err(one.refused(told.error_code));
            }
            if let Some(place) = found.get_mut(&one) {
                *place = Some(told.committed_offset).filter(|offset| *offset >= 0);
            }
        }
    }
    Ok(found)
}

/// Commits offsets, each of the next record to read, for a group without members.
///
/// # Errors
///
/// As [`Cluster::ask_coordinator`]; the first refusal.
pub async fn commit(
    cluster: &Cluster,
    group: &str,
    offsets: &BTreeMap<TopicPartition, i64>,
) -> Result<(), Error> {
    let mut topics: BTreeMap<&str, Vec<OffsetCommitRequestPartition>> = BTreeMap::new();
    for (one, offset) in offsets {
        topics.entry(&one.topic).or_default().push(OffsetCommitRequestPartition {
            partition_index: one.partition,
            committed_offset: *offset,
            ..Default::default()
        });
    }
    let topics = topics.into_iter();
    let request = OffsetCommitRequest {
        group_id: group.to_owned(),
        topics: topics
            .map(|(name, partitions)| OffsetCommitRequestTopic { name: name.to_owned(), partitions })
            .collect(),
        ..Default::default()
    };
    let codes = |answer: &kafka_wire::messages::OffsetCommitResponse| {
        let topics = answer.topics.iter();
        let all = topics.flat_map(|topic| {
            topic
                .partitions
                .iter()
                .map(|it| (TopicPartition::new(topic.name.as_str(), it.partition_index), it.error_code))
        });
        all.collect::<BTreeMap<_, _>>()
    };
    let answer = cluster
        .ask_coordinator(group, &request, |answer| codes(answer).values().any(|code| code.is_retriable()))
        .await?;
    let codes = codes(&answer);
    for one in offsets.keys() {
        let code = codes.get(one).copied().unwrap_or(ErrorCode::UNKNOWN_SERVER_ERROR);
        if !code.is_none() {
            return Err(one.refused(code));
        }
    }
    Ok(())
}
