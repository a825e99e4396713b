//! Mistakes are found together and named as Kafka Connect names them.

use std::collections::BTreeMap;

use crate::{Importance, Key, Kind, Unit, nearest, parse};

static PORT: Key = Key {
    name: "a.port",
    kind: Kind::Int { min: 1, max: 65535, unit: Unit::Port },
    default: Some("4317"),
    importance: Importance::High,
    group: "G",
    doc: "A port.",
};
static ON: Key = Key { name: "a.on", kind: Kind::Bool, default: Some("true"), ..PORT_LIKE };
static FORMAT: Key =
    Key { name: "a.format", kind: Kind::OneOf(&["json", "protobuf"]), default: Some("json"), ..PORT_LIKE };
static SECRET: Key = Key { name: "a.secret", kind: Kind::Password, default: None, ..PORT_LIKE };
const PORT_LIKE: Key =
    Key { name: "", kind: Kind::Text, default: None, importance: Importance::Low, group: "G", doc: "" };
static KEYS: [&Key; 4] = [&PORT, &ON, &FORMAT, &SECRET];

fn raw(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

#[test]
fn defaults_hold_where_nothing_is_given() {
    let (values, problems) = parse(&KEYS, &raw(&[]));
    assert!(problems.is_empty());
    assert_eq!(values.int(&PORT), 4317);
    assert!(values.bool(&ON));
    assert_eq!(values.text(&FORMAT), Some("json"));
    assert_eq!(values.text(&SECRET), None);
    assert!(!values.is_given(&PORT));
}

#[test]
fn all_mistakes_are_reported_together() {
    let (_, problems) = parse(&KEYS, &raw(&[("a.port", "0"), ("a.on", "yes"), ("a.format", "xml")]));
    let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "Invalid value 0 for configuration a.port: Value must be at least 1",
            "Invalid value yes for configuration a.on: Expected value to be either true or false",
            "Invalid value xml for configuration a.format: String must be one of: json, protobuf",
        ]
    );
    let (_, problems) = parse(&KEYS, &raw(&[("a.port", "x")]));
    assert_eq!(problems[0].to_string(), "Invalid value x for configuration a.port: Not a number of type INT");
    let (_, problems) = parse(&KEYS, &raw(&[("a.port", "65536")]));
    assert_eq!(
        problems[0].to_string(),
        "Invalid value 65536 for configuration a.port: Value must be no more than 65535"
    );
}

#[test]
fn words_are_taken_in_any_case() {
    let (values, problems) = parse(&KEYS, &raw(&[("a.format", " Protobuf "), ("a.on", "FALSE")]));
    assert!(problems.is_empty());
    assert_eq!(values.text(&FORMAT), Some("protobuf"));
    assert!(!values.bool(&ON));
}

#[test]
fn the_nearest_name_is_found_only_when_near() {
    let names = ["otlp.grpc.port", "otlp.http.port", "otlp.message.format"];
    assert_eq!(nearest("otlp.grcp.port", names), Some("otlp.grpc.port"));
    assert_eq!(nearest("otlp.mesage.format", names), Some("otlp.message.format"));
    assert_eq!(nearest("something.else.entirely", names), None);
    assert_eq!(nearest(&"x".repeat(100_000), names), None);
}

#[test]
fn forms_show_names_in_words_with_their_unit() {
    let label = |name, kind| Key { name, kind, ..PORT_LIKE }.label();
    let millis = Kind::Int { min: 1, max: 2, unit: Unit::Millis };
    assert_eq!(label("otlp.grpc.port", PORT.kind), "gRPC port");
    assert_eq!(label("kafka.topic.traces", Kind::NonEmpty), "Topic traces");
    assert_eq!(label("otlp.tls.cert.path", Kind::File), "TLS certificate path");
    assert_eq!(label("otlp.request.hold.ms", millis), "Request hold (ms)");
    assert_eq!(label("name", Kind::NonEmpty), "Name");
    assert_eq!(label("otlp.ünï", Kind::Text), "ünï");
}

#[test]
fn a_switch_governs_the_keys_beside_it() {
    static SWITCH: Key = Key { name: "a.b.enabled", kind: Kind::Bool, ..PORT_LIKE };
    static PORT: Key = Key { name: "a.b.port", ..PORT_LIKE };
    static OTHER: Key = Key { name: "a.bc", ..PORT_LIKE };
    let table = [&SWITCH, &PORT, &OTHER];
    assert_eq!(SWITCH.dependents(&table).collect::<Vec<_>>(), ["a.b.port"]);
    assert_eq!(PORT.dependents(&table).count(), 0);
}
