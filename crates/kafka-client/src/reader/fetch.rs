//! Hop 7: one fetch to one leader, from the partitions it is for to what its answer means.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kafka_wire::ErrorCode;
use kafka_wire::messages::{FetchPartition, FetchRequest, FetchResponse, FetchTopic, PartitionData};
use tokio::time::{Instant, sleep};

use super::chunk::Chunk;
use super::{Done, OffsetOf, Place, Position, Reader, TopicPartition, Wanted, list_offsets, passes};
use crate::cluster::{Allowed, Link, Topic, View};
use crate::{Cluster, Error, HostPort, Settings};

/// The last version of Fetch in which topics go by their names.
const NAMES_UP_TO: i16 = 12;

/// What came of a fetch.
#[derive(Debug)]
pub(super) struct Fetched {
    leader: i32,
    broker: HostPort,
    link: Link,
    asked: BTreeMap<TopicPartition, i64>,
    answer: Result<FetchResponse, Error>,
}

/// A fetch to be made.
struct Fetch {
    leader: i32,
    broker: HostPort,
    link: Link,
    asked: BTreeMap<TopicPartition, i64>,
    request: FetchRequest,
    /// An empty answer that comes sooner than this after the question is followed by a pause.
    max_wait: Duration,
}

impl Fetch {
    async fn make(mut self, settings: Arc<Settings>) -> Done {
        let began = Instant::now();
        let allowed = Allowed { newest: NAMES_UP_TO, ..Allowed::ANY };
        let answer = self.link.ask(&settings, &self.broker, allowed, &self.request).await;
        let empty = |one: &PartitionData| {
            one.error_code.is_none() && one.records.as_ref().is_none_or(|records| records.is_empty())
        };
        let nothing = answer
            .as_ref()
            .is_ok_and(|answer| answer.responses.iter().flat_map(|topic| &topic.partitions).all(empty));
        // A broker that does not wait as it was told to is not asked without pause.
        if nothing && began.elapsed() + settings.retry_backoff.0 < self.max_wait {
            sleep(settings.retry_backoff.0).await;
        }
        let Self { leader, broker, link, asked, .. } = self;
        Done::Fetched(Box::new(Fetched { leader, broker, link, asked, answer }))
    }
}

impl Reader {
    /// Asks each leader that is not asked already for the partitions whose offsets are known.
    pub(super) fn start_fetches(&mut self) {
        let view = self.cluster.view();
        let mut by_leader: BTreeMap<i32, Vec<(&TopicPartition, i64, i32)>> = BTreeMap::new();
        let mut leaderless = false;
        for (one, state) in self.partitions.iter().filter(|(_, state)| !state.busy && !state.stale) {
            let Place::At(offset) = state.place else { continue };
            match view.leader(&one.topic, one.partition) {
                Some((leader, epoch)) => by_leader.entry(leader).or_default().push((one, offset, epoch)),
                None => leaderless = true,
            }
        }
        let leaders = by_leader.len() + self.busy.len();
        let mut asked_now = Vec::new();
        for (leader, mut ready) in by_leader {
            let Some(broker) = view.brokers.get(&leader) else {
                leaderless = true;
                continue;
            };
            if !self.busy.insert(leader) {
                continue;
            }
            // Brokers fill answers in the order asked: each partition is the first in its turn.
            self.turn = self.turn.wrapping_add(1);
            let first = self.turn % ready.len();
            ready.rotate_left(first);
            let fetch = Fetch {
                leader,
                broker: broker.address.clone(),
                link: self.links.remove(&leader).unwrap_or_default(),
                asked: ready.iter().map(|(one, offset, _)| ((*one).clone(), *offset)).collect(),
                request: self.request(&ready, leaders),
                max_wait: self.settings.max_wait,
            };
            asked_now.extend(fetch.asked.keys().cloned());
            self.tasks.spawn(fetch.make(Arc::clone(&self.connecting)));
        }
        for one in asked_now {
            if let Some(state) = self.partitions.get_mut(&one) {
                state.busy = true;
            }
        }
        if leaderless && !self.refreshing {
            let longest = self.cluster.settings().retry_backoff.1;
            self.refresh_at = self.refresh_at.min(Instant::now() + longest);
        }
    }

    /// The leaders' answers together keep to the limit.
    fn request(&self, ready: &[(&TopicPartition, i64, i32)], leaders: usize) -> FetchRequest {
        let bytes = |bytes: usize| i32::try_from(bytes).unwrap_or(i32::MAX).max(1);
        let mut topics: Vec<FetchTopic> = Vec::new();
        for (one, offset, epoch) in ready {
            let partition = FetchPartition {
                partition: one.partition,
                current_leader_epoch: *epoch,
                fetch_offset: *offset,
                partition_max_bytes: bytes(self.settings.partition_bytes_max),
                ..Default::default()
            };
            match topics.last_mut().filter(|topic| *topic.topic == *one.topic) {
                Some(topic) => topic.partitions.push(partition),
                None => topics.push(FetchTopic {
                    topic: one.topic.to_string(),
                    partitions: vec![partition],
                    ..Default::default()
                }),
            }
        }
        FetchRequest {
            max_wait_ms: i32::try_from(self.settings.max_wait.as_millis()).unwrap_or(i32::MAX),
            min_bytes: 1,
            max_bytes: bytes(self.settings.fetch_bytes_max / leaders.max(1)),
            topics,
            ..Default::default()
        }
    }

