//! OffsetCommit and OffsetFetch: from the wire to the coordinator and back.

use kafka_wire::ErrorCode;
use kafka_wire::messages::*;

use super::distinct;
use super::group::{code, code_of};
use crate::groups::{Caller, CommittedOffset, OffsetToCommit};
use crate::node::Node;

/// Since this version a request asks for several groups.
const GROUPS_SINCE: i16 = 8;

pub(super) fn offset_commit(node: &Node, request: OffsetCommitRequest) -> OffsetCommitResponse {
    let caller = Caller {
        group_id: request.group_id,
        generation: request.generation_id_or_member_epoch,
        member_id: request.member_id,
        instance_id: request.group_instance_id,
    };
    let mut commits = Vec::new();
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for partition in topic.partitions {
            let partition_index = partition.partition_index;
            partitions.push(OffsetCommitResponsePartition { partition_index, ..Default::default() });
            commits.push(OffsetToCommit {
                topic: topic.name.clone(),
                partition: partition_index,
                offset: partition.committed_offset,
                leader_epoch: partition.committed_leader_epoch,
                metadata: partition.committed_metadata.unwrap_or_default(),
            });
        }
        topics.push(OffsetCommitResponseTopic { name: topic.name, partitions });
    }
    let results = node.groups().commit(&caller, commits);
    let answered = topics.iter_mut().flat_map(|topic| &mut topic.partitions);
    match results {
        Ok(results) => {
            for (partition, result) in answered.zip(results) {
                partition.error_code = code_of(&result);
            }
        }
        Err(error) => answered.for_each(|partition| partition.error_code = code(&error)),
    }
    OffsetCommitResponse { topics, ..Default::default() }
}

pub(super) fn offset_fetch(node: &Node, request: OffsetFetchRequest, version: i16) -> OffsetFetchResponse {
    if version < GROUPS_SINCE {
        let topics = offsets_of(node, &request.group_id, request.topics);
        return OffsetFetchResponse { topics, ..Default::default() };
    }
    let one_group = |group: OffsetFetchRequestGroup| OffsetFetchResponseGroup {
        topics: offsets_of(node, &group.group_id, group.topics),
        group_id: group.group_id,
        error_code: ErrorCode::NONE,
    };
    OffsetFetchResponse {
        groups: distinct(request.groups, |group| group.group_id.clone()).map(one_group).collect(),
        ..Default::default()
    }
}

fn offsets_of(
    node: &Node,
    group_id: &str,
    topics: Option<Vec<OffsetFetchRequestTopic>>,
) -> Vec<OffsetFetchResponseTopic> {
    let wanted: Option<Vec<_>> =
        topics.map(|topics| distinct(topics, |topic| topic.name.clone()).map(partitions_of).collect());
    let found = node.groups().offsets(group_id, wanted.as_deref());
    let one_topic = |(name, offsets): (String, Vec<(i32, Option<CommittedOffset>)>)| {
        let partitions = offsets.into_iter().map(|(partition_index, committed)| match committed {
            Some(committed) => OffsetFetchResponsePartition {
                partition_index,
                committed_offset: committed.offset,
                committed_leader_epoch: committed.leader_epoch,
                metadata: Some(committed.metadata),
                error_code: ErrorCode::NONE,
            },
            None => OffsetFetchResponsePartition {
                partition_index,
                committed_offset: -1,
                metadata: Some(String::new()),
                ..Default::default()
            },
        });
        OffsetFetchResponseTopic { name, partitions: partitions.collect() }
    };
    found.into_iter().map(one_topic).collect()
}

fn partitions_of(topic: OffsetFetchRequestTopic) -> (String, Vec<i32>) {
    (topic.name, distinct(topic.partition_indexes, |index| *index).collect())
}
