//! The keys that the way into Kafka obeys.

use config::{Importance, Key, Kind, Unit};
use kafka_client::security::java::{ALLOWED_FILES, ALLOWED_URLS};

const TOPICS: &str = "Kafka";
const RECORDS: &str = "Records";
const LIMITS: &str = "Limits";
const CONVERTERS: &str = "Common";
const CREATION: &str = "Topic Creation";

/// Topic of spans.
pub static KAFKA_TOPIC_TRACES: Key =
    topic("kafka.topic.traces", "otlp-traces", "The topic that receives trace requests.");
/// Topic of metrics.
pub static KAFKA_TOPIC_METRICS: Key =
    topic("kafka.topic.metrics", "otlp-metrics", "The topic that receives metric requests.");
/// Topic of log records.
pub static KAFKA_TOPIC_LOGS: Key =
    topic("kafka.topic.logs", "otlp-logs", "The topic that receives log requests.");
/// Topic of profiles.
pub static KAFKA_TOPIC_PROFILES: Key =
    topic("kafka.topic.profiles", "otlp-profiles", "The topic that receives profile requests.");

const fn topic(name: &'static str, default: &'static str, doc: &'static str) -> Key {
    Key {
        name,
        kind: Kind::NonEmpty,
        default: Some(default),
        importance: Importance::High,
        group: TOPICS,
        doc,
    }
}

/// Format of record values.
pub static OTLP_MESSAGE_FORMAT: Key = Key {
    name: "otlp.message.format",
    kind: Kind::OneOf(&["json", "otlp_json", "protobuf"]),
    default: Some("json"),
    importance: Importance::High,
    group: RECORDS,
    doc: "How record values are written: json, the Protobuf JSON mapping with the names of the .proto files \
          and defaults printed; otlp_json, OTLP/JSON as the OTLP specification has it, which the Collector's \
          kafkareceiver reads with the encoding of that name; or protobuf, the request's bytes as they were \
          received.",
};
/// What records have as their keys.
pub static OTLP_RECORD_KEY: Key = Key {
    name: "otlp.record.key",
    kind: Kind::OneOf(&["none", "trace_id", "service", "resource"]),
    default: Some("none"),
    importance: Importance::Medium,
    group: RECORDS,
    doc: "The key of records, which chooses their partition as Java's clients do: none; trace_id, 32 hexadecimal \
          digits, for spans and log records; service, the resource's service.name; or resource, a hash of the \
          resource's attributes. A request becomes one record for each key in it. What has none, such as log \
          records outside of traces, becomes a record without key. docs/records.md has examples and the hash.",
};
/// What a record holds.
pub static OTLP_RECORD_UNIT: Key = Key {
    name: "otlp.record.unit",
    kind: Kind::OneOf(&["request", "item"]),
    default: Some("request"),
    importance: Importance::Medium,
    group: RECORDS,
    doc: "What one record holds: request, all of a request that has the record's key; or item, one span, metric, \
          log record or profile with its resource and scope, in the shape of a request.",
};
/// Headers of records.
pub static OTLP_RECORD_HEADERS: Key = Key {
    name: "otlp.record.headers",
    kind: Kind::List,
    default: None,
    importance: Importance::Low,
    group: RECORDS,
    doc: "Headers of records, at most 32, separated by commas: signal, format (of the value) and items (how many \
          are in the record); name=value, as it stands; header:name, the header of that name that the request had, \
          of up to 1024 bytes. Headers that carry secrets, such as authorization, are refused.",
};
/// Places in line of each signal.
pub static OTLP_MESSAGE_QUEUE_SIZE: Key = Key {
    name: "otlp.message.queue.size",
    kind: Kind::Int { min: 1, max: i32::MAX as i64, unit: Unit::Count },
    default: Some("10000"),
    importance: Importance::Medium,
    group: LIMITS,
    doc: "Requests of each signal that may wait for Kafka's acknowledgement at a time. More wait in line, \
          and are asked to come again when their hold time ends.",
};
/// Largest record value.
pub static OTLP_RECORD_MAX_BYTES: Key = Key {
    name: "otlp.record.max.bytes",
    kind: Kind::Int { min: 1024, max: 256 << 20, unit: Unit::Bytes },
    default: Some("1000000"),
    importance: Importance::Medium,
    group: RECORDS,
    doc: "Largest value of a record, with its key and headers. A request that would be larger is split by resource, scope and item. \
          Topics and producers that take less, by max.message.bytes and max.request.size, lower it.",
};
/// Largest number of elements of a request.
pub static OTLP_REQUEST_MAX_ELEMENTS: Key = Key {
    name: "otlp.request.max.elements",
    kind: Kind::Int { min: 1, max: u32::MAX as i64, unit: Unit::Count },
    default: Some("1000000"),
    importance: Importance::Low,
    group: LIMITS,
    doc: "Spans, data points, log records, profiles, events, links and exemplars that one request may have \
          together.",
};
/// Largest sum of the records of a request.
pub static OTLP_REQUEST_OUTPUT_MAX_BYTES: Key = Key {
    name: "otlp.request.output.max.bytes",
    kind: Kind::Int { min: 1 << 20, max: 16 << 30, unit: Unit::Bytes },
    default: Some("268435456"),
    importance: Importance::Low,
    group: LIMITS,
    doc: "Bytes that all records of one request may have together, the resources and scopes that parts repeat \
          included. Also of the texts in a profiles request's dictionary that otlp.record.key=resource reads, each \
          as often as an attribute points to it.",
};

