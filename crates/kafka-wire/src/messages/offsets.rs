//! OffsetCommit and OffsetFetch: how far a consumer group has read.

use crate::ErrorCode;

api!(OffsetCommit: OffsetCommitRequest => OffsetCommitResponse, versions 2..=9, flexible from 8);
api!(OffsetFetch: OffsetFetchRequest => OffsetFetchResponse, versions 1..=9, flexible from 6);

wire_structs! {
    /// Offsets to keep for a group.
    pub struct OffsetCommitRequest {
        group_id: String => 0..;
        generation_id_or_member_epoch: i32 => 1.., default -1;
        member_id: String => 1..;
        group_instance_id: Option<String> => 7..;
        retention_time_ms: i64 => 2..=4, default -1;
        topics: Vec<OffsetCommitRequestTopic> => 0..;
    }

    /// One topic's offsets.
    pub struct OffsetCommitRequestTopic {
        name: String => 0..;
        partitions: Vec<OffsetCommitRequestPartition> => 0..;
    }

    /// One partition's offset: of the next record to read.
    pub struct OffsetCommitRequestPartition {
        partition_index: i32 => 0..;
        committed_offset: i64 => 0..;
        committed_leader_epoch: i32 => 6.., default -1;
        committed_metadata: Option<String> => 0..;
    }

    /// What became of the commit.
    pub struct OffsetCommitResponse {
        throttle_time_ms: i32 => 3..;
        topics: Vec<OffsetCommitResponseTopic> => 0..;
    }

    /// One topic's answer.
    pub struct OffsetCommitResponseTopic {
        name: String => 0..;
        partitions: Vec<OffsetCommitResponsePartition> => 0..;
    }

    /// One partition's answer.
    pub struct OffsetCommitResponsePartition {
        partition_index: i32 => 0..;
        error_code: ErrorCode => 0..;
    }

    /// Offsets to tell: of one group, or from version 8 on of several.
    pub struct OffsetFetchRequest {
        group_id: String => 0..=7;
        /// `None`: all topics the group has offsets of.
        topics: Option<Vec<OffsetFetchRequestTopic>> => 0..=7, nullable 2..=7;
        groups: Vec<OffsetFetchRequestGroup> => 8..;
        require_stable: bool => 7..;
    }

    /// A group to tell the offsets of.
    pub struct OffsetFetchRequestGroup {
        group_id: String => 8..;
        member_id: Option<String> => 9..;
        member_epoch: i32 => 9.., default -1;
        /// `None`: all topics the group has offsets of.
        topics: Option<Vec<OffsetFetchRequestTopic>> => 8..;
    }

    /// Partitions to tell the offsets of.
    pub struct OffsetFetchRequestTopic {
        name: String => 0..;
        partition_indexes: Vec<i32> => 0..;
    }

    /// Offsets of one group, or from version 8 on of several.
    pub struct OffsetFetchResponse {
        throttle_time_ms: i32 => 3..;
        topics: Vec<OffsetFetchResponseTopic> => 0..=7;
        error_code: ErrorCode => 2..=7;
        groups: Vec<OffsetFetchResponseGroup> => 8..;
    }

    /// One group's offsets.
    pub struct OffsetFetchResponseGroup {
        group_id: String => 8..;
        topics: Vec<OffsetFetchResponseTopic> => 8..;
        error_code: ErrorCode => 8..;
    }

    /// One topic's offsets.
    pub struct OffsetFetchResponseTopic {
        name: String => 0..;
        partitions: Vec<OffsetFetchResponsePartition> => 0..;
    }

    /// One partition's offset; -1 where the group has none.
    pub struct OffsetFetchResponsePartition {
        partition_index: i32 => 0..;
        committed_offset: i64 => 0..;
        committed_leader_epoch: i32 => 5.., default -1;
        metadata: Option<String> => 0..;
        error_code: ErrorCode => 0..;
    }
}
