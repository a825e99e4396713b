//! What a cluster is to be, and the properties that say so to each broker.

use std::path::Path;

use super::jvm::Version;
use super::stores;

/// A user that every SASL listener knows, for PLAIN and for SCRAM.
pub const USER: &str = "alice";
/// The user's password.
pub const USER_PASSWORD: &str = "alice-secret";

/// A listener of each broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listener {
    /// Neither encrypted nor authenticated.
    Plaintext,
    /// TLS.
    Ssl,
    /// TLS that asks for the client's certificate.
    Mutual,
    /// SASL without TLS: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512.
    SaslPlaintext,
    /// SASL over TLS, with the same mechanisms.
    SaslSsl,
    /// Plaintext that advertises the ports of the fault proxy.
    Proxied,
    /// Between the brokers.
    Internal,
}

impl Listener {
    pub(super) const ALL: [Self; 7] = [
        Self::Plaintext,
        Self::Ssl,
        Self::Mutual,
        Self::SaslPlaintext,
        Self::SaslSsl,
        Self::Proxied,
        Self::Internal,
    ];

    /// Its place in a broker's list of ports.
    pub(super) fn index(self) -> usize {
        Self::ALL.iter().position(|one| *one == self).unwrap_or(0)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Plaintext => "PLAINTEXT",
            Self::Ssl => "SSL",
            Self::Mutual => "MUTUAL",
            Self::SaslPlaintext => "SASL_PLAINTEXT",
            Self::SaslSsl => "SASL_SSL",
            Self::Proxied => "PROXIED",
            Self::Internal => "INTERNAL",
        }
    }

    /// What clients set as `security.protocol`.
    #[must_use]
    pub fn protocol(self) -> &'static str {
        match self {
            Self::Plaintext | Self::Proxied | Self::Internal => "PLAINTEXT",
            Self::Ssl | Self::Mutual => "SSL",
            Self::SaslPlaintext => "SASL_PLAINTEXT",
            Self::SaslSsl => "SASL_SSL",
        }
    }
}

/// What to start.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Which release.
    pub version: Version,
    /// 1, or 3 with replication factor 3 and `min.insync.replicas` 2.
    pub brokers: usize,
    /// Partitions of new topics.
    pub partitions: u32,
    /// Brokers show their counts by JMX; see [`super::Cluster::produce_requests`].
    pub jmx: bool,
    /// Brokers have the memory and the garbage collector that Kafka's own `bin/kafka-server-start.sh` gives them, instead
    /// of as little as tests need.
    pub full_size: bool,
    /// More properties of every broker, which win over those of the plan.
    pub more: Vec<(String, String)>,
}

impl Plan {
    /// One broker, or three, of a version; three partitions a topic.
    #[must_use]
    pub fn new(version: Version, brokers: usize) -> Self {
        Self { version, brokers, partitions: 3, jmx: false, full_size: false, more: Vec::new() }
    }

    /// Adds a property of every broker.
    #[must_use]
    pub fn property(mut self, name: &str, value: impl ToString) -> Self {
        self.more.push((name.to_owned(), value.to_string()));
        self
    }
}

/// The ports of one broker.
#[derive(Debug, Clone)]
pub(super) struct Ports {
    /// In the order of [`Listener::ALL`].
    pub(super) listeners: [u16; 7],
    /// What [`Listener::Proxied`] advertises.
    pub(super) front: u16,
    pub(super) controller: u16,
    /// Where counts are shown, if the plan says so.
    pub(super) jmx: u16,
}

