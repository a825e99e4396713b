//! Round trips, what Java's clients wrote, and bytes from anyone.

use fastrand::Rng;

use super::*;

/// Fixed, and printed with every failure.
const SEED: u64 = 0x6f74_6c70;
const ROOMY: usize = 64 << 20;

/// 70,000 bytes as Java's clients 4.3.1 (`Compression.of(type).build().wrapForOutput`) compressed them.
const OF_JAVA: [(Codec, &[u8]); 4] = [
    (Codec::Gzip, include_bytes!("tests/java.gzip")),
    (Codec::Snappy, include_bytes!("tests/java.snappy")),
    (Codec::Lz4, include_bytes!("tests/java.lz4")),
    (Codec::Zstd, include_bytes!("tests/java.zstd")),
];

fn javas_sample() -> Vec<u8> {
    (0..70_000_usize).map(|i| ((i % 251) ^ (i / 4096)).to_le_bytes()[0]).collect()
}

fn compressed(compressor: &mut Compressor, pieces: &[&[u8]]) -> Vec<u8> {
    let mut out = b"before".to_vec();
    compressor.compress(pieces.iter().copied(), &mut out).unwrap();
    assert_eq!(out[..6], *b"before", "it is appended");
    out.split_off(6)
}

fn with_codec(codec: Codec) -> Compressor {
    Compressor::new(Compression { codec, level: None })
}

/// Text, zeros and noise in turns, as records are.
fn plain(rng: &mut Rng, bytes: usize) -> Vec<u8> {
    let mut plain = Vec::with_capacity(bytes + 100);
    while plain.len() < bytes {
        match rng.u8(..4) {
            0 => plain.extend((0..rng.usize(..100)).map(|_| rng.u8(..))),
            1 => plain.resize(plain.len() + rng.usize(..300), 0),
            _ => plain.extend(format!("http.request.method=GET user={}", rng.u16(..)).bytes()),
        }
    }
    plain.truncate(bytes);
    plain
}

fn cut_up<'a>(rng: &mut Rng, bytes: &'a [u8]) -> Vec<&'a [u8]> {
    let longest = rng.choice([3, 100, 10_000, 100_000, usize::MAX / 2]).unwrap_or(1);
    let mut pieces = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rng.usize(..=longest).min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

