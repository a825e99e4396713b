//! Parts put together again are the request they were cut from; no part is larger than it must be.

use fastrand::Rng;

use super::{Cutter, Part};
use crate::scan::{Limits, scan};
use crate::testdata::{Request, Style, random, realistic};
use crate::{Counts, Signal, varint};

fn scanned(signal: Signal, wire: &[u8]) -> Counts {
    scan(signal, wire, &Limits { elements: u64::MAX }).unwrap()
}

fn cut(signal: Signal, wire: &[u8], wire_bytes_max: usize) -> Vec<(Part, Vec<u8>)> {
    let mut cutter = Cutter::new(signal, wire);
    let mut parts = Vec::new();
    let mut out = Vec::new();
    while let Some(part) = cutter.next(wire_bytes_max, &mut out) {
        parts.push((part, std::mem::take(&mut out)));
    }
    assert!(out.is_empty(), "a part was written and not reported");
    parts
}

/// Every unit with its resource and scope around it, in order: what a request says, however it is cut.
pub(crate) fn units(request: &Request) -> Vec<String> {
    macro_rules! units {
        ($request:expr, $resources:ident, $scopes:ident, $units:ident) => {{
            let mut found = Vec::new();
            for resource in &$request.$resources {
                for scope in &resource.$scopes {
                    for unit in &scope.$units {
                        found.push(format!(
                            "{:?} {} {:?} {} {unit:?}",
                            resource.resource, resource.schema_url, scope.scope, scope.schema_url
                        ));
                    }
                }
            }
            found
        }};
    }
    match request {
        Request::Traces(request) => units!(request, resource_spans, scope_spans, spans),
        Request::Metrics(request) => units!(request, resource_metrics, scope_metrics, metrics),
        Request::Logs(request) => units!(request, resource_logs, scope_logs, log_records),
        Request::Profiles(request) => units!(request, resource_profiles, scope_profiles, profiles),
    }
}

fn check(signal: Signal, wire: &[u8], wire_bytes_max: usize) -> usize {
    let parts = cut(signal, wire, wire_bytes_max);
    let whole = Request::decode(signal, wire).unwrap();
    let mut together = Vec::new();
    let mut items = 0;
    for (part, bytes) in &parts {
        let counts = scanned(signal, bytes);
        assert_eq!(part.items, counts.items);
        items += part.items;
        let request = Request::decode(signal, bytes).unwrap();
        let inside = units(&request);
        assert!(
            bytes.len() <= wire_bytes_max || part.single,
            "{} bytes, limit {wire_bytes_max}",
            bytes.len()
        );
        assert!(!inside.is_empty());
        assert!(!part.single || inside.len() == 1);
        if let (Request::Profiles(part), Request::Profiles(whole)) = (&request, &whole) {
            assert_eq!(format!("{:?}", part.dictionary), format!("{:?}", whole.dictionary));
        }
        together.extend(inside);
    }
    assert_eq!(items, scanned(signal, wire).items);
    assert_eq!(together, units(&whole));
    parts.len()
}

/// Scenario: realistic and odd requests, every limit from one byte to the whole.
/// Guarantees: nothing lost, nothing twice, order kept, sizes kept, counts right.
#[test]
fn parts_put_together_are_the_request() {
    let seed = 9092;
    let mut rng = Rng::with_seed(seed);
    let mut cases = 0;
    for round in 0..60 {
        for signal in Signal::ALL {
            for wire in [
                realistic(signal, round % 9, &mut rng),
                random(signal, Style::Canonical, &mut rng),
                random(signal, Style::Odd, &mut rng),
            ] {
                let sizes = [1, wire.len() / 3, wire.len() / 2, wire.len().saturating_sub(1), wire.len()];
                for wire_bytes_max in sizes.into_iter().chain((0..6).map(|_| rng.usize(..=wire.len()))) {
                    check(signal, &wire, wire_bytes_max);
                    cases += 1;
                }
            }
        }
    }
    println!("seed {seed}: {cases} requests cut");
}

#[test]
fn every_limit_of_one_request() {
    let seed = 5;
    let mut rng = Rng::with_seed(seed);
    for signal in Signal::ALL {
        let wire = realistic(signal, 4, &mut rng);
        for wire_bytes_max in 0..=wire.len() {
            check(signal, &wire, wire_bytes_max);
        }
    }
}

#[test]
fn what_fits_stays_one_part() {
    let seed = 6;
    let mut rng = Rng::with_seed(seed);
    for signal in Signal::ALL {
        let wire = realistic(signal, 30, &mut rng);
        let parts = cut(signal, &wire, wire.len());
        assert_eq!(parts.len(), 1);
        assert_eq!(parts[0].1.len(), wire.len());
        if signal != Signal::Profiles {
            // The dictionary, a request's own field, comes first in a part.
            assert_eq!(parts[0].1, wire, "{signal:?}");
        }
        assert!(!parts[0].0.single);
        // Half the size makes three parts at most: the second half and what the repeated resource adds.
        assert!((2..=3).contains(&cut(signal, &wire, wire.len() / 2 + 1).len()), "{signal:?}");
    }
}

