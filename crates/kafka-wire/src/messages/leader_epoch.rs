//! OffsetForLeaderEpoch: where a leader's time ended; a consumer's check that the log was not cut (KIP-320).

use crate::ErrorCode;

api!(
    OffsetForLeaderEpoch: OffsetForLeaderEpochRequest => OffsetForLeaderEpochResponse,
    versions 2..=4, flexible from 4
);

wire_structs! {
    /// Epochs to look up.
    pub struct OffsetForLeaderEpochRequest {
        replica_id: i32 => 3.., default -2;
        topics: Vec<OffsetForLeaderTopic> => 0..;
    }

    /// One topic's epochs.
    pub struct OffsetForLeaderTopic {
        topic: String => 0..;
        partitions: Vec<OffsetForLeaderPartition> => 0..;
    }

    /// One partition's epoch.
    pub struct OffsetForLeaderPartition {
        partition: i32 => 0..;
        current_leader_epoch: i32 => 2.., default -1;
        leader_epoch: i32 => 0..;
    }

    /// The ends of the epochs.
    pub struct OffsetForLeaderEpochResponse {
        throttle_time_ms: i32 => 2..;
        topics: Vec<OffsetForLeaderTopicResult> => 0..;
    }

    /// One topic's ends.
    pub struct OffsetForLeaderTopicResult {
        topic: String => 0..;
        partitions: Vec<EpochEndOffset> => 0..;
    }

    /// One partition's end of the epoch.
    pub struct EpochEndOffset {
        error_code: ErrorCode => 0..;
        partition: i32 => 0..;
        leader_epoch: i32 => 1.., default -1;
        end_offset: i64 => 0.., default -1;
    }
}
