//! The properties of the Kafka clients: the user's, our defaults, and what the promise of delivery asks.

use std::collections::BTreeMap;
use std::time::Duration;

use config::Problem;

use super::{BOOTSTRAP_SERVERS, Client, properties};
use crate::properties::{Given, Mapped, ReadFile};

/// Properties by librdkafka's names.
#[derive(Default)]
pub(super) struct Clients {
    pub(super) producer: BTreeMap<String, String>,
    pub(super) admin: BTreeMap<String, String>,
    pub(super) notes: Vec<String>,
    /// The user's `max.request.size`, or no limit.
    pub(super) request_bytes_max: usize,
}

/// What is set where the user sets nothing. Names are librdkafka's.
const DEFAULTS: &[(&str, &str)] = &[
    ("acks", "all"),
    ("enable.idempotence", "true"),
    ("max.in.flight.requests.per.connection", "5"),
    ("linger.ms", "6"),
    // A batch that the kernel takes at once: librdkafka polls without pause while one is half sent and the next
    // one's linger is over, which can cost more than everything else.
    ("socket.send.buffer.bytes", "2000000"),
    // As Java's: the same key finds the same partition whatever client wrote it. Without key: any.
    ("partitioner", "murmur2_random"),
    ("enable.metrics.push", "false"),
    ("socket.keepalive.enable", "true"),
    ("reconnect.backoff.ms", "100"),
    ("reconnect.backoff.max.ms", "2000"),
    ("topic.metadata.refresh.interval.ms", "60000"),
    ("topic.metadata.refresh.fast.interval.ms", "100"),
    ("topic.metadata.propagation.max.ms", "5000"),
    ("log.connection.close", "false"),
];

/// Time before the end of a request's hold time at which its records are given up, so that the outcome is known.
const REPORT_MARGIN: Duration = Duration::from_millis(500);

/// The properties of all clients of a connector.
pub(super) fn clients(
    bootstrap: Option<&str>,
    raw: &BTreeMap<String, String>,
    hold: Duration,
    read: ReadFile<'_>,
    problems: &mut Vec<Problem>,
) -> Clients {
    let (given, inherits) = properties::collect(raw, &["producer.", "producer.override."]);
    let Mapped { properties: mut producer, mut notes, problems: found } =
        properties::translate(&given, Client::Producer, read);
    problems.extend(found);
    if inherits {
        notes.push(
            "the worker's own security properties are used for records too, as no \
            producer.security.protocol is set"
                .into(),
        );
    }
    if let Some(bootstrap) = bootstrap {
        producer.entry("bootstrap.servers".into()).or_insert_with(|| bootstrap.to_owned());
    }
    if !producer.contains_key("bootstrap.servers") {
        problems.push(Problem::other(
            BOOTSTRAP_SERVERS.name,
            "Missing required configuration which has no default value",
        ));
    }
    let request_bytes_max =
        producer.remove("message.max.bytes").and_then(|bytes| bytes.parse().ok()).unwrap_or(usize::MAX);
    compression_level(&given, &mut producer);
    promise(&mut producer, &mut notes, problems);
    timeouts(&mut producer, hold);
    let connector = raw.get("name").map_or("otlp-source", String::as_str);
    producer.entry("client.id".into()).or_insert_with(|| format!("connector-producer-{connector}-0"));
    for (name, value) in DEFAULTS {
        producer.entry((*name).to_owned()).or_insert_with(|| (*value).to_owned());
    }
    let admin = admin(raw, &producer, connector, read, problems);
    Clients { producer, admin, notes, request_bytes_max }
}

/// Java has a level for each codec, librdkafka one.
fn compression_level(given: &Given, producer: &mut BTreeMap<String, String>) {
    let Some(codec) = producer.get("compression.type") else { return };
    if let Some((_, level)) = given.get(&format!("compression.{codec}.level"))
        && let Ok(level) = level.trim().parse::<i32>()
    {
        producer.insert("compression.level".into(), level.clamp(-1, 12).to_string());
    }
}

/// Idempotence, and what rules it out: Java's rules and words.
fn promise(producer: &mut BTreeMap<String, String>, notes: &mut Vec<String>, problems: &mut Vec<Problem>) {
    let acks = producer.get("acks").map_or("all", String::as_str).to_owned();
    let asked = producer.get("enable.idempotence").map(|on| on == "true");
    let in_flight: u64 =
        producer.get("max.in.flight.requests.per.connection").and_then(|n| n.parse().ok()).unwrap_or(5);
    let hurdles = [
        ("acks", acks != "all", "Must set acks to all in order to use the idempotent producer."),
        (
            "max.in.flight.requests.per.connection",
            in_flight > 5,
            "Must set max.in.flight.requests.per.connection to at most 5 to use the idempotent producer.",
        ),
        (
            "retries",
            producer.get("retries").is_some_and(|retries| retries == "0"),
            "Must set retries to non-zero when using the idempotent producer.",
        ),
    ];
    for (key, _, why) in hurdles.iter().filter(|(_, stands, _)| *stands) {
        match asked {
            Some(true) => problems.push(Problem::other(format!("producer.{key}"), *why)),
            Some(false) => {}
            None => {
                notes.push(format!(
                    "enable.idempotence is off: producer.{key} rules it out; a retry of the \
                    Kafka client can store a record twice"
                ));
                producer.insert("enable.idempotence".into(), "false".into());
            }
        }
    }
    if producer.get("enable.idempotence").is_some_and(|on| on == "false") {
        // As Kafka Connect sets it: without idempotence a retry of one request could overtake the next.
        producer.entry("max.in.flight.requests.per.connection".into()).or_insert_with(|| "1".into());
    }
    match acks.as_str() {
        "1" => notes.push(
            "acks=1: a success answer means that one broker has the data, which is lost if \
            that broker fails before it is replicated"
                .into(),
        ),
        "0" => notes.push(
            "acks=0: a success answer means that the data was sent, not \
             that a broker has it"
                .into(),
        ),
        _ => {}
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

fn admin(
    raw: &BTreeMap<String, String>,
    producer: &BTreeMap<String, String>,
    connector: &str,
    read: ReadFile<'_>,
    problems: &mut Vec<Problem>,
) -> BTreeMap<String, String> {
    let (given, _) = properties::collect(raw, &["admin.", "admin.override."]);
    let own: Given = given.into_iter().filter(|(_, (key, _))| key.starts_with("admin.")).collect();
    // Keys of the worker that only look like client properties belong to the REST server.
    let own: Given = own.into_iter().filter(|(name, _)| name != "listeners").collect();
    let mapped = properties::translate(&own, Client::Admin, read);
    problems.extend(mapped.problems);
    let mut admin = properties::common_to_all_clients(producer);
    admin.insert("client.id".into(), format!("connector-adminclient-{connector}-0"));
    admin.extend(mapped.properties);
    admin
}

/// Applies `connector.client.config.override.policy`.
pub(super) fn check_overrides(policy: &str, raw: &BTreeMap<String, String>, problems: &mut Vec<Problem>) {
    const PRINCIPAL: [&str; 3] = ["security.protocol", "sasl.jaas.config", "sasl.mechanism"];
    for key in raw.keys() {
        let Some(name) =
            key.strip_prefix("producer.override.").or_else(|| key.strip_prefix("admin.override."))
        else {
            continue;
        };
        let allowed = match policy {
            "None" => false,
            "Principal" => PRINCIPAL.contains(&name),
            _ => true,
        };
        if !allowed {
            let why = format!(
                "The '{policy}' policy does not allow '{name}' to be overridden in the connector configuration."
            );
            problems.push(Problem::other(key, why));
        }
    }
}
