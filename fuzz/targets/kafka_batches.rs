//! Fuzzing: runs of record batches and the records in them. Records that can be read are written and read again: the
//! same, and as long as announced.
//!
//! The input is tried as it is, and as a batch whose length, magic and checksum hold.
#![no_main]

use kafka_wire::batch::{BATCH_HEADER_BYTES, BATCH_LENGTH_END, Batch, BatchHeader, Batches, CRC_FROM};
use kafka_wire::record::{Record, put_record, record_bytes};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    run(input);
    let Some(batch) = mended(input) else { return };
    run(&batch);
    run(&[&batch[..], &batch, input].concat());
});

/// The input with a length, a magic and a checksum that fit.
fn mended(input: &[u8]) -> Option<Vec<u8>> {
    let mut batch = input.to_vec();
    let length = i32::try_from(input.len().checked_sub(BATCH_LENGTH_END)?).ok()?;
    batch.get_mut(8..12)?.copy_from_slice(&length.to_be_bytes());
    *batch.get_mut(16)? = 2;
    // Read once with a checksum that is wrong, which tells the right one.
    match Batch::read(&batch) {
        Err(kafka_wire::batch::BatchError::Crc { actual, .. }) => {
            batch.get_mut(17..CRC_FROM)?.copy_from_slice(&actual.to_be_bytes());
        }
        Err(_) => return None,
        Ok(_) => {}
    }
    Some(batch)
}

fn run(bytes: &[u8]) {
    let mut at = 0;
    for batch in Batches::new(bytes) {
        let Ok(batch) = batch else { break };
        assert_eq!(batch.bytes, &bytes[at..at + batch.bytes.len()]);
        at += batch.bytes.len();
        assert!(batch.bytes.len() >= BATCH_HEADER_BYTES && batch.bytes.len() == batch.header.total_bytes());
        assert_eq!(batch.header.to_bytes(), batch.bytes[..BATCH_HEADER_BYTES]);
        assert_eq!(batch.header.sealed([batch.body()].into_iter()), batch.header);
        records(&batch);
    }
}

fn records(batch: &Batch<'_>) {
    let Ok(records) = batch.records() else { return };
    let (mut read, mut whole) = (Vec::new(), true);
    for record in records {
        match record {
            Ok(record) => read.push(record),
            Err(_) => whole = false,
        }
        assert!(read.len() <= batch.body().len(), "a record has a byte at least");
    }
    let mut body = Vec::new();
    for record in &read {
        let before = body.len();
        put_record(&mut body, record);
        assert_eq!(body.len() - before, record_bytes(record));
        // A header has two bytes at least, so no loop over the count is longer than the batch.
        let claimed = usize::try_from(record.headers.count()).expect("a count is not negative");
        assert!(record.headers.iter().count() <= claimed && claimed <= batch.body().len());
    }
    if whole {
        assert_eq!(i32::try_from(read.len()), Ok(batch.header.records_count));
    }
    let records_count = i32::try_from(read.len()).unwrap_or(i32::MAX);
    let header = BatchHeader { records_count, last_offset_delta: records_count, ..batch.header };
    let header = header.sealed([&body[..]].into_iter()).to_bytes();
    let written = [&header[..], &body].concat();
    let again = Batch::read(&written).expect("what was read can be written");
    let again: Result<Vec<Record<'_>>, _> = again.records().expect("it is not compressed").collect();
    assert_eq!(again.as_ref(), Ok(&read));
}
