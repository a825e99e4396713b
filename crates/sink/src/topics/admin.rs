//! Asks brokers to create topics and to name their limits.

use std::collections::BTreeMap;
use std::time::Duration;

use kafka_client::admin::{NewTopic, create_topics, describe_topic_configs};
use kafka_client::{Cluster, Error, ErrorCode};

use crate::config::Creation;

const MESSAGE_BYTES_MAX: &str = "max.message.bytes";

/// Creates topics; one that exists by now is no error. The error names each topic that was refused, and why.
pub(super) async fn create(
    cluster: &Cluster,
    topics: &[String],
    creation: &Creation,
    timeout: Duration,
) -> Result<(), String> {
    let asked: Vec<NewTopic> = topics
        .iter()
        .map(|name| NewTopic {
            name: name.clone(),
            partitions: creation.partitions,
            replication: i16::try_from(creation.replication).unwrap_or(i16::MAX),
            configs: creation.settings.iter().cloned().collect(),
        })
        .collect();
    let mut refused = Vec::new();
    for (topic, created) in create_topics(cluster, &asked, timeout).await {
        match created {
            Ok(()) => tracing::info!(topic, "topic created"),
            Err(Error::Refused { code: ErrorCode::TOPIC_ALREADY_EXISTS, .. }) => {}
            Err(Error::Refused { code, message, .. }) => {
                let message = message.map(|text| format!(" ({text})")).unwrap_or_default();
                refused.push(format!("{topic}: {code}{message}"));
            }
            Err(error) => {
                // The way to the brokers failed, for all topics alike.
                return Err(error.to_string());
            }
        }
    }
    if refused.is_empty() { Ok(()) } else { Err(refused.join(", ")) }
}

/// `max.message.bytes` of the topics whose settings may be read.
pub(super) async fn message_bytes_max(
    cluster: &Cluster,
    topics: &[&str],
) -> Result<BTreeMap<String, usize>, Error> {
    let found = describe_topic_configs(cluster, topics, &[MESSAGE_BYTES_MAX]).await?;
    let limit = |configs: &BTreeMap<String, String>| configs.get(MESSAGE_BYTES_MAX)?.parse().ok();
    Ok(found.into_iter().filter_map(|(topic, configs)| Some((topic, limit(&configs)?))).collect())
}
