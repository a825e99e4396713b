//! Batches and records: written, read, and broken.

use fastrand::Rng;

use super::{SEED, arbitrary_byte};
use crate::batch::*;
use crate::record::*;

fn batch_of(records: &[Record<'_>]) -> Vec<u8> {
    let mut body = Vec::new();
    for record in records {
        let before = body.len();
        put_record(&mut body, record);
        assert_eq!(body.len() - before, record_bytes(record), "{record:?}");
    }
    let count = i32::try_from(records.len()).unwrap();
    let header = BatchHeader {
        base_offset: 1000,
        batch_length: 0,
        partition_leader_epoch: 0,
        crc: 0,
        attributes: Attributes(0),
        last_offset_delta: count - 1,
        base_timestamp: 1_700_000_000_000,
        max_timestamp: 1_700_000_000_500,
        producer_id: 42,
        producer_epoch: 1,
        base_sequence: 7,
        records_count: count,
    }
    .sealed([body.as_slice()].into_iter());
    [header.to_bytes().as_slice(), &body].concat()
}

fn sample() -> Vec<u8> {
    let mut buffer = Vec::new();
    let headers = Headers::write(&mut buffer, &[("a", Some(b"1")), ("a", None), ("", Some(b""))]);
    batch_of(&[
        Record { timestamp_delta: 0, offset_delta: 0, key: Some(b"k"), value: Some(b"v"), headers },
        Record { timestamp_delta: -500, offset_delta: 1, key: None, value: None, headers: Headers::NONE },
        Record {
            timestamp_delta: 500,
            offset_delta: 2,
            key: Some(b""),
            value: Some(&[9; 300]),
            headers: Headers::NONE,
        },
    ])
}

#[test]
fn a_batch_comes_back_as_written() {
    let bytes = sample();
    let batch = Batch::read(&bytes).unwrap();
    assert_eq!(batch.header.to_bytes(), bytes[..BATCH_HEADER_BYTES]);
    assert_eq!(batch.header.last_offset(), 1002);
    let records: Vec<_> = batch.records().unwrap().map(Result::unwrap).collect();
    assert_eq!(records.len(), 3);
    assert_eq!((records[0].key, records[0].value), (Some(b"k".as_slice()), Some(b"v".as_slice())));
    let headers: Vec<_> = records[0].headers.iter().collect();
    assert_eq!(headers, [("a", Some(b"1".as_slice())), ("a", None), ("", Some(b"".as_slice()))]);
    assert_eq!((records[1].key, records[1].value, records[1].timestamp_delta), (None, None, -500));
    assert_eq!(records[2].value.map(<[u8]>::len), Some(300));
}

#[test]
fn the_checksum_covers_the_bytes_from_the_attributes_on() {
    let record = Record {
        timestamp_delta: 0,
        offset_delta: 0,
        key: Some(b"k"),
        value: Some(b"v"),
        headers: Headers::NONE,
    };
    let mut body = Vec::new();
    put_record(&mut body, &record);
    assert_eq!(body, [16, 0, 0, 0, 2, b'k', 2, b'v', 0]);
    let bytes = batch_of(&[record]);
    let stored = u32::from_be_bytes(bytes[17..21].try_into().unwrap());
    assert_eq!(stored, crc32c::crc32c(&bytes[21..]));
}

#[test]
fn a_run_of_batches() {
    let run = [sample(), sample(), sample()].concat();
    assert_eq!(Batches::new(&run).filter(Result::is_ok).count(), 3);
    let cut = &run[..run.len() - 1];
    let results: Vec<_> = Batches::new(cut).collect();
    assert_eq!(results.len(), 3);
    assert!(matches!(results[2], Err(BatchError::Truncated { .. })));
    assert!(Batches::new(&[]).next().is_none());
}

#[test]
fn every_flipped_bit_after_the_length_is_seen() {
    let good = sample();
    for bit in 8 * 16..8 * good.len() {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(Batch::read(&bad).is_err(), "bit {bit}");
    }
}

#[test]
fn compressed_batches_are_not_taken_apart() {
    let mut header = BatchHeader::read(&sample()).unwrap();
    header.attributes = Attributes(4);
    let body = [1, 2, 3];
    let header = header.sealed([body.as_slice()].into_iter());
    let bytes = [header.to_bytes().as_slice(), &body].concat();
    let batch = Batch::read(&bytes).unwrap();
    assert_eq!(batch.records().unwrap_err(), BatchError::Compressed { codec: 4 });
}

#[test]
fn hostile_batches_and_records_do_not_panic() {
    let mut rng = Rng::with_seed(SEED);
    let good = sample();
    for _ in 0..20_000 {
        let mut bytes = good.clone();
        for _ in 0..rng.usize(1..6) {
            let at = rng.usize(..bytes.len());
            bytes[at] = arbitrary_byte(&mut rng);
        }
        bytes.truncate(rng.usize(..=good.len()));
        assert!(Batches::new(&bytes).count() <= 1, "seed {SEED:#x}");
        // Past the checksum, as after a producer with a fault of its own.
        let body = bytes.get(BATCH_HEADER_BYTES..).unwrap_or_default();
        let limit = body.len() + 1;
        let read = Records::new(body, rng.i32(0..)).take(limit + 1).count();
        assert!(read <= limit, "seed {SEED:#x}");
        for record in Records::new(body, 3).flatten() {
            assert!(record.headers.iter().count() <= body.len(), "seed {SEED:#x}");
        }
    }
}
