//! The keys that the process itself obeys, and the one table of all keys.

use config::Importance::{High, Low, Medium};
use config::{Importance, Key, Kind, Unit};

use super::framework;

const PORT: Kind = Kind::Int { min: 1, max: 65535, unit: Unit::Port };
const DELAY: Kind = Kind::Int { min: 0, max: 3_600_000, unit: Unit::Millis };

pub(super) const fn key(
    name: &'static str,
    kind: Kind,
    default: Option<&'static str>,
    importance: Importance,
    group: &'static str,
    doc: &'static str,
) -> Key {
    Key { name, kind, default, importance, group, doc }
}

#[rustfmt::skip]
pub(crate) static LISTENERS: Key = key("listeners", Kind::List, Some("http://:8083"), Medium, "REST",
    "Where the REST API, /metrics, /livez and /readyz listen, as http://HOST:PORT or https://HOST:PORT; without a \
     host on all IPv4 addresses, with [::] as host on all of IPv6. HTTPS takes its certificate from \
     listeners.https.ssl.keystore.*, and asks clients for theirs by listeners.https.ssl.client.auth; without any \
     listeners.https. key, from the same keys without that beginning. Without worker properties and \
     bootstrap.servers: http://127.0.0.1:8083.");
#[rustfmt::skip]
pub(crate) static ADMIN_LISTENERS: Key = key("admin.listeners", Kind::List, None, Low, "REST",
    "Where /admin listens instead, written as listeners. Absent: at listeners; empty: nowhere.");
#[rustfmt::skip]
pub(crate) static REST_HOST_NAME: Key = key("rest.host.name", Kind::NonEmpty, None, Low, "REST",
    "The older way to say the host of listeners.");
#[rustfmt::skip]
pub(crate) static REST_PORT: Key = key("rest.port", PORT, None, Low, "REST",
    "The older way to say the port of listeners.");
#[rustfmt::skip]
pub(crate) static ADVERTISED_HOST_NAME: Key = key("rest.advertised.host.name", Kind::NonEmpty, None, Low, "REST",
    "The host under which others reach the REST API; shown in worker_id. By default that of listeners, or \
     this machine's name.");
#[rustfmt::skip]
pub(crate) static ADVERTISED_PORT: Key = key("rest.advertised.port", PORT, None, Low, "REST",
    "The port under which others reach the REST API; shown in worker_id. By default that of listeners.");
#[rustfmt::skip]
pub(crate) static DATA_DIR: Key = key("data.dir", Kind::NonEmpty, Some("./otlp2kafka-data"), Medium, "Process",
    "The folder of everything that is kept: definitions of connectors that were made or changed over REST in its \
     folder connectors, the embedded broker's topics in its folder broker.");
#[rustfmt::skip]
pub(crate) static CONNECTORS_MAX: Key = key("connectors.max",
    Kind::Int { min: 1, max: 10_000, unit: Unit::Count }, Some("100"), Low, "Process",
    "Connectors that there may be at a time, stopped ones included; REST refuses more.");
#[rustfmt::skip]
pub(crate) static WORKER_THREADS: Key = key("worker.threads",
    Kind::Int { min: 1, max: 1024, unit: Unit::Count }, None, Low, "Process",
    "Threads that receive and shape data. By default one for each core that the process may use.");
#[rustfmt::skip]
pub(crate) static LOG_FORMAT: Key = key("log.format", Kind::OneOf(&["text", "json"]), Some("text"), Low, "Process",
    "How log lines are written to standard error.");
#[rustfmt::skip]
pub(crate) static LOG_LEVEL: Key = key("log.level",
    Kind::OneOf(&["error", "warn", "info", "debug", "trace"]), Some("info"), Low, "Process",
    "The least important log lines that are written.");
#[rustfmt::skip]
pub(crate) static DEV_BROKER_PORT: Key = key("dev.broker.port", PORT, Some("9092"), Low, "Process",
    "The loopback port of the embedded broker, which runs when bootstrap.servers is absent.");
#[rustfmt::skip]
pub(crate) static SHUTDOWN_DELAY: Key = key("shutdown.delay.ms", DELAY, Some("5000"), Low, "Process",
    "How long new connections are still accepted after SIGTERM while /readyz already says no, so that load \
     balancers can notice. Without worker properties and bootstrap.servers: 0.");
#[rustfmt::skip]
pub(crate) static GRACEFUL_TIMEOUT: Key = key("task.shutdown.graceful.timeout.ms", DELAY, Some("5000"), Low, "Process",
    "How long requests in flight may take to finish at a shutdown, and after them the flush to Kafka; what \
     still waits then is answered retryably.");

#[rustfmt::skip]
pub(crate) static NAME: Key = key("name", Kind::NonEmpty, Some("otlp-source"), High, "Common",
    "The connector's name.");
#[rustfmt::skip]
pub(crate) static CONNECTOR_CLASS: Key = key("connector.class", Kind::OneOf(&CLASSES), Some(CLASSES[0]), High, "Common",
    "The class of the connector that this program stands for, or one of its short names.");
#[rustfmt::skip]
pub(crate) static TASKS_MAX: Key = key("tasks.max",
    Kind::Int { min: 1, max: 2_147_483_647, unit: Unit::Count }, Some("1"), High, "Common",
    "Accepted; a connector here has exactly one task, which uses all worker threads.");
