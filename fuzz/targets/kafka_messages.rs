//! Fuzzing: every request and answer in every version. What can be read is written and read again: the same, in no more
//! memory than the frame's length allows.
//!
//! The first byte chooses the API and (highest bit) its answer, the second the version, the rest is the message.
#![no_main]

use bytes::{Buf, Bytes};
use kafka_wire::fuzzing::{Filled, Visitor};
use kafka_wire::{ApiKey, DecodeError, Message, Reader, Writer};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((&[api, version], body)) = input.split_first_chunk() else { return };
    let key = ApiKey::ALL[usize::from(api & 0x7f) % ApiKey::ALL.len()];
    key.visit(api & 0x80 != 0, &mut RoundTrip { version, body: Bytes::copy_from_slice(body) });
});

struct RoundTrip {
    version: u8,
    body: Bytes,
}

impl Visitor for RoundTrip {
    fn visit<M: Message + Filled>(&mut self) {
        let count = M::VERSIONS.end() - M::VERSIONS.start() + 1;
        let version = M::VERSIONS.start() + i16::from(self.version) % count;
        let Ok(message) = decoded::<M>(self.body.clone(), version) else { return };
        let written = encoded(&message, version);
        match decoded::<M>(written.clone(), version) {
            Ok(again) => {
                assert_eq!(message, again, "v{version}");
                assert_eq!(encoded(&again, version), written, "v{version}");
            }
            // Padded varints and unknown fields were left out, and with them the memory that they allowed.
            Err(DecodeError::TooMuchMemory { .. }) if written.len() < self.body.len() => {}
            Err(error) => panic!("v{version}: {error} in what was written of {message:?}"),
        }
    }
}

fn decoded<M: Message>(frame: Bytes, version: i16) -> Result<M, DecodeError> {
    let allowed = 8 * frame.len() + 4096;
    let mut reader = Reader::new(frame);
    let message = M::decode(&mut reader, version);
    assert!(reader.allocated_bytes() <= allowed, "{} bytes", reader.allocated_bytes());
    message
}

fn encoded<M: Message>(message: &M, version: i16) -> Bytes {
    let mut writer = Writer::frame();
    message.encode(&mut writer, version);
    let mut frame = writer.finish().expect("what was read can be written");
    frame.advance(4);
    frame.copy_to_bytes(frame.remaining())
}
