//! Tests over all paths: a refusal says where and what was expected, in 200 bytes at most, and nothing of the payload.

use std::collections::BTreeSet;

use fastrand::Rng;

use crate::json::{Style, WriteError, read, write};
use crate::scan::scan;
use crate::testdata::{Style as Shape, mutate, random};
use crate::{DEPTH_MAX, Limits, Malformed, MalformedKind, Signal};

/// What `Malformed` promises of its text.
const TEXT_BYTES_MAX: usize = 200;
/// Far more elements than a random request has.
const MANY: u64 = 1 << 40;

/// The texts and kinds that were seen.
#[derive(Default)]
struct Seen {
    kinds: BTreeSet<&'static str>,
    texts: BTreeSet<String>,
}

impl Seen {
    /// Holds a refusal against its promises.
    fn check(&mut self, malformed: &Malformed, input: &[u8]) {
        let text = malformed.to_string();
        assert!(text.len() <= TEXT_BYTES_MAX, "{text}");
        let (place, expected) = text.split_once(": ").expect("a place and what was expected");
        assert_eq!(place, format!("at byte {}", malformed.offset));
        assert!(malformed.offset <= input.len(), "{text}: there are {} bytes", input.len());
        assert!(expected.starts_with("expected ") && text.is_ascii(), "{text}");
        self.texts.insert(expected.to_owned());
        self.kinds.insert(match malformed.kind {
            MalformedKind::Truncated => "truncated",
            MalformedKind::Varint => "varint",
            MalformedKind::Tag => "tag",
            MalformedKind::WireType => "wire type",
            MalformedKind::Group => "group",
            MalformedKind::Utf8 => "utf-8",
            MalformedKind::Json { .. } => "json",
            MalformedKind::TooDeep => "too deep",
            MalformedKind::TooManyElements { .. } => "too many",
        });
    }

    /// However many inputs there were, there is a fixed number of texts: no part of them comes from the inputs.
    fn assert_fixed(&self, texts_max: usize, kinds: &[&'static str]) {
        assert!(self.texts.len() <= texts_max, "{} texts: {:#?}", self.texts.len(), self.texts);
        assert_eq!(self.kinds, kinds.iter().copied().collect());
    }
}

/// One small limit, so that its number is not taken for something of the input.
fn limits(rng: &mut Rng) -> Limits {
    Limits { elements: if rng.u8(..8) == 0 { 2 } else { MANY } }
}

/// Values of an attribute inside each other, more than are allowed.
fn too_deep(levels: u32) -> Vec<u8> {
    const ARRAY_VALUE: u8 = 0x2a;

    let nested = |inner: Vec<u8>, tag: u8| {
        let mut wire = vec![tag];
        crate::varint::put(&mut wire, inner.len() as u64);
        [wire, inner].concat()
    };
    let value = (0..levels).fold(Vec::new(), |inner, _| nested(nested(inner, 0x0a), ARRAY_VALUE));
    // An attribute of the resource: below the request, its resource, and that one's.
    [0x12, 0x0a, 0x0a, 0x0a].into_iter().fold(value, nested)
}

#[test]
fn of_wire_bytes() {
    let seed = 20_000;
    let mut rng = Rng::with_seed(seed);
    let mut seen = Seen::default();
    for round in 0..40_000 {
        let signal = Signal::ALL[round % 4];
        let mut wire = random(signal, if rng.bool() { Shape::Odd } else { Shape::Canonical }, &mut rng);
        if round % 100 == 0 {
            wire.extend(too_deep(DEPTH_MAX));
        } else {
            mutate(&mut wire, &mut rng);
        }
        let limits = limits(&mut rng);
        let refused = scan(signal, &wire, &limits).err();
        for style in [Style::Json, Style::OtlpJson] {
            let written = write(style, signal, &wire, &limits, 1 << 24, &mut Vec::new());
            assert_eq!(written.err(), refused.map(WriteError::Malformed), "seed {seed} round {round}");
        }
        if let Some(refused) = refused {
            seen.check(&refused, &wire);
        }
    }
    let kinds = ["truncated", "varint", "tag", "wire type", "group", "utf-8", "too deep", "too many"];
    seen.assert_fixed(kinds.len(), &kinds);
}

#[test]
fn of_json() {
    let seed = 30_000;
    let mut rng = Rng::with_seed(seed);
    let mut seen = Seen::default();
    for round in 0..40_000 {
        let signal = Signal::ALL[round % 4];
        let wire = random(signal, Shape::Canonical, &mut rng);
        let mut json = Vec::new();
        write(Style::OtlpJson, signal, &wire, &Limits { elements: MANY }, 1 << 24, &mut json).unwrap();
        if round % 100 == 0 {
            let levels = DEPTH_MAX as usize;
            json = [&br#"{"resourceSpans":[{"resource":{"attributes":[{"value":"#[..]]
                .into_iter()
                .chain(std::iter::repeat_n(&br#"{"arrayValue":{"values":["#[..], levels))
                .collect::<Vec<_>>()
                .concat();
        } else {
            mutate(&mut json, &mut rng);
        }
        let limits = limits(&mut rng);
        let refuse = |json: &[u8]| read(signal, json, &limits, &mut Vec::new()).err();
        let Some(refused) = refuse(&json) else { continue };
        seen.check(&refused, &json);
        if refused.kind != MalformedKind::Utf8 {
            // No byte before the fault is to blame: without what follows, the end is what is refused.
            // Except where all of the document lies before it.
            let cut = refuse(&json[..refused.offset]).map_or(refused.offset, |cut| cut.offset);
            assert_eq!(cut, refused.offset, "seed {seed} round {round}: {refused}");
        }
    }
    // One for each place in the grammar and each type of a value.
    seen.assert_fixed(45, &["json", "utf-8", "too deep", "too many"]);
}
