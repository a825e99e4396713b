//! Fuzzing: decompression under a cap. Nothing larger than the cap comes out; and what came out, as well as the input
//! itself, is compressed in pieces and comes back the same.
//!
//! The first byte is the codec, the next two the cap in units of 16 bytes, the rest is compressed, or plain.
#![no_main]

use std::cell::RefCell;

use kafka_client::compression::{Codec, Compression, Compressor, DecompressError, decompress};
use libfuzzer_sys::fuzz_target;

thread_local! {
    static COMPRESSORS: RefCell<[Compressor; 5]> =
        RefCell::new(Codec::ALL.map(|codec| Compressor::new(Compression { codec, level: Some(1) })));
}

fuzz_target!(|input: &[u8]| {
    let Some((&[codec, high, low], bytes)) = input.split_first_chunk() else { return };
    let codec = codec % 6;
    let bytes_max = 16 * usize::from(u16::from_be_bytes([high, low]));
    match decompress(codec, bytes, bytes_max) {
        Ok(plain) => {
            assert!(plain.len() <= bytes_max && plain.capacity() <= bytes_max.max(bytes.len()) + 1);
            round_trip(codec, &plain, low);
            if let Some(less) = plain.len().checked_sub(1) {
                assert_eq!(
                    decompress(codec, bytes, less),
                    Err(DecompressError::TooLarge { bytes_max: less })
                );
            }
        }
        Err(DecompressError::UnknownCodec { codec }) => assert_eq!(codec, 5),
        Err(_) => {}
    }
    if codec < 5 {
        round_trip(codec, bytes, high);
    }
});

fn round_trip(codec: u8, plain: &[u8], cut: u8) {
    let mut compressed = Vec::new();
    let pieces = plain.chunks(1 + usize::from(cut) * 16);
    COMPRESSORS
        .with_borrow_mut(|compressors| compressors[usize::from(codec)].compress(pieces, &mut compressed))
        .expect("memory is there");
    assert_eq!(decompress(codec, &compressed, plain.len()).as_deref(), Ok(plain));
}