/// `server.properties` of the broker at `index`.
pub(super) fn server_properties(
    plan: &Plan,
    index: usize,
    ports: &[Ports],
    zookeeper: Option<u16>,
    folder: &Path,
) -> String {
    let (id, own) = (index + 1, &ports[index]);
    let mut listeners: Vec<String> = Vec::new();
    let mut advertised: Vec<String> = Vec::new();
    let mut protocols: Vec<String> = Vec::new();
    for listener in Listener::ALL {
        let (name, port) = (listener.name(), own.listeners[listener.index()]);
        let shown = if listener == Listener::Proxied { own.front } else { port };
        listeners.push(format!("{name}://127.0.0.1:{port}"));
        advertised.push(format!("{name}://127.0.0.1:{shown}"));
        protocols.push(format!("{name}:{}", listener.protocol()));
    }
    let mut lines = Vec::new();
    if let Some(port) = zookeeper {
        lines.push(format!("broker.id={id}\nzookeeper.connect=127.0.0.1:{port}"));
        lines.push("zookeeper.session.timeout.ms=6000".to_owned());
    } else {
        let voters: Vec<String> = ports
            .iter()
            .enumerate()
            .map(|(index, ports)| format!("{}@127.0.0.1:{}", index + 1, ports.controller))
            .collect();
        lines.push(format!("process.roles=broker,controller\nnode.id={id}"));
        lines.push(format!("controller.quorum.voters={}", voters.join(",")));
        lines.push("controller.listener.names=CONTROLLER\nbroker.session.timeout.ms=4000".to_owned());
        lines.push("broker.heartbeat.interval.ms=500".to_owned());
        listeners.push(format!("CONTROLLER://127.0.0.1:{}", own.controller));
        protocols.push("CONTROLLER:PLAINTEXT".to_owned());
    }
    lines.push(format!("listeners={}", listeners.join(",")));
    lines.push(format!("advertised.listeners={}", advertised.join(",")));
    lines.push(format!("listener.security.protocol.map={}", protocols.join(",")));
    lines.push("inter.broker.listener.name=INTERNAL".to_owned());
    lines.push(format!("log.dirs={}", folder.join("log").display()));
    lines.push(replication(plan));
    lines.push(security());
    lines.extend(plan.more.iter().map(|(name, value)| format!("{name}={value}")));
    lines.push(String::new());
    lines.join("\n")
}

fn replication(plan: &Plan) -> String {
    let (copies, in_sync) = if plan.brokers > 1 { (plan.brokers, 2) } else { (1, 1) };
    let mut lines = vec![
        format!("num.partitions={}", plan.partitions),
        format!("default.replication.factor={copies}"),
        format!("min.insync.replicas={in_sync}"),
        format!("offsets.topic.replication.factor={copies}"),
        "offsets.topic.num.partitions=1".to_owned(),
        format!("transaction.state.log.replication.factor={copies}"),
        format!("transaction.state.log.min.isr={in_sync}"),
        "transaction.state.log.num.partitions=1".to_owned(),
        "group.initial.rebalance.delay.ms=0".to_owned(),
        "auto.leader.rebalance.enable=false".to_owned(),
        "replica.lag.time.max.ms=4000".to_owned(),
    ];
    if plan.version == Version::V4 {
        lines.push(format!("share.coordinator.state.topic.replication.factor={copies}"));
        lines.push(format!("share.coordinator.state.topic.min.isr={in_sync}"));
    }
    lines.join("\n")
}

fn security() -> String {
    let stores = stores::folder();
    let password = stores::PASSWORD;
    let module = "org.apache.kafka.common.security";
    let mut lines = vec![
        format!("ssl.keystore.type=PKCS12\nssl.keystore.location={}", stores.join("server.p12").display()),
        format!("ssl.keystore.password={password}\nssl.key.password={password}"),
        format!(
            "ssl.truststore.type=PKCS12\nssl.truststore.location={}",
            stores.join("ca-trust.p12").display()
        ),
        format!("ssl.truststore.password={password}"),
        "listener.name.mutual.ssl.client.auth=required".to_owned(),
        "sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512".to_owned(),
    ];
    for listener in ["sasl_plaintext", "sasl_ssl"] {
        let jaas = |mechanism: &str| format!("listener.name.{listener}.{mechanism}.sasl.jaas.config");
        lines.push(format!(
            "{}={module}.plain.PlainLoginModule required user_{USER}=\"{USER_PASSWORD}\";",
            jaas("plain")
        ));
        for mechanism in ["scram-sha-256", "scram-sha-512"] {
            lines.push(format!("{}={module}.scram.ScramLoginModule required;", jaas(mechanism)));
        }
    }
    lines.join("\n")
}
