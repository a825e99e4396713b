//! Checked properties to librdkafka's names and words, and where it takes less than the native client.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use config::{Problem, Value};

use super::table::{Fate, Property};
use super::{Checked, Given};
#[cfg(test)]
use super::{Client, Library, check};

mod jaas;
mod stores;
#[cfg(test)]
mod tests;

/// Reads a file that a property names.
type Read<'a> = &'a dyn Fn(&str) -> io::Result<Vec<u8>>;

/// What the properties of one client come to.
#[derive(Default)]
pub(crate) struct Mapped {
    /// By librdkafka's names. Holds secrets: no `Debug`.
    pub(crate) properties: BTreeMap<String, String>,
    pub(crate) problems: Vec<Problem>,
}

/// Names of librdkafka that are not Java's.
const NAMES: &[(&str, &str)] = &[
    ("delivery.timeout.ms", "message.timeout.ms"),
    ("max.request.size", "message.max.bytes"),
    // Java asks for metadata anew at this age; librdkafka calls that its refresh interval.
    ("metadata.max.age.ms", "topic.metadata.refresh.interval.ms"),
    ("receive.buffer.bytes", "socket.receive.buffer.bytes"),
    ("send.buffer.bytes", "socket.send.buffer.bytes"),
];

/// Ranges of librdkafka that are narrower than Java's (its CONFIGURATION.md).
const NARROWER: &[(&str, i64, i64)] = &[
    ("batch.size", 0, i32::MAX as i64),
    ("connections.max.idle.ms", -1, i32::MAX as i64),
    ("linger.ms", 0, 900_000),
    ("max.in.flight.requests.per.connection", 1, 1_000_000),
    ("max.request.size", 1000, 1_000_000_000),
    ("metadata.max.age.ms", 1, 3_600_000),
    ("receive.buffer.bytes", -1, 100_000_000),
    ("reconnect.backoff.max.ms", 0, 3_600_000),
    ("reconnect.backoff.ms", 0, 3_600_000),
    ("request.timeout.ms", 1, 900_000),
    ("retry.backoff.max.ms", 1, 300_000),
    ("retry.backoff.ms", 1, 300_000),
    ("send.buffer.bytes", -1, 100_000_000),
    ("socket.connection.setup.timeout.ms", 1000, i32::MAX as i64),
];

/// What is set for every client where the user sets nothing.
const DEFAULTS: &[(&str, &str)] = &[
    // A batch that the kernel takes at once: librdkafka polls without pause while one is half sent and the next
    // one's linger is over, which can cost more than everything else.
    ("socket.send.buffer.bytes", "2000000"),
    ("enable.metrics.push", "false"),
    ("socket.keepalive.enable", "true"),
    ("reconnect.backoff.ms", "100"),
    ("reconnect.backoff.max.ms", "2000"),
    ("topic.metadata.refresh.interval.ms", "60000"),
    ("topic.metadata.refresh.fast.interval.ms", "100"),
    ("topic.metadata.propagation.max.ms", "5000"),
    ("log.connection.close", "false"),
];

/// What is set for a producer beside them.
const PRODUCER_DEFAULTS: &[(&str, &str)] = &[
    ("acks", "all"),
    ("enable.idempotence", "true"),
    ("max.in.flight.requests.per.connection", "5"),
    ("linger.ms", "6"),
    // As Java's: the same key finds the same partition whatever client wrote it. Without key: any.
    ("partitioner", "murmur2_random"),
];

/// Time before the end of a request's hold time at which its records are given up, so that the outcome is known.
const REPORT_MARGIN: Duration = Duration::from_millis(500);

/// What becomes of a property with librdkafka.
pub(super) fn fate(property: &Property) -> Fate {
    const TOKENS: &str = "OAUTHBEARER and AWS_MSK_IAM are in producer.client=native alone";
    match property.java {
        "enable.metrics.push" | "metadata.recovery.strategy" | "metadata.recovery.rebootstrap.trigger.ms" => {
            Fate::Obeyed
        }
        "compression.lz4.level" => Fate::Obeyed,
        "partitioner.adaptive.partitioning.enable" | "partitioner.availability.timeout.ms" => {
            Fate::NoEffect("partitions are chosen at random")
        }
        "partitioner.ignore.keys" => Fate::NoEffect("records have no key unless otlp.record.key says so"),
        name if ["sasl.oauthbearer.", "sasl.login."].iter().any(|family| name.starts_with(family))
            || name == "sasl.client.callback.handler.class" =>
        {
            Fate::Denied(TOKENS)
        }
        _ => property.fate,
    }
}

