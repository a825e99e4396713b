//! Tests of the log against a simple model in memory, and with damaged files and failing writes.

use std::fs::{self, File};
use std::io::{self, IoSlice, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use fastrand::Rng;
use tempfile::TempDir;

use super::batch::{BATCH_HEADER_BYTES, BatchHeader};
use super::{AppendError, Appended, Log, LogConfig, OpenFiles};

/// The log's file, with an optional number of bytes after which writes fail.
pub(super) struct Faulty {
    pub(super) file: Arc<File>,
    pub(super) fault: Option<usize>,
}

impl Write for &Faulty {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self.file).write(bytes)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let Some(fault) = self.fault else { return (&*self.file).write_vectored(slices) };
        let written: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).take(fault).collect();
        (&*self.file).write_all(&written)?;
        Err(io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Small bounds, so that a few hundred batches make many segments and index entries.
const CONFIG: LogConfig =
    LogConfig { segment_bytes: 4096, batch_bytes_max: 3000, index_interval_bytes: 512, producers_max: 8 };

fn open(dir: &Path) -> Log {
    Log::open(dir, CONFIG, Arc::new(OpenFiles::new(3))).expect("the log opens")
}

fn fresh() -> (TempDir, Log) {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    (dir, log)
}

/// What a batch is made of.
#[derive(Debug, Clone)]
struct Recipe {
    timestamps: Vec<i64>,
    value_bytes: usize,
    producer: Option<(i64, i16, i32)>,
    compressed: bool,
}

impl Recipe {
    fn plain(timestamps: &[i64]) -> Self {
        Self { timestamps: timestamps.to_vec(), value_bytes: 20, producer: None, compressed: false }
    }

    fn idempotent(id: i64, epoch: i16, sequence: i32, records: usize) -> Self {
        Self { producer: Some((id, epoch, sequence)), ..Self::plain(&vec![1000; records]) }
    }

    fn random(rng: &mut Rng) -> Self {
        let timestamps = (0..rng.usize(1..6)).map(|_| rng.i64(1000..2000)).collect();
        Self { timestamps, value_bytes: rng.usize(0..200), producer: None, compressed: rng.u8(..4) == 0 }
    }

    /// Encodes the batch as a producer does, with base offset 0.
    fn encode(&self) -> Vec<u8> {
        let mut records = Vec::new();
        for (delta, timestamp) in self.timestamps.iter().enumerate() {
            let mut record = vec![0];
            put_varint(&mut record, timestamp - self.timestamps[0]);
            put_varint(&mut record, i64::try_from(delta).unwrap());
            put_varint(&mut record, -1);
            put_varint(&mut record, i64::try_from(self.value_bytes).unwrap());
            record.resize(record.len() + self.value_bytes, b'v');
            put_varint(&mut record, 0);
            put_varint(&mut records, i64::try_from(record.len()).unwrap());
            records.extend(record);
        }
        let (id, epoch, sequence) = self.producer.unwrap_or((-1, -1, -1));
        let count = i32::try_from(self.timestamps.len()).unwrap();
        let mut body = Vec::new();
        body.extend(i16::from(self.compressed).to_be_bytes());
        body.extend((count - 1).to_be_bytes());
        body.extend(self.timestamps[0].to_be_bytes());
        body.extend(self.timestamps.iter().max().unwrap().to_be_bytes());
        body.extend(id.to_be_bytes());
        body.extend(epoch.to_be_bytes());
        body.extend(sequence.to_be_bytes());
        body.extend(count.to_be_bytes());
        body.extend(records);
        let mut batch = vec![0; 8];
        batch.extend(i32::try_from(body.len() + 9).unwrap().to_be_bytes());
        batch.extend([0xff; 4]); // leader epoch -1, as producers send it
        batch.push(2);
        batch.extend(crc32c::crc32c(&body).to_be_bytes());
        batch.extend(body);
        batch
    }
}

fn put_varint(out: &mut Vec<u8>, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)).cast_unsigned();
    while rest >= 0x80 {
        out.push(u8::try_from(rest & 0x7f).unwrap() | 0x80);
        rest >>= 7;
    }
    out.push(u8::try_from(rest).unwrap());
}

/// The log as it should be.
#[derive(Debug, Default, Clone)]
struct Model {
    batches: Vec<(i64, Recipe)>,
    start: i64,
    next: i64,
}

