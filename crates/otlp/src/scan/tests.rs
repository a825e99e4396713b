//! The scan against prost, on realistic and random requests, and on hostile ones made by hand; damaged ones are the oracles'.

use fastrand::Rng;

use super::{Counts, Limits, scan};
use crate::schema::{Kind, MessageId};
use crate::testdata::{Request, Style, random, realistic};
use crate::{Malformed, MalformedKind, Signal, varint};

const NO_LIMIT: Limits = Limits { elements: u64::MAX };

fn compare(signal: Signal, wire: &[u8], what: &str) -> bool {
    crate::oracles::damaged::compare(signal, wire, &what)
}

/// Scenario: valid requests of every style. Guarantees: accepted, and counted as the tree counts.
#[test]
fn accepts_what_is_valid() {
    let seed = 11;
    let mut rng = Rng::with_seed(seed);
    for round in 0..500 {
        for signal in Signal::ALL {
            let wire = realistic(signal, round % 7, &mut rng);
            let counts = scan(signal, &wire, &NO_LIMIT).unwrap();
            assert_eq!(counts, Request::decode(signal, &wire).unwrap().counts(), "seed {seed}");
            assert_eq!(counts.items, (round % 7) as u64);

            let wire = random(signal, Style::Canonical, &mut rng);
            let counts = scan(signal, &wire, &NO_LIMIT).unwrap();
            assert_eq!(counts, Request::decode(signal, &wire).unwrap().counts(), "seed {seed}");

            let wire = random(signal, Style::Odd, &mut rng);
            assert!(compare(signal, &wire, "odd"), "seed {seed} round {round}");
        }
    }
}

/// Scenario: each field of each message, alone, with every wire type and several contents.
/// Guarantees: no field of the tables has another type than prost's.
#[test]
fn every_field_has_the_type_prost_gives_it() {
    let mut cases = 0;
    for signal in Signal::ALL {
        for (path, id) in paths(signal.root()) {
            for number in 0..34u64 {
                for wire_type in 0..8u64 {
                    for content in
                        [&b""[..], b"\x00", b"\x01\xff", b"\x02\x08\x01", b"\x09AAAAAAAAA", b"12345678"]
                    {
                        let mut body = Vec::new();
                        varint::put(&mut body, number << 3 | wire_type);
                        body.extend_from_slice(content);
                        let wire = path.iter().rev().fold(body, |body, number| nested(*number, &body));
                        compare(signal, &wire, &format!("{id:?} field {number} wire type {wire_type}"));
                        cases += 1;
                    }
                }
            }
        }
    }
    println!("{cases} single fields");
}

/// The field numbers that lead from a request to each message it can hold.
fn paths(root: MessageId) -> Vec<(Vec<u32>, MessageId)> {
    let mut found = vec![(Vec::new(), root)];
    let mut at = 0;
    while at < found.len() {
        let (path, id) = found[at].clone();
        for field in id.message().fields {
            if let Kind::Message(sub) = field.kind
                && found.iter().all(|(_, known)| *known != sub)
            {
                found.push(([&path[..], &[field.number]].concat(), sub));
            }
        }
        at += 1;
    }
    found
}

fn nested(number: u32, body: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    varint::put(&mut wire, u64::from(number << 3 | 2));
    varint::put(&mut wire, body.len() as u64);
    wire.extend_from_slice(body);
    wire
}

fn kind_of(signal: Signal, wire: &[u8]) -> MalformedKind {
    compare(signal, wire, "by hand");
    scan(signal, wire, &NO_LIMIT).unwrap_err().kind
}