    pub(super) fn fetched(&mut self, fetched: Fetched) -> Result<(), Error> {
        let Fetched { leader, broker, link, asked, answer } = fetched;
        self.busy.remove(&leader);
        self.links.insert(leader, link);
        for one in asked.keys() {
            if let Some(state) = self.partitions.get_mut(one) {
                state.busy = false;
            }
        }
        let answer = answer.and_then(|answer| match answer.error_code {
            ErrorCode::NONE => Ok(answer),
            code => Err(Error::Refused { what: format!("fetch from {broker}"), code, message: None }),
        });
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                asked.keys().for_each(|one| self.distrust(one));
                self.refresh_after_pause();
                tracing::debug!(%error, "nothing is read");
                return if passes(&error) { Ok(()) } else { Err(error) };
            }
        };
        let mut first_error = None;
        for topic in answer.responses {
            for told in topic.partitions {
                let one = TopicPartition::new(topic.topic.as_str(), told.partition_index);
                let Some((one, offset)) = asked.get_key_value(&one) else {
                    let why = format!("records of {one:?}, which was not asked for");
                    self.links.remove(&leader);
                    return Err(Error::Protocol { broker, why });
                };
                let taken = self.take_partition(leader, &broker, one, *offset, told);
                first_error = first_error.or(taken.err());
            }
        }
        first_error.map_or(Ok(()), Err)
    }

    fn take_partition(
        &mut self,
        leader: i32,
        broker: &HostPort,
        one: &TopicPartition,
        offset: i64,
        told: PartitionData,
    ) -> Result<(), Error> {
        match told.error_code {
            ErrorCode::NONE => {}
            ErrorCode::OFFSET_OUT_OF_RANGE => {
                let out = self.out_of_range(one);
                tracing::debug!(?one, offset, "there is no such offset");
                // A broker that contradicts itself about what it has is not asked without pause.
                self.distrust(one);
                self.refresh_after_pause();
                return out.map(|place| {
                    if let Some(state) = self.partitions.get_mut(one) {
                        state.place = place;
                    }
                });
            }
            code => {
                self.distrust(one);
                self.refresh_after_pause();
                return if code.is_retriable() { Ok(()) } else { Err(one.refused(code)) };
            }
        }
        self.backoff.reset();
        let records = told.records.unwrap_or_default();
        let Some(state) = self.partitions.get_mut(one).filter(|state| !state.busy && !records.is_empty())
        else {
            return Ok(());
        };
        state.busy = true;
        let unpacked_bytes_max = self.settings.unpacked_bytes_max;
        let chunk = Chunk::new(one.clone(), records.into_bytes(), offset, unpacked_bytes_max);
        self.chunks.push_back((leader, broker.clone(), chunk));
        Ok(())
    }

    /// Nothing is asked of a partition before there is new metadata.
    fn distrust(&mut self, one: &TopicPartition) {
        if let Some(state) = self.partitions.get_mut(one) {
            state.stale = true;
        }
    }
}

/// A topic that can be read, or will be soon.
pub(super) fn usable<'a>(view: &'a View, name: &str) -> Result<&'a Topic, Error> {
    let refused = |code| Error::Refused { what: format!("topic {name}"), code, message: None };
    let Some(topic) = view.topics.get(name) else {
        return Err(refused(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
    };
    match topic.error {
        Some(code) if code == ErrorCode::UNKNOWN_TOPIC_OR_PARTITION || !code.is_retriable() => {
            Err(refused(code))
        }
        _ => Ok(topic),
    }
}

/// The offsets at which to begin.
pub(super) async fn places(
    cluster: &Cluster,
    wanted: &[Wanted],
) -> Result<BTreeMap<TopicPartition, i64>, Error> {
    let view = cluster.view();
    let mut places = BTreeMap::new();
    let mut by_time = BTreeMap::new();
    let mut look = BTreeMap::new();
    for Wanted { topic, partitions, position } in wanted {
        let count = usable(&view, topic)?.partitions.len();
        let all = || (0..).take(count).collect::<Vec<i32>>();
        for partition in partitions.clone().unwrap_or_else(all) {
            let one = TopicPartition::new(topic.as_str(), partition);
            if !usize::try_from(partition).is_ok_and(|at| at < count) {
                return Err(one.refused(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
            }
            match *position {
                Position::Beginning => drop(look.insert(one, OffsetOf::Beginning)),
                Position::End => drop(look.insert(one, OffsetOf::End)),
                Position::Offset(offset) => drop(places.insert(one, offset)),
                Position::Time(ms) => {
                    // The end before the time: what comes between the two questions is not left out.
                    look.insert(one.clone(), OffsetOf::End);
                    by_time.insert(one, OffsetOf::Time(ms));
                }
            }
        }
    }
    for look in [look, by_time] {
        let found = list_offsets(cluster, &look).await?;
        places.extend(found.into_iter().filter_map(|(one, offset)| Some((one, offset?))));
    }
    Ok(places)
}
