//! Names that are no key of ours: which are fine, which only deserve a word, and which must stop the start.

use config::{Key, Problem, Reason, nearest};

use super::keys;
use super::origin::Pairs;

/// Keys of Kafka Connect's worker that have no meaning here (its documentation, "Worker Configuration").
const WORKER_IGNORED: [&str; 24] = [
    "client.id",
    "config.storage.replication.factor",
    "config.storage.topic",
    "connect.protocol",
    "exactly.once.source.support",
    "group.id",
    "heartbeat.interval.ms",
    "metadata.max.age.ms",
    "offset.flush.interval.ms",
    "offset.flush.timeout.ms",
    "offset.storage.file.filename",
    "offset.storage.partitions",
    "offset.storage.replication.factor",
    "offset.storage.topic",
    "plugin.discovery",
    "plugin.path",
    "rebalance.timeout.ms",
    "request.timeout.ms",
    "rest.advertised.listener",
    "retry.backoff.ms",
    "scheduled.rebalance.max.delay.ms",
    "session.timeout.ms",
    "ssl.client.auth",
    "worker.sync.timeout.ms",
];

/// Families of the worker's keys: those of Kafka's clients are judged by the sink, the others have no meaning here.
const WORKER_FAMILIES: [&str; 20] = [
    "admin.",
    "config.providers.",
    "config.storage.",
    "consumer.",
    "header.converter.",
    "inter.worker.",
    "internal.key.converter",
    "internal.value.converter",
    "key.converter.",
    "listeners.https.",
    "log4j.",
    "metric",
    "producer.",
    "sasl.",
    "security.",
    "ssl.",
    "status.storage.",
    "topic.creation.",
    "topic.tracking.",
    "value.converter.",
];

/// Families of a connector's keys that others judge or that have no meaning here.
const CONNECTOR_FAMILIES: [&str; 9] = [
    "admin.override.",
    "consumer.override.",
    "errors.",
    "header.converter.",
    "key.converter.",
    "predicates.",
    "producer.override.",
    "topic.creation.",
    "transforms.",
];

/// Whether a key belongs to the connector, wherever it was given.
pub(super) fn is_connectors(name: &str, connector: &[&'static Key]) -> bool {
    is_ours(name) || connector.iter().any(|key| key.name == name)
}

/// Our own part of the names, in which a name that is not known must be a mistake.
fn is_ours(name: &str) -> bool {
    name.starts_with("otlp.") || name.starts_with("kafka.topic.")
}

/// Judges the names of a connector's pairs: mistakes into `problems`, and words to say once logging is on.
pub(super) fn judge_connector(
    pairs: &Pairs,
    table: &[&'static Key],
    problems: &mut Vec<Problem>,
    words: &mut Vec<String>,
) {
    let worker = keys::worker();
    for (name, given) in pairs {
        let family = CONNECTOR_FAMILIES.iter().any(|family| name.starts_with(family))
            || name.starts_with("value.converter.");
        if table.iter().any(|key| key.name == name) || family {
            continue;
        }
        if is_ours(name) {
            let nearest = nearest(name, table.iter().map(|key| key.name));
            problems.push(Problem { key: name.clone(), reason: Reason::Unknown { nearest } });
        } else if worker.iter().any(|key| key.name == name) {
            words.push(format!(
                "{}: {name} is a key of the worker and has no effect in a connector",
                given.origin
            ));
        } else {
            words.push(unknown(&given.origin.to_string(), name, table));
        }
    }
    const EXACTLY_ONCE: &str = "exactly.once.support";
    if pairs.get(EXACTLY_ONCE).is_some_and(|given| given.value.trim().eq_ignore_ascii_case("required")) {
        let why = "The connector does not support exactly-once semantics with the provided configuration.";
        problems.push(Problem::other(EXACTLY_ONCE, why));
    }
}

/// Judges the names of the worker's pairs, as [`judge_connector`] does.
pub(super) fn judge_worker(pairs: &Pairs, table: &[&'static Key], words: &mut Vec<String>) {
    for (name, given) in pairs {
        let value = given.value.trim();
        let known = table.iter().any(|key| key.name == name)
            || WORKER_FAMILIES.iter().any(|family| name.starts_with(family))
            || WORKER_IGNORED.contains(&name.as_str());
        match name.as_str() {
            "exactly.once.source.support" if value != "disabled" => words.push(format!(
                "{}: {name} = {value} has no effect: records are delivered at least once",
                given.origin
            )),
            "group.id" | "config.storage.topic" => words.push(format!(
                "{}: {name} has no effect: this worker runs alone and shares no connectors",
                given.origin
            )),
            _ if known => {}
            _ => words.push(unknown(&given.origin.to_string(), name, table)),
        }
    }
}

fn unknown(origin: &str, name: &str, table: &[&'static Key]) -> String {
    match nearest(name, table.iter().map(|key| key.name)) {
        Some(known) => format!("{origin}: unknown configuration {name} has no effect; did you mean {known}?"),
        None => format!("{origin}: unknown configuration {name} has no effect"),
    }
}