impl Model {
    fn append(&mut self, recipe: Recipe) {
        let records = i64::try_from(recipe.timestamps.len()).unwrap();
        self.batches.push((self.next, recipe));
        self.next += records;
    }

    fn stored(&self, at: usize) -> Vec<u8> {
        let (base_offset, recipe) = &self.batches[at];
        let mut bytes = recipe.encode();
        bytes[..8].copy_from_slice(&base_offset.to_be_bytes());
        bytes[12..16].fill(0);
        bytes
    }

    fn last_offset(&self, at: usize) -> i64 {
        self.batches[at].0 + i64::try_from(self.batches[at].1.timestamps.len()).unwrap() - 1
    }

    /// What a read of `bytes_max` from `offset` has to begin with: the batch of the offset.
    fn batch_of(&self, offset: i64) -> usize {
        (0..self.batches.len()).find(|at| self.last_offset(*at) >= offset).unwrap()
    }

    fn offset_for_time(&self, timestamp: i64) -> Option<(i64, i64)> {
        self.batches.iter().enumerate().find_map(|(at, (base, recipe))| {
            if self.last_offset(at) < self.start {
                return None;
            }
            if recipe.compressed {
                let max = *recipe.timestamps.iter().max().unwrap();
                let first = recipe.timestamps[0];
                let known = if first >= timestamp { first } else { max };
                return (max >= timestamp).then_some(((*base).max(self.start), known));
            }
            (*base..).zip(&recipe.timestamps).find_map(|(offset, found)| {
                (*found >= timestamp && offset >= self.start).then_some((offset, *found))
            })
        })
    }
}

/// The same bytes, whose allocation, of which they may be a part, has at most `bytes_max`.
fn allocation_at_most(bytes_max: usize, bytes: Bytes) -> Bytes {
    let same = Bytes::copy_from_slice(&bytes);
    if !bytes.is_empty() {
        let mut whole = bytes.try_into_mut().expect("nobody else has them");
        whole.clear();
        // An empty buffer reclaims what lies before it, and fails for what nobody has.
        let reclaimed = whole.try_reclaim(whole.capacity() + 1);
        assert!(
            whole.capacity() <= bytes_max,
            "{} bytes for {bytes_max}, reclaimed {reclaimed}",
            whole.capacity()
        );
    }
    same
}

/// Compares everything that can be read.
fn compare(log: &Log, model: &Model, seed: u64) {
    assert_eq!((log.start_offset(), log.next_offset()), (model.start, model.next), "seed {seed}");
    assert!(log.read_plan(model.next, 1000).is_none(), "seed {seed}");
    assert!(log.read_plan(model.start - 1, 1000).is_none(), "seed {seed}");
    for offset in model.start..model.next {
        for bytes_max in [0, 1, 100, 700, 100_000] {
            let plan = log.read_plan(offset, bytes_max).unwrap();
            let held_bytes_max = plan.held_bytes_max();
            let read = allocation_at_most(held_bytes_max, plan.read().unwrap());
            let mut at = model.batch_of(offset);
            let mut rest = &read[..];
            assert!(!rest.is_empty(), "seed {seed} offset {offset}");
            while !rest.is_empty() {
                let expected = model.stored(at);
                assert_eq!(&rest[..expected.len()], expected, "seed {seed} offset {offset}");
                rest = &rest[expected.len()..];
                at += 1;
            }
            let single = model.stored(model.batch_of(offset)).len();
            assert!(read.len() <= bytes_max.max(single), "seed {seed} offset {offset}");
            let plan = log.read_plan(offset, bytes_max).unwrap().keep_to_limit();
            assert!(plan.held_bytes_max() <= 2 * bytes_max, "seed {seed} offset {offset}");
            let held_bytes_max = plan.held_bytes_max();
            let within = allocation_at_most(held_bytes_max, plan.read().unwrap());
            assert_eq!(
                within,
                if single <= bytes_max { read } else { Bytes::new() },
                "seed {seed} offset {offset}"
            );
        }
    }
    for timestamp in (900..2100).step_by(37) {
        assert_eq!(
            log.offset_for_time(timestamp),
            model.offset_for_time(timestamp),
            "seed {seed} timestamp {timestamp}"
        );
    }
}

