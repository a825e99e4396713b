//! Tests of committed offsets: what a restart finds, also after a torn write, and what is kept.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::{Caller, GroupError, GroupState, Groups, GroupsConfig, OffsetToCommit, Scene};

fn open(path: &Path) -> Groups {
    Groups::open(path, GroupsConfig::default()).unwrap()
}

/// Who commits without being a member.
fn outsider(group_id: &str) -> Caller {
    Caller { group_id: group_id.to_owned(), generation: -1, ..Caller::default() }
}

fn at(topic: &str, partition: i32, offset: i64) -> OffsetToCommit {
    OffsetToCommit {
        topic: topic.to_owned(),
        partition,
        offset,
        leader_epoch: 3,
        metadata: "m\n\t".to_owned(),
    }
}

/// All offsets of a group, as (topic, partition, offset).
fn all(groups: &Groups, group_id: &str) -> Vec<(String, i32, i64)> {
    let topics = groups.offsets(group_id, None).into_iter();
    topics
        .flat_map(|(topic, partitions)| {
            partitions
                .into_iter()
                .map(move |(partition, found)| (topic.clone(), partition, found.unwrap().offset))
        })
        .collect()
}

#[test]
fn offsets_survive_with_names_of_any_characters() {
    let mut scene = Scene::new();
    let path = scene.dir.path().join("offsets");
    for group in ["g", "a\tb\nc", "../../x", "ü\u{0}"] {
        let results = scene.groups.commit(&outsider(group), vec![at("t", 0, 5), at("t\n", -7, 6)]).unwrap();
        assert_eq!(results, [Ok(()), Ok(())]);
        scene.groups.commit(&outsider(group), vec![at("t", 0, 7)]).unwrap();
    }
    // As after a kill: nothing is closed, the file is read as it is.
    let groups = open(&path);
    for group in ["g", "a\tb\nc", "../../x", "ü\u{0}"] {
        assert_eq!(all(&groups, group), [("t".to_owned(), 0, 7), ("t\n".to_owned(), -7, 6)]);
    }
    let wanted = [("t".to_owned(), vec![0, 1]), ("no".to_owned(), vec![0])];
    let found = groups.offsets("g", Some(&wanted));
    let committed = found[0].1[0].1.as_ref().unwrap();
    assert_eq!((committed.offset, committed.leader_epoch, committed.metadata.as_str()), (7, 3, "m\n\t"));
    assert!(found[0].1[1].1.is_none() && found[1].1[0].1.is_none());
    assert_eq!(groups.describe("g").state, GroupState::Empty);
    assert_eq!(groups.list().len(), 4);
    assert_eq!(fs::read_dir(scene.dir.path()).unwrap().count(), 1);
}

#[test]
fn a_commit_cut_at_any_byte_is_dropped_and_those_before_stay() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("offsets");
    let mut groups = open(&path);
    groups.commit(&outsider("g"), vec![at("t", 0, 1), at("t", 1, 2)]).unwrap();
    let kept = usize::try_from(fs::metadata(&path).unwrap().len()).unwrap();
    groups.commit(&outsider("g"), vec![at("t", 0, 100)]).unwrap();
    let whole = fs::read(&path).unwrap();
    for cut in kept..whole.len() {
        fs::write(&path, &whole[..cut]).unwrap();
        let mut groups = open(&path);
        assert_eq!(all(&groups, "g"), [("t".to_owned(), 0, 1), ("t".to_owned(), 1, 2)], "cut at {cut}");
        groups.commit(&outsider("g"), vec![at("t", 1, 9)]).unwrap();
        assert_eq!(all(&open(&path), "g")[1].2, 9, "cut at {cut}");
    }
    for flipped in kept..whole.len() {
        let mut damaged = whole.clone();
        damaged[flipped] ^= 1;
        fs::write(&path, damaged).unwrap();
        assert_eq!(all(&open(&path), "g")[0].2, 1, "flipped {flipped}");
    }
}

