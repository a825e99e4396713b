//! Bytes from anyone: no panic, no memory beyond a small multiple of the frame.

use bytes::{BufMut, Bytes, BytesMut};
use fastrand::Rng;

use super::{SEED, arbitrary_byte, for_all_messages, name};
use crate::filled::Filled;
use crate::messages::*;
use crate::*;

fn decode_anything<M: Message>(bytes: Bytes, version: i16) {
    let length = bytes.len();
    let mut reader = Reader::new(bytes);
    drop(M::decode(&mut reader, version)); // garbage can be a message by chance
    assert!(reader.allocated_bytes() <= 8 * length + 4096, "{} v{version}", name::<M>());
}

fn random_bytes<M: Message>(rng: &mut Rng) {
    for version in M::VERSIONS {
        for _ in 0..200 {
            let bytes: Bytes = (0..rng.usize(..200)).map(|_| rng.u8(..)).collect();
            decode_anything::<M>(bytes, version);
        }
    }
}

fn mutated_bytes<M: Message + Filled>(rng: &mut Rng) {
    for version in M::VERSIONS {
        let mut writer = Writer::frame();
        M::filled(rng, Some(M::at(version))).encode(&mut writer, version);
        let whole = writer.finish().expect("a filled message is short").into_bytes().slice(4..);
        if whole.is_empty() {
            continue; // ListGroups v0 has no field
        }
        for _ in 0..30 {
            let mut bytes = BytesMut::from(&whole[..]);
            for _ in 0..rng.usize(1..5) {
                let at = rng.usize(..bytes.len());
                bytes[at] = arbitrary_byte(rng);
            }
            bytes.truncate(rng.usize(..=whole.len()));
            decode_anything::<M>(bytes.freeze(), version);
        }
        for end in 0..whole.len().min(300) {
            let mut reader = Reader::new(whole.slice(..end));
            let result: Result<M, _> = M::decode(&mut reader, version);
            assert!(result.is_err(), "{} v{version} cut at {end}, seed {SEED:#x}", name::<M>());
        }
    }
}

#[test]
fn no_message_panics_or_takes_much_memory() {
    let mut rng = Rng::with_seed(SEED);
    for_all_messages!(random_bytes(&mut rng));
    for_all_messages!(mutated_bytes(&mut rng));
}

#[test]
fn forty_bytes_that_claim_two_thousand_million_elements() {
    let mut frame = BytesMut::new();
    frame.put_i32(i32::MAX);
    frame.put_bytes(0, 36);
    let error = MetadataRequest::decode(&mut Reader::new(frame.freeze()), 8).unwrap_err();
    assert_eq!(error, DecodeError::CountTooLarge { claimed: 0x7fff_ffff, left_bytes: 36 });

    let mut compact = BytesMut::new();
    compact.put_slice(&[0xff, 0xff, 0xff, 0xff, 0x0f]);
    compact.put_bytes(0, 35);
    let error = MetadataRequest::decode(&mut Reader::new(compact.freeze()), 12).unwrap_err();
    assert_eq!(error, DecodeError::CountTooLarge { claimed: 0xffff_fffe, left_bytes: 35 });
}

#[test]
fn a_count_that_fits_the_frame_but_not_the_memory() {
    // One byte an element on the wire at best, but a struct of several words in memory.
    let mut frame = BytesMut::new();
    frame.put_i32(1_000_000);
    frame.put_bytes(0, 1_000_000);
    let mut reader = Reader::new(frame.freeze());
    let error = CreateTopicsRequest::decode(&mut reader, 2).unwrap_err();
    assert!(
        matches!(error, DecodeError::TooMuchMemory { allocated_bytes_max } if allocated_bytes_max < 9_000_000)
    );
}

#[test]
fn a_callers_own_limit() {
    let request = MetadataRequest {
        topics: Some(vec![MetadataRequestTopic { name: Some("topic".into()), ..Default::default() }; 100]),
        ..Default::default()
    };
    let mut writer = Writer::frame();
    request.encode(&mut writer, 8);
    let bytes = writer.finish().unwrap().into_bytes().slice(4..);
    assert!(MetadataRequest::decode(&mut Reader::new(bytes.clone()), 8).is_ok());
    let error = MetadataRequest::decode(&mut Reader::new(bytes).allocate_at_most(1000), 8).unwrap_err();
    assert_eq!(error, DecodeError::TooMuchMemory { allocated_bytes_max: 1000 });
}

#[test]
fn unknown_keys_and_versions_are_errors() {
    let mut frame = BytesMut::new();
    frame.put_i16(999);
    frame.put_bytes(0, 20);
    assert_eq!(
        RequestHeader::read(&mut Reader::new(frame.freeze())).unwrap_err(),
        DecodeError::UnknownApiKey { api_key: 999 },
    );
    let error = FetchRequest::decode(&mut Reader::new(Bytes::new()), 2).unwrap_err();
    assert_eq!(error, DecodeError::UnknownVersion { api_key: ApiKey::Fetch, api_version: 2 });
}
