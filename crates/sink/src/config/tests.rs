//! What users write, and what the clients get.

use config::{Reason, parse};
use rdkafka::config::ClientConfig;

use super::*;
use crate::converter::Envelope;

const HOLD: Duration = Duration::from_secs(8);

fn load(pairs: &[(&str, &str)]) -> Result<Config, Vec<Problem>> {
    let raw: BTreeMap<String, String> =
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let (connector, problems) = parse(KEYS, &raw);
    assert_eq!(problems, []);
    let (worker, problems) = parse(WORKER_KEYS, &raw);
    assert_eq!(problems, []);
    let read = |_: &str| Err(io::Error::from(io::ErrorKind::NotFound));
    Config::from_values(&connector, &worker, &raw, HOLD, &read)
}

fn with_kafka(pairs: &[(&str, &str)]) -> Result<Config, Vec<Problem>> {
    load(&[&[("bootstrap.servers", "kafka:9092")], pairs].concat())
}

fn problems(pairs: &[(&str, &str)]) -> Vec<String> {
    with_kafka(pairs).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn defaults_promise_what_the_product_promises() {
    let config = with_kafka(&[("name", "my-otlp")]).unwrap();
    let expected = [
        ("acks", "all"),
        ("bootstrap.servers", "kafka:9092"),
        ("client.id", "connector-producer-my-otlp-0"),
        ("enable.idempotence", "true"),
        ("enable.metrics.push", "false"),
        ("linger.ms", "6"),
        ("max.in.flight.requests.per.connection", "5"),
        ("message.timeout.ms", "7500"),
        ("partitioner", "murmur2_random"),
        ("socket.keepalive.enable", "true"),
    ];
    for (name, value) in expected {
        assert_eq!(config.producer.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert_eq!(config.route.topics(), &["otlp-traces", "otlp-metrics", "otlp-logs", "otlp-profiles"]);
    assert_eq!((config.format, config.converter), (Format::Json, Converter::default()));
    assert_eq!((config.record_bytes_max, config.output_bytes_max), (1_000_000, 268_435_456));
    assert_eq!(config.limits.elements, 1_000_000);
    assert_eq!(config.notes, [""; 0]);
    assert_eq!(config.admin["client.id"], "connector-adminclient-my-otlp-0");
    assert!(!config.admin.contains_key("acks") && !config.admin.contains_key("partitioner"));
}

#[test]
fn the_library_takes_the_defaults_and_has_the_features_we_promise() {
    let config = with_kafka(&[]).unwrap();
    for properties in [&config.producer, &config.admin] {
        let mut library = ClientConfig::new();
        for (name, value) in properties {
            library.set(name, value);
        }
        let native = library.create_native_config().unwrap();
        let features = native.get("builtin.features").unwrap();
        let features: Vec<&str> =
            features.split(',').map(|feature| feature.trim_matches(['\0', ' '])).collect();
        for needed in ["gzip", "snappy", "lz4", "zstd", "ssl", "sasl_plain", "sasl_scram"] {
            assert!(features.contains(&needed), "{needed} is not among {features:?}");
        }
    }
}

#[test]
fn weaker_promises_are_made_only_when_asked_for_and_said_aloud() {
    let config = with_kafka(&[("producer.acks", "1")]).unwrap();
    assert_eq!(config.producer["acks"], "1");
    assert_eq!(config.producer["enable.idempotence"], "false");
    assert!(config.notes.iter().any(|note| note.starts_with("acks=1:")), "{:?}", config.notes);
    assert_eq!(
        problems(&[("producer.acks", "1"), ("producer.enable.idempotence", "true")]),
        ["producer.acks: Must set acks to all in order to use the idempotent producer."]
    );
    let config = with_kafka(&[("producer.max.in.flight.requests.per.connection", "10")]).unwrap();
    assert_eq!(config.producer["enable.idempotence"], "false");
    let config = with_kafka(&[("producer.enable.idempotence", "false")]).unwrap();
    assert_eq!(config.producer["acks"], "all");
    assert_eq!(config.producer["max.in.flight.requests.per.connection"], "1");
    assert_eq!(config.notes, [""; 0]);
}

#[test]
fn times_stay_within_the_hold_time() {
    let timeout = |pairs: &[(&str, &str)]| with_kafka(pairs).unwrap().producer["message.timeout.ms"].clone();
    assert_eq!(timeout(&[("producer.delivery.timeout.ms", "2147483647")]), "7500");
    assert_eq!(timeout(&[("producer.delivery.timeout.ms", "2000")]), "2000");
    let config = with_kafka(&[("producer.linger.ms", "60000")]).unwrap();
    assert_eq!(config.producer["linger.ms"], "7500");
}

#[test]
fn the_record_limit_is_the_smallest_of_its_limits() {
    let config = with_kafka(&[("producer.max.request.size", "500000")]).unwrap();
    assert_eq!(config.record_bytes_max, 500_000 - RECORD_OVERHEAD_BYTES);
    let config =
        with_kafka(&[("otlp.record.max.bytes", "2048"), ("producer.max.request.size", "500000")]).unwrap();
    assert_eq!(config.record_bytes_max, 2048);
}

#[test]
fn compression_has_the_level_of_its_codec() {
    let level = |codec| {
        let config = with_kafka(&[
            ("producer.compression.type", codec),
            ("producer.compression.zstd.level", "19"),
            ("producer.compression.gzip.level", "3"),
        ]);
        config.unwrap().producer.get("compression.level").cloned()
    };
    assert_eq!(level("zstd").as_deref(), Some("12"));
    assert_eq!(level("gzip").as_deref(), Some("3"));
    assert_eq!(level("lz4"), None);
}

#[test]
fn brokers_are_required() {
    let found = load(&[]).unwrap_err();
    assert_eq!(
        found[0].to_string(),
        "bootstrap.servers: Missing required configuration which has no default value"
    );
}

#[test]
fn what_is_not_built_in_stops_the_start_by_name() {
    assert_eq!(
        problems(&[
            ("transforms", "route, mask"),
            ("transforms.route.type", "org.apache.kafka.connect.transforms.RegexRouter"),
            ("predicates", "isLog"),
        ]),
        [
            "transforms: route (org.apache.kafka.connect.transforms.RegexRouter) is not built in; remove it",
            "transforms: mask (of no type) is not built in; remove it",
            "predicates: isLog (of no type) is not built in; remove it",
        ]
    );
    assert_eq!(problems(&[("topic.creation.groups", "default,big")]).len(), 1);
    assert!(with_kafka(&[("transforms", ""), ("topic.creation.groups", "default")]).is_ok());
}

#[test]
fn converters_are_taken_from_the_connector_first() {
    const JSON: &str = "org.apache.kafka.connect.json.JsonConverter";
    let config =
        with_kafka(&[("value.converter", JSON), ("value.converter.schemas.enable", "false")]).unwrap();
    assert_eq!(config.converter, Converter { base64: false, json_string: Some(Envelope::Bare) });
    let config = with_kafka(&[("value.converter", JSON)]).unwrap();
    assert_eq!(config.converter.json_string, Some(Envelope::Schema));
    assert_eq!(problems(&[("key.converter", "a.B")]).len(), 1);
}

#[test]
fn topics_are_checked_and_created_as_asked() {
    assert_eq!(problems(&[("kafka.topic.logs", "a b")]).len(), 1);
    let config = with_kafka(&[
        ("topic.creation.enable", "false"),
        ("topic.creation.default.partitions", "6"),
        ("topic.creation.default.replication.factor", "3"),
        ("topic.creation.default.cleanup.policy", "delete"),
    ])
    .unwrap();
    assert_eq!(
        config.creation,
        Creation {
            enabled: false,
            partitions: 6,
            replication: 3,
            settings: vec![("cleanup.policy".into(), "delete".into())],
        }
    );
    assert_eq!(problems(&[("topic.creation.default.partitions", "0")]).len(), 1);
}

#[test]
fn overrides_obey_the_workers_policy() {
    let policy = |policy, key| {
        with_kafka(&[("connector.client.config.override.policy", policy), (key, "1")]).map(|_| ())
    };
    assert!(policy("All", "producer.override.linger.ms").is_ok());
    let refused = policy("None", "producer.override.acks").unwrap_err();
    assert_eq!(
        refused[0].reason,
        Reason::Other(
            "The 'None' policy does not allow 'acks' to be overridden in the connector configuration.".into()
        )
    );
    assert!(policy("Principal", "producer.override.acks").is_err());
}

#[test]
fn passwords_are_not_shown() {
    let line =
        "org.apache.kafka.common.security.plain.PlainLoginModule required username=u password=hunter2;";
    let config = with_kafka(&[
        ("producer.security.protocol", "SASL_SSL"),
        ("producer.sasl.mechanism", "PLAIN"),
        ("producer.sasl.jaas.config", line),
    ])
    .unwrap();
    assert_eq!(config.producer["sasl.password"], "hunter2");
    assert_eq!(config.admin["sasl.password"], "hunter2");
    assert!(!format!("{config:?}").contains("hunter2"));
}
