//! Tests of the topics on disk: what a restart finds, what names and values are refused.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::time::UNIX_EPOCH;

use super::{TopicError, Topics, TopicsConfig, lock_log, meta};

fn open(dir: &Path) -> Topics {
    Topics::open(dir, TopicsConfig { topics_max: 4, partitions_max: 20, ..TopicsConfig::default() }).unwrap()
}

fn configs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// A batch of one record, uncompressed, with the given timestamp.
fn batch(timestamp: i64) -> Vec<u8> {
    let mut body = vec![0; 40];
    body[6..14].copy_from_slice(&timestamp.to_be_bytes());
    body[14..22].copy_from_slice(&timestamp.to_be_bytes());
    body[22..36].fill(0xff); // no producer
    body[39] = 1;
    body.extend([12, 0, 0, 0, 1, 1, 0]);
    let mut batch = vec![0; 8];
    batch.extend(u32::try_from(body.len() + 9).unwrap().to_be_bytes());
    batch.extend([0, 0, 0, 0, 2]);
    batch.extend(crc32c::crc32c(&body).to_be_bytes());
    batch.extend(body);
    batch
}

#[test]
fn a_restart_finds_topics_with_ids_partitions_configs_and_records() {
    let dir = tempfile::tempdir().unwrap();
    let topics = open(dir.path());
    let odd = configs(&[("x.y", "a \\ b\nc\r"), ("retention.ms", "1000")]);
    let first = topics.create("otlp-traces", 3, odd.clone()).unwrap();
    topics.create("..a", 1, BTreeMap::new()).unwrap();
    topics.add_partitions("..a", 2).unwrap();
    let changes = BTreeMap::from([
        ("retention.ms".to_owned(), None),
        ("max.message.bytes".to_owned(), Some("1000".to_owned())),
    ]);
    topics.alter_configs("otlp-traces", changes).unwrap();
    let log = first.partition(2).unwrap();
    assert_eq!(lock_log(&log).append(&batch(5)).unwrap().base_offset, 0);
    assert!(first.partition(3).is_none() && first.partition(-1).is_none());
    drop(topics);

    let topics = open(dir.path());
    let names: Vec<_> = topics.list().into_iter().map(|(name, topic)| (name, topic.partitions())).collect();
    assert_eq!(names, [("..a".to_owned(), 2), ("otlp-traces".to_owned(), 3)]);
    let (name, again) = topics.by_id(first.id).unwrap();
    assert_eq!((name.as_str(), again.id), ("otlp-traces", first.id));
    assert_eq!(again.configs(), configs(&[("x.y", "a \\ b\nc\r"), ("max.message.bytes", "1000")]));
    let log = again.partition(2).unwrap();
    assert_eq!(lock_log(&log).next_offset(), 1);
}

#[test]
fn a_directory_is_used_by_one_broker_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let topics = open(dir.path());
    let error = Topics::open(dir.path(), TopicsConfig::default()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ResourceBusy);
    drop(topics);
    open(dir.path());
}

#[test]
fn names_that_are_no_topic_names_never_reach_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let topics = open(&dir.path().join("data"));
    let long = "a".repeat(250);
    for name in ["", ".", "..", "../x", "a/b", "a\0", "~lock", "ä", "a b", "a\\b", "a:b", &long] {
        let error = topics.create(name, 1, BTreeMap::new()).unwrap_err();
        assert!(matches!(error, TopicError::InvalidName), "{name:?}: {error}");
        assert!(topics.get(name).is_none() && !topics.delete(name), "{name:?}");
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    assert_eq!(fs::read_dir(dir.path().join("data")).unwrap().count(), 1, "only the lock");
    topics.create(&long[1..], 1, BTreeMap::new()).unwrap();
}

#[test]
fn bounds_and_wrong_requests_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let topics = open(dir.path());
    let none = BTreeMap::new;
    topics.create("a", 2, none()).unwrap();
    let code = |result: Result<(), TopicError>| result.unwrap_err().code();
    assert_eq!(code(topics.create("a", 1, none()).map(drop)), 36);
    assert_eq!(code(topics.create("b", 0, none()).map(drop)), 37);
    assert_eq!(code(topics.create("b", u32::MAX, none()).map(drop)), 37);
    assert_eq!(code(topics.create("b", 19, none()).map(drop)), 44);
    assert_eq!(code(topics.add_partitions("a", 2)), 37);
    assert_eq!(code(topics.add_partitions("a", 21)), 44);
    assert_eq!(code(topics.add_partitions("b", 2)), 3);
    assert_eq!(code(topics.alter_configs("b", BTreeMap::new())), 3);
    for (key, value) in [
        ("retention.ms", "soon"),
        ("retention.bytes", "-2"),
        ("segment.bytes", "3"),
        ("max.message.bytes", "-1"),
        ("cleanup.policy", "burn"),
        ("a b", "x"),
        ("", "x"),
    ] {
        assert_eq!(code(topics.create("b", 1, configs(&[(key, value)])).map(drop)), 40, "{key}");
    }
    for name in ["b", "c", "d"] {
        topics.create(name, 1, none()).unwrap();
    }
    assert_eq!(code(topics.create("e", 1, none()).map(drop)), 44);
    assert!(topics.delete("b"));
    topics.create("e", 1, none()).unwrap();
}