#[test]
fn a_log_is_what_the_model_says_through_appends_reopens_and_deletions() {
    for seed in 0..12 {
        let mut rng = Rng::with_seed(seed);
        let (dir, mut log) = fresh();
        let mut model = Model::default();
        let mut rolls = 0;
        for _ in 0..100 {
            match rng.u8(..10) {
                0 => {
                    drop(log);
                    if rng.bool() {
                        remove_some_indexes(dir.path(), &mut rng);
                    }
                    log = open(dir.path());
                }
                1 if model.next > 0 => {
                    let offset = rng.i64(model.start..=model.start + (model.next - model.start) / 4);
                    model.start = log.delete_records_before(offset).unwrap();
                    assert_eq!(model.start, offset, "seed {seed}");
                }
                2 => {
                    log.retain(Some(rng.u64(8000..40_000)), None).unwrap();
                    assert!(log.start_offset() >= model.start, "seed {seed}");
                    model.start = log.start_offset();
                }
                _ => {
                    let recipes: Vec<_> = (0..rng.usize(1..4)).map(|_| Recipe::random(&mut rng)).collect();
                    let request: Vec<u8> = recipes.iter().flat_map(Recipe::encode).collect();
                    let segment = log.active.base_offset();
                    let appended = log.append(&request).unwrap();
                    rolls += usize::from(log.active.base_offset() != segment);
                    assert_eq!(appended, Appended { base_offset: model.next, duplicate: false });
                    recipes.into_iter().for_each(|recipe| model.append(recipe));
                }
            }
        }
        compare(&log, &model, seed);
        drop(log);
        compare(&open(dir.path()), &model, seed);
        assert!(rolls > 3, "seed {seed}: too few segments to prove anything");
    }
}

fn remove_some_indexes(dir: &Path, rng: &mut Rng) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "index") {
            match rng.u8(..3) {
                0 => fs::remove_file(path).unwrap(),
                1 => {
                    let mut bytes = fs::read(&path).unwrap();
                    let at = rng.usize(..bytes.len());
                    bytes[at] ^= 1 << rng.u8(..8);
                    fs::write(path, bytes).unwrap();
                }
                _ => {}
            }
        }
    }
}

fn segment_paths(dir: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "log"));
    paths.sort();
    paths
}

#[test]
fn a_last_batch_cut_at_any_byte_is_dropped_and_the_rest_stays() {
    let (dir, mut log) = fresh();
    let mut model = Model::default();
    for _ in 0..4 {
        let recipe = Recipe::plain(&[1500, 1400]);
        log.append(&recipe.encode()).unwrap();
        model.append(recipe);
    }
    let last = Recipe::plain(&[1600, 1700, 1800]);
    log.append(&last.encode()).unwrap();
    drop(log);
    let path = &segment_paths(dir.path())[0];
    let whole = fs::read(path).unwrap();
    let kept = whole.len() - last.encode().len();
    for cut in kept..whole.len() {
        fs::write(path, &whole[..cut]).unwrap();
        let mut log = open(dir.path());
        compare(&log, &model, 0);
        assert_eq!(fs::metadata(path).unwrap().len(), kept as u64, "cut at {cut}");
        let mut model = model.clone();
        log.append(&last.encode()).unwrap();
        model.append(last.clone());
        assert_eq!(fs::read(path).unwrap(), whole, "cut at {cut}");
    }
}

#[test]
fn a_flipped_bit_anywhere_in_the_last_segment_loses_no_batch_before_it() {
    let (dir, mut log) = fresh();
    let recipe = Recipe::plain(&[1500, 1400]);
    for _ in 0..5 {
        log.append(&recipe.encode()).unwrap();
    }
    drop(log);
    let path = &segment_paths(dir.path())[0];
    let whole = fs::read(path).unwrap();
    let batch_bytes = recipe.encode().len();
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        fs::write(path, damaged).unwrap();
        let log = open(dir.path());
        // The leader epoch is covered by no checksum, and nobody asks for it.
        let expected = if (12..16).contains(&(at % batch_bytes)) { 5 } else { at / batch_bytes };
        assert_eq!(log.next_offset(), 2 * i64::try_from(expected).unwrap(), "byte {at}");
    }
}

