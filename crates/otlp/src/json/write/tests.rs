//! The writer against golden vectors of protobuf-java, and against a plain printer over prost's types.

mod otlp_json;
mod random;

use std::collections::HashSet;
use std::time::{Duration, Instant};

use fastrand::Rng;
use serde_json::Value;

use super::{Style, WriteError, write};
use crate::schema::{MessageId, wire_type};
use crate::testdata::print;
use crate::{Limits, MalformedKind, Signal, scan, testdata, varint};
use random::{Draw, put_run};

const STYLES: [Style; 2] = [Style::Json, Style::OtlpJson];
const UNLIMITED: Limits = Limits { elements: u64::MAX };

/// Equal down to the bits of doubles, the order of keys left out.
fn is_same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) if a.is_f64() && b.is_f64() => {
            a.as_f64().map(f64::to_bits) == b.as_f64().map(f64::to_bits)
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| is_same(a, b)))
        }
        _ => a == b,
    }
}

fn written(style: Style, signal: Signal, wire: &[u8]) -> Result<Vec<u8>, WriteError> {
    let mut out = b"before,".to_vec();
    let result = write(style, signal, wire, &UNLIMITED, usize::MAX, &mut out);
    assert!(out.starts_with(b"before,"));
    match result {
        Ok(_) => Ok(out.split_off(7)),
        Err(error) => {
            assert_eq!(out, b"before,", "cut back on {error}");
            Err(error)
        }
    }
}

/// Parses, and checks that the text is compact and has no key twice: written again it stays the same.
fn parsed(text: &[u8]) -> Value {
    let value: Value = serde_json::from_slice(text).unwrap();
    assert_eq!(String::from_utf8_lossy(&serde_json::to_vec(&value).unwrap()), String::from_utf8_lossy(text));
    value
}

fn assert_equals_oracle(signal: Signal, wire: &[u8], what: &dyn std::fmt::Display) {
    for style in STYLES {
        let expected = print(style, signal, wire);
        let expected = expected.unwrap_or_else(|| panic!("{what}: prost refuses {wire:02x?}"));
        let text =
            written(style, signal, wire).unwrap_or_else(|error| panic!("{what}: {error}: {wire:02x?}"));
        let found = parsed(&text);
        assert!(is_same(&found, &expected), "{what}\n{wire:02x?}\nfound    {found}\nexpected {expected}");
    }
}

fn golden(signal: Signal, base64: &str, expected: &str) {
    let wire = base64_simd::STANDARD.decode_to_vec(base64).unwrap();
    let expected: Value = serde_json::from_str(expected).unwrap();
    let found = parsed(&written(Style::Json, signal, &wire).unwrap());
    assert!(is_same(&found, &expected), "found    {found}\nexpected {expected}");
    assert!(is_same(&print(Style::Json, signal, &wire).unwrap(), &expected), "the oracle differs");
}

#[test]
fn golden_empty_span() {
    golden(Signal::Traces, "Cg4KABIKCgASBloAagB6AA==", include_str!("tests/golden_traces.json"));
}

#[test]
fn golden_metrics() {
    let wire = "CmwSahIaKhgKAAoJMQAAAAAAAAAACgkhAAAAAAAA+H8SBDoCEAcSLEoqCiYpAAAAAAAAAAAyCP//////////OggAAAAAAADwf1kAAAAA\
                AAAAgBABEghSBgoEMAlCABIGWgQKAjIAEgYKBG5vbmU=";
    golden(Signal::Metrics, wire, include_str!("tests/golden_metrics.json"));
}

#[test]
fn golden_logs() {
    let wire = "Co8BEowBEokBCf//////////EGMqZTJjCgMKAWEKBQoBYhIACgcKAWMSAgoACgcKAWQSAioACgsKAWUSBjoE+/+/AQoOCgFmEgkhAAAA\
                ANASY0EKEAoBZxILGICAgICAgICAgAEKFAoBaBIPCg08Jj49JwHigKjwn5iARf////9KEFuO//eYA4ED0mm2M4E/xgw=";
    golden(Signal::Logs, wire, include_str!("tests/golden_logs.json"));
}

