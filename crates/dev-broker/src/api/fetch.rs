//! Fetch: batches from an offset on, as they lie on disk; waits for the first append when there are none.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use kafka_wire::ErrorCode;
use kafka_wire::messages::*;
use tokio::time::{Instant, timeout_at};

use crate::log::{Log, ReadPlan};
use crate::node::{Node, Share};
use crate::topics::Topic;
use crate::watchers::PartitionKey;

/// From this version on topics have ids instead of names (KIP-516).
const TOPIC_IDS_SINCE: i16 = 13;
/// A reader waits this long at most, whatever it asks for, and asks again.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// Reads of more than this are done elsewhere, so that other connections go on. What clients ask of a partition unless
/// told otherwise, 1 MiB, with what is read around it is not.
const INLINE_BYTES_MAX: usize = (1 << 20) + (64 << 10);

/// Reads what there is, waiting for `min_bytes` up to `max_wait_ms`. The share is for the records' memory.
///
/// Incremental fetch sessions (KIP-227) are not kept: session id 0 in the answer says so.
pub(super) async fn fetch(node: &Node, request: FetchRequest, version: i16) -> (FetchResponse, Share) {
    if request.session_id != 0 {
        let error_code = ErrorCode::FETCH_SESSION_ID_NOT_FOUND;
        return (FetchResponse { error_code, ..Default::default() }, Share::default());
    }
    let wait = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0)).min(WAIT_MAX);
    let deadline = Instant::now() + wait;
    let min_bytes = usize::try_from(request.min_bytes).unwrap_or(0);
    let bytes_max = usize::try_from(request.max_bytes).unwrap_or(0).min(node.config.fetch_bytes_max);
    let topics = each_once(request.topics);
    let topics: Vec<_> = topics.into_iter().map(|topic| Wanted::find(node, topic, version)).collect();

    let mut look = Look::at(&topics, bytes_max);
    if !look.is_enough(min_bytes) && !wait.is_zero() {
        let watch = node.watchers.watch(topics.iter().flat_map(Wanted::keys).collect());
        loop {
            look = Look::at(&topics, bytes_max);
            if look.is_enough(min_bytes) {
                break;
            }
            tokio::select! {
                appended = timeout_at(deadline, watch.appended()) => if appended.is_err() { break },
                () = node.stopped() => break,
            }
        }
    }
    let share = node.answers.share(look.held_bytes_max()).await;
    let found = look.read().await;
    (FetchResponse { responses: respond(topics, found), ..Default::default() }, share)
}

/// Each partition once, as Kafka answers; else a small request that names one over and over would hold its records as
/// often.
fn each_once(mut topics: Vec<FetchTopic>) -> Vec<FetchTopic> {
    let mut seen: BTreeMap<_, BTreeSet<i32>> = BTreeMap::new();
    for FetchTopic { topic, topic_id, partitions } in &mut topics {
        let seen = seen.entry((*topic_id, topic.as_str())).or_default();
        partitions.retain(|partition| seen.insert(partition.partition));
    }
    topics.retain(|topic| !topic.partitions.is_empty());
    topics
}

/// A topic of the request with what stands behind it.
struct Wanted {
    request: FetchTopic,
    topic: Option<Arc<Topic>>,
    logs: Vec<Option<Arc<Mutex<Log>>>>,
    missing: ErrorCode,
}

impl Wanted {
    fn find(node: &Node, request: FetchTopic, version: i16) -> Self {
        let (topic, missing) = if version < TOPIC_IDS_SINCE {
            (node.topics.get(&request.topic), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)
        } else {
            (node.topics.by_id(request.topic_id).map(|(_, topic)| topic), ErrorCode::UNKNOWN_TOPIC_ID)
        };
        let log = |partition: &FetchPartition| topic.as_ref()?.partition(partition.partition);
        let logs = request.partitions.iter().map(log).collect();
        let missing = if topic.is_some() { ErrorCode::UNKNOWN_TOPIC_OR_PARTITION } else { missing };
        Self { request, topic, logs, missing }
    }

    fn keys(&self) -> impl Iterator<Item = PartitionKey> {
        let id = self.topic.iter().map(|topic| topic.id);
        id.flat_map(|id| self.request.partitions.iter().map(move |partition| (id, partition.partition)))
    }

    fn partitions(&self) -> impl Iterator<Item = (&FetchPartition, Option<&Arc<Mutex<Log>>>)> {
        self.request.partitions.iter().zip(self.logs.iter().map(Option::as_ref))
    }
}

/// What a look at all partitions saw.
struct Look {
    found: Vec<Found<Option<ReadPlan>>>,
    /// Of records at most, and without what a first batch has over its limit.
    bytes: usize,
    has_error: bool,
}

