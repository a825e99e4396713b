//! Asks brokers to create topics and to name their limits. Every call blocks its thread.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;
use tokio::runtime::Handle;

use crate::classify;
use crate::config::Creation;
use crate::producer::Bridge;

/// A client for administration; its connections are its own, so it lives no longer than its task.
pub(super) struct Admin {
    client: AdminClient<Bridge>,
    runtime: Handle,
    timeout: Duration,
}

impl Admin {
    /// Opens the client. `runtime` is any runtime: the library's own threads do the work.
    pub(super) fn open(
        properties: &BTreeMap<String, String>,
        runtime: Handle,
        timeout: Duration,
    ) -> Result<Self, KafkaError> {
        let mut config = ClientConfig::new();
        for (name, value) in properties {
            config.set(name, value);
        }
        config.set_log_level(RDKafkaLogLevel::Warning);
        Ok(Self { client: config.create_with_context(Bridge::default())?, runtime, timeout })
    }

    fn options(&self) -> AdminOptions {
        AdminOptions::new().request_timeout(Some(self.timeout)).operation_timeout(Some(self.timeout))
    }

    /// Creates topics; one that exists by now is no error.
    pub(super) fn create(&self, topics: &[String], creation: &Creation) -> Result<(), String> {
        let asked: Vec<NewTopic<'_>> = topics
            .iter()
            .map(|name| {
                let replication = TopicReplication::Fixed(creation.replication);
                let mut topic = NewTopic::new(name, creation.partitions, replication);
                topic.config =
                    creation.settings.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
                topic
            })
            .collect();
        let answers = self
            .runtime
            .block_on(self.client.create_topics(&asked, &self.options()))
            .map_err(|error| error.to_string())?;
        let mut refused = Vec::new();
        for answer in answers {
            match answer {
                Ok(topic) => tracing::info!(topic, "topic created"),
                Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((topic, code)) => refused.push(format!("{topic}: {}", classify::name(code))),
            }
        }
        if refused.is_empty() { Ok(()) } else { Err(refused.join(", ")) }
    }

    /// `max.message.bytes` of the topics whose settings may be read.
    pub(super) fn message_bytes_max(&self, topics: &[&str]) -> Result<BTreeMap<String, usize>, KafkaError> {
        let asked: Vec<ResourceSpecifier<'_>> =
            topics.iter().map(|name| ResourceSpecifier::Topic(name)).collect();
        let answers = self.runtime.block_on(self.client.describe_configs(&asked, &self.options()))?;
        let mut found = BTreeMap::new();
        for resource in answers.into_iter().flatten() {
            let rdkafka::admin::OwnedResourceSpecifier::Topic(name) = &resource.specifier else { continue };
            let limit = resource.get("max.message.bytes").and_then(|entry| entry.value.as_deref());
            if let Some(bytes) = limit.and_then(|text| text.parse().ok()) {
                found.insert(name.clone(), bytes);
            }
        }
        Ok(found)
    }
}