#[test]
fn damage_in_a_closed_segment_without_index_leaves_a_gap_that_reads_step_over() {
    let (dir, mut log) = fresh();
    for _ in 0..120 {
        log.append(&Recipe::plain(&[1500, 1400]).encode()).unwrap();
    }
    let next_offset = log.next_offset();
    drop(log);
    let first = &segment_paths(dir.path())[0];
    let mut bytes = fs::read(first).unwrap();
    let batch_bytes = Recipe::plain(&[1500, 1400]).encode().len();
    bytes[3 * batch_bytes + 70] ^= 1;
    fs::write(first, bytes).unwrap();
    fs::remove_file(first.with_extension("index")).unwrap();
    let log = open(dir.path());
    assert_eq!((log.start_offset(), log.next_offset()), (0, next_offset));
    let read = log.read_plan(6, 1).unwrap().read().unwrap();
    let second = segment_paths(dir.path())[1].file_stem().unwrap().to_str().unwrap().parse::<i64>().unwrap();
    assert_eq!(BatchHeader::read(&read).unwrap().base_offset, second);
}

#[test]
fn a_closed_segment_with_nothing_sound_stays_for_whoever_wants_to_look() {
    let (dir, mut log) = fresh();
    for _ in 0..120 {
        log.append(&Recipe::plain(&[1500, 1400]).encode()).unwrap();
    }
    drop(log);
    let first = &segment_paths(dir.path())[0];
    let mut bytes = fs::read(first).unwrap();
    bytes[70] ^= 1;
    fs::write(first, bytes).unwrap();
    fs::remove_file(first.with_extension("index")).unwrap();
    let mut log = open(dir.path());
    log.retain(None, None).unwrap();
    assert!(first.exists());
    log.delete_records_before(log.next_offset()).unwrap();
    assert!(!first.exists());
}

#[test]
fn a_failed_or_short_write_leaves_the_log_as_it_was() {
    let (dir, mut log) = fresh();
    let mut model = Model::default();
    let first = Recipe::plain(&[1500]);
    log.append(&first.encode()).unwrap();
    model.append(first);
    let request = [Recipe::idempotent(7, 0, 0, 2), Recipe::idempotent(7, 0, 2, 1)];
    let bytes: Vec<u8> = request.iter().flat_map(Recipe::encode).collect();
    for fault in 0..bytes.len() {
        log.write_fault = Some(fault);
        assert!(matches!(log.append(&bytes), Err(AppendError::Storage(_))), "fault after {fault}");
        compare(&log, &model, 0);
        let on_disk = fs::metadata(&segment_paths(dir.path())[0]).unwrap().len();
        assert_eq!(on_disk, model.stored(0).len() as u64, "fault after {fault}");
    }
    // The producer's next try is neither a duplicate nor out of order.
    assert_eq!(log.append(&bytes).unwrap(), Appended { base_offset: 1, duplicate: false });
    request.into_iter().for_each(|recipe| model.append(recipe));
    compare(&log, &model, 0);
    drop(log);
    compare(&open(dir.path()), &model, 0);
}

#[test]
fn a_write_that_cannot_be_taken_back_is_taken_back_before_the_next() {
    let (dir, mut log) = fresh();
    let recipe = Recipe::plain(&[1500]);
    log.append(&recipe.encode()).unwrap();
    // As if both the write and the truncation after it had failed.
    let mut file = File::options().append(true).open(&segment_paths(dir.path())[0]).unwrap();
    file.write_all(&recipe.encode()[..40]).unwrap();
    log.torn = true;
    log.append(&recipe.encode()).unwrap();
    let mut model = Model::default();
    model.append(recipe.clone());
    model.append(recipe);
    compare(&log, &model, 0);
    drop(log);
    compare(&open(dir.path()), &model, 0);
}

