//! Fuzzing: runs of record batches and the records in them. Records that can be read are written and read again: the
//! same, and as long as announced.
//!
//! The input is tried as it is, and as a batch whose length, magic and checksum hold.
#![no_main]

use kafka_wire::batch::{BATCH_HEADER_BYTES, Batch, BatchHeader, Batches};
use kafka_wire::record::{Record, put_record, record_bytes};
use libfuzzer_sys::fuzz_target;
use otlp2kafka_fuzz::mended;

fuzz_target!(|input: &[u8]| {
    run(input);
    let Some(batch) = mended(input) else { return };
    run(&batch);
    run(&[&batch[..], &batch, input].concat());
});

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
