//! Keys against an independent reading of the decoded request, and vectors that others can check.

use fastrand::Rng;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::ResourceSpans;
use prost::Message;
use twox_hash::XxHash64;

use super::strings::{self, Strings};
use super::{KEY_BYTES_MAX, Key, KeyBy, of_resource, trace_id};
use crate::Signal;

/// The documented form, written from decoded messages.
pub(crate) fn resource_hash(attributes: &[KeyValue]) -> Option<u64> {
    let mut form = Vec::new();
    put_map(attributes, &mut form);
    (!attributes.is_empty()).then(|| XxHash64::oneshot(0, &form))
}

fn put_map(entries: &[KeyValue], form: &mut Vec<u8>) {
    let hashes = entries.iter().map(|entry| {
        let mut own = Vec::new();
        put_run(entry.key.as_bytes(), &mut own);
        put_value(entry.value.as_ref().and_then(|value| value.value.as_ref()), &mut own);
        XxHash64::oneshot(0, &own)
    });
    form.push(b'm');
    form.extend((entries.len() as u64).to_le_bytes());
    form.extend(hashes.fold(0, u64::wrapping_add).to_le_bytes());
}

fn put_value(value: Option<&Value>, form: &mut Vec<u8>) {
    match value {
        None => form.push(b'n'),
        Some(Value::StringValue(text)) => {
            form.push(b's');
            put_run(text.as_bytes(), form);
        }
        Some(Value::BoolValue(value)) => form.extend([b'b', u8::from(*value)]),
        Some(Value::IntValue(value)) => {
            form.push(b'i');
            form.extend(value.to_le_bytes());
        }
        Some(Value::DoubleValue(value)) => {
            form.push(b'd');
            form.extend(value.to_le_bytes());
        }
        Some(Value::BytesValue(bytes)) => {
            form.push(b'x');
            put_run(bytes, form);
        }
        Some(Value::ArrayValue(array)) => {
            form.push(b'a');
            form.extend((array.values.len() as u64).to_le_bytes());
            array.values.iter().for_each(|value| put_value(value.value.as_ref(), form));
        }
        Some(Value::KvlistValue(list)) => put_map(&list.values, form),
        Some(Value::StringValueStrindex(_)) => panic!("these tests have none"),
    }
}

fn put_run(bytes: &[u8], form: &mut Vec<u8>) {
    form.extend((bytes.len() as u64).to_le_bytes());
    form.extend_from_slice(bytes);
}

fn any(value: Value) -> AnyValue {
    AnyValue { value: Some(value) }
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.into(), value: Some(any(value)), ..KeyValue::default() }
}

fn text(value: &str) -> Value {
    Value::StringValue(value.into())
}

fn resource_x(attributes: Vec<KeyValue>) -> Vec<u8> {
    let resource = Some(Resource { attributes, dropped_attributes_count: 3, ..Resource::default() });
    ResourceSpans { resource, schema_url: "http://schema".into(), ..ResourceSpans::default() }.encode_to_vec()
}

fn of(by: KeyBy, resource_x: &[u8]) -> Option<String> {
    of_resource(by, resource_x, &Strings::default()).map(shown)
}

fn shown(key: Key<'_>) -> String {
    let mut out = Vec::new();
    key.write(&mut out);
    assert_eq!(out.len(), key.text_bytes());
    assert!(out.len() <= KEY_BYTES_MAX);
    String::from_utf8(out).unwrap()
}

