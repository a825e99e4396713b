//! ListOffsets: the offset that belongs to a time, or to an end of the log.

use crate::ErrorCode;

api!(ListOffsets: ListOffsetsRequest => ListOffsetsResponse, versions 1..=10, flexible from 6);

/// Asks for the offset after the last record.
pub const LATEST_TIMESTAMP: i64 = -1;
/// Asks for the offset of the first record.
pub const EARLIEST_TIMESTAMP: i64 = -2;
/// Asks for the record with the highest timestamp (version 7, KIP-734).
pub const MAX_TIMESTAMP: i64 = -3;

wire_structs! {
    /// Times to look up.
    pub struct ListOffsetsRequest {
        replica_id: i32 => 0.., default -1;
        isolation_level: i8 => 2..;
        topics: Vec<ListOffsetsTopic> => 0..;
        timeout_ms: i32 => 10..;
    }

    /// One topic's times.
    pub struct ListOffsetsTopic {
        name: String => 0..;
        partitions: Vec<ListOffsetsPartition> => 0..;
    }

    /// One partition's time.
    pub struct ListOffsetsPartition {
        partition_index: i32 => 0..;
        current_leader_epoch: i32 => 4.., default -1;
        timestamp: i64 => 0..;
    }

    /// Offsets found.
    pub struct ListOffsetsResponse {
        throttle_time_ms: i32 => 2..;
        topics: Vec<ListOffsetsTopicResponse> => 0..;
    }

    /// One topic's offsets.
    pub struct ListOffsetsTopicResponse {
        name: String => 0..;
        partitions: Vec<ListOffsetsPartitionResponse> => 0..;
    }

    /// One partition's offset: of the first record not before the time, or -1.
    pub struct ListOffsetsPartitionResponse {
        partition_index: i32 => 0..;
        error_code: ErrorCode => 0..;
        timestamp: i64 => 1.., default -1;
        offset: i64 => 1.., default -1;
        leader_epoch: i32 => 4.., default -1;
    }
}