#[test]
fn batches_that_are_not_sound_are_refused_by_name_and_not_stored() {
    let (_dir, mut log) = fresh();
    let sound = Recipe::plain(&[1500, 1501]).encode();
    let broken = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut batch = sound.clone();
        change(&mut batch);
        batch
    };
    let sealed = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut batch = broken(change);
        let crc = crc32c::crc32c(&batch[21..]);
        batch[17..21].copy_from_slice(&crc.to_be_bytes());
        batch
    };
    let large = Recipe { value_bytes: 3000, ..Recipe::plain(&[1]) }.encode();
    let table: [(&str, Vec<u8>, i16); 15] = [
        ("nothing", vec![], 87),
        ("cut", sound[..sound.len() - 1].to_vec(), 2),
        ("only a header's half", sound[..30].to_vec(), 2),
        ("bytes behind", [&sound[..], b"x"].concat(), 2),
        ("second batch broken", [&sound[..], &broken(&|batch| batch[70] ^= 1)].concat(), 2),
        ("value flipped", broken(&|batch| batch[70] ^= 1), 2),
        ("negative length", broken(&|batch| batch[8] = 0xff), 2),
        ("length below a header", broken(&|batch| batch[8..12].copy_from_slice(&[0, 0, 0, 48])), 2),
        ("magic 1", broken(&|batch| batch[16] = 1), 43),
        ("magic 3", broken(&|batch| batch[16] = 3), 2),
        ("over the size", large, 10),
        ("transactional", sealed(&|batch| batch[22] |= 0x10), 87),
        ("codec 5", sealed(&|batch| batch[22] |= 5), 87),
        ("no records", sealed(&|batch| batch[57..61].fill(0)), 87),
        (
            "more records than bytes",
            sealed(&|batch| {
                batch[23..27].copy_from_slice(&0x7fff_fffe_i32.to_be_bytes());
                batch[57..61].copy_from_slice(&0x7fff_ffff_i32.to_be_bytes());
            }),
            87,
        ),
    ];
    for (name, bytes, code) in table {
        assert_eq!(log.append(&bytes).unwrap_err().code(), code, "{name}");
        assert_eq!(log.next_offset(), 0, "{name}");
    }
    assert_eq!(log.append(&sound).unwrap().base_offset, 0);
    assert!(sound.len() > BATCH_HEADER_BYTES);
}

#[test]
fn idempotent_producers_are_judged_by_the_table_also_after_a_restart() {
    // (producer, epoch, first sequence, records) and what is expected: offset, or error code.
    let table = [
        ((1, 0, 0, 2), Ok((0, false))),
        ((1, 0, 0, 2), Ok((0, true))),
        ((1, 0, 2, 1), Ok((2, false))),
        ((1, 0, 4, 1), Err(45)),
        ((1, 0, 0, 1), Err(45)), // same start, other end: not the batch sent before
        ((1, 0, 3, 1), Ok((3, false))),
        ((1, 0, 4, 1), Ok((4, false))),
        ((1, 0, 5, 1), Ok((5, false))),
        ((1, 0, 6, 1), Ok((6, false))),
        ((1, 0, 2, 1), Ok((2, true))), // the oldest of the five remembered
        ((1, 0, 0, 2), Err(45)),       // forgotten
        ((1, 1, 3, 1), Err(45)),       // a new epoch starts at 0
        ((1, 1, 0, 1), Ok((7, false))),
        ((1, 0, 7, 1), Err(47)),
        ((1, 1, 1, 1), Ok((8, false))),
        ((2, 5, 77, 1), Ok((9, false))), // not known: any sequence (KIP-360)
        ((2, 5, 78, 1), Ok((10, false))),
        ((3, 0, i32::MAX - 1, 3), Ok((11, false))), // over the end: MAX - 1, MAX, 0
        ((3, 0, i32::MAX - 1, 3), Ok((11, true))),
        ((3, 0, 2, 1), Err(45)),
        ((3, 0, 1, 1), Ok((14, false))),
        ((4, 0, i32::MAX, 1), Ok((15, false))),
        ((4, 0, 0, 1), Ok((16, false))),
    ];
    for reopen in [false, true] {
        let (dir, mut log) = fresh();
        for (at, ((id, epoch, sequence, records), expected)) in table.into_iter().enumerate() {
            if reopen {
                drop(log);
                log = open(dir.path());
            }
            let answer = log.append(&Recipe::idempotent(id, epoch, sequence, records).encode());
            let answer = answer.map(|done| (done.base_offset, done.duplicate)).map_err(|error| error.code());
            assert_eq!(answer, expected, "row {at}, reopened {reopen}");
        }
    }
}

