//! CreateTopics, DeleteTopics, CreatePartitions, DeleteRecords: changes to what there is.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use kafka_wire::ErrorCode;
use kafka_wire::messages::*;
use uuid::Uuid;

use crate::node::{NODE_ID, Node};
use crate::topics::{Topic, TopicError};

/// An error's code with what to say about it.
type Problem = (ErrorCode, String);

pub(super) fn partition_count(topic: &Topic) -> i32 {
    i32::try_from(topic.partitions()).unwrap_or(i32::MAX)
}

pub(super) fn problem(error: &TopicError) -> Problem {
    if let TopicError::Storage(source) = error {
        tracing::error!(error = %source, "cannot write a topic");
    }
    (ErrorCode(error.code()), error.to_string())
}

pub(super) fn create_topics(node: &Node, request: CreateTopicsRequest) -> CreateTopicsResponse {
    let validate_only = request.validate_only;
    let topics = request.topics.into_iter().map(|topic| {
        let name = topic.name.clone();
        match create_topic(node, topic, validate_only) {
            Ok(created) => created,
            Err((error_code, message)) => {
                CreatableTopicResult { name, error_code, error_message: Some(message), ..Default::default() }
            }
        }
    });
    CreateTopicsResponse { topics: topics.collect(), ..Default::default() }
}

fn create_topic(
    node: &Node,
    asked: CreatableTopic,
    validate_only: bool,
) -> Result<CreatableTopicResult, Problem> {
    if !matches!(asked.replication_factor, -1 | 1) {
        let message = "there is one broker, so the replication factor is 1".to_owned();
        return Err((ErrorCode::INVALID_REPLICATION_FACTOR, message));
    }
    if asked.assignments.iter().any(|assignment| assignment.broker_ids != [NODE_ID]) {
        let message = format!("the only broker is {NODE_ID}");
        return Err((ErrorCode::INVALID_REPLICA_ASSIGNMENT, message));
    }
    let partitions = match (asked.assignments.len(), asked.num_partitions) {
        (0, -1) => node.config.partitions_default,
        (0, partitions) => u32::try_from(partitions).unwrap_or(0),
        (assigned, _) => u32::try_from(assigned).unwrap_or(0),
    };
    let configs: BTreeMap<_, _> =
        asked.configs.into_iter().filter_map(|config| Some((config.name, config.value?))).collect();
    let result = CreatableTopicResult {
        num_partitions: i32::try_from(partitions).unwrap_or(i32::MAX),
        replication_factor: 1,
        configs: Some(configs.iter().map(|(name, value)| created_config(name, value)).collect()),
        ..Default::default()
    };
    let topic_id = if validate_only {
        node.topics.check_create(&asked.name, partitions, &configs).map(|_| Uuid::nil())
    } else {
        node.topics.create(&asked.name, partitions, configs).map(|topic| topic.id)
    };
    let topic_id = topic_id.map_err(|error| problem(&error))?;
    Ok(CreatableTopicResult { name: asked.name, topic_id, ..result })
}

fn created_config(name: &str, value: &str) -> CreatableTopicConfigs {
    let config_source = super::configs::TOPIC_SOURCE;
    let (name, value) = (name.to_owned(), Some(value.to_owned()));
    CreatableTopicConfigs { name, value, config_source, ..Default::default() }
}

pub(super) fn delete_topics(node: &Node, request: DeleteTopicsRequest) -> DeleteTopicsResponse {
    // Versions before 6 have names only.
    let by_name = request
        .topic_names
        .into_iter()
        .map(|name| DeleteTopicState { name: Some(name), ..Default::default() });
    let responses = by_name.chain(request.topics).map(|asked| delete_topic(node, asked)).collect();
    DeleteTopicsResponse { responses, ..Default::default() }
}

fn delete_topic(node: &Node, asked: DeleteTopicState) -> DeletableTopicResult {
    let by_id = asked.name.is_none();
    let found = match asked.name {
        Some(name) => node.topics.get(&name).map(|topic| (name.clone(), topic)).ok_or(Some(name)),
        None => node.topics.by_id(asked.topic_id).ok_or(None),
    };
    let (name, topic_id, error_code) = match found {
        Ok((name, topic)) if node.topics.delete(&name) => {
            if let Err(error) = node.groups().forget_topic(&name) {
                tracing::error!(topic = name, %error, "cannot forget the offsets of a deleted topic");
            }
            (Some(name), topic.id, ErrorCode::NONE)
        }
        Ok((name, topic)) => (Some(name), topic.id, ErrorCode::KAFKA_STORAGE_ERROR),
        Err(name) if by_id => (name, asked.topic_id, ErrorCode::UNKNOWN_TOPIC_ID),
        Err(name) => (name, asked.topic_id, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
    };
    DeletableTopicResult { name, topic_id, error_code, ..Default::default() }
}

pub(super) fn create_partitions(node: &Node, request: CreatePartitionsRequest) -> CreatePartitionsResponse {
    let validate_only = request.validate_only;
    let results = request.topics.into_iter().map(|asked| {
        let result = add_partitions(node, &asked, validate_only);
        let (error_code, error_message) = match result {
            Ok(()) => (ErrorCode::NONE, None),
            Err(error) => {
                let (code, message) = problem(&error);
                (code, Some(message))
            }
        };
        CreatePartitionsTopicResult { name: asked.name, error_code, error_message }
    });
    CreatePartitionsResponse { results: results.collect(), ..Default::default() }
}

fn add_partitions(node: &Node, asked: &CreatePartitionsTopic, validate_only: bool) -> Result<(), TopicError> {
    let total = u32::try_from(asked.count).unwrap_or(0);
    if validate_only {
        return node.topics.check_partitions(&asked.name, total).map(drop);
    }
    node.topics.add_partitions(&asked.name, total)
}

pub(super) fn delete_records(node: &Node, request: DeleteRecordsRequest) -> DeleteRecordsResponse {
    let one_topic = |topic: DeleteRecordsTopic| {
        let partitions = topic.partitions.iter().map(|asked| {
            let (low_watermark, error_code) = match cut(node, &topic.name, asked) {
                Ok(low_watermark) => (low_watermark, ErrorCode::NONE),
                Err(error_code) => (-1, error_code),
            };
            DeleteRecordsPartitionResult { partition_index: asked.partition_index, low_watermark, error_code }
        });
        DeleteRecordsTopicResult { partitions: partitions.collect(), name: topic.name }
    };
    DeleteRecordsResponse {
        topics: request.topics.into_iter().map(one_topic).collect(),
        ..Default::default()
    }
}

fn cut(node: &Node, topic: &str, asked: &DeleteRecordsPartition) -> Result<i64, ErrorCode> {
    let topic = node.topics.get(topic).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
    let log = topic.partition(asked.partition_index).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
    let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
    let end = log.next_offset();
    let offset = if asked.offset == -1 { end } else { asked.offset };
    if !(0..=end).contains(&offset) {
        return Err(ErrorCode::OFFSET_OUT_OF_RANGE);
    }
    log.delete_records_before(offset).map_err(|error| {
        tracing::error!(%error, "cannot delete records");
        ErrorCode::KAFKA_STORAGE_ERROR
    })
}
