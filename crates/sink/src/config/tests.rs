//! What users write, and what the clients get.

use std::io;

use config::{Reason, parse};
use kafka_client::compression::{Codec, Compression};
use kafka_client::{Acks, HostPort};

use otlp::divide::Rule;
use otlp::key::KeyBy;

use super::*;
use crate::converter::Envelope;

#[cfg(feature = "librdkafka")]
mod librdkafka;

const HOLD: Duration = Duration::from_secs(8);

fn no_files() -> Surroundings {
    Surroundings::files(std::sync::Arc::new(|_| Err(io::Error::from(io::ErrorKind::NotFound))))
}

fn raw(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// As from one file that both the worker and the connector read.
fn load(pairs: &[(&str, &str)]) -> Result<Config, Vec<Problem>> {
    let raw = raw(pairs);
    let (connector, problems) = parse(KEYS, &raw);
    assert_eq!(problems, []);
    let (worker, problems) = parse(WORKER_KEYS, &raw);
    assert_eq!(problems, []);
    Config::from_values(&connector, &worker, &raw, HOLD, &no_files())
}

fn with_kafka(pairs: &[(&str, &str)]) -> Result<Config, Vec<Problem>> {
    load(&[&[("bootstrap.servers", "kafka:9092")], pairs].concat())
}

fn problems(pairs: &[(&str, &str)]) -> Vec<String> {
    with_kafka(pairs).unwrap_err().iter().map(ToString::to_string).collect()
}

fn kafka(host: &str, port: u16) -> HostPort {
    HostPort { host: host.into(), port }
}

#[test]
fn defaults_promise_what_the_product_promises() {
    let config = with_kafka(&[("name", "my-otlp")]).unwrap();
    let expected = ProducerSettings {
        acks: Acks::All,
        idempotence: true,
        in_flight_max: 5,
        linger: Duration::ZERO,
        batch_bytes: 1_000_000,
        request_bytes_max: 1 << 20,
        request_timeout: Duration::from_secs(30),
        delivery_timeout: HOLD,
        retries: u32::MAX,
        compression: Compression { codec: Codec::None, level: None },
        ignore_keys: false,
    };
    assert_eq!(format!("{:?}", config.produce), format!("{expected:?}"));
    let brokers = || vec![kafka("kafka", 9092)];
    let expected = Settings::new(brokers(), "connector-producer-my-otlp-0");
    assert_eq!(format!("{:?}", config.client), format!("{expected:?}"));
    let expected = Settings::new(brokers(), "connector-adminclient-my-otlp-0");
    assert_eq!(format!("{:?}", config.admin), format!("{expected:?}"));
    assert_eq!((config.instances, config.bootstrap()), (0, "kafka:9092"));
    assert_eq!(config.route.topics(), &["otlp-traces", "otlp-metrics", "otlp-logs", "otlp-profiles"]);
    assert_eq!((config.format, config.converter), (Format::Json(Style::Json), Converter::default()));
    assert_eq!((config.record_bytes_max, config.output_bytes_max), (1_000_000, 268_435_456));
    assert_eq!(config.limits.elements, 1_000_000);
    assert_eq!(config.notes, [""; 0]);
}

#[test]
fn weaker_promises_are_made_only_when_asked_for_and_said_aloud() {
    let config = with_kafka(&[("producer.acks", "1")]).unwrap();
    let promise =
        |config: &Config| (config.produce.acks, config.produce.idempotence, config.produce.in_flight_max);
    assert_eq!(promise(&config), (Acks::Leader, false, 1));
    assert_eq!(
        config.notes,
        [
            "enable.idempotence is off: producer.acks rules it out; a retry of the Kafka client can store a \
             record twice",
            "acks=1: a success answer means that one broker has the data, which is lost if that broker fails \
             before it is replicated"
        ]
    );
    let config = with_kafka(&[("producer.acks", "0")]).unwrap();
    assert!(config.notes.iter().any(|note| note.starts_with("acks=0:")), "{:?}", config.notes);
    let asked = ("producer.enable.idempotence", "true");
    assert_eq!(
        problems(&[("producer.acks", "1"), asked]),
        ["producer.acks: Must set acks to all in order to use the idempotent producer."]
    );
    assert_eq!(
        problems(&[
            ("producer.max.in.flight.requests.per.connection", "6"),
            ("producer.retries", "0"),
            asked
        ]),
        [
            "producer.max.in.flight.requests.per.connection: Must set max.in.flight.requests.per.connection to \
             at most 5 to use the idempotent producer.",
            "producer.retries: Must set retries to non-zero when using the idempotent producer."
        ]
    );
    let config = with_kafka(&[("producer.max.in.flight.requests.per.connection", "10")]).unwrap();
    assert_eq!(promise(&config), (Acks::All, false, 10));
    let config = with_kafka(&[("producer.enable.idempotence", "false")]).unwrap();
    assert_eq!(promise(&config), (Acks::All, false, 1));
    assert_eq!(config.notes, [""; 0]);
}

#[test]
fn times_stay_within_the_hold_time() {
    let timeout = |pairs: &[(&str, &str)]| with_kafka(pairs).unwrap().produce.delivery_timeout;
    assert_eq!(timeout(&[("producer.delivery.timeout.ms", "2147483647")]), HOLD);
    assert_eq!(timeout(&[("producer.delivery.timeout.ms", "2000")]), Duration::from_secs(2));
    let config = with_kafka(&[("producer.linger.ms", "60000")]).unwrap();
    assert_eq!(config.produce.linger, HOLD);
}

#[test]
fn every_format_has_its_name() {
    let of = |name| with_kafka(&[("otlp.message.format", name)]).map(|config| config.format);
    assert_eq!(of("json").unwrap(), Format::Json(Style::Json));
    assert_eq!(of("otlp_json").unwrap(), Format::Json(Style::OtlpJson));
    assert_eq!(of("protobuf").unwrap(), Format::Protobuf);
}

#[test]
fn the_record_limit_is_the_smallest_of_its_limits() {
    let config = with_kafka(&[("producer.max.request.size", "500000")]).unwrap();
    assert_eq!(config.record_bytes_max, 500_000 - RECORD_OVERHEAD_BYTES);
    assert_eq!(config.produce.request_bytes_max, 500_000);
    let config =
        with_kafka(&[("otlp.record.max.bytes", "2048"), ("producer.max.request.size", "500000")]).unwrap();
    assert_eq!(config.record_bytes_max, 2048);
    let config = with_kafka(&[("otlp.record.max.bytes", "10000000")]).unwrap();
    assert_eq!(config.record_bytes_max, 10_000_000);
    assert!(config.produce.request_bytes_max > 10_000_000 + RECORD_OVERHEAD_BYTES);
}

#[test]
fn the_connector_overrides_and_administration_has_its_own() {
    let config = with_kafka(&[
        ("producer.linger.ms", "1"),
        ("producer.override.linger.ms", "7"),
        ("producer.client.id", "mine"),
        ("producer.request.timeout.ms", "1000"),
        ("producer.metadata.max.age.ms", "5000"),
        ("admin.request.timeout.ms", "2000"),
        ("admin.override.request.timeout.ms", "3000"),
        ("admin.bootstrap.servers", "other:1"),
        ("admin.linger.ms", "5"),
        ("admin.listeners", "http://:9999"),
    ])
    .unwrap();
    assert_eq!(config.produce.linger, Duration::from_millis(7));
    assert_eq!((config.client.client_id.as_str(), config.client.bootstrap.len()), ("mine", 1));
    assert_eq!(config.client.request_timeout, Duration::from_secs(1));
    assert_eq!(config.admin.client_id, "connector-adminclient-otlp-source-0");
    assert_eq!(config.admin.request_timeout, Duration::from_secs(3));
    assert_eq!(config.admin.metadata_max_age, Duration::from_secs(5));
    assert_eq!(config.admin.bootstrap, [kafka("other", 1)]);
    assert_eq!(config.notes, ["admin.linger.ms has no effect: it concerns producers"]);
}

#[test]
fn readers_have_their_own_settings() {
    let reader = |pairs: &[(&str, &str)]| client::reader("kafka:9092", &raw(pairs), &no_files());
    let settings = reader(&[("consumer.request.timeout.ms", "1000"), ("producer.acks", "7")]).unwrap();
    assert_eq!(
        (settings.client_id.as_str(), settings.bootstrap),
        ("otlp2kafka-tail", vec![kafka("kafka", 9092)])
    );
    assert_eq!(settings.request_timeout, Duration::from_secs(1));
    let found = reader(&[("consumer.request.timeout.ms", "0"), ("consumer.lingr.ms", "7")]).unwrap_err();
    assert_eq!(found.len(), 2, "{found:?}");
}

#[test]
fn brokers_are_required_and_all_bad_ones_named() {
    let lines = |pairs: &[(&str, &str)]| -> Vec<String> {
        load(pairs).unwrap_err().iter().map(ToString::to_string).collect()
    };
    assert_eq!(lines(&[]), ["bootstrap.servers: Missing required configuration which has no default value"]);
    assert_eq!(
        lines(&[("bootstrap.servers", "a:1, b, [::1]:2,c:99999,")]),
        [
            "Invalid value b for configuration bootstrap.servers: Not of the form host:port",
            "Invalid value c:99999 for configuration bootstrap.servers: Not of the form host:port",
        ]
    );
    assert_eq!(
        lines(&[("producer.bootstrap.servers", " , ")]),
        [
            "Invalid value , for configuration producer.bootstrap.servers: No bootstrap urls given in bootstrap.servers"
        ]
    );
    let config = load(&[("bootstrap.servers", "a:1,SSL://b:2 , a:1,,[::1]:3")]).unwrap();
    assert_eq!(config.client.bootstrap, [kafka("a", 1), kafka("b", 2), kafka("::1", 3)]);
    assert_eq!(config.bootstrap(), "a:1,b:2,[::1]:3");
    let config = with_kafka(&[("producer.bootstrap.servers", "x:1")]).unwrap();
    assert_eq!((config.bootstrap(), &config.admin.bootstrap), ("x:1", &vec![kafka("x", 1)]));
}

#[test]
fn the_clients_of_a_connector_look_up_so_many_names_at_a_time() {
    for (given, at_once) in [(&[][..], "16"), (&[("kafka.lookups.max", "3")], "3")] {
        let config = with_kafka(given).unwrap();
        for client in [&config.client, &config.admin] {
            assert!(format!("{:?}", client.lookups).contains(&format!("at_once: {at_once},")));
        }
    }
    assert_eq!(parse(KEYS, &raw(&[("kafka.lookups.max", "0")])).1.len(), 1);
}

#[test]
fn the_choice_of_the_client_is_the_connectors_before_the_workers() {
    let config = with_kafka(&[("producer.client", "native"), ("producer.instances", "3")]).unwrap();
    assert_eq!((config.instances, &config.notes[..]), (3, &[] as &[String]));
    let parsed = |keys, pairs: &[(&str, &str)]| parse(keys, &raw(pairs));
    let worker = parsed(WORKER_KEYS, &[("bootstrap.servers", "k:1"), ("producer.instances", "7")]).0;
    let connector = parsed(KEYS, &[("producer.instances", "2")]).0;
    let load = |connector| {
        Config::from_values(connector, &worker, &raw(&[]), HOLD, &no_files()).map(|config| config.instances)
    };
    assert_eq!(load(&connector).unwrap(), 2);
    assert_eq!(load(&parsed(KEYS, &[]).0).unwrap(), 7);
    for (key, value) in
        [("producer.instances", "1025"), ("producer.instances", "-1"), ("producer.client", "kafka")]
    {
        assert_eq!(parsed(KEYS, &[(key, value)]).1.len(), 1, "{key}={value}");
    }
}

#[cfg(not(feature = "librdkafka"))]
#[test]
fn a_client_that_is_not_in_the_build_stops_the_start() {
    assert_eq!(
        problems(&[("producer.client", "librdkafka")]),
        ["producer.client: librdkafka is not in this build: build it with --features librdkafka, or remove \
             the key"]
    );
}

#[test]
fn all_mistakes_are_named_at_once() {
    assert_eq!(
        problems(&[
            ("producer.acks", "2"),
            ("producer.lingr.ms", "5"),
            ("producer.sasl.mechanism", "GSSAPI"),
            ("producer.plugin.library.paths", "/x.so"),
            ("admin.request.timeout.ms", "0"),
            ("kafka.topic.logs", "a b"),
        ])
        .len(),
        6
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

/// Properties of a client that logs in with a token.
fn with_token(url: &str, more: &[(&str, &str)]) -> Vec<String> {
    let mut given = vec![
        ("producer.security.protocol", "SASL_PLAINTEXT"),
        ("producer.sasl.mechanism", "OAUTHBEARER"),
        (
            "producer.sasl.jaas.config",
            "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required clientId=a clientSecret=b;",
        ),
        ("producer.sasl.oauthbearer.token.endpoint.url", url),
    ];
    given.extend_from_slice(more);
    with_kafka(&given).err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

#[test]
fn the_worker_says_where_tokens_may_come_from() {
    const URLS: &str = "org.apache.kafka.sasl.oauthbearer.allowed.urls";
    let url = "http://localhost/token";
    assert_eq!(with_token(url, &[]), Vec::<String>::new());
    assert_eq!(
        with_token(url, &[(URLS, "http://localhost/other, http://localhost/token")]),
        Vec::<String>::new()
    );
    let refused = with_token(url, &[(URLS, "http://localhost/other")]);
    let key = "producer.sasl.oauthbearer.token.endpoint.url";
    assert!(refused[0].starts_with(key) && refused[0].contains(URLS), "{refused:?}");
    // A key of the worker: a connector cannot make the list longer. What others bring has no place without it.
    let shown = Surroundings { tokens: TokenPlaces::none(), ..no_files() };
    for (list, places) in [(None, 0), (Some(url), 1)] {
        let raw = raw(&list.map_or(vec![("bootstrap.servers", "k:1")], |url| {
            vec![("bootstrap.servers", "k:1"), (URLS, url)]
        }));
        let allowed = allowed(&parse(WORKER_KEYS, &raw).0, &shown);
        assert_eq!(allowed.tokens.urls.map(|urls| urls.len()), Some(places));
        assert_eq!(allowed.tokens.files, Some(Vec::new()));
    }
    assert!(!KEYS.iter().any(|key| key.name == URLS));
}

#[test]
fn amazons_login_takes_the_variables_that_the_program_shows() {
    let pairs = [
        ("bootstrap.servers", "b-1.demo.c2.kafka.eu-west-1.amazonaws.com:9098"),
        ("producer.security.protocol", "SASL_PLAINTEXT"),
        ("producer.sasl.mechanism", "AWS_MSK_IAM"),
        ("producer.sasl.jaas.config", "software.amazon.msk.auth.iam.IAMLoginModule required;"),
        (
            "producer.sasl.client.callback.handler.class",
            "software.amazon.msk.auth.iam.IAMClientCallbackHandler",
        ),
    ];
    let made = |variable: fn(&str) -> Option<String>| {
        let raw = raw(&pairs);
        let (connector, worker) = (parse(KEYS, &raw).0, parse(WORKER_KEYS, &raw).0);
        let shown = Surroundings { variable: std::sync::Arc::new(variable), ..no_files() };
        Config::from_values(&connector, &worker, &raw, HOLD, &shown)
    };
    let config = made(|name| name.starts_with("AWS_").then(|| "pencil".to_owned())).unwrap();
    assert!(!format!("{:?}", config.client).contains("pencil"));
    let half = |name: &str| (name == "AWS_ACCESS_KEY_ID").then(|| "AKID".to_owned());
    let problems = made(half).unwrap_err();
    assert!(problems[0].to_string().contains("AWS_SECRET_ACCESS_KEY"), "{problems:?}");
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
    let keys = |pairs: &[(&str, &str)]| with_kafka(pairs).unwrap().marks.key_json;
    assert_eq!(keys(&[("key.converter", JSON)]), Some(Envelope::Schema));
    assert_eq!(
        keys(&[("key.converter", JSON), ("key.converter.schemas.enable", "false")]),
        Some(Envelope::Bare)
    );
    let headers = [("header.converter", JSON), ("otlp.record.headers", "signal")];
    assert!(with_kafka(&headers[..1]).is_ok());
    assert!(problems(&headers)[0].contains("SimpleHeaderConverter"));
}

#[test]
fn records_have_the_key_and_unit_that_was_asked_for() {
    let rule = |pairs: &[(&str, &str)]| with_kafka(pairs).unwrap().marks.rule;
    assert_eq!(rule(&[]), Rule::default());
    for (word, key) in [
        ("none", None),
        ("trace_id", Some(KeyBy::TraceId)),
        ("service", Some(KeyBy::Service)),
        ("resource", Some(KeyBy::Resource)),
    ] {
        assert_eq!(rule(&[("otlp.record.key", word)]), Rule { key, units: false });
        assert_eq!(
            rule(&[("otlp.record.key", word), ("otlp.record.unit", "item")]),
            Rule { key, units: true }
        );
    }
}

#[test]
fn headers_are_taken_or_refused_by_name() {
    let load = |words| with_kafka(&[("otlp.record.headers", words), ("otlp.message.format", "protobuf")]);
    let marks = load("format, env = prod=1 ,header:X-Tenant,items,signal,empty=").unwrap().marks;
    let fixed = |signal: Signal| {
        let words = marks.fixed[signal.index()].iter();
        words
            .map(|(name, value)| format!("{name}={}", String::from_utf8_lossy(value.unwrap())))
            .collect::<Vec<_>>()
    };
    assert_eq!(fixed(Signal::Logs), ["format=protobuf", "env=prod=1", "signal=logs", "empty="]);
    assert_eq!(fixed(Signal::Profiles)[2], "signal=profiles");
    assert_eq!((&marks.carried[..], marks.items), (&["x-tenant".to_owned()][..], true));
    assert_eq!(load("header:x-tenant").unwrap().carried(), ["x-tenant"]);
    assert!(load("").unwrap().marks.fixed.iter().all(|headers| headers.bytes() == 0));
    let refused = |words: &str| problems(&[("otlp.record.headers", words)]).join("; ");
    for (words, why) in [
        ("signals", "signals is none of signal, format and items"),
        ("a=1,b=2,a=3", "the header a is given twice"),
        ("x-a=1,header:X-A", "the header x-a is given twice"),
        ("=1", "must have 1 to 256 bytes"),
        ("items=1", "items is given by the server"),
        ("header:", "names no header"),
        ("header:a b", "names no header"),
        ("header:Authorization", "carries a secret"),
        ("header:x-api-key", "carries a secret"),
        ("header:X-Auth-Token", "carries a secret"),
        ("header:cookie", "carries a secret"),
    ] {
        let said = refused(words);
        assert!(said.starts_with("otlp.record.headers: ") && said.contains(why), "{words}: {said}");
    }
    let many: Vec<String> = (0..33).map(|n| format!("h{n}=")).collect();
    assert!(refused(&many.join(",")).contains("33 headers are more than 32"));
    let half = problems(&[("otlp.record.headers", "header:a,header:b"), ("otlp.record.max.bytes", "4000")]);
    assert!(half[0].contains("more than half of otlp.record.max.bytes = 4000"), "{half:?}");
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
    let class = "org.apache.kafka.connect.connector.policy.NoneConnectorClientConfigOverridePolicy";
    assert!(policy(class, "admin.override.client.dns.lookup").is_err());
    assert!(policy("Allowlist", "producer.override.acks").is_err());
    let allowed = |key: &str| {
        let list = ("connector.client.config.override.allowlist", "linger.ms, acks");
        with_kafka(&[("connector.client.config.override.policy", "Allowlist"), list, (key, "1")]).map(|_| ())
    };
    assert!(allowed("producer.override.linger.ms").is_ok());
    assert!(allowed("producer.override.retries").is_err());
    assert!(policy("Principal", "producer.override.acks").is_err());
}

#[test]
fn secrets_are_not_shown() {
    let line = "a.B required password=hunter2";
    let key = ("producer.ssl.key.password", "hunter2");
    let config = with_kafka(&[("producer.sasl.jaas.config", line), key]).unwrap();
    assert!(!format!("{config:?}{:?}{:?}", config.client, config.admin).contains("hunter2"));
    let lines = problems(&[("producer.sasl.jaas.config", line), key, ("producer.acks", "2")]).concat();
    assert!(!lines.contains("hunter2"), "{lines}");
}
