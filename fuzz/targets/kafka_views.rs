//! Fuzzing: metadata that follows metadata. A view shows the topics that were asked for and no others, its leaders are
//! brokers that it knows, and no older leadership takes the place of a newer one.
//!
//! The first byte is the version, the second, in units of 16 bytes, where the second answer begins.
#![no_main]

use std::collections::BTreeSet;

use bytes::Bytes;
use kafka_client::cluster::View;
use kafka_client::fuzzing::followed_by;
use kafka_wire::messages::MetadataResponse;
use kafka_wire::{Message, Reader};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((&[version, cut], bytes)) = input.split_first_chunk() else { return };
    let versions = MetadataResponse::VERSIONS;
    let version = versions.start() + i16::from(version) % (versions.end() - versions.start() + 1);
    let (first, second) = bytes.split_at(bytes.len().min(16 * usize::from(cut)));
    let answers = [first, second]
        .map(|bytes| MetadataResponse::decode(&mut Reader::new(Bytes::copy_from_slice(bytes)), version).ok());
    let names =
        answers.iter().flatten().flat_map(|answer| &answer.topics).filter_map(|topic| topic.name.clone());
    // Every second one, and one that no broker knows.
    let interest: BTreeSet<String> = names.step_by(2).chain(["none".to_owned()]).collect();
    let mut view = View::default();
    for answer in answers.into_iter().flatten() {
        let told: usize = answer.topics.iter().map(|topic| topic.partitions.len()).sum();
        let Ok(after) = followed_by(&view, answer, &interest) else { continue };
        assert!(after.topics.keys().eq(interest.iter()));
        let leads = |id: &i32| after.brokers.contains_key(id);
        assert!(after.controller.iter().all(leads));
        let partitions = || after.topics.values().flat_map(|topic| &topic.partitions);
        assert!(partitions().count() <= told);
        for (name, topic) in &after.topics {
            let Some(before) = view.topics.get(name).filter(|before| before.id == topic.id) else {
                assert!(topic.partitions.iter().all(|one| one.leader.iter().all(leads)));
                continue;
            };
            for (old, new) in before.partitions.iter().zip(&topic.partitions) {
                assert!(new.leader_epoch < 0 || new.leader_epoch >= old.leader_epoch);
                assert!(new.leader.iter().all(leads));
            }
        }
        view = after;
    }
});
