//! Metadata: the one broker, the topics, and topics made because somebody asked for them.

use std::collections::BTreeMap;
use std::sync::Arc;

use kafka_wire::ErrorCode;
use kafka_wire::messages::*;
use uuid::Uuid;

use super::distinct;
use crate::node::{CLUSTER_ID, LEADER_EPOCH, NODE_ID, Node};
use crate::topics::{Topic, TopicError};

pub(super) fn metadata(node: &Node, request: MetadataRequest, version: i16) -> MetadataResponse {
    // Before version 4 a request could not say whether it wants topics made; the broker's setting decided.
    let creates = version < 4 || request.allow_auto_topic_creation;
    // Version 0 has no null: there an empty list asks for all topics.
    let asked = request.topics.filter(|topics| version > 0 || !topics.is_empty());
    let topics = match asked {
        None => node.topics.list().into_iter().map(|(name, topic)| found(name, &topic)).collect(),
        Some(asked) => distinct(asked, |one| (one.name.clone(), one.topic_id))
            .map(|asked| one(node, asked, creates))
            .collect(),
    };
    let broker =
        MetadataResponseBroker { node_id: NODE_ID, host: node.host.clone(), port: node.port, rack: None };
    MetadataResponse {
        brokers: vec![broker],
        cluster_id: Some(CLUSTER_ID.to_owned()),
        controller_id: NODE_ID,
        topics,
        ..Default::default()
    }
}

fn one(node: &Node, asked: MetadataRequestTopic, creates: bool) -> MetadataResponseTopic {
    let Some(name) = asked.name else {
        return match node.topics.by_id(asked.topic_id) {
            Some((name, topic)) => found(name, &topic),
            None => missing(None, asked.topic_id, ErrorCode::UNKNOWN_TOPIC_ID),
        };
    };
    let topic = match node.topics.get(&name) {
        Some(topic) => Ok(topic),
        None if creates => create(node, &name),
        None => Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
    };
    match topic {
        Ok(topic) => found(name, &topic),
        Err(error_code) => missing(Some(name), Uuid::nil(), error_code),
    }
}

fn create(node: &Node, name: &str) -> Result<Arc<Topic>, ErrorCode> {
    match node.topics.create(name, node.config.partitions_default, BTreeMap::new()) {
        // Two clients asked at once.
        Err(TopicError::Exists) => node.topics.get(name).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
        Err(error) => Err(ErrorCode(error.code())),
        Ok(topic) => Ok(topic),
    }
}

fn found(name: String, topic: &Topic) -> MetadataResponseTopic {
    let partitions =
        (0..super::topics::partition_count(topic)).map(|partition_index| MetadataResponsePartition {
            partition_index,
            leader_id: NODE_ID,
            leader_epoch: LEADER_EPOCH,
            replica_nodes: vec![NODE_ID],
            isr_nodes: vec![NODE_ID],
            ..Default::default()
        });
    MetadataResponseTopic {
        name: Some(name),
        topic_id: topic.id,
        partitions: partitions.collect(),
        ..Default::default()
    }
}

fn missing(name: Option<String>, topic_id: Uuid, error_code: ErrorCode) -> MetadataResponseTopic {
    MetadataResponseTopic { error_code, name, topic_id, ..Default::default() }
}
