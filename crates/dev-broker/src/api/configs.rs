//! DescribeConfigs and IncrementalAlterConfigs: what topics are set to.

use std::collections::BTreeMap;

use kafka_wire::ErrorCode;
use kafka_wire::messages::*;

use super::distinct;
use super::topics::problem;
use crate::node::Node;

/// `config_source` of what was set on the topic.
pub(super) const TOPIC_SOURCE: i8 = 1;
/// `config_source` of a default.
const DEFAULT_SOURCE: i8 = 5;
/// `config_type` of text.
const STRING_TYPE: i8 = 2;
/// `config_type` of a 64-bit number.
const LONG_TYPE: i8 = 5;

pub(super) fn describe_configs(node: &Node, request: DescribeConfigsRequest) -> DescribeConfigsResponse {
    let results =
        distinct(request.resources, |one| (one.resource_type, one.resource_name.clone())).map(|asked| {
            let configs = match asked.resource_type {
                TOPIC_RESOURCE => topic_configs(node, &asked.resource_name),
                BROKER_RESOURCE => Ok(Vec::new()),
                _ => Err(ErrorCode::INVALID_REQUEST),
            };
            let (error_code, mut configs) = match configs {
                Ok(configs) => (ErrorCode::NONE, configs),
                Err(error_code) => (error_code, Vec::new()),
            };
            if let Some(keys) = asked.configuration_keys {
                configs.retain(|config| keys.contains(&config.name));
            }
            DescribeConfigsResult {
                error_code,
                error_message: None,
                resource_type: asked.resource_type,
                resource_name: asked.resource_name,
                configs,
            }
        });
    DescribeConfigsResponse { results: results.collect(), ..Default::default() }
}

/// The keys that are obeyed with their defaults, and over them what was set.
fn topic_configs(node: &Node, name: &str) -> Result<Vec<DescribeConfigsResourceResult>, ErrorCode> {
    let topic = node.topics.get(name).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
    let unbounded = || "-1".to_owned();
    let config = &node.config;
    let defaults = [
        ("cleanup.policy", "delete".to_owned()),
        ("max.message.bytes", config.message_bytes_max.to_string()),
        ("retention.bytes", config.retention_bytes.map_or_else(unbounded, |bytes| bytes.to_string())),
        ("retention.ms", config.retention_ms.map_or_else(unbounded, |ms| ms.to_string())),
        ("segment.bytes", config.segment_bytes.to_string()),
    ];
    let mut all: BTreeMap<String, (String, i8)> =
        defaults.into_iter().map(|(key, value)| (key.to_owned(), (value, DEFAULT_SOURCE))).collect();
    all.extend(topic.configs().into_iter().map(|(key, value)| (key, (value, TOPIC_SOURCE))));
    let describe = |(name, (value, config_source)): (String, (String, i8))| DescribeConfigsResourceResult {
        config_type: if value.parse::<i64>().is_ok() { LONG_TYPE } else { STRING_TYPE },
        name,
        value: Some(value),
        config_source,
        ..Default::default()
    };
    Ok(all.into_iter().map(describe).collect())
}

pub(super) fn incremental_alter_configs(
    node: &Node,
    request: IncrementalAlterConfigsRequest,
) -> IncrementalAlterConfigsResponse {
    let validate_only = request.validate_only;
    let responses = request.resources.into_iter().map(|resource| {
        let AlterConfigsResource { resource_type, resource_name, configs } = resource;
        let (error_code, error_message) =
            match alter(node, resource_type, &resource_name, configs, validate_only) {
                Ok(()) => (ErrorCode::NONE, None),
                Err((error_code, message)) => (error_code, Some(message)),
            };
        AlterConfigsResourceResponse { error_code, error_message, resource_type, resource_name }
    });
    IncrementalAlterConfigsResponse { responses: responses.collect(), ..Default::default() }
}

fn alter(
    node: &Node,
    resource_type: i8,
    name: &str,
    changes: Vec<AlterableConfig>,
    validate_only: bool,
) -> Result<(), (ErrorCode, String)> {
    if resource_type != TOPIC_RESOURCE {
        return Err((ErrorCode::INVALID_REQUEST, "only topics can be configured".to_owned()));
    }
    if node.topics.get(name).is_none() {
        return Err((ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, "no such topic".to_owned()));
    }
    let mut values = BTreeMap::new();
    for change in changes {
        let value = match change.config_operation {
            0 => Some(change.value.unwrap_or_default()),
            1 => None,
            _ => return Err((ErrorCode::INVALID_CONFIG, "only set and delete are known".to_owned())),
        };
        values.insert(change.name, value);
    }
    let altered = if validate_only {
        node.topics.check_configs(name, values).map(drop)
    } else {
        node.topics.alter_configs(name, values)
    };
    altered.map_err(|error| problem(&error))
}
