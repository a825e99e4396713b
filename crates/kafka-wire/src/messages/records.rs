//! DeleteRecords: cutting off the beginning of a log.

use crate::ErrorCode;

api!(DeleteRecords: DeleteRecordsRequest => DeleteRecordsResponse, versions 0..=2, flexible from 2);

wire_structs! {
    /// Where logs are to begin.
    pub struct DeleteRecordsRequest {
        topics: Vec<DeleteRecordsTopic> => 0..;
        timeout_ms: i32 => 0..;
    }

    /// One topic's logs.
    pub struct DeleteRecordsTopic {
        name: String => 0..;
        partitions: Vec<DeleteRecordsPartition> => 0..;
    }

    /// One partition's new first offset; -1 stands for the end of the log.
    pub struct DeleteRecordsPartition {
        partition_index: i32 => 0..;
        offset: i64 => 0..;
    }

    /// Where the logs begin now.
    pub struct DeleteRecordsResponse {
        throttle_time_ms: i32 => 0..;
        topics: Vec<DeleteRecordsTopicResult> => 0..;
    }

    /// One topic's answer.
    pub struct DeleteRecordsTopicResult {
        name: String => 0..;
        partitions: Vec<DeleteRecordsPartitionResult> => 0..;
    }

    /// One partition's answer.
    pub struct DeleteRecordsPartitionResult {
        partition_index: i32 => 0..;
        low_watermark: i64 => 0..;
        error_code: ErrorCode => 0..;
    }
}