/// Documents of one kind, and the fields they used.
fn documents(
    seed: u64,
    wild: bool,
    count: usize,
    mut check: impl FnMut(Signal, &[u8], usize),
) -> HashSet<(MessageId, u32)> {
    let mut draw = Draw { rng: Rng::with_seed(seed), wild, left: 0, used: HashSet::new() };
    for at in 0..count {
        draw.left = draw.rng.u32(1..150);
        let signal = Signal::ALL[at % 4];
        let wire = draw.message(signal.root(), 0);
        check(signal, &wire, at);
    }
    draw.used
}

#[test]
fn random_documents_equal_the_oracle() {
    let mut used = HashSet::new();
    for (seed, wild) in [(1, false), (2, true)] {
        used.extend(documents(seed, wild, 12_000, |signal, wire, at| {
            assert_equals_oracle(signal, wire, &format_args!("seed {seed}, document {at}, {signal:?}"));
        }));
    }
    let all = MessageId::ALL.iter().flat_map(|&id| id.message().fields.iter().map(move |f| (id, f.number)));
    let unused: Vec<_> = all.filter(|field| !used.contains(field)).collect();
    assert!(unused.is_empty(), "never drawn: {unused:?}");
}

#[test]
fn accepts_refuses_and_counts_as_the_scan() {
    let (mut accepted, mut refused, mut rng) = (0, 0, Rng::with_seed(3));
    for (seed, wild) in [(4, false), (5, true)] {
        documents(seed, wild, 6_000, |signal, wire, at| {
            for _ in 0..4 {
                let wire = mutated(wire, &mut rng);
                let style = *rng.choice(&STYLES).unwrap();
                let scanned = scan::scan(signal, &wire, &UNLIMITED);
                let mut out = Vec::new();
                let found = write(style, signal, &wire, &UNLIMITED, usize::MAX, &mut out);
                let what = format!("seed {seed}, document {at}, {style:?} {signal:?} {wire:02x?}");
                assert_eq!(found, scanned.map_err(WriteError::from), "{what}");
                let prost = print(style, signal, &wire);
                assert_eq!(found.is_ok(), prost.is_some(), "{what}");
                if let Some(expected) = prost {
                    accepted += 1;
                    assert!(is_same(&parsed(&out), &expected), "{what}");
                } else {
                    refused += 1;
                    assert!(out.is_empty());
                }
            }
        });
    }
    assert!(accepted > 5_000 && refused > 5_000, "{accepted} accepted, {refused} refused");
}

fn mutated(wire: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut wire = wire.to_vec();
    for _ in 0..rng.u32(1..3) {
        let at = rng.usize(..=wire.len());
        match rng.u8(0..6) {
            0 => wire.truncate(at),
            1 => wire.insert(at, rng.u8(..)),
            2 if at < wire.len() => {
                wire.remove(at);
            }
            3 if at < wire.len() => wire[at] ^= 1 << rng.u32(0..8),
            4 if at < wire.len() => wire[at] = rng.u8(..),
            _ => {
                let piece = wire[rng.usize(..=at)..at].to_vec();
                wire.splice(at..at, piece);
            }
        }
    }
    wire
}

#[test]
fn keeps_to_the_limit_at_every_length() {
    for (seed, wild) in [(6, false), (7, true)] {
        documents(seed, wild, 150, |signal, wire, at| {
            let style = STYLES[at / 4 % 2];
            let text = written(style, signal, wire).unwrap();
            let step = text.len() / 300 + 1;
            for max in (0..text.len()).step_by(step).chain([text.len() - 1, text.len(), text.len() + 1]) {
                let mut out = b"before".to_vec();
                out.shrink_to_fit();
                let found = write(style, signal, wire, &UNLIMITED, max, &mut out);
                let what = format!("seed {seed}, document {at}, {style:?}, max {max} of {}", text.len());
                assert!(out.capacity() <= 6 + max + 4096, "{what}: capacity {}", out.capacity());
                if max < text.len() {
                    assert_eq!(found, Err(WriteError::Full), "{what}");
                    assert_eq!(out, b"before");
                } else {
                    assert!(found.is_ok(), "{what}: {found:?}");
                    assert_eq!(&out[6..], text);
                }
            }
        });
    }
}