#[test]
fn the_file_is_rewritten_when_it_has_grown_and_holds_the_same_then() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("offsets");
    let mut groups = open(&path);
    groups.commit(&outsider("other"), vec![at("t", 0, 4)]).unwrap();
    let mut largest = 0;
    for round in 0..1000 {
        let commits = (0..40).map(|partition| at("topic", partition, round)).collect();
        groups.commit(&outsider("g"), commits).unwrap();
        largest = largest.max(fs::metadata(&path).unwrap().len());
    }
    assert!(largest < (1 << 20) + 10_000, "grew to {largest} bytes");
    let expected: Vec<_> = (0..40).map(|partition| ("topic".to_owned(), partition, 999)).collect();
    for groups in [&groups, &open(&path)] {
        assert_eq!(all(groups, "g"), expected);
        assert_eq!(all(groups, "other"), [("t".to_owned(), 0, 4)]);
    }
}

#[test]
fn deleted_groups_and_topics_stay_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("offsets");
    let mut groups = open(&path);
    for group in ["a", "b"] {
        groups.commit(&outsider(group), vec![at("t", 0, 1), at("u", 0, 2)]).unwrap();
    }
    groups.commit(&outsider("c"), vec![at("t", 0, 3)]).unwrap();
    groups.delete("a").unwrap();
    groups.forget_topic("t").unwrap();
    for groups in [&groups, &open(&path)] {
        assert!(all(groups, "a").is_empty() && all(groups, "c").is_empty());
        assert_eq!(all(groups, "b"), [("u".to_owned(), 0, 2)]);
        assert_eq!(groups.describe("a").state, GroupState::Dead);
    }
    groups.commit(&outsider("a"), vec![at("t", 0, 8)]).unwrap();
    assert_eq!(all(&open(&path), "a"), [("t".to_owned(), 0, 8)]);
}

#[test]
fn offsets_and_their_texts_are_bounded() {
    let mut scene = Scene::with(GroupsConfig { offsets_max: 2, groups_max: 2, ..GroupsConfig::default() });
    let long = OffsetToCommit { metadata: "m".repeat(4097), ..at("t", 0, 1) };
    let far = OffsetToCommit { topic: "t".repeat(1025), ..at("t", 0, 1) };
    let commits = vec![long, at("t", 1, 1), far];
    let results = scene.groups.commit(&outsider("g"), commits).unwrap();
    assert_eq!(results, [Err(GroupError::OffsetMetadataTooLarge), Ok(()), Err(GroupError::InvalidRequest)]);
    let commits = vec![at("t", 2, 1), at("t", 3, 1), at("t", 1, 5)];
    let results = scene.groups.commit(&outsider("g"), commits).unwrap();
    assert_eq!(results, [Ok(()), Err(GroupError::InvalidCommitOffsetSize), Ok(())]);
    assert_eq!(all(&scene.groups, "g"), [("t".to_owned(), 1, 5), ("t".to_owned(), 2, 1)]);
    scene.groups.commit(&outsider("h"), vec![]).unwrap();
    assert_eq!(scene.groups.commit(&outsider("i"), vec![]), Err(GroupError::GroupMaxSizeReached));
    scene.wait(0);
    assert_eq!(scene.groups.commit(&outsider("i"), vec![]), Ok(vec![]), "h had nothing and is gone");
}

#[test]
fn offsets_of_groups_without_members_expire() {
    let retention = Duration::from_secs(3600);
    let mut scene = Scene::with(GroupsConfig { offsets_retention: retention, ..GroupsConfig::default() });
    let joined = scene.stable(&["a"]).remove(0);
    scene.groups.commit(&super::caller(&joined), vec![at("t", 0, 1)]).unwrap();
    scene.groups.commit(&outsider("idle"), vec![at("t", 0, 1)]).unwrap();
    let now_ms = super::super::unix_ms();
    scene.groups.expire_offsets(now_ms + 3_590_000);
    assert_eq!(all(&scene.groups, "idle").len(), 1);
    scene.groups.expire_offsets(now_ms + 3_610_000);
    assert!(all(&scene.groups, "idle").is_empty());
    assert_eq!(all(&scene.groups, "g").len(), 1, "it has a member");
    scene.wait(0);
    assert_eq!(scene.groups.describe("idle").state, GroupState::Dead);
}
