//! Fuzzing: inputs to begin with, written by the encoders. `cargo xtask fuzz seeds` writes them anew into `corpus/`.

use std::fs;
use std::io::Result;
use std::path::Path;

use bytes::Buf;
use fastrand::Rng;
use kafka_client::compression::{Codec, Compression, Compressor};
use kafka_wire::batch::{Attributes, BatchHeader};
use kafka_wire::fuzzing::{Filled, Visitor};
use kafka_wire::messages::MetadataResponse;
use kafka_wire::record::{Headers, Record, put_record};
use kafka_wire::{ApiKey, Message, Writer};
// Holds the counters that the code of its build refers to.
use libfuzzer_sys as _;
use otlp::fuzzing::{Style, Used, random, realistic};
use otlp::{Limits, Signal};

/// Longest message that is kept: mutations of short inputs find more.
const MESSAGE_BYTES_MAX: usize = 1500;

/// Longest request that is kept, and longest text of one: as long as inputs may be.
const REQUEST_BYTES_MAX: usize = 900;
const TEXT_BYTES_MAX: usize = 1024;

#[path = "seeds/rest.rs"]
mod rest;
#[path = "seeds/security.rs"]
mod security;

fn main() -> Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    messages(&corpus.join("kafka_messages"))?;
    requests(&corpus)?;
    let batches = [batch(0), batch(1), batch(5)];
    for (index, batch) in batches.iter().enumerate() {
        write(&corpus.join("kafka_batches"), &format!("records-{index}"), batch)?;
    }
    write(&corpus.join("kafka_batches"), "run", &batches.concat())?;
    records(&corpus, &batches)?;
    security::write_all(&corpus)?;
    rest::write_all(&corpus)?;
    for (seed, stream) in
        [&b"\0\0\0\x04abcd\0\0\0\x08abcdefgh"[..], b"\0\0\0\x03abc", b"\0\0\0\x09a"].iter().enumerate()
    {
        write(&corpus.join("kafka_frames"), &format!("stream-{seed}"), &[&[16, 8][..], stream].concat())?;
    }
    for codec in Codec::ALL {
        for (name, plain) in
            [("batch", batches.concat()), ("zeros", vec![0; 70_000]), ("text", b"text ".repeat(200))]
        {
            let mut seed = vec![codec.id(), 0xff, 0xff];
            let pieces = plain.chunks(1000);
            if codec != Codec::None || name != "zeros" {
                let compressed =
                    Compressor::new(Compression { codec, level: None }).compress(pieces, &mut seed);
                compressed.map_err(std::io::Error::other)?;
                write(&corpus.join("decompress"), &format!("{codec}-{name}"), &seed)?;
            }
        }
    }
    Ok(())
}

/// Requests of each signal and of each style, for the targets of OTLP: some, and then until each field of the schema has
/// come up.
fn requests(corpus: &Path) -> Result<()> {
    let mut rng = Rng::with_seed(0);
    let (mut used, mut read) = (Used::default(), Used::default());
    for number in 0..10_000 {
        for (index, signal) in (0..).zip(Signal::ALL) {
            let wire = match number % 4 {
                0 => realistic(signal, 1 + number % 2, &mut rng),
                1 => random(signal, Style::Odd, &mut rng),
                _ => random(signal, Style::Canonical, &mut rng),
            };
            if !(20..REQUEST_BYTES_MAX).contains(&wire.len()) {
                continue;
            }
            let (name, few) = (format!("{}-{number}", signal.name()), number < 12);
            if used.add(signal.root(), &wire) || few {
                for target in ["otlp_scan", "otlp_json", "otlp_otlp_json", "otlp_split", "otlp_divide"] {
                    // A fourth of the sizes of parts, the small ones.
                    let bits = u8::try_from(number % 16).unwrap_or(0) << 2;
                    write(&corpus.join(target), &name, &[&[index | bits], &wire[..]].concat())?;
                }
            }
            let mut text = vec![index];
            let limits = Limits { elements: u64::MAX };
            otlp::json::write(otlp::json::Style::OtlpJson, signal, &wire, &limits, usize::MAX, &mut text)
                .map_err(std::io::Error::other)?;
            let mut back = Vec::new();
            otlp::json::read(signal, &text[1..], &limits, &mut back).map_err(std::io::Error::other)?;
            if text.len() <= TEXT_BYTES_MAX && (read.add(signal.root(), &back) || few) {
                write(&corpus.join("otlp_read"), &name, &text)?;
            }
        }
    }
    assert!(
        used.missing().is_empty() && read.missing().is_empty(),
        "{:?} {:?}",
        used.missing(),
        read.missing()
    );
    Ok(())
}

