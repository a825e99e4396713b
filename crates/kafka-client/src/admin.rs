//! Hop 7: topics are created, and their properties read.

use std::collections::BTreeMap;
use std::time::Duration;

use kafka_wire::messages::{
    CreatableTopic, CreatableTopicConfig, CreatableTopicResult, CreateTopicsRequest, DescribeConfigsRequest,
    DescribeConfigsResource, TOPIC_RESOURCE,
};
use kafka_wire::{ApiKey, ErrorCode};

use crate::cluster::Allowed;
use crate::{Cluster, Error};

/// The version of CreateTopics from which on brokers fill in partitions and replication (KIP-464).
const DEFAULTS_SINCE: i16 = 4;

/// A topic to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTopic {
    /// Its name.
    pub name: String,
    /// How many partitions; -1: as many as the broker's `num.partitions` says (Kafka 2.4 and newer).
    pub partitions: i32,
    /// How many brokers keep each; -1: as the broker's `default.replication.factor` says (Kafka 2.4 and newer).
    pub replication: i16,
    /// Its properties, by Kafka's names.
    pub configs: BTreeMap<String, String>,
}

/// Creates topics. Each has its own outcome, in the order asked; one that exists by now is refused with
/// `TOPIC_ALREADY_EXISTS`. The brokers wait `timeout` for a topic's leaders.
pub async fn create_topics(
    cluster: &Cluster,
    topics: &[NewTopic],
    timeout: Duration,
) -> Vec<(String, Result<(), Error>)> {
    let request = CreateTopicsRequest {
        topics: topics.iter().map(creatable).collect(),
        timeout_ms: i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX),
        ..Default::default()
    };
    let defaults = topics.iter().any(|topic| topic.partitions == -1 || topic.replication == -1);
    let not_controller = |answers: &[CreatableTopicResult]| {
        answers.iter().any(|it| it.error_code == ErrorCode::NOT_CONTROLLER)
    };
    let oldest = if defaults { DEFAULTS_SINCE } else { 0 };
    let allowed = Allowed { oldest, ..Allowed::ANY };
    let asked = cluster.ask_controller_in(allowed, &request, |answer| not_controller(&answer.topics)).await;
    let outcome = |name: &str| -> Result<(), Error> {
        let answer = match &asked {
            Ok(answer) => answer,
            Err(Error::Unsupported { broker, api: ApiKey::CreateTopics }) if defaults => {
                return Err(Error::NoDefaults { broker: broker.clone(), topic: name.to_owned() });
            }
            Err(error) => return Err(error.clone()),
        };
        let told = answer.topics.iter().find(|told| told.name == name);
        let (code, message) = match told {
            Some(told) => (told.error_code, told.error_message.clone()),
            None => (ErrorCode::UNKNOWN_SERVER_ERROR, Some("the broker's answer leaves it out".to_owned())),
        };
        if code.is_none() {
            return Ok(());
        }
        Err(Error::Refused { what: format!("creation of the topic {name}"), code, message })
    };
    topics.iter().map(|topic| (topic.name.clone(), outcome(&topic.name))).collect()
}

fn creatable(topic: &NewTopic) -> CreatableTopic {
    let configs = topic.configs.iter();
    CreatableTopic {
        name: topic.name.clone(),
        num_partitions: topic.partitions,
        replication_factor: topic.replication,
        assignments: Vec::new(),
        configs: configs
            .map(|(name, value)| CreatableTopicConfig { name: name.clone(), value: Some(value.clone()) })
            .collect(),
    }
}

/// Properties of topics: those of `names` that a topic has, for the topics whose properties may be read.
///
/// # Errors
///
/// As [`Cluster::ask_any`].
pub async fn describe_topic_configs(
    cluster: &Cluster,
    topics: &[&str],
    names: &[&str],
) -> Result<BTreeMap<String, BTreeMap<String, String>>, Error> {
    let resource = |topic: &&str| DescribeConfigsResource {
        resource_type: TOPIC_RESOURCE,
        resource_name: (*topic).to_owned(),
        configuration_keys: Some(names.iter().map(|name| (*name).to_owned()).collect()),
    };
    let request =
        DescribeConfigsRequest { resources: topics.iter().map(resource).collect(), ..Default::default() };
    let answer = cluster.ask_any(&request).await?;
    let mut found = BTreeMap::new();
    for told in answer.results {
        let topic = told.resource_name;
        if !told.error_code.is_none() {
            tracing::debug!(topic, code = %told.error_code, "the topic's properties cannot be read");
            continue;
        }
        if told.resource_type != TOPIC_RESOURCE || !topics.contains(&topic.as_str()) {
            continue;
        }
        let wanted = told.configs.into_iter().filter(|config| names.contains(&config.name.as_str()));
        let configs = wanted.filter_map(|config| Some((config.name, config.value?))).collect();
        found.insert(topic, configs);
    }
    Ok(found)
}