/// Committed for ever: whoever has written such keys into a topic goes on with them. They were made by
/// the program in docs/records.md, with Python's xxhash.
#[test]
fn vectors() {
    let nested = || {
        let list = vec![attribute("zone", text("b")), attribute("region", text("eu"))];
        let array = vec![any(Value::IntValue(1)), any(text("two")), AnyValue { value: None }];
        vec![
            attribute("list", Value::KvlistValue(KeyValueList { values: list })),
            attribute("array", Value::ArrayValue(ArrayValue { values: array })),
            attribute("bytes", Value::BytesValue(vec![0, 255])),
            attribute("double", Value::DoubleValue(-0.5)),
            attribute("int", Value::IntValue(-1)),
            attribute("bool", Value::BoolValue(true)),
            KeyValue { key: "none".into(), ..KeyValue::default() },
        ]
    };
    let vectors: [(Vec<KeyValue>, &str); 4] = [
        (vec![attribute("service.name", text("cart"))], "31e93f829572183f"),
        (
            vec![attribute("service.name", text("cart")), attribute("process.pid", Value::IntValue(4711))],
            "f7dbdddbda4e60e1",
        ),
        (vec![attribute("", text(""))], "ac947d04c5248323"),
        (nested(), "ffb51f919f62d799"),
    ];
    for (attributes, key) in vectors {
        assert_eq!(
            of(KeyBy::Resource, &resource_x(attributes.clone())).as_deref(),
            Some(key),
            "{attributes:?}"
        );
    }
    assert_eq!(of(KeyBy::Resource, &resource_x(Vec::new())), None);
    assert_eq!(of(KeyBy::Resource, b""), None);
}

/// Scenario: any attributes, in any order, from two resources that are one.
/// Guarantees: the hash is the documented one, whatever the order, and another one for other attributes.
#[test]
fn the_hash_is_as_documented_and_knows_no_order() {
    let seed = 11;
    let mut rng = Rng::with_seed(seed);
    let mut seen = std::collections::BTreeMap::new();
    for round in 0..2000 {
        let attributes: Vec<KeyValue> = (0..rng.usize(1..8)).map(|_| random_attribute(&mut rng, 3)).collect();
        let expected = format!("{:016x}", resource_hash(&attributes).unwrap());
        let mut shuffled = attributes.clone();
        rng.shuffle(&mut shuffled);
        let (one, other) = shuffled.split_at(rng.usize(..=shuffled.len()));
        let halves = [resource_x(one.to_vec()), resource_x(other.to_vec())].concat();
        assert_eq!(
            of(KeyBy::Resource, &resource_x(attributes.clone())).unwrap(),
            expected,
            "seed {seed}, {round}"
        );
        assert_eq!(of(KeyBy::Resource, &halves).unwrap(), expected, "seed {seed}, {round}");
        // No value, and a value without a kind, are one.
        let shown = |it: &KeyValue| format!("{it:?}").replace("Some(AnyValue { value: None })", "None");
        let mut sorted: Vec<String> = attributes.iter().map(shown).collect();
        sorted.sort();
        let known = seen.entry(expected).or_insert_with(|| sorted.clone());
        assert_eq!(*known, sorted, "seed {seed}: two resources of one hash");
    }
    assert!(seen.len() > 1000);
}

fn random_attribute(rng: &mut Rng, depth: u32) -> KeyValue {
    let key = ["", "a", "b", "service.name", "größe"][rng.usize(..5)];
    KeyValue { key: key.into(), value: rng.bool().then(|| random_any(rng, depth)), ..KeyValue::default() }
}

fn random_any(rng: &mut Rng, depth: u32) -> AnyValue {
    let value = match rng.u8(..if depth == 0 { 6 } else { 8 }) {
        0 => return AnyValue { value: None },
        1 => text(["", "x", "日本"][rng.usize(..3)]),
        2 => Value::BoolValue(rng.bool()),
        3 => Value::IntValue([0, 1, -1, i64::MIN][rng.usize(..4)]),
        4 => Value::DoubleValue([0.0, -0.0, 1.5, f64::INFINITY][rng.usize(..4)]),
        5 => Value::BytesValue((0..rng.u8(..3)).collect()),
        6 => {
            let values = (0..rng.u8(..3)).map(|_| random_any(rng, depth - 1)).collect();
            Value::ArrayValue(ArrayValue { values })
        }
        _ => {
            let values = (0..rng.u8(..3)).map(|_| random_attribute(rng, depth - 1)).collect();
            Value::KvlistValue(KeyValueList { values })
        }
    };
    any(value)
}