fn nested(number: u64, body: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    varint::put(&mut wire, number << 3 | 2);
    varint::put(&mut wire, body.len() as u64);
    wire.extend_from_slice(body);
    wire
}

fn span(name: &str) -> Vec<u8> {
    nested(2, &nested(5, name.as_bytes()))
}

/// Scenario: own fields before, between and behind the children, twice, and unknown ones.
/// Guarantees: each part has all of them.
#[test]
fn own_fields_are_repeated_wherever_they_stand() {
    let attribute = |key: &str| nested(1, &nested(1, &nested(1, key.as_bytes())));
    let scope = [
        span("a"),
        nested(3, b"http://scope"),
        span("b"),
        nested(1, &nested(1, b"scope name")),
        b"\xfb\x07\x08\x01\xfc\x07".to_vec(),
        span("c"),
    ]
    .concat();
    let resource =
        [attribute("first"), nested(2, &scope), attribute("second"), nested(3, b"http://resource")].concat();
    let wire = nested(1, &resource);
    let parts = cut(Signal::Traces, &wire, 1);
    assert_eq!(parts.len(), 3);
    for (part, bytes) in &parts {
        assert_eq!(*part, Part { items: 1, single: true });
        for own in [&b"first"[..], b"second", b"http://scope", b"scope name", b"\xfb\x07\x08\x01\xfc\x07"] {
            assert_eq!(bytes.windows(own.len()).filter(|window| *window == own).count(), 1, "{own:?}");
        }
    }
    check(Signal::Traces, &wire, 1);
    check(Signal::Traces, &wire, 80);
}

#[test]
fn what_holds_nothing_is_left_out() {
    let empty = [nested(1, b""), nested(1, &nested(2, b"")), nested(1, &nested(1, b""))].concat();
    assert!(cut(Signal::Traces, &empty, 100).is_empty());
    assert!(cut(Signal::Traces, b"", 100).is_empty());
    let wire = [empty.clone(), nested(1, &nested(2, &span("a"))), empty].concat();
    let parts = cut(Signal::Traces, &wire, 100);
    assert_eq!(parts, [(Part { items: 1, single: true }, nested(1, &nested(2, &span("a"))))]);
}

/// A part too large once encoded is cut again, smaller, from a copy of the cutter.
#[test]
fn a_copy_cuts_the_same_items_again() {
    let seed = 8;
    let mut rng = Rng::with_seed(seed);
    let wire = realistic(Signal::Logs, 40, &mut rng);
    let mut cutter = Cutter::new(Signal::Logs, &wire);
    let mut first = Vec::new();
    cutter.next(wire.len() / 2, &mut first).unwrap();
    let kept = cutter.clone();
    let mut large = Vec::new();
    let part = cutter.next(wire.len() / 3, &mut large).unwrap();
    let mut cutter = kept;
    let mut small = b"before".to_vec();
    let smaller = cutter.next(wire.len() / 6, &mut small).unwrap();
    assert!(smaller.items < part.items && smaller.items > 0);
    let names = |bytes: &[u8]| units(&Request::decode(Signal::Logs, bytes).unwrap());
    let again = small.strip_prefix(b"before").unwrap();
    assert_eq!(names(again)[..], names(&large)[..names(again).len()], "seed {seed}");
}

/// Scenario: a great many resources, scopes, units and own fields, cut into small parts.
/// Guarantees: the work is in proportion to the bytes read and written; a quadratic cutter takes minutes here.
#[test]
fn large_requests_take_linear_time() {
    let many = 200_000;
    let unit = span("");
    let scope = nested(2, &unit);
    for wire in [
        nested(1, &scope).repeat(many),
        nested(1, &scope.repeat(many)),
        nested(1, &nested(2, &unit.repeat(many))),
    ] {
        let parts = cut(Signal::Traces, &wire, 100);
        assert_eq!(parts.iter().map(|(part, _)| part.items).sum::<u64>(), many as u64);
        let written: usize = parts.iter().map(|(_, bytes)| bytes.len()).sum();
        assert!(written <= 2 * wire.len(), "{written} of {}", wire.len());
    }
    // Own fields between the units are passed once.
    let wire = nested(1, &nested(2, &[b"\x78\x01".repeat(many), unit.repeat(3)].concat()));
    assert_eq!(cut(Signal::Traces, &wire, 1).len(), 3);
    let empty = nested(1, b"").repeat(many);
    assert!(cut(Signal::Traces, &empty, 1).is_empty());
}
