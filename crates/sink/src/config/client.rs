//! The settings of the Kafka clients: the user's properties, our defaults, and what the promise of delivery asks.

use std::collections::BTreeMap;
use std::time::Duration;

use config::{Problem, Value};
use kafka_client::security::{Security, Surroundings};
use kafka_client::{HostPort, ProducerSettings, Settings};

use super::BOOTSTRAP_SERVERS;
use crate::properties::{self, Checked, Client, Given, Library, native, security};

/// What the settings are made from.
pub(super) struct Wanted<'a> {
    /// All keys as text.
    pub(super) raw: &'a BTreeMap<String, String>,
    /// The worker's `bootstrap.servers`.
    pub(super) bootstrap: Option<&'a str>,
    /// Which client produces.
    pub(super) producer_client: Library,
    /// The longest time that a request waits for its answer.
    pub(super) hold: Duration,
    /// `otlp.record.max.bytes`.
    pub(super) record_bytes: usize,
    pub(super) surroundings: &'a Surroundings,
}

/// The settings of all clients of a connector.
pub(super) struct Clients {
    pub(super) client: Settings,
    pub(super) produce: ProducerSettings,
    pub(super) admin: Settings,
    pub(super) notes: Vec<String>,
    /// The producer's, by librdkafka's names, when that is to produce.
    #[cfg(feature = "librdkafka")]
    pub(super) librdkafka: Option<BTreeMap<String, String>>,
}

/// One client's properties, checked and as given.
type Asked = (Checked, Given);

/// The settings of all clients of a connector.
pub(super) fn clients(wanted: &Wanted<'_>, problems: &mut Vec<Problem>) -> Clients {
    let (given, inherits) = properties::collect(wanted.raw, &["producer.", "producer.override."]);
    let mut checked = properties::check(&given, Client::Producer, wanted.producer_client);
    if inherits {
        checked.notes.push(
            "the worker's own security properties are used for records too, as no \
            producer.security.protocol is set"
                .into(),
        );
    }
    problems.append(&mut checked.problems);
    promise(&mut checked, problems);
    let mut notes = std::mem::take(&mut checked.notes);
    let producer = (checked, given);
    let admin = admin(wanted, &producer, problems, &mut notes);
    // What both have is judged once.
    let own = |name| admin.0.text(name) != producer.0.text(name);
    let servers = servers((&producer.0, &producer.1), wanted.bootstrap, problems);
    let admin_servers = if own(BOOTSTRAP_SERVERS.name) {
        self::servers((&admin.0, &admin.1), wanted.bootstrap, problems)
    } else {
        servers.clone()
    };
    let security = login(&producer, "producer.", wanted.surroundings, problems);
    let admin_security = if admin.0.security() == producer.0.security() {
        security.clone()
    } else {
        login(&admin, "admin.", wanted.surroundings, problems)
    };
    let (ids, lookups) = (Ids::of(wanted.raw), &wanted.surroundings.lookups);
    #[cfg(feature = "librdkafka")]
    let librdkafka = (wanted.producer_client == Library::Librdkafka).then(|| {
        let named = (joined(&servers), ids.producer.as_str());
        let mapped = properties::librdkafka::producer(
            (&producer.0, &producer.1),
            (&named.0, named.1),
            wanted.hold,
            &*wanted.surroundings.read,
        );
        problems.extend(mapped.problems);
        mapped.properties
    });
    Clients {
        client: native::settings(&producer.0, servers, &ids.producer, security, lookups),
        produce: native::produce(&producer.0, wanted.hold, wanted.record_bytes),
        admin: native::settings(&admin.0, admin_servers, &ids.admin, admin_security, lookups),
        notes,
        #[cfg(feature = "librdkafka")]
        librdkafka,
    }
}

/// The settings of a client that reads topics for people: `consumer.*`, and the worker's own security properties
/// where those set none.
///
/// # Errors
///
/// Every mistake in them.
pub(crate) fn reader(
    bootstrap: &str,
    raw: &BTreeMap<String, String>,
    surroundings: &Surroundings,
) -> Result<Settings, Vec<Problem>> {
    let (given, _) = properties::collect(raw, &["consumer."]);
    let mut checked = properties::check(&given, Client::Consumer, Library::Native);
    let mut problems = std::mem::take(&mut checked.problems);
    let servers = servers((&checked, &given), Some(bootstrap), &mut problems);
    let asked = (checked, given);
    let security = login(&asked, "consumer.", surroundings, &mut problems);
    if problems.is_empty() {
        Ok(native::settings(&asked.0, servers, "otlp2kafka-tail", security, &surroundings.lookups))
    } else {
        Err(problems)
    }
}

/// The names that Kafka Connect gives the clients of a connector.
struct Ids {
    producer: String,
    admin: String,
}

impl Ids {
    fn of(raw: &BTreeMap<String, String>) -> Self {
        let connector = raw.get("name").map_or("otlp-source", String::as_str);
        Self {
            producer: format!("connector-producer-{connector}-0"),
            admin: format!("connector-adminclient-{connector}-0"),
        }
    }
}

