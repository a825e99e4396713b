//! Kafka's own reader of log files, and whether the sequence numbers in them have gaps.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use crate::kafka::Version;

/// What the batches of a topic say on one broker.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sequences {
    /// Batches read.
    pub batches: u64,
    /// Records in them.
    pub records: u64,
    /// Producer ids with their epochs, on all partitions together.
    pub producers: usize,
    /// Batches without a producer id, since their producer is not idempotent.
    pub without_id: u64,
    /// What is not as it must be: a gap, a repetition, a start other than 0, a file that cannot be read.
    pub breaches: Vec<String>,
}

/// Where a producer's sequence is on a partition.
type Next = BTreeMap<(String, i64, i64), i64>;

/// Checks that sequence numbers are gapless from 0 for each partition, producer id and epoch.
///
/// # Panics
///
/// When Java or the folder is not there.
#[must_use]
pub fn sequences(version: Version, log_folder: &Path, topic: &str) -> Sequences {
    let mut found = Sequences::default();
    let mut next = Next::new();
    for entry in fs::read_dir(log_folder).expect("a broker's log folder") {
        let entry = entry.expect("a folder's entry");
        let partition = entry.file_name().to_string_lossy().into_owned();
        if partition.rsplit_once('-').is_none_or(|(name, _)| name != topic) {
            continue;
        }
        let mut files: Vec<String> = fs::read_dir(entry.path())
            .expect("a partition's folder")
            .flatten()
            .map(|file| file.path())
            .filter(|file| file.extension().is_some_and(|extension| extension == "log"))
            .map(|file| file.display().to_string())
            .collect();
        files.sort();
        read(version, &partition, &files, (&mut found, &mut next));
    }
    found.producers =
        next.keys().map(|(_, id, epoch)| (id, epoch)).collect::<std::collections::BTreeSet<_>>().len();
    found
}

fn read(version: Version, partition: &str, files: &[String], (found, next): (&mut Sequences, &mut Next)) {
    let class = match version {
        Version::V4 => "org.apache.kafka.tools.DumpLogSegments",
        Version::V3 | Version::V2 => "kafka.tools.DumpLogSegments",
    };
    let mut child = version
        .tool(class)
        .args(["--files", &files.join(",")])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("java is installed");
    let output = child.stdout.take().expect("the output is piped");
    for line in BufReader::new(output).lines() {
        check(partition, &line.expect("text"), found, next);
    }
    if !child.wait().is_ok_and(|status| status.success()) {
        found.breaches.push(format!("{partition}: DumpLogSegments failed"));
    }
}

fn check(partition: &str, line: &str, found: &mut Sequences, next: &mut Next) {
    let Some(base) = field(line, "baseOffset:") else { return };
    let number = |name: &str| field(line, name).unwrap_or(i64::MIN);
    found.batches += 1;
    found.records += u64::try_from(number("count:")).unwrap_or(0);
    if line.contains("isvalid: false") {
        found.breaches.push(format!("{partition} at {base}: its checksum is wrong"));
    }
    let (id, epoch) = (number("producerId:"), number("producerEpoch:"));
    if id < 0 {
        found.without_id += u64::from(!line.contains("isControl: true"));
        return;
    }
    let (first, last) = (number("baseSequence:"), number("lastSequence:"));
    let expected = next.insert((partition.to_owned(), id, epoch), (last + 1) % (1 << 31)).unwrap_or(0);
    if first != expected {
        found.breaches.push(format!(
            "{partition} at {base}: producer {id} epoch {epoch} is at sequence {first}, expected {expected}"
        ));
    }
}

/// The number after `name`, which stands at a word's start.
fn field(line: &str, name: &str) -> Option<i64> {
    let mut words = line.split_whitespace();
    words.find(|word| *word == name)?;
    words.next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaches(lines: &[(i64, i64, i64, i64)]) -> Vec<String> {
        let (mut found, mut next) = (Sequences::default(), Next::new());
        for (offset, (id, epoch, first, last)) in lines.iter().enumerate() {
            let line = format!(
                "baseOffset: {offset} lastOffset: {offset} count: 1 baseSequence: {first} lastSequence: {last} \
                 producerId: {id} producerEpoch: {epoch} partitionLeaderEpoch: 0 isTransactional: false"
            );
            check("t-0", &line, &mut found, &mut next);
        }
        found.breaches
    }

    #[test]
    fn gaps_repetitions_and_late_starts_are_found() {
        let whole = [(7, 0, 0, 4), (8, 0, 0, 0), (7, 0, 5, 5), (7, 1, 0, 2), (7, 0, 6, 6)];
        assert_eq!(breaches(&whole), Vec::<String>::new());
        assert_eq!(breaches(&[(7, 0, 0, 4), (7, 0, 6, 6)]).len(), 1);
        assert_eq!(breaches(&[(7, 0, 0, 4), (7, 0, 0, 4)]).len(), 1);
        assert_eq!(breaches(&[(7, 0, 1, 4)]).len(), 1);
        let wrap = i64::from(i32::MAX);
        assert_eq!(breaches(&[(7, 0, 0, wrap), (7, 0, 0, 3)]), Vec::<String>::new());
    }
}
