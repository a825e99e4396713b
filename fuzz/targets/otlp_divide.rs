//! Fuzzing: the division by key, and into single units. The pieces of a request hold all its units and nothing else, each
//! with what lies around it, in their order; they have the sizes that were said before, and keys of their own.
//!
//! Beside the signal, the first byte holds the rule.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use otlp::divide::{Division, Outline, Rule};
use otlp::fuzzing::{Request, fields};
use otlp::key::{KEY_BYTES_MAX, Key, KeyBy};
use otlp::{Signal, scan};
use otlp2kafka_fuzz::{LIMITS, Unit, mutate_input, mutate_wire, parts, units};

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate_input(data, size, max_size, seed, |signal, wire, rng| mutate_wire(signal.root(), wire, rng))
});

fuzz_target!(|input: &[u8]| {
    let Some((signal, bits, wire)) = parts(input) else { return };
    let key =
        [None, Some(KeyBy::TraceId), Some(KeyBy::Service), Some(KeyBy::Resource)][usize::from(bits & 3)];
    let rule = Rule { key, units: bits & 4 != 0 };
    // What the scan refuses is never divided; that it does no harm costs nothing to see.
    let counts = scan::scan(signal, wire, &LIMITS).ok();
    // One run in four, so that the rest is fast.
    let prost = (bits & 0x18 == 0).then(|| Request::decode(signal, wire).is_ok());
    assert!(prost.is_none_or(|accepts| accepts == counts.is_some()), "{counts:?}, prost {prost:?}");
    let Some(outline) = Outline::of(signal, wire, rule) else { return };
    let mut division = Division::new(&outline, wire, usize::MAX).unwrap();
    let (mut whole, mut together) = (Vec::new(), Vec::new());
    units(wire, &mut whole);
    if let Some(key) = division.whole() {
        check_key(signal, rule, key, &whole);
        assert!(!rule.units && division.next_bytes().is_none());
        return;
    }
    let (mut items, mut keys, mut piece) = (0, Vec::new(), Vec::new());
    while let Some(bytes) = division.next_bytes() {
        piece.clear();
        let cut = division.next(&mut piece).expect("there is a next one");
        assert_eq!(piece.len(), bytes);
        let mut inside = Vec::new();
        units(&piece, &mut inside);
        if counts.is_some() {
            assert_eq!(scan::scan(signal, &piece, &LIMITS).map(|counts| counts.items), Ok(cut.items));
            assert!(!inside.is_empty() && (inside.len() == 1 || !cut.single && !rule.units));
            check_key(signal, rule, cut.key, &inside);
            let mut rest = whole.iter();
            assert!(inside.iter().all(|unit| rest.any(|other| other == unit)), "in their order");
        }
        let key = cut.key.map(|key| {
            let mut text = Vec::new();
            key.write(&mut text);
            assert!(text.len() == key.text_bytes() && text.len() <= KEY_BYTES_MAX);
            text
        });
        items += cut.items;
        keys.push(key);
        together.append(&mut inside);
    }
    assert_eq!(division.next(&mut piece), None);
    if let Some(counts) = counts {
        assert_eq!(items, counts.items);
        if rule.units {
            assert_eq!(together, whole);
            return;
        }
        together.sort();
        whole.sort();
        assert_eq!(together, whole);
        let pieces = keys.len();
        keys.sort();
        keys.dedup();
        // Names of services that differ behind the cut have one text.
        assert!(keys.len() == pieces || rule.key == Some(KeyBy::Service));
    }
});

/// A trace's key is the id of each of its spans or log records.
fn check_key(signal: Signal, rule: Rule, key: Option<Key<'_>>, units: &[Unit]) {
    let number = match signal {
        Signal::Traces => 1,
        Signal::Logs => 9,
        Signal::Metrics | Signal::Profiles => 0,
    };
    if rule.key != Some(KeyBy::TraceId) {
        return;
    }
    for (_, _, _, unit) in units {
        let id = fields(unit).filter(|field| field.0 == number && field.1 == 2).last();
        let id = id.map(|(_, _, _, body, to)| &unit[body..to]);
        let id = id.filter(|id| id.len() == 16 && id.iter().any(|byte| *byte != 0));
        match key {
            Some(Key::TraceId(key)) => assert_eq!(id, Some(&key[..])),
            key => assert_eq!((key, id), (None, None)),
        }
    }
}