/// The producer's properties, with those of `admin.` in their place.
fn admin(
    wanted: &Wanted<'_>,
    (checked, given): &Asked,
    problems: &mut Vec<Problem>,
    notes: &mut Vec<String>,
) -> Asked {
    let own = admins_own(wanted.raw);
    let mut stronger = properties::check(&own, Client::Admin, wanted.producer_client);
    problems.append(&mut stronger.problems);
    notes.append(&mut stronger.notes);
    let mut merged = given.clone();
    merged.extend(own);
    (checked.common().with(&stronger), merged)
}

fn admins_own(raw: &BTreeMap<String, String>) -> Given {
    let (given, _) = properties::collect(raw, &["admin.", "admin.override."]);
    // `admin.listeners` is a key of the worker, and belongs to the REST server.
    given.into_iter().filter(|(name, (key, _))| key.starts_with("admin.") && name != "listeners").collect()
}

/// The brokers to begin with: the client's own, or the worker's.
fn servers(
    (checked, given): (&Checked, &Given),
    workers: Option<&str>,
    problems: &mut Vec<Problem>,
) -> Vec<HostPort> {
    const NAME: &str = BOOTSTRAP_SERVERS.name;
    let key = given.get(NAME).map_or(NAME, |(key, _)| key);
    let (key, text) = match (checked.text(NAME), workers) {
        (Some(own), _) => (key, own),
        (None, Some(workers)) => (NAME, workers),
        (None, None) => {
            problems.push(Problem::other(NAME, "Missing required configuration which has no default value"));
            return Vec::new();
        }
    };
    let mut servers: Vec<HostPort> = Vec::new();
    let mut named = false;
    for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
        named = true;
        match entry.parse() {
            Ok(server) if servers.contains(&server) => {}
            Ok(server) => servers.push(server),
            Err(_) => problems.push(Problem::invalid(key, Some(entry), "Not of the form host:port")),
        }
    }
    if !named {
        problems.push(Problem::invalid(key, Some(text), "No bootstrap urls given in bootstrap.servers"));
    }
    servers
}

/// Brokers as their user writes them.
pub(super) fn joined(servers: &[HostPort]) -> String {
    servers.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

fn login(
    (checked, given): &Asked,
    prefix: &str,
    surroundings: &Surroundings,
    problems: &mut Vec<Problem>,
) -> Security {
    security::of(checked, given, prefix, surroundings).unwrap_or_else(|found| {
        problems.extend(found);
        Security::default()
    })
}

/// Idempotence, and what rules it out: Java's rules and words.
fn promise(producer: &mut Checked, problems: &mut Vec<Problem>) {
    const IDEMPOTENCE: &str = "enable.idempotence";
    const IN_FLIGHT: &str = "max.in.flight.requests.per.connection";
    let acks = producer.text("acks").unwrap_or("all").to_owned();
    let asked = producer.bool(IDEMPOTENCE);
    let hurdles = [
        ("acks", acks != "all", "Must set acks to all in order to use the idempotent producer."),
        (
            IN_FLIGHT,
            producer.int(IN_FLIGHT).is_some_and(|requests| requests > 5),
            "Must set max.in.flight.requests.per.connection to at most 5 to use the idempotent producer.",
        ),
        (
            "retries",
            producer.int("retries") == Some(0),
            "Must set retries to non-zero when using the idempotent producer.",
        ),
    ];
    for (key, _, why) in hurdles.iter().filter(|(_, stands, _)| *stands) {
        match asked {
            Some(true) => problems.push(Problem::other(format!("producer.{key}"), *why)),
            Some(false) => {}
            None => {
                producer.notes.push(format!(
                    "enable.idempotence is off: producer.{key} rules it out; a retry of the \
                    Kafka client can store a record twice"
                ));
                producer.set(IDEMPOTENCE, Value::Bool(false));
            }
        }
    }
    if producer.bool(IDEMPOTENCE) == Some(false) && producer.int(IN_FLIGHT).is_none() {
        // As Kafka Connect sets it: without idempotence a retry of one request could overtake the next.
        producer.set(IN_FLIGHT, Value::Int(1));
    }
    match acks.as_str() {
        "1" => producer.notes.push(
            "acks=1: a success answer means that one broker has the data, which is lost if \
            that broker fails before it is replicated"
                .into(),
        ),
        "0" => producer.notes.push(
            "acks=0: a success answer means that the data was sent, not \
             that a broker has it"
                .into(),
        ),
        _ => {}
    }
}

/// Applies `connector.client.config.override.policy`, given as its name or its class in Kafka Connect, and the list of
/// what the policy Allowlist allows.
pub(super) fn check_overrides(
    (policy, allowlist): (&str, &[String]),
    raw: &BTreeMap<String, String>,
    problems: &mut Vec<Problem>,
) {
    const PREFIXES: [&str; 3] = ["producer.override.", "admin.override.", "consumer.override."];
    const PRINCIPAL: [&str; 3] = ["security.protocol", "sasl.jaas.config", "sasl.mechanism"];
    let policy = policy.rsplit('.').next().unwrap_or(policy);
    let policy = policy.strip_suffix("ConnectorClientConfigOverridePolicy").unwrap_or(policy);
    for key in raw.keys() {
        let Some(name) = PREFIXES.iter().find_map(|prefix| key.strip_prefix(prefix)) else { continue };
        let allowed = match policy {
            "None" => false,
            "Principal" => PRINCIPAL.contains(&name),
            "Allowlist" => allowlist.iter().any(|allowed| allowed == name),
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