/// What a fetch brings, and metadata after metadata.
fn records(corpus: &Path, batches: &[Vec<u8>]) -> Result<()> {
    for (index, batch) in batches.iter().enumerate() {
        write(&corpus.join("kafka_records"), &format!("records-{index}"), &[&[2, 255][..], batch].concat())?;
    }
    for codec in Codec::ALL.into_iter().filter(|codec| *codec != Codec::None) {
        let packed = packed(codec)?;
        write(&corpus.join("kafka_records"), &codec.to_string(), &[&[2, 255][..], &packed].concat())?;
    }
    let versions = MetadataResponse::VERSIONS;
    for version in [*versions.start(), *versions.end()] {
        let answer = |seed| {
            let answer =
                MetadataResponse::filled(&mut Rng::with_seed(seed), Some(MetadataResponse::at(version)));
            encoded(&answer, version)
        };
        let short =
            (0..1000).map(answer).find(|answer| answer.len() <= MESSAGE_BYTES_MAX).unwrap_or_default();
        let padded = short.len().div_ceil(16);
        let index = u8::try_from(version - versions.start()).unwrap_or(0);
        let cut = u8::try_from(padded).unwrap_or(u8::MAX);
        let mut seed = vec![index, cut];
        seed.extend(&short);
        seed.resize(2 + 16 * usize::from(cut), 0);
        seed.extend(&short);
        write(&corpus.join("kafka_views"), &format!("twice-{version}"), &seed)?;
    }
    Ok(())
}

/// A batch of one codec, from offset 0 on.
fn packed(codec: Codec) -> Result<Vec<u8>> {
    let plain = batch(5);
    let (header, body) = plain.split_at(kafka_wire::batch::BATCH_HEADER_BYTES);
    let header = BatchHeader::read(header).map_err(std::io::Error::other)?;
    let mut compressed = Vec::new();
    let mut compressor = Compressor::new(Compression { codec, level: None });
    compressor.compress(body.chunks(1000), &mut compressed).map_err(std::io::Error::other)?;
    let header = BatchHeader { base_offset: 0, attributes: Attributes(codec.id().into()), ..header };
    Ok([&header.sealed([&compressed[..]].into_iter()).to_bytes()[..], &compressed].concat())
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join(name), bytes)
}

struct Seeds<'a> {
    folder: &'a Path,
    api: u8,
    answer: bool,
    result: Result<()>,
}

/// Each message in its oldest and its newest version.
fn messages(folder: &Path) -> Result<()> {
    for (api, key) in (0..).zip(ApiKey::ALL) {
        for answer in [false, true] {
            let mut seeds = Seeds { folder, api, answer, result: Ok(()) };
            key.visit(answer, &mut seeds);
            seeds.result?;
        }
    }
    Ok(())
}

impl Visitor for Seeds<'_> {
    fn visit<M: Message + Filled>(&mut self) {
        for version in [*M::VERSIONS.start(), *M::VERSIONS.end()] {
            let index = u8::try_from(version - M::VERSIONS.start()).unwrap_or(0);
            let message = (0..1000)
                .map(|seed| encoded(&M::filled(&mut Rng::with_seed(seed), Some(M::at(version))), version))
                .find(|message| message.len() <= MESSAGE_BYTES_MAX)
                .unwrap_or_default();
            let api = self.api | if self.answer { 0x80 } else { 0 };
            let kind = if self.answer { "answer" } else { "request" };
            let name = format!("{:?}-{kind}-{version}", M::KEY);
            let written = write(self.folder, &name, &[&[api, index][..], &message].concat());
            if let Err(error) = written {
                self.result = Err(error);
            }
        }
    }
}

fn encoded<M: Message>(message: &M, version: i16) -> Vec<u8> {
    let mut writer = Writer::frame();
    message.encode(&mut writer, version);
    let mut frame = writer.finish().expect("filled messages are short");
    frame.advance(4);
    frame.copy_to_bytes(frame.remaining()).to_vec()
}

fn batch(records: i32) -> Vec<u8> {
    let mut body = Vec::new();
    let mut buffer = Vec::new();
    for offset_delta in 0..records {
        let headers = Headers::write(&mut buffer, &[("a", Some(b"1")), ("b", None)]);
        let value = [7; 40];
        let value = (offset_delta != 1).then_some(&value[..]);
        let key = (offset_delta != 2).then_some(&b"key"[..]);
        put_record(&mut body, &Record { timestamp_delta: -5, offset_delta, key, value, headers });
    }
    let header = BatchHeader {
        base_offset: 1000,
        batch_length: 0,
        partition_leader_epoch: 3,
        crc: 0,
        attributes: Attributes(0),
        last_offset_delta: records.max(1) - 1,
        base_timestamp: 1_700_000_000_000,
        max_timestamp: 1_700_000_000_500,
        producer_id: 42,
        producer_epoch: 1,
        base_sequence: 7,
        records_count: records,
    };
    [&header.sealed([&body[..]].into_iter()).to_bytes()[..], &body].concat()
}