#[test]
fn a_deleted_topic_is_gone_and_its_successor_is_another() {
    let dir = tempfile::tempdir().unwrap();
    let topics = open(dir.path());
    let old = topics.create("a", 1, BTreeMap::new()).unwrap();
    let log = old.partition(0).unwrap();
    lock_log(&log).append(&batch(5)).unwrap();
    assert!(topics.delete("a") && !topics.delete("a"));
    assert!(topics.by_id(old.id).is_none());
    let new = topics.create("a", 1, BTreeMap::new()).unwrap();
    assert_ne!(new.id, old.id);
    // Somebody still held the old one: its writes must not end up in the new one's files.
    assert_eq!(lock_log(&log).append(&batch(5)).unwrap_err().code(), 3);
    assert_eq!(lock_log(&new.partition(0).unwrap()).next_offset(), 0);
    drop(topics);
    assert_eq!(open(dir.path()).get("a").unwrap().id, new.id);
}

#[test]
fn leftovers_are_cleared_and_an_unreadable_topic_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let topics = open(dir.path());
    topics.create("good", 1, BTreeMap::new()).unwrap();
    topics.create("bad", 1, BTreeMap::new()).unwrap();
    drop(topics);
    fs::create_dir_all(dir.path().join("~new-1/0")).unwrap();
    fs::create_dir_all(dir.path().join("~gone-1/0")).unwrap();
    let description = dir.path().join("bad/~topic");
    let text = fs::read_to_string(&description).unwrap();
    for cut in 0..text.len() {
        fs::write(&description, &text[..cut]).unwrap();
        let topics = open(dir.path());
        assert!(topics.get("bad").is_none() && topics.get("good").is_some(), "cut at {cut}");
        let error = topics.create("bad", 1, BTreeMap::new()).unwrap_err();
        assert_eq!(error.code(), 56, "cut at {cut}");
    }
    open(dir.path());
    let mut left: Vec<_> =
        fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["bad", "good", "~lock"]);
}

#[test]
fn retention_follows_the_topic_then_the_broker_and_spares_compacted_topics() {
    let defaults = TopicsConfig::default();
    let of = |pairs: &[(&str, &str)]| {
        let meta::Retention { bytes, ms } = meta::retention(&configs(pairs), &defaults);
        (bytes, ms)
    };
    assert_eq!(of(&[]), (defaults.retention_bytes, defaults.retention_ms));
    assert_eq!(of(&[("retention.ms", "-1"), ("retention.bytes", "10")]), (Some(10), None));
    assert_eq!(of(&[("retention.ms", "7"), ("retention.bytes", "-1")]), (None, Some(7)));
    assert_eq!(of(&[("cleanup.policy", "compact"), ("retention.ms", "7")]), (None, None));
    assert_eq!(of(&[("cleanup.policy", "compact,delete"), ("retention.ms", "7")]).1, Some(7));

    let dir = tempfile::tempdir().unwrap();
    let topics = open(dir.path());
    let short = topics.create("short", 2, configs(&[("retention.ms", "100")])).unwrap();
    let kept = topics.create("kept", 1, configs(&[("cleanup.policy", "compact")])).unwrap();
    for log in [short.partition(1).unwrap(), kept.partition(0).unwrap()] {
        lock_log(&log).append(&batch(1_000_000)).unwrap();
    }
    for partition in ["short/1", "kept/0"] {
        let segment = dir.path().join(partition).join(format!("{:020}.log", 0));
        fs::File::options().append(true).open(segment).unwrap().set_modified(UNIX_EPOCH).unwrap();
    }
    topics.retain_at(1_000_100);
    assert_eq!(lock_log(&short.partition(1).unwrap()).start_offset(), 0);
    topics.retain_at(1_000_101);
    assert_eq!(lock_log(&short.partition(1).unwrap()).start_offset(), 1);
    assert_eq!(lock_log(&kept.partition(0).unwrap()).start_offset(), 0);
}