#[test]
fn a_producer_is_known_after_its_segment_was_closed_with_or_without_index() {
    for remove in [false, true] {
        let (dir, mut log) = fresh();
        let first = log.append(&Recipe::idempotent(9, 2, 10, 2).encode()).unwrap();
        for _ in 0..100 {
            log.append(&Recipe::plain(&[1500]).encode()).unwrap();
        }
        drop(log);
        assert!(segment_paths(dir.path()).len() > 2);
        if remove {
            for path in segment_paths(dir.path()) {
                fs::remove_file(path.with_extension("index")).ok();
            }
        }
        let mut log = open(dir.path());
        let again = log.append(&Recipe::idempotent(9, 2, 10, 2).encode()).unwrap();
        assert_eq!(again, Appended { base_offset: first.base_offset, duplicate: true });
        let code = log.append(&Recipe::idempotent(9, 2, 13, 1).encode()).unwrap_err().code();
        assert_eq!(code, 45, "removed {remove}");
    }
}

#[test]
fn the_producer_unheard_for_longest_is_forgotten_above_the_bound() {
    let (_dir, mut log) = fresh();
    for id in 0..8 {
        log.append(&Recipe::idempotent(id, 0, 0, 1).encode()).unwrap();
    }
    log.append(&Recipe::idempotent(0, 0, 1, 1).encode()).unwrap();
    log.append(&Recipe::idempotent(100, 0, 0, 1).encode()).unwrap();
    assert_eq!(log.append(&Recipe::idempotent(0, 0, 5, 1).encode()).unwrap_err().code(), 45);
    assert!(log.append(&Recipe::idempotent(1, 0, 5, 1).encode()).is_ok(), "1 was forgotten");
}

#[test]
fn a_request_of_new_and_repeated_batches_stores_the_new_ones() {
    let (_dir, mut log) = fresh();
    log.append(&Recipe::idempotent(1, 0, 0, 1).encode()).unwrap();
    let both = [Recipe::idempotent(1, 0, 0, 1).encode(), Recipe::idempotent(1, 0, 1, 1).encode()].concat();
    assert_eq!(log.append(&both).unwrap(), Appended { base_offset: 0, duplicate: false });
    assert_eq!(log.next_offset(), 2);
    assert_eq!(log.append(&both).unwrap(), Appended { base_offset: 0, duplicate: true });
    // The second is wrong, so the first is not taken either, and not remembered.
    let wrong = [Recipe::idempotent(1, 0, 2, 1).encode(), Recipe::idempotent(1, 0, 4, 1).encode()].concat();
    assert_eq!(log.append(&wrong).unwrap_err().code(), 45);
    assert_eq!(log.append(&Recipe::idempotent(1, 0, 2, 1).encode()).unwrap().base_offset, 2);
}

#[test]
fn retention_by_size_and_by_time_removes_whole_segments_and_their_files() {
    let (dir, mut log) = fresh();
    for timestamp in 0..200 {
        log.append(&Recipe::plain(&[1000 + timestamp]).encode()).unwrap();
    }
    let before = segment_paths(dir.path()).len();
    log.retain(Some(1 << 20), Some(1000)).unwrap();
    assert_eq!((log.start_offset(), segment_paths(dir.path()).len()), (0, before));

    log.retain(Some(8000), None).unwrap();
    let kept: u64 = segment_paths(dir.path()).iter().map(|path| fs::metadata(path).unwrap().len()).sum();
    assert!((8000..8000 + 4096).contains(&kept), "{kept} bytes kept");

    // Just written: old timestamps alone remove nothing.
    let start = log.start_offset();
    log.retain(None, Some(1000 + start + 60)).unwrap();
    assert_eq!(log.start_offset(), start);
    for path in segment_paths(dir.path()) {
        File::options().append(true).open(path).unwrap().set_modified(UNIX_EPOCH).unwrap();
    }
    log.retain(None, Some(1000 + start + 60)).unwrap();
    assert!(log.start_offset() > start && log.start_offset() <= start + 60);

    // All of it is too old: the active segment goes as well, and offsets go on.
    log.retain(None, Some(5000)).unwrap();
    assert_eq!((log.start_offset(), log.next_offset()), (200, 200));
    assert_eq!(segment_paths(dir.path()).len(), 1);
    drop(log);
    let mut log = open(dir.path());
    assert_eq!((log.start_offset(), log.next_offset()), (200, 200));
    assert_eq!(log.append(&Recipe::plain(&[1]).encode()).unwrap().base_offset, 200);
}