/// Brokers to begin with.
pub static BOOTSTRAP_SERVERS: Key = Key {
    name: "bootstrap.servers",
    kind: Kind::NonEmpty,
    default: None,
    importance: Importance::High,
    group: TOPICS,
    doc: "Addresses of brokers, host:port separated by commas; the others are learned from these.",
};
/// Which Kafka client produces.
pub static PRODUCER_CLIENT: Key = Key {
    name: "producer.client",
    kind: Kind::OneOf(&["native", "librdkafka"]),
    default: Some("native"),
    importance: Importance::Low,
    group: TOPICS,
    doc: "The Kafka client that produces: native, this program's own; or librdkafka, the C library, in a build \
          with the cargo feature of that name. All other keys mean the same in both; the few that one of them \
          cannot obey are refused by name.",
};
/// Producers for all workers.
pub static PRODUCER_INSTANCES: Key = Key {
    name: "producer.instances",
    kind: Kind::Int { min: 0, max: 1024, unit: Unit::Count },
    default: Some("0"),
    importance: Importance::Low,
    group: TOPICS,
    doc: "Producers of the native client, each with one connection to each broker. 0: one for each of \
          worker.threads, which send small records together; fewer are shared by several, for where threads \
          times brokers would be too many connections.",
};
/// Names that are looked up at a time.
pub static KAFKA_LOOKUPS_MAX: Key = Key {
    name: "kafka.lookups.max",
    kind: Kind::Int { min: 1, max: 1024, unit: Unit::Count },
    default: Some("16"),
    importance: Importance::Low,
    group: TOPICS,
    doc: "Names of brokers and token endpoints that this connector looks up at a time, each on a thread of its own; \
          more wait. A name server that hangs holds up one of them for each name, and nothing else. What librdkafka \
          looks up is not counted.",
};
/// Converter of values.
pub static VALUE_CONVERTER: Key = converter(
    "value.converter",
    "Kafka Connect's converter of values: StringConverter, JsonConverter or ByteArrayConverter. Absent: the \
        format's bytes as they are.",
);
/// Converter of keys.
pub static KEY_CONVERTER: Key = converter(
    "key.converter",
    "Kafka Connect's converter of keys: StringConverter, JsonConverter or ByteArrayConverter. Absent: the key's \
        text as it is.",
);
/// Converter of headers.
pub static HEADER_CONVERTER: Key = converter(
    "header.converter",
    "Kafka Connect's converter of headers. They are plain text, as SimpleHeaderConverter and StringConverter write \
        it; JsonConverter is refused where otlp.record.headers is set.",
);

