//! Tests of answers without connections.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::PoisonError;

use kafka_wire::batch::{Attributes, BatchHeader};
use kafka_wire::messages::*;
use kafka_wire::{ApiKey, ErrorCode};
use tempfile::TempDir;
use tokio::sync::watch;

use super::OFFERED;
use super::configs::incremental_alter_configs;
use super::fetch::fetch;
use super::topics::{create_partitions, create_topics};
use crate::Config;
use crate::node::Node;

#[test]
fn what_is_offered_can_be_read_and_written() {
    for (key, versions) in OFFERED {
        assert!(key.versions().contains(versions.start()), "{key:?}");
        assert!(key.versions().contains(versions.end()), "{key:?}");
    }
    let mut keys: Vec<_> = OFFERED.iter().map(|(key, _)| *key).collect();
    keys.extend([ApiKey::SaslHandshake, ApiKey::SaslAuthenticate]);
    keys.sort();
    assert_eq!(keys, ApiKey::ALL);
}

/// A node with a topic `t` of two partitions.
fn node() -> (TempDir, Node) {
    let dir = tempfile::tempdir().unwrap();
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let node = Node::open(Config::new(addr, dir.path()), addr, watch::channel(false).1).unwrap();
    node.topics.create("t", 2, [].into()).unwrap();
    (dir, node)
}

/// Appends a batch of that many bytes, whose records nobody reads.
fn append(node: &Node, partition: i32, bytes: usize) {
    let zstd = Attributes(4);
    let body = vec![b'v'; bytes - 61];
    let header = BatchHeader {
        base_offset: 0,
        batch_length: 0,
        partition_leader_epoch: -1,
        crc: 0,
        attributes: zstd,
        last_offset_delta: 0,
        base_timestamp: 0,
        max_timestamp: 0,
        producer_id: -1,
        producer_epoch: -1,
        base_sequence: -1,
        records_count: 1,
    };
    let header = header.sealed([body.as_slice()].into_iter());
    let log = node.topics.get("t").unwrap().partition(partition).unwrap();
    let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
    log.append(&[header.to_bytes().as_slice(), &body].concat()).unwrap();
}

/// Asks for partitions from offset 0 on.
fn fetch_topic(topic: &str, partitions: &[i32], partition_max_bytes: i32) -> FetchTopic {
    let partitions = partitions.iter().map(|partition| FetchPartition {
        partition: *partition,
        partition_max_bytes,
        ..Default::default()
    });
    FetchTopic { topic: topic.to_owned(), partitions: partitions.collect(), ..Default::default() }
}

async fn fetch_all(node: &Node, topics: Vec<FetchTopic>, version: i16) -> (FetchResponse, usize) {
    let request = FetchRequest { topics, min_bytes: 1, max_bytes: i32::MAX, ..Default::default() };
    let (response, share) = fetch(node, request, version).await;
    let taken = node.answers.taken_bytes();
    drop(share);
    (response, taken)
}

#[tokio::test]
async fn a_partition_that_is_named_over_and_over_is_read_once() {
    let (_dir, node) = node();
    append(&node, 0, 1000);
    append(&node, 1, 1000);
    let once = |response: FetchResponse| -> Vec<_> {
        let topics = response.responses.into_iter();
        topics
            .map(|topic| {
                let partitions = topic.partitions.into_iter();
                partitions.map(|one| (one.partition_index, one.records.unwrap().len())).collect::<Vec<_>>()
            })
            .collect()
    };
    let many = vec![0; 50_000];
    let by_name = vec![
        fetch_topic("t", &many, 2000),
        fetch_topic("t", &[0, 0], 2000),
        fetch_topic("missing", &[0, 0], 2000),
        fetch_topic("t", &[0, 1, 1], 2000),
    ];
    let (response, _) = fetch_all(&node, by_name, 12).await;
    assert_eq!(once(response), [vec![(0, 1000)], vec![(0, 0)], vec![(1, 1000)]]);

    let topic_id = node.topics.get("t").unwrap().id;
    let by_id = FetchTopic { topic_id, ..fetch_topic("", &[1, 0, 1, 0], 2000) };
    let (response, _) = fetch_all(&node, vec![by_id.clone(), by_id], 13).await;
    assert_eq!(once(response), [[(1, 1000), (0, 1000)]]);
}

