//! ListOffsets and OffsetForLeaderEpoch: offsets by time, and the log's ends.

use std::sync::{Arc, Mutex, PoisonError};

use kafka_wire::ErrorCode;
use kafka_wire::messages::*;

use crate::log::Log;
use crate::node::{LEADER_EPOCH, Node};

pub(super) fn list_offsets(node: &Node, request: ListOffsetsRequest) -> ListOffsetsResponse {
    let one_topic = |topic: ListOffsetsTopic| {
        let partitions = topic.partitions.iter().map(|asked| list_offset(node, &topic.name, asked)).collect();
        ListOffsetsTopicResponse { name: topic.name, partitions }
    };
    ListOffsetsResponse { topics: request.topics.into_iter().map(one_topic).collect(), ..Default::default() }
}

fn list_offset(node: &Node, topic: &str, asked: &ListOffsetsPartition) -> ListOffsetsPartitionResponse {
    let partition_index = asked.partition_index;
    let Some(log) = partition(node, topic, partition_index) else {
        let error_code = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
        return ListOffsetsPartitionResponse { partition_index, error_code, ..Default::default() };
    };
    let log = log.lock().unwrap_or_else(PoisonError::into_inner);
    let found = match asked.timestamp {
        LATEST_TIMESTAMP => Some((log.next_offset(), -1)),
        EARLIEST_TIMESTAMP => Some((log.start_offset(), -1)),
        MAX_TIMESTAMP => log.max_timestamp(),
        timestamp => log.offset_for_time(timestamp),
    };
    let (offset, timestamp) = found.unwrap_or((-1, -1));
    ListOffsetsPartitionResponse {
        partition_index,
        timestamp,
        offset,
        leader_epoch: if found.is_some() { LEADER_EPOCH } else { -1 },
        ..Default::default()
    }
}

pub(super) fn end_of_epoch(
    node: &Node,
    request: OffsetForLeaderEpochRequest,
) -> OffsetForLeaderEpochResponse {
    let one_topic = |asked: OffsetForLeaderTopic| {
        let partitions =
            asked.partitions.iter().map(|one| end_of_epoch_of(node, &asked.topic, one)).collect();
        OffsetForLeaderTopicResult { topic: asked.topic, partitions }
    };
    OffsetForLeaderEpochResponse {
        topics: request.topics.into_iter().map(one_topic).collect(),
        ..Default::default()
    }
}

/// There is one epoch, which goes on; of any other nothing is known.
fn end_of_epoch_of(node: &Node, topic: &str, asked: &OffsetForLeaderPartition) -> EpochEndOffset {
    let end = EpochEndOffset { partition: asked.partition, ..Default::default() };
    match partition(node, topic, asked.partition) {
        None => EpochEndOffset { error_code: ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, ..end },
        Some(_) if asked.leader_epoch != LEADER_EPOCH => end,
        Some(log) => {
            let end_offset = log.lock().unwrap_or_else(PoisonError::into_inner).next_offset();
            EpochEndOffset { leader_epoch: LEADER_EPOCH, end_offset, ..end }
        }
    }
}

fn partition(node: &Node, topic: &str, partition: i32) -> Option<Arc<Mutex<Log>>> {
    node.topics.get(topic)?.partition(partition)
}
