//! Pieces put together are the request; each holds what its key says, and costs what was said before.

use std::collections::BTreeMap;

use fastrand::Rng;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;

use super::{Division, Outline, Rule};
use crate::key::KeyBy;
use crate::key::tests::resource_hash;
use crate::scan::{Limits, scan};
use crate::split::tests::units;
use crate::testdata::{Request, Style, mutate, random, realistic};
use crate::{Signal, varint};

const RULES: [Rule; 7] = {
    const fn rule(key: Option<KeyBy>, units: bool) -> Rule {
        Rule { key, units }
    }
    [
        rule(None, true),
        rule(Some(KeyBy::TraceId), false),
        rule(Some(KeyBy::TraceId), true),
        rule(Some(KeyBy::Service), false),
        rule(Some(KeyBy::Service), true),
        rule(Some(KeyBy::Resource), false),
        rule(Some(KeyBy::Resource), true),
    ]
};

/// A piece, with its key as text.
#[derive(Debug, PartialEq)]
struct Cut {
    key: Option<String>,
    items: u64,
    single: bool,
    wire: Vec<u8>,
}

/// All pieces; one that is the request itself when it stays whole.
fn divide(signal: Signal, wire: &[u8], rule: Rule) -> Vec<Cut> {
    let scanned = scan(signal, wire, &Limits { elements: u64::MAX });
    let outline = Outline::of(signal, wire, rule).unwrap();
    let mut division = Division::new(&outline, wire, usize::MAX).unwrap();
    let shown = |key: crate::key::Key<'_>| {
        let mut text = Vec::new();
        key.write(&mut text);
        String::from_utf8(text).unwrap()
    };
    if let Some(key) = division.whole() {
        let key = key.map(shown);
        let items = scanned.map_or(0, |counts| counts.items);
        return vec![Cut { key, items, single: false, wire: wire.to_vec() }];
    }
    let output_bytes = division.output_bytes();
    let valid = scanned.is_ok();
    let mut cuts = Vec::new();
    while let Some(bytes) = division.next_bytes() {
        assert_eq!(division.next_bytes(), Some(bytes));
        let mut out = b"before".to_vec();
        let piece = division.next(&mut out).unwrap();
        let (key, items, single) = (piece.key.map(shown), piece.items, piece.single);
        let wire = out.split_off(b"before".len());
        assert_eq!(wire.len(), bytes);
        cuts.push(Cut { key, items, single, wire });
    }
    assert!(division.next(&mut Vec::new()).is_none());
    let written: usize = cuts.iter().map(|cut| cut.wire.len()).sum();
    // By trace id some lengths are not known before they are written.
    let by_trace = rule.key == Some(KeyBy::TraceId) && !rule.units;
    let unknown = if by_trace { 8 * outline.units() } else { 0 };
    assert!(written <= output_bytes + unknown, "{written} of {output_bytes}");
    if valid {
        assert!(written >= output_bytes, "{written} of {output_bytes}");
    }
    cuts
}