/// Why librdkafka does not take the value.
pub(super) fn refused(property: &Property, value: &Value) -> Option<String> {
    match value {
        Value::Int(n) => {
            let range = NARROWER.iter().find(|(java, ..)| *java == property.java);
            match range {
                Some((_, min, max)) if !(min..=max).contains(&n) => {
                    Some(format!("librdkafka takes {min} to {max}"))
                }
                _ => property.refused(value).map(str::to_owned),
            }
        }
        Value::Text(text) if property.java == "sasl.mechanism" => match text.as_str() {
            "OAUTHBEARER" | "AWS_MSK_IAM" => Some("set producer.client=native, which has it".into()),
            _ => property.refused(value).map(str::to_owned),
        },
        _ => None,
    }
}

/// Checks the properties of a client and gives them librdkafka's names.
#[cfg(test)]
pub(crate) fn of(given: &Given, client: Client, read: Read<'_>) -> Mapped {
    let checked = check(given, client, Library::Librdkafka);
    let mut mapped = named(&checked, given, read);
    mapped.problems.splice(0..0, checked.problems);
    mapped
}

/// librdkafka's names and words of what was checked for it. `given` are the same properties as text.
fn named(checked: &Checked, given: &Given, read: Read<'_>) -> Mapped {
    let mut mapped = Mapped::default();
    for (java, text) in checked.texts() {
        let name = NAMES.iter().find(|(other, _)| *other == java).map_or(java, |(_, name)| name);
        let text = match (java, text.as_str()) {
            // Made of several, below.
            ("sasl.jaas.config", _) => continue,
            (java, _) if java.starts_with("compression.") && java.ends_with(".level") => continue,
            (java, _) if java.starts_with("ssl.truststore.") || java.starts_with("ssl.keystore.") => continue,
            // Java's "default" and "never".
            ("send.buffer.bytes" | "receive.buffer.bytes" | "connections.max.idle.ms", "-1") => "0".into(),
            ("batch.size", "0") => "1".into(),
            ("security.protocol", protocol) => protocol.to_ascii_lowercase(),
            ("ssl.endpoint.identification.algorithm", "") => "none".into(),
            _ => text,
        };
        mapped.properties.insert(name.to_owned(), text);
    }
    if !checked.security_is_wrong {
        jaas::login(given, &mut mapped);
        stores::trust_and_identity(given, read, &mut mapped);
    }
    mapped
}

/// The properties of a producer. `checked` has the promise of delivery in it already.
pub(crate) fn producer(
    (checked, given): (&Checked, &Given),
    (bootstrap, client_id): (&str, &str),
    hold: Duration,
    read: Read<'_>,
) -> Mapped {
    let mut mapped = client((checked, given), (bootstrap, client_id), read);
    let properties = &mut mapped.properties;
    // The sink says it, with what a record needs.
    properties.remove("message.max.bytes");
    compression_level(checked, properties);
    timeouts(properties, hold);
    for (name, value) in PRODUCER_DEFAULTS {
        properties.entry((*name).to_owned()).or_insert_with(|| (*value).to_owned());
    }
    mapped
}

/// What any client is given.
fn client(
    (checked, given): (&Checked, &Given),
    (bootstrap, client_id): (&str, &str),
    read: Read<'_>,
) -> Mapped {
    let mut mapped = named(checked, given, read);
    mapped.properties.insert("bootstrap.servers".into(), bootstrap.to_owned());
    mapped.properties.entry("client.id".into()).or_insert_with(|| client_id.to_owned());
    // As in Java's clients, where the pause does not grow unless a longest one is given.
    if let Some(first) = mapped.properties.get("reconnect.backoff.ms").cloned() {
        mapped.properties.entry("reconnect.backoff.max.ms".to_owned()).or_insert(first);
    }
    for (name, value) in DEFAULTS {
        mapped.properties.entry((*name).to_owned()).or_insert_with(|| (*value).to_owned());
    }
    mapped
}

/// Java has a level for each codec, librdkafka one.
fn compression_level(checked: &Checked, producer: &mut BTreeMap<String, String>) {
    let Some(codec) = checked.text("compression.type") else { return };
    if let Some(level) = checked.int(&format!("compression.{codec}.level")) {
        producer.insert("compression.level".into(), level.clamp(-1, 12).to_string());
    }
}

/// A record is given up before its request's hold time ends, so that no outage ends in a flood of duplicates.
fn timeouts(producer: &mut BTreeMap<String, String>, hold: Duration) {
    let millis = |text: &String| text.parse::<u128>().ok();
    let longest = hold.saturating_sub(REPORT_MARGIN).as_millis().clamp(1, 900_000);
    let delivery =
        producer.get("message.timeout.ms").and_then(millis).map_or(longest, |asked| asked.min(longest));
    producer.insert("message.timeout.ms".into(), delivery.to_string());
    let linger = producer.get("linger.ms").and_then(millis);
    if linger.unwrap_or(6) > delivery {
        producer.insert("linger.ms".into(), delivery.to_string());
    }
}