/// One partition's state, with records or a plan to read them.
struct Found<R> {
    error_code: ErrorCode,
    start_offset: i64,
    next_offset: i64,
    records: R,
}

impl Look {
    fn at(topics: &[Wanted], bytes_max: usize) -> Self {
        let mut look = Self { found: Vec::new(), bytes: 0, has_error: false };
        for topic in topics {
            for (partition, log) in topic.partitions() {
                let found = match log {
                    Some(log) => look.at_log(log, partition, bytes_max),
                    None => Found::error(topic.missing),
                };
                look.has_error |= !found.error_code.is_none();
                look.found.push(found);
            }
        }
        look
    }

    fn at_log(
        &mut self,
        log: &Mutex<Log>,
        partition: &FetchPartition,
        bytes_max: usize,
    ) -> Found<Option<ReadPlan>> {
        let log = log.lock().unwrap_or_else(PoisonError::into_inner);
        let (start_offset, next_offset) = (log.start_offset(), log.next_offset());
        let mut found = Found { error_code: ErrorCode::NONE, start_offset, next_offset, records: None };
        if !(start_offset..=next_offset).contains(&partition.fetch_offset) {
            found.error_code = ErrorCode::OFFSET_OUT_OF_RANGE;
            return found;
        }
        // KIP-74: the first partition with records gives a batch even over the limits; the later ones keep to them.
        let left = bytes_max.saturating_sub(self.bytes);
        if left > 0 || self.bytes == 0 {
            let own = usize::try_from(partition.partition_max_bytes).unwrap_or(0);
            let plan = log.read_plan(partition.fetch_offset, own.min(left));
            found.records = if self.bytes == 0 { plan } else { plan.map(ReadPlan::keep_to_limit) };
            self.bytes =
                self.bytes.saturating_add(found.records.as_ref().map_or(0, |plan| plan.bytes_max().max(1)));
        }
        found
    }

    fn is_enough(&self, min_bytes: usize) -> bool {
        self.has_error || self.bytes >= min_bytes
    }

    fn plans(&self) -> impl Iterator<Item = &ReadPlan> {
        self.found.iter().filter_map(|found| found.records.as_ref())
    }

    /// The most memory that the records take until the answer is sent.
    fn held_bytes_max(&self) -> usize {
        self.plans().map(ReadPlan::held_bytes_max).fold(0, usize::saturating_add)
    }

    async fn read(self) -> Vec<Found<Bytes>> {
        let read_bytes = self.plans().map(ReadPlan::read_bytes_max).fold(0, usize::saturating_add);
        let found = self.found;
        let read = move || found.into_iter().map(Found::read).collect();
        if read_bytes <= INLINE_BYTES_MAX {
            return read();
        }
        match tokio::task::spawn_blocking(read).await {
            Ok(found) => found,
            Err(error) => {
                tracing::error!(%error, "reading failed");
                Vec::new()
            }
        }
    }
}

impl<R: Default> Found<R> {
    fn error(error_code: ErrorCode) -> Self {
        Self { error_code, start_offset: -1, next_offset: -1, records: R::default() }
    }
}

impl Found<Option<ReadPlan>> {
    fn read(self) -> Found<Bytes> {
        let Self { mut error_code, start_offset, next_offset, records } = self;
        let records = match records.map_or_else(|| Ok(Bytes::new()), ReadPlan::read) {
            Ok(records) => records,
            Err(error) => {
                tracing::error!(%error, "cannot read a segment");
                error_code = ErrorCode::KAFKA_STORAGE_ERROR;
                Bytes::new()
            }
        };
        Found { error_code, start_offset, next_offset, records }
    }
}

fn respond(topics: Vec<Wanted>, found: Vec<Found<Bytes>>) -> Vec<FetchableTopicResponse> {
    let mut found = found.into_iter();
    let respond_one = |topic: Wanted| {
        let partitions = topic.request.partitions.iter().map(|partition| {
            let found = found.next().unwrap_or_else(|| Found::error(ErrorCode::KAFKA_STORAGE_ERROR));
            PartitionData {
                partition_index: partition.partition,
                error_code: found.error_code,
                high_watermark: found.next_offset,
                last_stable_offset: found.next_offset,
                log_start_offset: found.start_offset,
                records: Some(found.records.into()),
                ..Default::default()
            }
        });
        let partitions = partitions.collect();
        FetchableTopicResponse { topic: topic.request.topic, topic_id: topic.request.topic_id, partitions }
    };
    topics.into_iter().map(respond_one).collect()
}