/// The key of each unit, read from the decoded request, in the order of [`units`].
fn expected_keys(request: &Request, by: Option<KeyBy>) -> Vec<Option<String>> {
    let of_resource = |resource: Option<&Resource>| {
        let attributes = resource.map_or(&[][..], |resource| &resource.attributes);
        match by? {
            KeyBy::TraceId => None,
            KeyBy::Service => attributes.iter().find_map(|KeyValue { key, value, .. }| match value {
                Some(AnyValue { value: Some(Value::StringValue(name)) })
                    if key == "service.name" && !name.is_empty() =>
                {
                    Some(name.clone())
                }
                _ => None,
            }),
            KeyBy::Resource => resource_hash(attributes).map(|hash| format!("{hash:016x}")),
        }
    };
    let of_unit = |id: &[u8]| {
        let is_id = by == Some(KeyBy::TraceId) && id.len() == 16 && id.iter().any(|byte| *byte != 0);
        is_id.then(|| id.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
    };
    macro_rules! keys {
        ($request:expr, $resources:ident, $scopes:ident, $units:ident, $unit:ident => $id:expr) => {{
            let mut keys = Vec::new();
            for resource in &$request.$resources {
                let key = of_resource(resource.resource.as_ref());
                for $unit in resource.$scopes.iter().flat_map(|scope| &scope.$units) {
                    keys.push(of_unit($id).or_else(|| key.clone()));
                }
            }
            keys
        }};
    }
    match request {
        Request::Traces(it) => keys!(it, resource_spans, scope_spans, spans, unit => &unit.trace_id),
        Request::Logs(it) => keys!(it, resource_logs, scope_logs, log_records, unit => &unit.trace_id),
        Request::Metrics(it) => keys!(it, resource_metrics, scope_metrics, metrics, _unit => &[]),
        Request::Profiles(it) => keys!(it, resource_profiles, scope_profiles, profiles, _unit => &[]),
    }
}

fn check(signal: Signal, wire: &[u8], rule: Rule) -> usize {
    let whole = Request::decode(signal, wire).unwrap();
    let cuts = divide(signal, wire, rule);
    let mut found: Vec<(Option<String>, String)> = Vec::new();
    let mut items = 0;
    for cut in &cuts {
        let counts = scan(signal, &cut.wire, &Limits { elements: u64::MAX }).unwrap();
        assert_eq!(cut.items, counts.items);
        items += cut.items;
        let piece = Request::decode(signal, &cut.wire).unwrap();
        if let (Request::Profiles(piece), Request::Profiles(whole)) = (&piece, &whole) {
            assert_eq!(format!("{:?}", piece.dictionary), format!("{:?}", whole.dictionary));
        }
        let inside = units(&piece);
        assert!(cuts.len() == 1 || !inside.is_empty());
        assert!(!cut.single || inside.len() == 1);
        assert!(!rule.units || cut.single);
        found.extend(inside.into_iter().map(|unit| (cut.key.clone(), unit)));
    }
    assert_eq!(items, scan(signal, wire, &Limits { elements: u64::MAX }).unwrap().items);
    let mut expected: Vec<_> = expected_keys(&whole, rule.key).into_iter().zip(units(&whole)).collect();
    if rule.units {
        assert_eq!(found, expected);
    } else {
        // One piece a key, in the order in which the keys come first.
        let mut order = BTreeMap::new();
        for (key, _) in &expected {
            let next = order.len();
            order.entry(key.clone()).or_insert(next);
        }
        expected.sort_by_key(|(key, _)| order[key]);
        assert_eq!(found, expected);
        assert!(cuts.len() == order.len() || order.is_empty());
    }
    cuts.len()
}

/// Several resources, with services and traces that come again and some that have none.
fn mixed(signal: Signal, rng: &mut Rng) -> Vec<u8> {
    let names = [Some("cart"), Some("pay"), Some(""), None];
    let ids: [Vec<u8>; 6] = [vec![1; 16], vec![2; 16], vec![3; 16], vec![0; 16], vec![1; 15], Vec::new()];
    let mut wire = Vec::new();
    for _ in 0..rng.usize(1..5) {
        let items = rng.usize(..8);
        let mut request = Request::decode(signal, &realistic(signal, items, rng)).unwrap();
        let name = names[rng.usize(..names.len())];
        let pick = rng.usize(1..=ids.len());
        let mut id = || ids[rng.usize(..pick)].clone();
        let rename = |resource: &mut Option<Resource>| {
            let attributes = &mut resource.as_mut().unwrap().attributes;
            attributes
                .retain(|it| it.key != "service.instance.id" && (it.key != "service.name" || name.is_some()));
            if let (Some(name), Some(first)) = (name, attributes.first_mut()) {
                first.value = Some(AnyValue { value: Some(Value::StringValue(name.into())) });
            }
        };
        match &mut request {
            Request::Traces(it) => {
                for resource in &mut it.resource_spans {
                    rename(&mut resource.resource);
                    resource
                        .scope_spans
                        .iter_mut()
                        .flat_map(|it| &mut it.spans)
                        .for_each(|it| it.trace_id = id());
                }
            }
            Request::Logs(it) => {
                for resource in &mut it.resource_logs {
                    rename(&mut resource.resource);
                    let scopes = resource.scope_logs.iter_mut();
                    scopes.flat_map(|it| &mut it.log_records).for_each(|it| it.trace_id = id());
                }
            }
            Request::Metrics(it) => {
                it.resource_metrics.iter_mut().for_each(|it| rename(&mut it.resource));
            }
            Request::Profiles(it) => {
                it.resource_profiles.iter_mut().for_each(|it| rename(&mut it.resource));
            }
        }
        wire.extend(request.encode());
    }
    wire
}

#[test]
fn pieces_put_together_are_the_request() {
    let seed = 4317;
    let mut rng = Rng::with_seed(seed);
    let (mut cases, mut pieces) = (0, 0);
    for round in 0..150 {
        for signal in Signal::ALL {
            for wire in [mixed(signal, &mut rng), realistic(signal, round % 9, &mut rng)] {
                for rule in RULES {
                    pieces += check(signal, &wire, rule);
                    cases += 1;
                }
            }
        }
    }
    assert!(pieces > 2 * cases);
    println!("seed {seed}: {cases} requests divided into {pieces} pieces");
}

/// Scenario: requests as no encoder writes them: unknown fields, groups, fields in any order and twice.
/// Guarantees: single units and traces come out whole and in order. (The hash of a resource whose singular fields
/// come twice is that of the last one, where a decoder would merge them.)
#[test]
fn odd_requests_are_divided_too() {
    let seed = 4318;
    let mut rng = Rng::with_seed(seed);
    for _ in 0..300 {
        for signal in Signal::ALL {
            for style in [Style::Canonical, Style::Odd] {
                let wire = random(signal, style, &mut rng);
                for rule in RULES {
                    if matches!(rule.key, None | Some(KeyBy::TraceId)) {
                        check(signal, &wire, rule);
                    }
                    divide(signal, &wire, rule);
                }
            }
        }
    }
}

#[test]
fn bytes_that_were_never_checked_do_no_harm() {
    let seed = 4319;
    let mut rng = Rng::with_seed(seed);
    for _ in 0..500 {
        for signal in Signal::ALL {
            let mut wire = mixed(signal, &mut rng);
            mutate(&mut wire, &mut rng);
            for rule in RULES {
                divide(signal, &wire, rule);
            }
        }
    }
}

fn nested(number: u64, body: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    super::put_head(number, body.len(), &mut wire);
    wire.extend_from_slice(body);
    wire
}

/// A request of one resource and one scope, with a trace of its own for each span.
fn traces_of(spans: u32) -> Vec<u8> {
    let spans: Vec<u8> =
        (1..=spans).flat_map(|n| nested(2, &nested(1, &[&[0; 12], &n.to_be_bytes()[..]].concat()))).collect();
    let resource = nested(1, &nested(1, &nested(1, b"name")));
    nested(1, &[resource, nested(2, &[nested(1, &nested(1, b"scope")), spans].concat())].concat())
}

#[test]
fn a_single_unit_has_all_that_is_around_it() {
    let wire = [traces_of(2), nested(2, b"")].concat();
    let expected = |n: u8| {
        let id = [&[0; 15][..], &[n]].concat();
        let scope = [nested(1, &nested(1, b"scope")), nested(2, &nested(1, &id))].concat();
        let resource = nested(1, &nested(1, &nested(1, b"name")));
        [nested(2, b""), nested(1, &[resource, nested(2, &scope)].concat())].concat()
    };
    for units in [false, true] {
        let cuts = divide(Signal::Traces, &wire, Rule { key: Some(KeyBy::TraceId), units });
        let whole: Vec<&[u8]> = cuts.iter().map(|cut| cut.wire.as_slice()).collect();
        assert_eq!(whole, [expected(1), expected(2)]);
        assert_eq!(cuts[1].key.as_deref(), Some("00000000000000000000000000000002"));
        assert!(cuts.iter().all(|cut| cut.single && cut.items == 1));
    }
}

#[test]
fn what_has_one_key_stays_as_it_is() {
    let wire = [traces_of(1), traces_of(1)].concat();
    for key in [KeyBy::TraceId, KeyBy::Resource] {
        let outline = Outline::of(Signal::Traces, &wire, Rule { key: Some(key), units: false }).unwrap();
        let mut division = Division::new(&outline, &wire, usize::MAX).unwrap();
        assert!(division.whole().is_some_and(|key| key.is_some()));
        assert_eq!(division.next_bytes(), None);
        assert_eq!(division.next(&mut Vec::new()), None);
        assert_eq!(division.output_bytes(), wire.len());
    }
    for signal in [Signal::Metrics, Signal::Profiles] {
        let wire = realistic(signal, 5, &mut Rng::with_seed(1));
        let rule = Rule { key: Some(KeyBy::TraceId), units: false };
        let outline = Outline::of(signal, &wire, rule).unwrap();
        assert_eq!(
            Division::new(&outline, &wire, usize::MAX).unwrap().whole(),
            Some(None),
            "{signal:?} have no trace ids"
        );
    }
}

/// Scenario: a trace for each of many spans, many resources, many scopes, and nothing but empty messages.
/// Guarantees: no more memory than was said, nothing allocated for each unit, and the work in proportion to the bytes;
/// a quadratic division takes minutes here.
#[test]
fn memory_is_what_was_said_and_time_is_linear() {
    let many = 100_000;
    let unit = nested(2, b"");
    let named = |n: u32| {
        let attribute = [nested(1, b"service.name"), nested(2, &nested(1, &n.to_be_bytes()))].concat();
        nested(1, &[nested(1, &nested(1, &attribute)), nested(2, &unit)].concat())
    };
    let wires = [
        traces_of(many),
        (0x4141_4141..0x4141_4141 + many).flat_map(named).collect(),
        nested(1, &nested(2, &unit).repeat(many as usize)),
        nested(1, b"").repeat(many as usize),
        nested(1, &[nested(1, &nested(9, &vec![b'x'; 1 << 20])), nested(2, b"")].concat()),
        traces_of(3),
    ];
    for wire in &wires {
        for rule in RULES {
            let outline = Outline::of(Signal::Traces, wire, rule).unwrap();
            let mut out = Vec::with_capacity(wire.len() * 2 + 64);
            let mut pieces = 0_u64;
            let used = allocation_counter::measure(|| {
                let mut division = Division::new(&outline, wire, usize::MAX).unwrap();
                while division.next(&mut out).is_some() {
                    pieces += 1;
                    out.clear();
                }
            });
            let said = outline.memory() as u64;
            assert!(used.bytes_max <= said, "{} bytes, {said} were said: {rule:?}", used.bytes_max);
            assert!(used.count_total <= 8, "{} allocations for {pieces} pieces: {rule:?}", used.count_total);
        }
    }
}

/// A text that stands once in the dictionary, and many attributes that point to it, as their names, values, and within
/// them: what the hash reads is bounded, and what a name of a service takes of it is as long as a key.
#[test]
fn texts_that_many_attributes_point_to_are_counted_as_often() {
    const TEXT_BYTES: usize = 1 << 20;
    const TIMES: usize = 10_000;
    let index = |number: u8| [number << 3, 1];
    let text = nested(1, &[nested(5, b""), nested(5, &vec![b'x'; TEXT_BYTES])].concat());
    let dictionary = [&[0x12], &text[1..]].concat();
    let list = nested(5, &nested(1, &index(8)));
    let entries = nested(6, &nested(1, &[&index(3)[..], &nested(2, &index(8))].concat()));
    let attributes = [
        (1, index(3).to_vec()),
        (1, nested(2, &index(8))),
        (1, nested(2, &list)),
        (2, nested(2, &entries)),
        (0, [nested(1, b"service.name"), nested(2, &nested(1, b"cart"))].concat()),
    ];
    for (texts, attribute) in attributes {
        let resource = nested(1, &nested(1, &attribute).repeat(TIMES));
        let profiles = nested(1, &[resource, nested(2, &nested(2, b""))].concat());
        let wire = [dictionary.clone(), profiles].concat();
        let most = texts * TEXT_BYTES * TIMES;
        let rule = Rule { key: Some(KeyBy::Resource), units: false };
        let outline = Outline::of(Signal::Profiles, &wire, rule).unwrap();
        let scanned = scan(Signal::Profiles, &wire, &Limits { elements: 10 });
        assert_eq!(scanned.unwrap().items, 1);
        assert!(most == 0 || Division::new(&outline, &wire, most - 1).is_none());
        assert!(most > 0 || Division::new(&outline, &wire, 0).is_some());
        let rule = Rule { key: Some(KeyBy::Service), units: false };
        let outline = Outline::of(Signal::Profiles, &wire, rule).unwrap();
        assert!(Division::new(&outline, &wire, 0).is_some());
    }
}

#[test]
fn heads_are_written_as_they_are_counted() {
    for bytes in [0, 1, 127, 128, 16_383, 16_384] {
        let whole = nested(2, &vec![0; bytes]);
        assert_eq!(whole.len(), super::child_bytes(bytes));
        assert_eq!(whole.len() - bytes, 1 + varint::len(bytes as u64));
    }
}
