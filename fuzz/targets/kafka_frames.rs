//! Fuzzing: answers off a stream. However the bytes come, the frames are the same, and no announced length takes memory.
//!
//! The first byte is the seed of the pieces' lengths, the second the largest frame, the rest is the stream.
#![no_main]

use bytes::{Bytes, BytesMut};
use kafka_client::fuzzing::take;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((&[seed, longest], stream)) = input.split_first_chunk() else { return };
    let bytes_max = usize::from(longest) * 16;
    let whole = frames(&[stream], bytes_max);
    let mut rng = fastrand::Rng::with_seed(seed.into());
    let mut pieces = Vec::new();
    let mut rest = stream;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rng.usize(1..=1 + usize::from(seed) / 4).min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    assert_eq!(frames(&pieces, bytes_max), whole);
    compare(&whole, stream, bytes_max);
});

/// All frames, and the error that ended them.
fn frames(pieces: &[&[u8]], bytes_max: usize) -> Vec<Result<Bytes, String>> {
    let mut inbox = BytesMut::new();
    let mut come = 0;
    let mut frames = Vec::new();
    for piece in pieces {
        inbox.extend_from_slice(piece);
        come += piece.len();
        loop {
            let taken = take(&mut inbox, bytes_max);
            assert!(inbox.capacity() <= 3 * come + 8192, "{} bytes of room for {come}", inbox.capacity());
            match taken {
                Ok(Some(frame)) => frames.push(Ok(frame)),
                Ok(None) => break,
                Err(error) => {
                    frames.push(Err(error));
                    return frames;
                }
            }
        }
    }
    frames
}

/// With a reading of the stream that is as simple as can be.
fn compare(frames: &[Result<Bytes, String>], mut stream: &[u8], bytes_max: usize) {
    let mut frames = frames.iter();
    while let Some((length, after)) = stream.split_first_chunk() {
        let length = i32::from_be_bytes(*length);
        let Some(length) = usize::try_from(length).ok().filter(|length| (4..=bytes_max).contains(length))
        else {
            assert!(matches!(frames.next(), Some(Err(_))));
            break;
        };
        let Some((frame, after)) = after.split_at_checked(length) else { break };
        assert_eq!(frames.next().and_then(|it| it.as_ref().ok()).map(Bytes::as_ref), Some(frame));
        stream = after;
    }
    assert_eq!(frames.next(), None);
}
