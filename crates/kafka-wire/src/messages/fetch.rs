//! Fetch: record batches from an offset on, waiting for them when there are none yet.

use uuid::Uuid;

use crate::{ErrorCode, RecordSet};

api!(Fetch: FetchRequest => FetchResponse, versions 4..=18, flexible from 12);

wire_structs! {
    /// What to read, and how long to wait for how much.
    pub struct FetchRequest {
        cluster_id: Option<String> => 12.., tag 0;
        replica_id: i32 => 0..=14, default -1;
        replica_state: ReplicaState => 15.., tag 1;
        max_wait_ms: i32 => 0..;
        min_bytes: i32 => 0..;
        max_bytes: i32 => 3.., default i32::MAX;
        /// 0: all records; 1: only records of committed transactions.
        isolation_level: i8 => 4..;
        /// 0: no incremental fetch session (KIP-227).
        session_id: i32 => 7..;
        session_epoch: i32 => 7.., default -1;
        topics: Vec<FetchTopic> => 0..;
        forgotten_topics_data: Vec<ForgottenTopic> => 7..;
        rack_id: String => 11..;
    }

    /// The follower that asks (KIP-903).
    pub struct ReplicaState {
        replica_id: i32 => 15.., default -1;
        replica_epoch: i64 => 15.., default -1;
    }

    /// A topic to read from, by name or (KIP-516) by id.
    pub struct FetchTopic {
        topic: String => 0..=12;
        topic_id: Uuid => 13..;
        partitions: Vec<FetchPartition> => 0..;
    }

    /// A partition to read from.
    pub struct FetchPartition {
        partition: i32 => 0..;
        current_leader_epoch: i32 => 9.., default -1;
        fetch_offset: i64 => 0..;
        last_fetched_epoch: i32 => 12.., default -1;
        log_start_offset: i64 => 5.., default -1;
        partition_max_bytes: i32 => 0..;
        replica_directory_id: Uuid => 17.., tag 0;
        high_watermark: i64 => 18.., default i64::MAX, tag 1;
    }

    /// Partitions to take out of an incremental fetch session (KIP-227).
    pub struct ForgottenTopic {
        topic: String => 7..=12;
        topic_id: Uuid => 13..;
        partitions: Vec<i32> => 7..;
    }

    /// What was read.
    pub struct FetchResponse {
        throttle_time_ms: i32 => 1..;
        error_code: ErrorCode => 7..;
        session_id: i32 => 7..;
        responses: Vec<FetchableTopicResponse> => 0..;
        node_endpoints: Vec<FetchNodeEndpoint> => 16.., tag 0;
    }

    /// One topic's batches.
    pub struct FetchableTopicResponse {
        topic: String => 0..=12;
        topic_id: Uuid => 13..;
        partitions: Vec<PartitionData> => 0..;
    }

    /// One partition's batches.
    pub struct PartitionData {
        partition_index: i32 => 0..;
        error_code: ErrorCode => 0..;
        high_watermark: i64 => 0..;
        last_stable_offset: i64 => 4.., default -1;
        log_start_offset: i64 => 5.., default -1;
        diverging_epoch: FetchEpochEndOffset => 12.., tag 0;
        current_leader: FetchLeaderIdAndEpoch => 12.., tag 1;
        snapshot_id: SnapshotId => 12.., tag 2;
        aborted_transactions: Option<Vec<AbortedTransaction>> => 4..;
        preferred_read_replica: i32 => 11.., default -1;
        records: Option<RecordSet> => 0..;
    }

    /// Where the reader's log and the leader's part (KIP-595).
    pub struct FetchEpochEndOffset {
        epoch: i32 => 12.., default -1;
        end_offset: i64 => 12.., default -1;
    }

    /// The leader to turn to (KIP-951).
    pub struct FetchLeaderIdAndEpoch {
        leader_id: i32 => 12.., default -1;
        leader_epoch: i32 => 12.., default -1;
    }

    /// A snapshot to read instead (KIP-595).
    pub struct SnapshotId {
        end_offset: i64 => 0.., default -1;
        epoch: i32 => 0.., default -1;
    }

    /// A transaction whose records a `read_committed` reader skips.
    pub struct AbortedTransaction {
        producer_id: i64 => 4..;
        first_offset: i64 => 4..;
    }

    /// Where the leader listens (KIP-951).
    pub struct FetchNodeEndpoint {
        node_id: i32 => 16..;
        host: String => 16..;
        port: i32 => 16..;
        rack: Option<String> => 16..;
    }
}
