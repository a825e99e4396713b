//! CreateTopics, DeleteTopics, CreatePartitions.

use uuid::Uuid;

use crate::ErrorCode;

api!(CreateTopics: CreateTopicsRequest => CreateTopicsResponse, versions 2..=7, flexible from 5);
api!(DeleteTopics: DeleteTopicsRequest => DeleteTopicsResponse, versions 1..=6, flexible from 4);
api!(CreatePartitions: CreatePartitionsRequest => CreatePartitionsResponse, versions 0..=3, flexible from 2);

wire_structs! {
    /// Topics to create.
    pub struct CreateTopicsRequest {
        topics: Vec<CreatableTopic> => 0..;
        timeout_ms: i32 => 0.., default 60_000;
        validate_only: bool => 1..;
    }

    /// A topic to create.
    pub struct CreatableTopic {
        name: String => 0..;
        /// -1: the broker's default (KIP-464), or as many as there are assignments.
        num_partitions: i32 => 0..;
        /// -1: the broker's default.
        replication_factor: i16 => 0..;
        assignments: Vec<CreatableReplicaAssignment> => 0..;
        configs: Vec<CreatableTopicConfig> => 0..;
    }

    /// Which brokers keep a partition.
    pub struct CreatableReplicaAssignment {
        partition_index: i32 => 0..;
        broker_ids: Vec<i32> => 0..;
    }

    /// A topic's property.
    pub struct CreatableTopicConfig {
        name: String => 0..;
        value: Option<String> => 0..;
    }

    /// What became of them.
    pub struct CreateTopicsResponse {
        throttle_time_ms: i32 => 2..;
        topics: Vec<CreatableTopicResult> => 0..;
    }

    /// One topic's answer.
    pub struct CreatableTopicResult {
        name: String => 0..;
        topic_id: Uuid => 7..;
        error_code: ErrorCode => 0..;
        error_message: Option<String> => 1..;
        topic_config_error_code: ErrorCode => 5.., tag 0;
        num_partitions: i32 => 5.., default -1;
        replication_factor: i16 => 5.., default -1;
        configs: Option<Vec<CreatableTopicConfigs>> => 5..;
    }

    /// A property of the topic as it was created.
    pub struct CreatableTopicConfigs {
        name: String => 5..;
        value: Option<String> => 5..;
        read_only: bool => 5..;
        config_source: i8 => 5.., default -1;
        is_sensitive: bool => 5..;
    }

    /// Topics to delete.
    pub struct DeleteTopicsRequest {
        topics: Vec<DeleteTopicState> => 6..;
        topic_names: Vec<String> => 0..=5;
        timeout_ms: i32 => 0..;
    }

    /// A topic to delete, by name or by id.
    pub struct DeleteTopicState {
        name: Option<String> => 6..;
        topic_id: Uuid => 6..;
    }

    /// What became of them.
    pub struct DeleteTopicsResponse {
        throttle_time_ms: i32 => 1..;
        responses: Vec<DeletableTopicResult> => 0..;
    }

    /// One topic's answer.
    pub struct DeletableTopicResult {
        name: Option<String> => 0.., nullable 6..;
        topic_id: Uuid => 6..;
        error_code: ErrorCode => 0..;
        error_message: Option<String> => 5..;
    }

    /// Topics that get more partitions.
    pub struct CreatePartitionsRequest {
        topics: Vec<CreatePartitionsTopic> => 0..;
        timeout_ms: i32 => 0..;
        validate_only: bool => 0..;
    }

    /// A topic and how many partitions it is to have.
    pub struct CreatePartitionsTopic {
        name: String => 0..;
        count: i32 => 0..;
        assignments: Option<Vec<CreatePartitionsAssignment>> => 0..;
    }

    /// Which brokers keep a new partition.
    pub struct CreatePartitionsAssignment {
        broker_ids: Vec<i32> => 0..;
    }

    /// What became of them.
    pub struct CreatePartitionsResponse {
        throttle_time_ms: i32 => 0..;
        results: Vec<CreatePartitionsTopicResult> => 0..;
    }

    /// One topic's answer.
    pub struct CreatePartitionsTopicResult {
        name: String => 0..;
        error_code: ErrorCode => 0..;
        error_message: Option<String> => 0..;
    }
}