/// The first segment, and a place for it while its path is something that cannot be removed as a file.
fn make_irremovable(dir: &Path) -> (PathBuf, PathBuf) {
    let path = segment_paths(dir).remove(0);
    let aside = path.with_extension("aside");
    fs::rename(&path, &aside).unwrap();
    fs::create_dir(&path).unwrap();
    (path, aside)
}

fn make_removable((path, aside): (PathBuf, PathBuf)) {
    fs::remove_dir(&path).unwrap();
    fs::rename(aside, path).unwrap();
}

#[test]
fn what_retention_cannot_remove_stays_whole_and_goes_with_the_next_round() {
    let (dir, mut log) = fresh();
    for _ in 0..200 {
        log.append(&Recipe::plain(&[1500]).encode()).unwrap();
    }
    let irremovable = make_irremovable(dir.path());
    log.retain(Some(8000), None).unwrap_err();
    assert_eq!(log.start_offset(), 0);
    make_removable(irremovable);
    assert!(!log.read_plan(0, 1000).unwrap().read().unwrap().is_empty());
    log.retain(Some(8000), None).unwrap();
    let start_offset = log.start_offset();
    assert!(start_offset > 0);
    drop(log);
    assert_eq!(open(dir.path()).start_offset(), start_offset);
}

#[test]
fn deleted_records_that_could_not_be_removed_go_with_the_next_round() {
    let (dir, mut log) = fresh();
    for _ in 0..200 {
        log.append(&Recipe::plain(&[1500]).encode()).unwrap();
    }
    let irremovable = make_irremovable(dir.path());
    let removed = irremovable.0.clone();
    assert_eq!(log.delete_records_before(200).unwrap(), 200);
    assert!(log.read_plan(0, 1000).is_none());
    make_removable(irremovable);
    log.retain(None, None).unwrap();
    assert!(!removed.exists());
    assert_eq!(segment_paths(dir.path()).len(), 1);
    drop(log);
    assert_eq!(open(dir.path()).start_offset(), 200);
}

#[test]
fn a_segment_that_somebody_removed_does_not_keep_those_behind_it() {
    for by_time in [false, true] {
        let (dir, mut log) = fresh();
        for _ in 0..200 {
            log.append(&Recipe::plain(&[1500]).encode()).unwrap();
        }
        let paths = segment_paths(dir.path());
        for path in &paths[1..] {
            File::options().append(true).open(path).unwrap().set_modified(UNIX_EPOCH).unwrap();
        }
        fs::remove_file(&paths[0]).unwrap();
        let (bytes, min_timestamp) = if by_time { (None, Some(5000)) } else { (Some(0), None) };
        log.retain(bytes, min_timestamp).unwrap();
        assert_eq!(segment_paths(dir.path()).len(), 1, "by time {by_time}");
    }
}

#[test]
fn the_greatest_timestamp_is_found_where_it_is() {
    let (_dir, mut log) = fresh();
    assert_eq!(log.max_timestamp(), None);
    log.append(&Recipe::plain(&[1500, 1900, 1900, 1700]).encode()).unwrap();
    for _ in 0..50 {
        log.append(&Recipe::plain(&[1600, 1601]).encode()).unwrap();
    }
    assert_eq!(log.max_timestamp(), Some((1, 1900)));
    log.delete_records_before(4).unwrap();
    assert_eq!(log.max_timestamp(), Some((5, 1601)));
}

#[test]
fn a_reader_finishes_while_its_segment_is_removed_and_few_files_are_open() {
    let (dir, mut log) = fresh();
    for _ in 0..200 {
        log.append(&Recipe::plain(&[1500]).encode()).unwrap();
    }
    let plan = log.read_plan(0, 1000).unwrap();
    log.delete_records_before(200).unwrap();
    assert!(log.read_plan(0, 1000).is_none());
    assert!(!segment_paths(dir.path())[0].ends_with("00000000000000000000.log"));
    assert!(!plan.read().unwrap().is_empty());
    assert!(log.files.open_count() <= 3);
}

#[test]
fn a_deleted_log_takes_and_gives_nothing() {
    let (_dir, mut log) = fresh();
    log.append(&Recipe::plain(&[1500]).encode()).unwrap();
    log.mark_deleted();
    assert_eq!(log.append(&Recipe::plain(&[1500]).encode()).unwrap_err().code(), 3);
    assert!(log.read_plan(0, 1000).is_none());
}
