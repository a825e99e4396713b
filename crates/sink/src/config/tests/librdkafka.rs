//! What librdkafka gets.

use rdkafka::config::ClientConfig;

use super::*;

/// The producer's properties when librdkafka is chosen.
fn chosen(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let pairs = [pairs, &[("producer.client", "librdkafka")]].concat();
    with_kafka(&pairs).unwrap().librdkafka.unwrap()
}

#[test]
fn it_is_chosen_by_name() {
    assert!(with_kafka(&[]).unwrap().librdkafka.is_none());
    assert!(!chosen(&[]).is_empty());
    let shared = with_kafka(&[("producer.client", "librdkafka"), ("producer.instances", "2")]).unwrap();
    assert_eq!(
        shared.notes,
        ["producer.instances has no effect: librdkafka is one producer for all workers"]
    );
    // What only one of them takes is refused by name, when that is not the one.
    let canonical = ("producer.client.dns.lookup", "resolve_canonical_bootstrap_servers_only");
    assert_eq!(problems(&[canonical]).len(), 1);
    assert!(with_kafka(&[canonical, ("producer.client", "librdkafka")]).is_ok());
    let backoff = ("producer.retry.backoff.ms", "0");
    assert!(with_kafka(&[backoff]).is_ok());
    assert_eq!(
        problems(&[backoff, ("producer.client", "librdkafka")]),
        ["Invalid value 0 for configuration producer.retry.backoff.ms: librdkafka takes 1 to 300000"]
    );
}

#[test]
fn defaults_are_set_by_its_names() {
    let producer = chosen(&[("name", "my-otlp"), ("producer.override.acks", "-1")]);
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
        assert_eq!(producer.get(name).map(String::as_str), Some(value), "{name}");
    }
}

#[test]
fn the_library_takes_the_defaults_and_has_the_features_we_promise() {
    let mut library = ClientConfig::new();
    for (name, value) in chosen(&[]) {
        library.set(name, value);
    }
    let native = library.create_native_config().unwrap();
    let features = native.get("builtin.features").unwrap();
    let features: Vec<&str> = features.split(',').map(|feature| feature.trim_matches(['\0', ' '])).collect();
    for needed in ["gzip", "snappy", "lz4", "zstd", "ssl", "sasl_plain", "sasl_scram"] {
        assert!(features.contains(&needed), "{needed} is not among {features:?}");
    }
}

#[test]
fn promises_and_times_are_kept_with_a_margin() {
    let producer = chosen;
    let weaker = producer(&[("producer.acks", "1")]);
    assert_eq!((weaker["acks"].as_str(), weaker["enable.idempotence"].as_str()), ("1", "false"));
    assert_eq!(weaker["max.in.flight.requests.per.connection"], "1");
    let timeout = |pairs: &[(&str, &str)]| producer(pairs)["message.timeout.ms"].clone();
    assert_eq!(timeout(&[("producer.delivery.timeout.ms", "2147483647")]), "7500");
    assert_eq!(timeout(&[("producer.delivery.timeout.ms", "2000")]), "2000");
    assert_eq!(producer(&[("producer.linger.ms", "60000")])["linger.ms"], "7500");
    assert!(!producer(&[("producer.max.request.size", "500000")]).contains_key("message.max.bytes"));
}

#[test]
fn compression_has_the_level_of_its_codec() {
    let level = |codec| {
        let producer = chosen(&[
            ("producer.compression.type", codec),
            ("producer.compression.zstd.level", "19"),
            ("producer.compression.gzip.level", "3"),
        ]);
        producer.get("compression.level").cloned()
    };
    assert_eq!(level("zstd").as_deref(), Some("12"));
    assert_eq!(level("gzip").as_deref(), Some("3"));
    assert_eq!(level("lz4"), None);
}
