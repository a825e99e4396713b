//! Produce: record batches to be appended.

use uuid::Uuid;

use crate::{ErrorCode, RecordSet};

api!(Produce: ProduceRequest => ProduceResponse, versions 0..=13, flexible from 9);

wire_structs! {
    /// Record batches for partitions. Versions before 3 carry the message formats that came before record batches.
    pub struct ProduceRequest {
        transactional_id: Option<String> => 3..;
        /// 0: no answer at all; 1: the leader has it; -1: all in-sync replicas have it.
        acks: i16 => 0..;
        timeout_ms: i32 => 0..;
        topic_data: Vec<TopicProduceData> => 0..;
    }

    /// One topic's batches.
    pub struct TopicProduceData {
        name: String => 0..=12;
        topic_id: Uuid => 13..;
        partition_data: Vec<PartitionProduceData> => 0..;
    }

    /// One partition's batches.
    pub struct PartitionProduceData {
        index: i32 => 0..;
        records: Option<RecordSet> => 0..;
    }

    /// Where the batches came to lie.
    pub struct ProduceResponse {
        responses: Vec<TopicProduceResponse> => 0..;
        throttle_time_ms: i32 => 1..;
        node_endpoints: Vec<ProduceNodeEndpoint> => 10.., tag 0;
    }

    /// One topic's answer.
    pub struct TopicProduceResponse {
        name: String => 0..=12;
        topic_id: Uuid => 13..;
        partition_responses: Vec<PartitionProduceResponse> => 0..;
    }

    /// One partition's answer.
    pub struct PartitionProduceResponse {
        index: i32 => 0..;
        error_code: ErrorCode => 0..;
        base_offset: i64 => 0..;
        /// -1 unless the topic's timestamps are those of the append.
        log_append_time_ms: i64 => 2.., default -1;
        log_start_offset: i64 => 5.., default -1;
        record_errors: Vec<BatchIndexAndErrorMessage> => 8..;
        error_message: Option<String> => 8..;
        current_leader: ProduceLeaderIdAndEpoch => 10.., tag 0;
    }

    /// A record because of which its batch was refused.
    pub struct BatchIndexAndErrorMessage {
        batch_index: i32 => 8..;
        batch_index_error_message: Option<String> => 8..;
    }

    /// The leader to turn to (KIP-951).
    pub struct ProduceLeaderIdAndEpoch {
        leader_id: i32 => 10.., default -1;
        leader_epoch: i32 => 10.., default -1;
    }

    /// Where that leader listens (KIP-951).
    pub struct ProduceNodeEndpoint {
        node_id: i32 => 10..;
        host: String => 10..;
        port: i32 => 10..;
        rack: Option<String> => 10..;
    }
}