const fn converter(name: &'static str, doc: &'static str) -> Key {
    Key { name, kind: Kind::Class, default: None, importance: Importance::Low, group: CONVERTERS, doc }
}

/// Whether `JsonConverter` writes a schema.
pub static VALUE_CONVERTER_SCHEMAS_ENABLE: Key = Key {
    name: "value.converter.schemas.enable",
    kind: Kind::Bool,
    default: Some("true"),
    importance: Importance::Low,
    group: CONVERTERS,
    doc: "Whether JsonConverter puts the schema beside the value.",
};
/// Whether `JsonConverter` writes a schema beside keys.
pub static KEY_CONVERTER_SCHEMAS_ENABLE: Key = Key {
    name: "key.converter.schemas.enable",
    kind: Kind::Bool,
    default: Some("true"),
    importance: Importance::Low,
    group: CONVERTERS,
    doc: "Whether JsonConverter puts the schema beside the key.",
};
/// Whether missing topics are created.
pub static TOPIC_CREATION_ENABLE: Key = Key {
    name: "topic.creation.enable",
    kind: Kind::Bool,
    default: Some("true"),
    importance: Importance::Low,
    group: CREATION,
    doc: "Whether topics that are missing are created when a connector starts.",
};
/// Partitions of created topics.
pub static TOPIC_CREATION_DEFAULT_PARTITIONS: Key = Key {
    name: "topic.creation.default.partitions",
    kind: Kind::Int { min: -1, max: 100_000, unit: Unit::Count },
    default: Some("-1"),
    importance: Importance::Low,
    group: CREATION,
    doc: "Partitions of topics that are created; -1 takes the brokers' default.",
};
/// Replicas of created topics.
pub static TOPIC_CREATION_DEFAULT_REPLICATION_FACTOR: Key = Key {
    name: "topic.creation.default.replication.factor",
    kind: Kind::Int { min: -1, max: 32_767, unit: Unit::Count },
    default: Some("-1"),
    importance: Importance::Low,
    group: CREATION,
    doc: "Replicas of topics that are created; -1 takes the brokers' default.",
};
/// Groups of created topics.
pub static TOPIC_CREATION_GROUPS: Key = Key {
    name: "topic.creation.groups",
    kind: Kind::List,
    default: Some(""),
    importance: Importance::Low,
    group: CREATION,
    doc: "Kafka Connect's groups of topics with their own settings. Only the group default is supported.",
};
/// Which client properties connectors may override.
pub static OVERRIDE_POLICY: Key = Key {
    name: "connector.client.config.override.policy",
    kind: Kind::OneOf(&[
        "All",
        "None",
        "Principal",
        "Allowlist",
        "org.apache.kafka.connect.connector.policy.AllConnectorClientConfigOverridePolicy",
        "org.apache.kafka.connect.connector.policy.NoneConnectorClientConfigOverridePolicy",
        "org.apache.kafka.connect.connector.policy.PrincipalConnectorClientConfigOverridePolicy",
        "org.apache.kafka.connect.connector.policy.AllowlistConnectorClientConfigOverridePolicy",
    ]),
    default: Some("All"),
    importance: Importance::Low,
    group: TOPICS,
    doc: "Which properties a connector may set by producer.override.* and admin.override.*: All; None; Principal, \
          those of its login (security.protocol, sasl.jaas.config, sasl.mechanism); or Allowlist, those that \
          connector.client.config.override.allowlist names. Over REST, sasl.jaas.config, and what says where the \
          worker's own login goes or how well it is protected, are taken only where the worker sets this key; \
          addresses to log in at never are.",
};
/// What the policy Allowlist allows.
pub static OVERRIDE_ALLOWLIST: Key = Key {
    name: "connector.client.config.override.allowlist",
    kind: Kind::List,
    default: None,
    importance: Importance::Low,
    group: TOPICS,
    doc: "Names of client properties, without producer.override. or admin.override., that a connector may set under \
          the policy Allowlist.",
};
/// Single message transforms.
pub static TRANSFORMS: Key = not_built(
    "transforms",
    "Transforms",
    "Kafka Connect's transforms. None is built in: naming one stops the start.",
);
/// Conditions of transforms.
pub static PREDICATES: Key = not_built(
    "predicates",
    "Predicates",
    "Kafka Connect's predicates. None is built in: naming one stops the start.",
);

