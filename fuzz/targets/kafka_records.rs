//! Fuzzing: what a fetch brings of one partition, compressed or not. What the reader hands out is what a reading as
//! simple as can be finds, from the offset that was asked for on.
//!
//! The first byte is that offset, the second the largest batch in units of 256 bytes; the rest is tried as it is, and
//! as a batch whose length, magic and checksum hold, twice.
#![no_main]

use bytes::Bytes;
use kafka_client::compression::decompress;
use kafka_client::fuzzing;
use kafka_wire::batch::{Batch, Batches};
use kafka_wire::record::Records;
use libfuzzer_sys::fuzz_target;
use otlp2kafka_fuzz::mended;

fuzz_target!(|input: &[u8]| {
    let Some((&[from, cap], fetched)) = input.split_first_chunk() else { return };
    let (from, cap) = (i64::from(from), 256 * usize::from(cap));
    compare(fetched, from, cap);
    if let Some(batch) = mended(fetched) {
        compare(&batch, from, cap);
        compare(&[&batch[..], &batch].concat(), from, cap);
    }
});

/// Offset, key, value and headers.
type Found = (i64, Option<Vec<u8>>, Option<Vec<u8>>, Vec<(String, Option<Vec<u8>>)>);

fn compare(fetched: &[u8], from: i64, cap: usize) {
    let mut handed: Vec<Found> = Vec::new();
    let ended = fuzzing::records(Bytes::copy_from_slice(fetched), from, cap, |record| {
        let headers = record.headers.iter().map(|(name, value)| (name.to_owned(), value.map(<[u8]>::to_vec)));
        let headers = headers.collect();
        handed.push((record.offset, record.key.map(Vec::from), record.value.map(Vec::from), headers));
    });
    let expected = simple(fetched, from, cap);
    assert!(expected.starts_with(&handed), "{expected:?} does not begin with {handed:?}");
    assert!(handed.is_sorted_by(|one, next| one.0 < next.0) && handed.iter().all(|one| one.0 >= from));
    if let Ok(next) = ended {
        assert_eq!(handed.len(), expected.len());
        assert!(next >= from && handed.last().is_none_or(|last| last.0 < next));
    }
}

/// All records that can be read of all batches that can be.
fn simple(fetched: &[u8], mut from: i64, cap: usize) -> Vec<Found> {
    let mut found = Vec::new();
    for batch in Batches::new(fetched).map_while(Result::ok) {
        let header = batch.header;
        if !header.attributes.is_control() && header.last_offset() >= from {
            let Some(body) = body(&batch, cap) else { break };
            for record in Records::new(&body, header.records_count) {
                let Ok(record) = record else { return found };
                let offset = header.base_offset.saturating_add(record.offset_delta.into());
                if offset >= from {
                    let headers = record.headers.iter();
                    let headers = headers.map(|(name, value)| (name.to_owned(), value.map(<[u8]>::to_vec)));
                    let (key, value) = (record.key.map(<[u8]>::to_vec), record.value.map(<[u8]>::to_vec));
                    found.push((offset, key, value, headers.collect()));
                    from = offset.saturating_add(1);
                }
            }
        }
        from = from.max(header.last_offset().saturating_add(1));
    }
    found
}

fn body(batch: &Batch<'_>, cap: usize) -> Option<Vec<u8>> {
    match batch.header.attributes.codec() {
        0 => Some(batch.body().to_vec()),
        codec => decompress(codec, batch.body(), cap).ok(),
    }
}