#[test]
fn names_the_fault_and_its_place() {
    let span = |body: &[u8]| nested(1, &nested(2, &nested(2, body)));
    for (body, kind) in [
        (&b"\x2a\x05ab"[..], MalformedKind::Truncated),
        (b"\x2a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", MalformedKind::Truncated),
        (b"\x2a\xff\xff\xff\xff\x0f", MalformedKind::Truncated),
        (b"\x2a", MalformedKind::Truncated),
        (b"\x30\x80", MalformedKind::Truncated),
        (b"\x39\x01\x02\x03", MalformedKind::Truncated),
        (b"\x30\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", MalformedKind::Varint),
        (b"\x30\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", MalformedKind::Varint),
        (b"\x00\x00", MalformedKind::Tag),
        (b"\x2e\x00", MalformedKind::Tag),
        (b"\xff\xff\xff\xff\x7f\x00", MalformedKind::Tag),
        (b"\x28\x01", MalformedKind::WireType),
        (b"\x2b\x2c", MalformedKind::WireType),
        (b"\x2a\x02\xc0\x80", MalformedKind::Utf8),
        (b"\x2a\x03\xed\xa0\x80", MalformedKind::Utf8),
        (b"\x4a\x07\x0a\x01\xff\x12\x02\x18\x01", MalformedKind::Utf8),
        (b"\xfc\x01", MalformedKind::Group),
        (b"\xfb\x01\xf4\x01", MalformedKind::Group),
        (b"\xfb\x01", MalformedKind::Truncated),
    ] {
        assert_eq!(kind_of(Signal::Traces, &span(body)), kind, "{body:02x?}");
    }
    let malformed = scan(Signal::Traces, &span(b"\x2a\x01\xff"), &NO_LIMIT).unwrap_err();
    assert_eq!(malformed, Malformed { offset: 8, kind: MalformedKind::Utf8 });
    assert_eq!(malformed.to_string(), "at byte 8: expected UTF-8");
}

#[test]
fn accepts_long_varints_and_both_forms_of_repeated_numbers() {
    let point = |body: &[u8]| nested(1, &nested(2, &nested(2, &nested(9, &nested(1, body)))));
    for body in [
        &b"\x32\x88\x80\x00AAAAAAAA\x31BBBBBBBB\x32\x00"[..],
        b"\x21\x00\x00\x00\x00\x00\x00\x00\x00",
        b"\xb2\x80\x00\x08AAAAAAAA",
    ] {
        assert_eq!(
            scan(Signal::Metrics, &point(body), &NO_LIMIT),
            Ok(Counts { items: 1, elements: 1 }),
            "{body:02x?}"
        );
        assert!(compare(Signal::Metrics, &point(body), "packed and not"));
    }
    assert_eq!(kind_of(Signal::Metrics, &point(b"\x32\x07AAAAAAA")), MalformedKind::Truncated);
}

/// Scenario: lengths of two bytes that the short way for attributes could take for lengths of one byte.
/// Guarantees: it does not.
#[test]
fn long_attributes_are_not_taken_for_short_ones() {
    let span = |entry: &[u8]| nested(1, &nested(2, &nested(2, &nested(9, entry))));
    let key = [b"\x0a\x85\x01", &b"k".repeat(132)[..], b"\x12\x02\x18\x01"].concat();
    assert_eq!(kind_of(Signal::Traces, &span(&key)), MalformedKind::Tag);
    let value = [b"\x0a\x01k\x12\x85\x0a\x83", &b"v".repeat(131)[..]].concat();
    assert_eq!(kind_of(Signal::Traces, &span(&value)), MalformedKind::Truncated);
    for len in 120..140 {
        let text = "x".repeat(len);
        for (key, value) in [(&text[..], "v"), ("k", &text[..])] {
            let entry = [nested(1, key.as_bytes()), nested(2, &nested(1, value.as_bytes()))].concat();
            assert!(compare(Signal::Traces, &span(&entry), &format!("{len} bytes")));
        }
    }
}

/// A log body of `levels` arrays inside each other.
fn arrays(levels: usize) -> Vec<u8> {
    let body = (0..levels).fold(Vec::new(), |value, _| nested(5, &nested(1, &value)));
    nested(1, &nested(2, &nested(2, &nested(5, &body))))
}