#[test]
fn names_ids_and_levels() {
    for codec in Codec::ALL {
        assert_eq!(codec.to_string().parse(), Ok(codec));
        assert_eq!(Codec::from_id(codec.id()), Some(codec));
    }
    assert_eq!(Codec::ALL.map(Codec::id), [0, 1, 2, 3, 4]);
    let error = "LZ4".parse::<Codec>().unwrap_err();
    assert_eq!(error.to_string(), r#""LZ4" is not one of none, gzip, snappy, lz4 and zstd"#);
    assert_eq!(Codec::Zstd.levels(), Some(-131_072..=22));
}

#[test]
fn what_java_wrote_is_read() {
    for (codec, bytes) in OF_JAVA {
        assert_eq!(decompress(codec.id(), bytes, 70_000).unwrap(), javas_sample(), "{codec}");
    }
}

/// What has one way only is written to the byte as Java writes it, so Java reads it.
#[test]
fn heads_are_those_of_java() {
    let sample = javas_sample();
    for (codec, of_java) in OF_JAVA {
        let head = match codec {
            Codec::Snappy => 16,
            Codec::Lz4 => 7,
            Codec::Gzip => 4,
            Codec::Zstd | Codec::None => 4,
        };
        let ours = compressed(&mut with_codec(codec), &[&sample]);
        assert_eq!(ours[..head], of_java[..head], "{codec}");
        assert!(ours.len() < 2 * of_java.len(), "{codec}: {} for {}", ours.len(), of_java.len());
    }
    assert!(compressed(&mut with_codec(Codec::Lz4), &[&sample]).ends_with(&[0; 4]));
}

#[test]
fn round_trips_of_all_sizes_and_piecings() {
    let mut rng = Rng::with_seed(SEED);
    for codec in Codec::ALL {
        let mut compressor = with_codec(codec);
        for round in 0..120 {
            let near = rng.choice([0, 1, 50, 5_000, 32 << 10, 64 << 10, 128 << 10, 300_000]).unwrap_or(0);
            let more = rng.usize(..3) * (round % 40);
            let bytes = plain(&mut rng, near + more);
            let pieces = cut_up(&mut rng, &bytes);
            let out = compressed(&mut compressor, &pieces);
            let back = decompress(codec.id(), &out, bytes.len());
            assert!(
                back.as_ref() == Ok(&bytes) || (codec == Codec::None && bytes.is_empty()),
                "{codec} {near}"
            );
            if !bytes.is_empty() {
                let error = decompress(codec.id(), &out, bytes.len() - 1).unwrap_err();
                assert_eq!(error, DecompressError::TooLarge { bytes_max: bytes.len() - 1 }, "{codec} {near}");
            }
        }
    }
}

#[test]
fn round_trips_of_all_levels() {
    let bytes = plain(&mut Rng::with_seed(SEED), 150_000);
    for (codec, levels) in [(Codec::Gzip, -2..=10), (Codec::Zstd, -7..=23), (Codec::Lz4, 1..=2)] {
        let mut lengths = Vec::new();
        for level in levels {
            let mut compressor = Compressor::new(Compression { codec, level: Some(level) });
            let out = compressed(&mut compressor, &[&bytes]);
            assert_eq!(decompress(codec.id(), &out, bytes.len()).as_ref(), Ok(&bytes), "{codec} {level}");
            lengths.push(out.len());
        }
        let smaller = lengths.iter().min() < lengths.first() || codec == Codec::Lz4;
        assert!(smaller, "{codec}: {lengths:?}");
    }
    let gzip = |level| compressed(&mut Compressor::new(Compression { codec: Codec::Gzip, level }), &[&bytes]);
    assert_eq!(gzip(None), gzip(Some(-1)));
    assert_eq!(gzip(Some(9)), gzip(Some(100)));
}

#[test]
fn blocks_do_not_depend_on_the_pieces() {
    let mut rng = Rng::with_seed(SEED);
    let bytes = plain(&mut rng, 200_000);
    for codec in [Codec::Snappy, Codec::Lz4] {
        let mut compressor = with_codec(codec);
        let whole = compressed(&mut compressor, &[&bytes]);
        for _ in 0..20 {
            assert!(compressed(&mut compressor, &cut_up(&mut rng, &bytes)) == whole, "{codec}");
        }
    }
}

#[test]
fn what_cannot_be_compressed_hardly_grows() {
    let mut rng = Rng::with_seed(SEED);
    let noise: Vec<u8> = (0..200_000).map(|_| rng.u8(..)).collect();
    for codec in Codec::ALL {
        let out = compressed(&mut with_codec(codec), &[&noise]);
        assert!(out.len() < noise.len() + 300, "{codec}: {}", out.len());
        assert_eq!(decompress(codec.id(), &out, noise.len()).as_ref(), Ok(&noise), "{codec}");
    }
}

#[test]
fn several_members_frames_and_streams_are_one() {
    for codec in [Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
        let mut compressor = with_codec(codec);
        let parts: [&[u8]; 3] = [b"one ", b"", b"two"];
        let joined = parts.map(|part| compressed(&mut compressor, &[part])).concat();
        assert_eq!(decompress(codec.id(), &joined, 7).as_deref(), Ok(b"one two".as_slice()), "{codec}");
        assert!(decompress(codec.id(), &joined, 6).is_err(), "{codec}");
    }
}

#[test]
fn raw_snappy_is_read() {
    let bytes = plain(&mut Rng::with_seed(SEED), 100_000);
    let raw = snap::raw::Encoder::new().compress_vec(&bytes).unwrap();
    assert_eq!(decompress(2, &raw, bytes.len()).as_ref(), Ok(&bytes));
}

/// Frames with all that the format has, of the reference implementation (`lz4 -BD -B4 -BX --content-size`).
#[test]
fn lz4_frames_of_other_writers_are_read() {
    let linked: &[u8] = include_bytes!("tests/linked.lz4");
    assert_eq!(decompress(3, linked, 70_000).as_ref(), Ok(&javas_sample()));
    for at in 0..linked.len() {
        let mut flipped = linked.to_vec();
        flipped[at] ^= 0x10;
        assert!(decompress(3, &flipped, ROOMY).is_err(), "byte {at}: two checksums cover it");
    }
}

#[test]
fn every_truncation_is_an_error() {
    let sample = plain(&mut Rng::with_seed(SEED), 3_000);
    for codec in [Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
        let out = compressed(&mut with_codec(codec), &[&sample]);
        for end in 0..out.len() {
            // Between two of snappy's blocks nothing tells that one is missing.
            let whole = codec == Codec::Snappy && end == 16;
            assert_eq!(decompress(codec.id(), &out[..end], ROOMY).is_err(), !whole, "{codec} cut at {end}");
        }
        let longer = [&out, &b"x"[..]].concat();
        assert!(decompress(codec.id(), &longer, ROOMY).is_err(), "{codec} with a byte more");
    }
}

#[test]
fn bombs_do_not_go_off() {
    let zeros = vec![0; 32 << 20];
    for codec in [Codec::Gzip, Codec::Lz4, Codec::Snappy, Codec::Zstd] {
        let bomb = compressed(&mut with_codec(codec), &[&zeros]);
        let error = decompress(codec.id(), &bomb, 1 << 20).unwrap_err();
        assert_eq!(error, DecompressError::TooLarge { bytes_max: 1 << 20 }, "{codec}");
    }
    // Announcements without the bytes.
    let snappy = [0xff, 0xff, 0xff, 0xff, 0x0f, 0];
    assert!(matches!(decompress(2, &snappy, usize::MAX), Err(DecompressError::Malformed { .. })));
    let zstd = [0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0];
    assert!(decompress(4, &zstd, ROOMY).is_err());
    assert_eq!(decompress(5, &[], 0), Err(DecompressError::UnknownCodec { codec: 5 }));
    assert_eq!(decompress(0, b"abc", 2), Err(DecompressError::TooLarge { bytes_max: 2 }));
}

#[test]
fn bytes_from_anyone_do_not_panic_nor_grow() {
    let mut rng = Rng::with_seed(SEED);
    let sample = plain(&mut rng, 2_000);
    for codec in [Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
        let good = compressed(&mut with_codec(codec), &[&sample]);
        for round in 0..5_000 {
            let mut bytes = good.clone();
            if round % 2 == 0 {
                bytes.truncate(rng.usize(..200));
                bytes.iter_mut().skip(rng.usize(..20)).for_each(|byte| *byte = rng.u8(..));
            } else {
                for _ in 0..rng.usize(1..4) {
                    let at = rng.usize(..bytes.len());
                    bytes[at] = rng.choice([0, 1, 0x7f, 0xff]).unwrap_or(0);
                }
            }
            let bytes_max = rng.usize(..4_000);
            if let Ok(out) = decompress(codec.id(), &bytes, bytes_max) {
                assert!(out.len() <= bytes_max && out.capacity() <= bytes_max + 1, "{codec} seed {SEED:#x}");
            }
        }
    }
}
