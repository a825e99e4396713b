//! What is written in a version is read back in it.

use bytes::{Buf, Bytes};
use fastrand::Rng;

use super::{SEED, for_all_messages, name};
use crate::filled::Filled;
use crate::messages::*;
use crate::*;

fn frame<M: Message>(message: &M, version: i16) -> Bytes {
    let mut writer = Writer::frame();
    message.encode(&mut writer, version);
    let mut frame = writer.finish().expect("filled messages are short").into_bytes();
    let length = usize::try_from(frame.get_i32()).unwrap();
    assert_eq!(length, frame.len(), "{} v{version}: frame length", name::<M>());
    frame
}

fn decoded<M: Message>(frame: Bytes, version: i16) -> M {
    let mut reader = Reader::new(frame);
    let message =
        M::decode(&mut reader, version).unwrap_or_else(|error| panic!("{} v{version}: {error}", name::<M>()));
    assert_eq!(reader.remaining(), 0, "{} v{version}: bytes left", name::<M>());
    message
}

/// A message whose every field of the version is filled comes back the same.
fn fields_of_the_version<M: Message + Filled>(rng: &mut Rng) {
    for version in M::VERSIONS {
        for _ in 0..5 {
            let message = M::filled(rng, Some(M::at(version)));
            let back: M = decoded(frame(&message, version), version);
            assert_eq!(message, back, "{} v{version}, seed {SEED:#x}", name::<M>());
        }
    }
}

/// Fields that the version does not have are left out, and are no reason to fail.
fn fields_of_all_versions<M: Message + Filled>(rng: &mut Rng) {
    for version in M::VERSIONS {
        let bytes = frame(&M::filled(rng, None), version);
        let back: M = decoded(bytes.clone(), version);
        assert_eq!(frame(&back, version), bytes, "{} v{version}, seed {SEED:#x}", name::<M>());
    }
}

/// Defaults go through every version: null becomes the empty value where null is not allowed.
fn defaults<M: Message>() {
    for version in M::VERSIONS {
        let bytes = frame(&M::default(), version);
        let back: M = decoded(bytes.clone(), version);
        assert_eq!(frame(&back, version), bytes, "{} v{version}", name::<M>());
    }
}

/// A tagged field of the future is skipped.
fn unknown_tagged_fields<M: Message + Filled>(rng: &mut Rng) {
    let version = *M::VERSIONS.end();
    if !M::at(version).flexible {
        return;
    }
    let message = M::default();
    let mut bytes = frame(&message, version).to_vec();
    assert_eq!(bytes.pop(), Some(0), "{}: no tagged fields", name::<M>());
    bytes.extend([1, 99, 3, rng.u8(..), rng.u8(..), rng.u8(..)]);
    let back: M = decoded(bytes.into(), version);
    assert_eq!(frame(&back, version), frame(&message, version), "{}", name::<M>());
}

#[test]
fn every_message_in_every_version() {
    let mut rng = Rng::with_seed(SEED);
    for_all_messages!(fields_of_the_version(&mut rng));
    for_all_messages!(fields_of_all_versions(&mut rng));
    for_all_messages!(defaults());
    for_all_messages!(unknown_tagged_fields(&mut rng));
}

#[test]
fn the_list_of_messages_is_whole() {
    let mut keys = Vec::new();
    fn note<M: Message>(keys: &mut Vec<ApiKey>) {
        keys.push(M::KEY);
    }
    for_all_messages!(note(&mut keys));
    keys.sort();
    let twice: Vec<_> = ApiKey::ALL.iter().flat_map(|&key| [key, key]).collect();
    assert_eq!(keys, twice);
    for key in ApiKey::ALL {
        assert_eq!(ApiKey::from_code(key.code()), Some(*key));
    }
}

#[test]
fn headers() {
    for (version, head_bytes) in [(0, 8 + 2 + 4), (11, 8 + 2 + 4), (12, 8 + 2 + 4 + 1)] {
        let request = FetchRequest::default();
        let Ok(frame) = encode_request(7, Some("test"), version, &request) else {
            assert_eq!(version, 0, "Fetch v0 is not offered");
            continue;
        };
        let mut frame = frame.into_bytes();
        frame.advance(4);
        let mut reader = Reader::new(frame.clone());
        let header = RequestHeader::read(&mut reader).unwrap();
        assert_eq!(frame.len() - reader.remaining(), head_bytes);
        let expected = RequestHeader {
            api_key: ApiKey::Fetch,
            api_version: version,
            correlation_id: 7,
            client_id: Some("test".into()),
        };
        assert_eq!(header, expected);
    }
}

#[test]
fn an_api_versions_answer_has_the_old_header() {
    let frame = encode_response(3, 4, &ApiVersionsResponse::default()).unwrap().into_bytes();
    // Length, correlation id, error code, no keys, throttle time, no tagged fields: no byte for a flexible header.
    assert_eq!(frame[..], [0, 0, 0, 12, 0, 0, 0, 3, 0, 0, 1, 0, 0, 0, 0, 0]);
    let (id, _): (_, ApiVersionsResponse) = decode_response(frame.slice(4..), 4).unwrap();
    assert_eq!(id, 3);
}

#[test]
fn records_are_neither_copied_in_nor_out() {
    let payload = Bytes::from(vec![7; 100_000]);
    let request = ProduceRequest {
        topic_data: vec![TopicProduceData {
            name: "t".into(),
            partition_data: vec![PartitionProduceData {
                index: 1,
                records: Some(vec![payload.slice(..50_000), payload.slice(50_000..)].into()),
            }],
            ..Default::default()
        }],
        ..Default::default()
    };
    let mut frame = encode_request(1, None, 11, &request).unwrap();
    let mut slices = [std::io::IoSlice::new(&[]); 8];
    let n = frame.chunks_vectored(&mut slices);
    assert_eq!(slices[..n].iter().map(|slice| slice.len()).sum::<usize>(), frame.remaining());
    assert!(slices[..n].iter().any(|slice| slice.as_ptr() == payload.as_ptr()), "sent as it lies");

    let mut bytes = frame.copy_to_bytes(frame.remaining());
    bytes.advance(4);
    let mut reader = Reader::new(bytes.clone());
    RequestHeader::read(&mut reader).unwrap();
    let mut back = ProduceRequest::decode(&mut reader, 11).unwrap();
    let records = back.topic_data.remove(0).partition_data.remove(0).records.unwrap().into_bytes();
    assert_eq!(records, payload);
    assert!(bytes.as_ptr_range().contains(&records.as_ptr()), "a slice of the frame");
}

#[test]
fn a_string_too_long_for_its_length_field_is_an_error() {
    let request = HeartbeatRequest { group_id: "x".repeat(40_000), ..Default::default() };
    assert_eq!(encode_request(1, None, 0, &request).unwrap_err(), EncodeError::TooLong { length: 40_000 },);
    assert!(encode_request(1, None, 4, &request).is_ok());
}