/// Scenario: messages and groups inside each other, around the limit and far beyond it.
/// Guarantees: the same limit as prost, and no stack overflow on a thread's default stack.
#[test]
fn bounds_depth_as_prost_does() {
    for levels in 40..60 {
        assert_eq!(compare(Signal::Logs, &arrays(levels), &format!("{levels} arrays")), levels <= 48);
    }
    for levels in 25..40 {
        // The innermost is the plain attribute that the scan has a short way for.
        let mut entry = [nested(1, b"key"), nested(2, b"\x18\x01")].concat();
        for _ in 0..levels {
            entry = nested(2, &nested(6, &nested(1, &entry)));
        }
        let attribute = nested(1, &nested(2, &nested(2, &nested(6, &entry))));
        assert_eq!(compare(Signal::Logs, &attribute, &format!("{levels} lists")), levels <= 31);
    }
    for groups in 90..110 {
        let wire = [[0xfb, 0x01].repeat(groups), [0xfc, 0x01].repeat(groups)].concat();
        assert_eq!(compare(Signal::Logs, &wire, &format!("{groups} groups")), groups <= 100);
        let inside = nested(1, &nested(2, &wire));
        assert_eq!(compare(Signal::Logs, &inside, &format!("{groups} groups inside")), groups <= 98);
    }
    for levels in 40..60 {
        // An unknown field asks for a level of its own, where a known one does not.
        let body = (0..levels).fold(b"\xf8\x01\x01".to_vec(), |value, _| nested(5, &nested(1, &value)));
        let wire = nested(1, &nested(2, &nested(2, &nested(5, &body))));
        compare(Signal::Logs, &wire, &format!("unknown field in {levels} arrays"));
    }
    let wire = [[0xfb, 0x01].repeat(1_000_000), [0xfc, 0x01].repeat(1_000_000)].concat();
    assert_eq!(kind_of(Signal::Logs, &wire), MalformedKind::TooDeep);
    assert_eq!(kind_of(Signal::Logs, &vec![0x0b; 2_000_000]), MalformedKind::WireType);
}

/// Scenario: more elements than allowed. Guarantees: the limit is exact, and the scan stops at it.
#[test]
fn stops_at_the_limit_of_elements() {
    let seed = 7;
    let mut rng = Rng::with_seed(seed);
    for signal in Signal::ALL {
        let wire = realistic(signal, 50, &mut rng);
        let counts = scan(signal, &wire, &NO_LIMIT).unwrap();
        assert_eq!(scan(signal, &wire, &Limits { elements: counts.elements }), Ok(counts));
        let max = counts.elements - 1;
        let malformed = scan(signal, &wire, &Limits { elements: max }).unwrap_err();
        assert_eq!(malformed.kind, MalformedKind::TooManyElements { max });
    }
    // A million empty spans, refused at the tenth.
    let spans = [0x12, 0x00].repeat(1_000_000);
    let wire = nested(1, &nested(2, &spans));
    let malformed = scan(Signal::Traces, &wire, &Limits { elements: 10 }).unwrap_err();
    assert_eq!(malformed.kind, MalformedKind::TooManyElements { max: 10 });
    assert!(malformed.offset < 40, "{malformed}");
}

/// Scenario: many tiny fields, merges of one message, a huge text. Guarantees: accepted, and counted right.
#[test]
fn takes_large_and_odd_requests() {
    let span = |body: &[u8]| nested(1, &nested(2, &nested(2, body)));
    let accepted = |wire: &[u8]| scan(Signal::Traces, wire, &NO_LIMIT).unwrap();
    let one = Counts { items: 1, elements: 1 };
    assert_eq!(accepted(&span(&b"\xf8\x01\x01".repeat(1_000_000))), one);
    assert_eq!(accepted(&span(&b"\x4a\x00".repeat(1_000_000))), one);
    assert_eq!(accepted(&span(&b"\x7a\x00".repeat(1_000_000))), one);
    assert_eq!(accepted(&span(&nested(5, &vec![b'x'; 10 << 20]))), one);
    let wire = nested(1, &b"\x0a\x00".repeat(1_000_000));
    assert_eq!(accepted(&wire), Counts::default());
    for signal in Signal::ALL {
        assert_eq!(scan(signal, b"", &Limits { elements: 0 }), Ok(Counts::default()));
    }
}