#[rustfmt::skip]
pub(crate) static MEMORY_MAX: Key = key("otlp.memory.max.bytes",
    Kind::Int { min: 32 << 20, max: 1 << 40, unit: Unit::Bytes }, None, Medium, "Memory",
    "Bytes that requests may hold from their first byte to Kafka's acknowledgement: bodies as sent, unpacked, \
     and records. More requests wait, then are told to come again. In a connector's own definition: a budget of its \
     own, which others cannot use up. In the worker's properties, the environment or by -o: the one budget of all \
     connectors that have none of their own; by default 268435456 (256 MiB), or 40 % of the memory cgroup's limit \
     where that is less. At least 2 × (otlp.request.max.bytes + otlp.record.max.bytes) + 16 MiB.");

/// The class of the connector that this program stands for, and its aliases in Kafka Connect.
pub(crate) const CLASSES: [&str; 3] = [
    "io.conduktor.connect.otel.OpenTelemetrySourceConnector",
    "OpenTelemetrySourceConnector",
    "OpenTelemetrySource",
];

/// What the process obeys, in the worker's properties.
static WORKER: [&Key; 14] = [
    &LISTENERS,
    &ADMIN_LISTENERS,
    &REST_HOST_NAME,
    &REST_PORT,
    &ADVERTISED_HOST_NAME,
    &ADVERTISED_PORT,
    &DATA_DIR,
    &CONNECTORS_MAX,
    &WORKER_THREADS,
    &LOG_FORMAT,
    &LOG_LEVEL,
    &DEV_BROKER_PORT,
    &SHUTDOWN_DELAY,
    &GRACEFUL_TIMEOUT,
];

/// What the process obeys, in the connector.
static CONNECTOR: [&Key; 4] = [&NAME, &CONNECTOR_CLASS, &TASKS_MAX, &MEMORY_MAX];

/// Those of a connector's keys that Kafka Connect itself defines, in its order.
const FRAMEWORK: [&str; 24] = [
    "name",
    "connector.class",
    "connector.plugin.version",
    "tasks.max",
    "tasks.max.enforce",
    "key.converter",
    "key.converter.plugin.version",
    "value.converter",
    "value.converter.plugin.version",
    "header.converter",
    "header.converter.plugin.version",
    "transforms",
    "predicates",
    "config.action.reload",
    "errors.retry.timeout",
    "errors.retry.delay.max.ms",
    "errors.tolerance",
    "errors.log.enable",
    "errors.log.include.messages",
    "topic.creation.groups",
    "exactly.once.support",
    "transaction.boundary",
    "transaction.boundary.interval.ms",
    "offsets.storage.topic",
];

/// All keys of a connector that Kafka Connect itself defines, in its order.
pub(crate) fn framework() -> Vec<&'static Key> {
    let all = connector();
    FRAMEWORK.iter().filter_map(|name| all.iter().find(|key| key.name == *name).copied()).collect()
}

/// All keys of the worker.
pub(crate) fn worker() -> Vec<&'static Key> {
    WORKER.iter().chain(admin::KEYS).chain(sink::WORKER_KEYS).copied().collect()
}

/// All keys of a connector.
pub(crate) fn connector() -> Vec<&'static Key> {
    let framework = framework::KEYS.iter();
    CONNECTOR.iter().chain(receiver::KEYS).chain(sink::KEYS).chain(framework).copied().collect()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    #[test]
    fn the_table_keeps_its_own_rules() {
        for table in [worker(), connector()] {
            let mut names = BTreeSet::new();
            for key in &table {
                assert!(names.insert(key.name), "{} stands twice in its table", key.name);
                assert!(key.doc.ends_with('.'), "{} has no sentence", key.name);
                assert!(!key.group.is_empty(), "{} has no group", key.name);
                assert!(has_range_and_unit(key), "{}: its range or unit is wrong", key.name);
                assert!(
                    key.name.bytes().all(|c| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-')),
                    "{}",
                    key.name
                );
            }
            let (_, problems) = config::parse(&table, &BTreeMap::new());
            assert!(problems.is_empty(), "a default fails its own check: {problems:?}");
        }
    }

    /// A number has a range, and the unit that its name ends with.
    fn has_range_and_unit(key: &Key) -> bool {
        let Kind::Int { min, max, unit } = key.kind else { return true };
        let said = match key.name.rsplit('.').next() {
            Some("ms") => Unit::Millis,
            Some("bytes") => Unit::Bytes,
            Some("port") => Unit::Port,
            _ => unit,
        };
        min < max && said == unit
    }

    #[test]
    fn a_number_without_its_unit_is_found() {
        let wrong = key("a.ms", Kind::Int { min: 0, max: 1, unit: Unit::Count }, None, Low, "G", "A.");
        assert!(!has_range_and_unit(&wrong));
        let empty = key("a", Kind::Int { min: 1, max: 1, unit: Unit::Count }, None, Low, "G", "A.");
        assert!(!has_range_and_unit(&empty));
        assert!(has_range_and_unit(&GRACEFUL_TIMEOUT));
    }

    #[test]
    fn the_reference_connectors_keys_are_all_there() {
        let reference = [
            ("otlp.grpc.enabled", Some("true")),
            ("otlp.grpc.port", Some("4317")),
            ("otlp.http.enabled", Some("true")),
            ("otlp.http.port", Some("4318")),
            ("otlp.tls.enabled", Some("false")),
            ("otlp.tls.cert.path", None),
            ("otlp.tls.key.path", None),
            ("kafka.topic.traces", Some("otlp-traces")),
            ("kafka.topic.metrics", Some("otlp-metrics")),
            ("kafka.topic.logs", Some("otlp-logs")),
            ("otlp.message.format", Some("json")),
            ("otlp.message.queue.size", Some("10000")),
            ("otlp.bind.address", Some("0.0.0.0")),
        ];
        for (name, default) in reference {
            let key = connector().into_iter().find(|key| key.name == name);
            assert_eq!(key.map(|key| key.default), Some(default), "{name}");
        }
    }
}