#[test]
fn a_long_text_does_not_outgrow_the_limit() {
    // A log body of control characters grows six-fold.
    let wire = nested(&[(1, 2), (2, 2), (2, 2), (5, 2), (1, 2)], &[1; 100_000]);
    for max in [0, 10_000, 100_000, 150_000, 599_999] {
        let mut out = Vec::new();
        assert_eq!(write(Style::Json, Signal::Logs, &wire, &UNLIMITED, max, &mut out), Err(WriteError::Full));
        assert!(out.capacity() <= max + 4096, "{}", out.capacity());
    }
    let mut roomy = Vec::with_capacity(1 << 20);
    assert_eq!(write(Style::Json, Signal::Logs, &wire, &UNLIMITED, 1_000, &mut roomy), Err(WriteError::Full));
}

/// `inner` in fields (number, wire type) of messages inside each other, the outermost first.
fn nested(path: &[(u32, u8)], inner: &[u8]) -> Vec<u8> {
    path.iter().rev().fold(inner.to_vec(), |inner, &(number, wire)| {
        let mut out = Vec::new();
        varint::put(&mut out, u64::from(number << 3 | u32::from(wire)));
        put_run(&mut out, &inner);
        out
    })
}

/// A log record's body that is an array in an array and so on, `levels` of them.
fn deep(levels: usize, twice: bool) -> Vec<u8> {
    let mut value = Vec::new();
    for _ in 0..levels {
        value = nested(&[(5, 2), (1, 2)], &value);
        if twice {
            value.extend_from_slice(&[0x2a, 0]);
        }
    }
    nested(&[(1, 2), (2, 2), (2, 2), (5, 2)], &value)
}

#[test]
fn goes_as_deep_as_prost() {
    for levels in 40..60 {
        let wire = deep(levels, false);
        let expected = print(Style::Json, Signal::Logs, &wire);
        assert_eq!(written(Style::Json, Signal::Logs, &wire).is_ok(), expected.is_some(), "{levels} levels");
        assert_eq!(expected.is_some(), levels <= 48, "{levels} levels");
    }
    let error = written(Style::Json, Signal::Logs, &deep(5_000, false)).unwrap_err();
    assert!(matches!(error, WriteError::Malformed(m) if m.kind == MalformedKind::TooDeep), "{error}");
}