#[test]
fn the_service_is_the_first_name_that_is_a_text_and_not_empty() {
    let of = |attributes| of(KeyBy::Service, &resource_x(attributes));
    let name = |value| attribute("service.name", value);
    assert_eq!(of(vec![attribute("service.names", text("no")), name(text("cart"))]).as_deref(), Some("cart"));
    assert_eq!(of(vec![name(text("one")), name(text("two"))]).as_deref(), Some("one"));
    assert_eq!(of(vec![name(text("")), name(text("two"))]).as_deref(), Some("two"));
    assert_eq!(of(vec![name(Value::IntValue(7)), attribute("a", text("b"))]), None);
    assert_eq!(of(Vec::new()), None);
    assert_eq!(of(vec![name(text(&"x".repeat(5000)))]), Some("x".repeat(KEY_BYTES_MAX)));
    // Not within a character: "ü" is two bytes.
    let odd = format!("a{}", "ü".repeat(600));
    assert_eq!(of(vec![name(text(&odd))]).unwrap().len(), KEY_BYTES_MAX - 1);
    // What is cut off makes no other key.
    let (one, other) = ("s".repeat(KEY_BYTES_MAX) + "1", "s".repeat(KEY_BYTES_MAX) + "2");
    let resources = [one, other].map(|it| resource_x(vec![name(text(&it))]));
    let [one, other] = resources.each_ref().map(|it| of_resource(KeyBy::Service, it, &Strings::default()));
    assert_eq!(one, other);
}

#[test]
fn trace_ids_are_those_of_16_bytes_that_are_not_all_zero() {
    let id: Vec<u8> = (1..=16).collect();
    let hex = "0102030405060708090a0b0c0d0e0f10";
    let span = |id: &[u8]| [&[0x0a, u8::try_from(id.len()).unwrap()], id, &[0x2a, 1, b'n']].concat();
    let log = |id: &[u8]| [&[0x1a, 1, b'i', 0x4a, u8::try_from(id.len()).unwrap()], id].concat();
    let of = |signal, unit: &[u8]| trace_id(signal, unit).map(Key::TraceId).map(shown);
    assert_eq!(of(Signal::Traces, &span(&id)).as_deref(), Some(hex));
    assert_eq!(of(Signal::Logs, &log(&id)).as_deref(), Some(hex));
    // The last one counts, as it does where the span is decoded.
    assert_eq!(of(Signal::Traces, &[span(&[7; 16]), span(&id)].concat()).as_deref(), Some(hex));
    for none in [&[][..], &[0; 16], &[1; 15], &[1; 17]] {
        assert_eq!(of(Signal::Traces, &span(none)), None);
        assert_eq!(of(Signal::Logs, &log(none)), None);
    }
    for signal in [Signal::Metrics, Signal::Profiles] {
        assert_eq!(of(signal, &span(&id)), None);
    }
    assert_eq!(of(Signal::Traces, b"\xff"), None);
}

/// Profiles may point into their dictionary where others have texts; the key is the same.
#[test]
fn texts_in_the_dictionary_are_texts() {
    use opentelemetry_proto::tonic::collector::profiles::v1development::ExportProfilesServiceRequest;
    use opentelemetry_proto::tonic::profiles::v1development::{ProfilesDictionary, ResourceProfiles};
    let indexed = |key, value| KeyValue {
        key_strindex: key,
        value: Some(any(Value::StringValueStrindex(value))),
        ..KeyValue::default()
    };
    let attributes = vec![indexed(1, 2), indexed(3, 99)];
    let resource = Some(Resource { attributes, ..Resource::default() });
    let resource_profiles = ResourceProfiles { resource, ..ResourceProfiles::default() };
    let string_table = ["", "service.name", "cart", "zone"].map(str::to_owned).to_vec();
    let dictionary = Some(ProfilesDictionary { string_table, ..ProfilesDictionary::default() });
    let body = resource_profiles.encode_to_vec();
    let wire = ExportProfilesServiceRequest { resource_profiles: vec![resource_profiles], dictionary }
        .encode_to_vec();
    let count = strings::count(Signal::Profiles, &wire);
    assert_eq!(count, 4);
    assert_eq!(strings::count(Signal::Traces, &wire), 0);
    let offsets = strings::offsets(Signal::Profiles, &wire, count);
    let strings = Strings::new(&wire, &offsets);
    assert_eq!(of_resource(KeyBy::Service, &body, &strings).map(shown).as_deref(), Some("cart"));
    let plain = resource_x(vec![attribute("service.name", text("cart")), attribute("zone", text(""))]);
    assert_eq!(of_resource(KeyBy::Resource, &body, &strings).map(shown), of(KeyBy::Resource, &plain));
}