const fn not_built(name: &'static str, group: &'static str, doc: &'static str) -> Key {
    Key { name, kind: Kind::List, default: Some(""), importance: Importance::Low, group, doc }
}

/// Keys of a connector.
pub static KEYS: &[&Key] = &[
    &KAFKA_TOPIC_TRACES,
    &KAFKA_TOPIC_METRICS,
    &KAFKA_TOPIC_LOGS,
    &KAFKA_TOPIC_PROFILES,
    &OTLP_MESSAGE_FORMAT,
    &OTLP_RECORD_KEY,
    &OTLP_RECORD_UNIT,
    &OTLP_RECORD_HEADERS,
    &OTLP_MESSAGE_QUEUE_SIZE,
    &OTLP_RECORD_MAX_BYTES,
    &OTLP_REQUEST_MAX_ELEMENTS,
    &OTLP_REQUEST_OUTPUT_MAX_BYTES,
    &PRODUCER_CLIENT,
    &PRODUCER_INSTANCES,
    &KAFKA_LOOKUPS_MAX,
    &VALUE_CONVERTER,
    &VALUE_CONVERTER_SCHEMAS_ENABLE,
    &KEY_CONVERTER,
    &KEY_CONVERTER_SCHEMAS_ENABLE,
    &HEADER_CONVERTER,
    &TOPIC_CREATION_DEFAULT_PARTITIONS,
    &TOPIC_CREATION_DEFAULT_REPLICATION_FACTOR,
    &TOPIC_CREATION_GROUPS,
    &TRANSFORMS,
    &PREDICATES,
];

/// URLs that may give tokens.
pub static OAUTH_ALLOWED_URLS: Key = places(
    ALLOWED_URLS,
    "URLs, separated by commas, from which tokens of OAUTHBEARER may come: sasl.oauthbearer.token.endpoint.url has \
        to be one of them, to the letter. Java's system property of this name. Absent: any.",
);
/// Files that may hold tokens.
pub static OAUTH_ALLOWED_FILES: Key = places(
    ALLOWED_FILES,
    "Files, separated by commas, that sasl.oauthbearer.token.endpoint.url may name as file:///path. Java's system \
        property of this name. Absent: any.",
);

const fn places(name: &'static str, doc: &'static str) -> Key {
    Key { name, kind: Kind::List, default: None, importance: Importance::Low, group: TOPICS, doc }
}

/// Keys of the worker. The converters and the choice of the client may stand in either file; the connector's count.
pub static WORKER_KEYS: &[&Key] = &[
    &BOOTSTRAP_SERVERS,
    &PRODUCER_CLIENT,
    &PRODUCER_INSTANCES,
    &VALUE_CONVERTER,
    &VALUE_CONVERTER_SCHEMAS_ENABLE,
    &KEY_CONVERTER,
    &KEY_CONVERTER_SCHEMAS_ENABLE,
    &HEADER_CONVERTER,
    &TOPIC_CREATION_ENABLE,
    &OVERRIDE_POLICY,
    &OAUTH_ALLOWED_URLS,
    &OAUTH_ALLOWED_FILES,
    &OVERRIDE_ALLOWLIST,
];