#[test]
fn odd_shapes_take_linear_time() {
    let start = Instant::now();
    // A field twice on every level: the second one is empty, so the text is as with the first alone.
    let twice = written(Style::Json, Signal::Logs, &deep(48, true)).unwrap();
    assert_eq!(twice, written(Style::Json, Signal::Logs, &deep(48, false)).unwrap());
    // A million of the same single message: all merge into one.
    let mut many = Vec::new();
    for _ in 0..1_000_000 {
        many.extend_from_slice(&[0x0a, 0x02, 0x10, 0x07]);
    }
    let text = written(Style::Json, Signal::Traces, &nested(&[(1, 2)], &many)).unwrap();
    let expected = br#"{"resource_spans":[{"resource":{"dropped_attributes_count":7,"attributes":[]},"scope_spans":[],"schema_url":""}]}"#;
    assert!(is_same(&parsed(&text), &parsed(expected)), "{}", String::from_utf8_lossy(&text));
    // Two lists that take turns.
    let mut turns = Vec::new();
    for _ in 0..500_000 {
        turns.extend_from_slice(&[0x5a, 0x00, 0x6a, 0x00]);
    }
    let wire = nested(&[(1, 2), (2, 2), (2, 2)], &turns);
    let counts = write(Style::Json, Signal::Traces, &wire, &UNLIMITED, usize::MAX, &mut Vec::new()).unwrap();
    assert_eq!((counts.items, counts.elements), (1, 1_000_001));
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

#[test]
fn refuses_more_elements_than_allowed() {
    let wire = nested(&[(1, 2), (2, 2)], &[0x12, 0, 0x12, 0, 0x12, 0]);
    for (max, fits) in [(2, false), (3, true)] {
        let limits = Limits { elements: max };
        let found = write(Style::Json, Signal::Traces, &wire, &limits, usize::MAX, &mut Vec::new());
        assert_eq!(found.is_ok(), fits);
        assert_eq!(found, scan::scan(Signal::Traces, &wire, &limits).map_err(WriteError::from));
    }
}

#[test]
fn strings_of_every_length_and_every_byte() {
    for len in 0..100 {
        for at in (0..len).chain([usize::MAX]) {
            for special in ["\"", "\\", "\n", "\u{1f}", "\u{0}", "\u{7f}", "é", "\u{2028}", "\u{1f600}"] {
                let text: String = (0..len).map(|i| if i == at { special } else { "a" }).collect();
                // Once with more bytes of the request behind it, and once at its end.
                for behind in [&[][..], &[0x22; 64]] {
                    let mut log = nested(&[(3, 2)], text.as_bytes());
                    if !behind.is_empty() {
                        log.extend_from_slice(&nested(&[(50, wire_type::LEN)], behind));
                    }
                    let wire = nested(&[(1, 2), (2, 2), (2, 2)], &log);
                    let value = parsed(&written(Style::Json, Signal::Logs, &wire).unwrap());
                    let found =
                        &value["resource_logs"][0]["scope_logs"][0]["log_records"][0]["severity_text"];
                    assert_eq!(found, &Value::String(text.clone()));
                }
            }
        }
    }
}

#[test]
fn allocates_nothing_when_the_buffer_has_room() {
    let mut rng = Rng::with_seed(11);
    for signal in Signal::ALL {
        let wire = testdata::realistic(signal, 200, &mut rng);
        for style in STYLES {
            let mut out = Vec::with_capacity(written(style, signal, &wire).unwrap().len() + 4096);
            let allocated = allocation_counter::measure(|| {
                write(style, signal, &wire, &UNLIMITED, usize::MAX, &mut out).unwrap();
            });
            assert_eq!(allocated.count_total, 0, "{style:?} {signal:?}");
        }
    }
}

/// A run of packed values under a tag that is longer than it has to be, which is an unusual way to say the same.
#[test]
fn packed_runs_under_long_tags() {
    let point =
        [b"\xb2\x00\x08\x01\0\0\0\0\0\0\0".as_slice(), b"\xb2\x80\x00\x08\x02\0\0\0\0\0\0\0"].concat();
    let wire = nested(&[(1, 2), (2, 2), (2, 2), (9, 2), (1, 2)], &point);
    assert_equals_oracle(Signal::Metrics, &wire, &"bucket_counts");
    let text = written(Style::Json, Signal::Metrics, &wire).unwrap();
    assert!(String::from_utf8(text).unwrap().contains(r#""bucket_counts":["1","2"]"#));
}

/// A run of packed values that ends within one: scan and writers name the same place.
#[test]
fn packed_runs_that_end_early() {
    for (field, run) in [(6, &[1; 20][..]), (6, &[1; 7]), (7, &[2; 12])] {
        let wire = nested(&[(1, 2), (2, 2), (2, 2), (9, 2), (1, 2), (field, 2)], run);
        let scanned = scan::scan(Signal::Metrics, &wire, &UNLIMITED).unwrap_err();
        assert_eq!(scanned.offset, 12 + run.len() / 8 * 8);
        for style in STYLES {
            assert_eq!(written(style, Signal::Metrics, &wire), Err(scanned.into()));
        }
    }
}

#[test]
fn every_character() {
    let all: Vec<char> = (char::MIN..=char::MAX).collect();
    for part in all.chunks(4096) {
        let text: String = part.iter().collect();
        let wire = nested(&[(1, 2), (3, 2)], text.as_bytes());
        let value = parsed(&written(Style::Json, Signal::Logs, &wire).unwrap());
        assert_eq!(value["resource_logs"][0]["schema_url"], Value::String(text));
    }
}