#[tokio::test]
async fn a_first_batch_over_the_limit_has_its_share_of_memory() {
    let (_dir, node) = node();
    append(&node, 0, 1_000_000);
    let (response, taken) = fetch_all(&node, vec![fetch_topic("t", &[0, 1], 1)], 12).await;
    assert_eq!(response.responses[0].partitions[0].records.as_ref().unwrap().len(), 1_000_000);
    assert!((999_000..1_100_000).contains(&taken), "{taken} bytes");
    // What is not over the limit takes what it may become.
    append(&node, 1, 500_000);
    let (_, taken) = fetch_all(&node, vec![fetch_topic("t", &[1], 1_000_000)], 12).await;
    assert!((499_000..600_000).contains(&taken), "{taken} bytes");
    assert_eq!(node.answers.taken_bytes(), 0);
}

/// The same request, to be tried and to be done: the same answer, and nothing done by the trial.
fn tried_and_done<T: PartialEq + std::fmt::Debug>(node: &Node, ask: impl Fn(bool) -> T) -> T {
    let state = || -> Vec<_> {
        let topics = node.topics.list().into_iter();
        topics.map(|(name, topic)| (name, topic.partitions(), topic.configs())).collect()
    };
    let before = state();
    let tried = ask(true);
    assert_eq!(state(), before);
    let done = ask(false);
    assert_eq!(tried, done);
    done
}

#[test]
fn a_trial_refuses_the_topics_that_would_be_refused() {
    let (_dir, node) = node();
    let config = |name: &str, value: &str| CreatableTopicConfig {
        name: name.to_owned(),
        value: Some(value.to_owned()),
    };
    for (name, num_partitions, configs, code) in [
        ("t", 1, vec![], 36),
        ("a/b", 1, vec![], 17),
        ("", 1, vec![], 17),
        ("a", 0, vec![], 37),
        ("a", -2, vec![], 37),
        ("a", 10_000, vec![], 44),
        ("a", 1, vec![config("retention.ms", "soon")], 40),
        ("a", 1, vec![config("retention.ms", "1000")], 0),
        ("b", -1, vec![], 0),
    ] {
        let answer = tried_and_done(&node, |validate_only| {
            let topic = CreatableTopic {
                name: name.to_owned(),
                num_partitions,
                replication_factor: -1,
                configs: configs.clone(),
                ..Default::default()
            };
            let request = CreateTopicsRequest { topics: vec![topic], validate_only, ..Default::default() };
            let mut topics = create_topics(&node, request).topics;
            // Only what is made has an id.
            topics[0].topic_id = uuid::Uuid::nil();
            topics
        });
        assert_eq!(answer[0].error_code, ErrorCode(code), "{name:?} {num_partitions}");
    }
}

#[test]
fn a_trial_refuses_the_partitions_that_would_be_refused() {
    let (_dir, node) = node();
    for (name, count, code) in
        [("missing", 3, 3), ("t", -1, 37), ("t", 0, 37), ("t", 2, 37), ("t", 10_001, 44), ("t", 3, 0)]
    {
        let answer = tried_and_done(&node, |validate_only| {
            let topic = CreatePartitionsTopic { name: name.to_owned(), count, ..Default::default() };
            let request =
                CreatePartitionsRequest { topics: vec![topic], validate_only, ..Default::default() };
            create_partitions(&node, request).results
        });
        assert_eq!(answer[0].error_code, ErrorCode(code), "{name} {count}");
    }
}

#[test]
fn a_trial_refuses_the_configuration_that_would_be_refused() {
    let (_dir, node) = node();
    let topic = 2;
    for (resource_name, key, value, code) in [
        ("missing", "retention.ms", "1", 3),
        ("t", "retention.ms", "soon", 40),
        ("t", "a b", "x", 40),
        ("t", "retention.ms", "1", 0),
    ] {
        let answer = tried_and_done(&node, |validate_only| {
            let config =
                AlterableConfig { name: key.to_owned(), config_operation: 0, value: Some(value.to_owned()) };
            let resource = AlterConfigsResource {
                resource_type: topic,
                resource_name: resource_name.to_owned(),
                configs: vec![config],
            };
            let resources = vec![resource];
            let request = IncrementalAlterConfigsRequest { resources, validate_only };
            incremental_alter_configs(&node, request).responses
        });
        assert_eq!(answer[0].error_code, ErrorCode(code), "{resource_name} {key} {value}");
    }
}
