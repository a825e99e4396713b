//! Hop 7: where a broker listens, and all the addresses that its name stands for.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use crate::{Error, Lookups};

/// A host and a port as `bootstrap.servers` and brokers name them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostPort {
    /// A name or an address; IPv6 without brackets.
    pub host: String,
    /// The TCP port.
    pub port: u16,
}

impl HostPort {
    /// All addresses of the name, in the resolver's order (KIP-602); one at least.
    pub(crate) async fn resolve(&self, lookups: &Lookups) -> Result<Vec<SocketAddr>, Error> {
        let found = lookups.addresses(&self.host, self.port).await;
        found.map_err(|why| Error::Resolve { broker: self.clone(), why })
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Why text is not a broker's address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not host:port")]
pub struct NotHostPort(String);

impl FromStr for HostPort {
    type Err = NotHostPort;

    /// Reads `host:port`, `[v6]:port`, or either behind `PROTOCOL://`, as Java's clients do.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || NotHostPort(text.to_owned());
        let rest = text.trim();
        let rest = rest.split_once("://").map_or(rest, |(_, rest)| rest);
        let (host, port) = rest.rsplit_once(':').ok_or_else(wrong)?;
        let host = match host.strip_prefix('[') {
            Some(inner) => inner.strip_suffix(']').ok_or_else(wrong)?,
            None if host.contains(':') => return Err(wrong()),
            None => host,
        };
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%');
        if host.is_empty() || !host.chars().all(legal) {
            return Err(wrong());
        }
        Ok(Self { host: host.to_owned(), port: port.parse().map_err(|_| wrong())? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_java_reads_them() {
        let read = |text: &str| text.parse::<HostPort>().map(|it| (it.host, it.port)).ok();
        assert_eq!(read("kafka-1:9092"), Some(("kafka-1".into(), 9092)));
        assert_eq!(read(" SSL://kafka_1.a:1 "), Some(("kafka_1.a".into(), 1)));
        assert_eq!(read("[::1]:9092"), Some(("::1".into(), 9092)));
        for bad in ["", "kafka", "kafka:", ":1", "kafka:70000", "::1:9092", "[::1:9092", "a b:1", "a/b:1"] {
            assert_eq!(read(bad), None, "{bad}");
        }
        assert_eq!("[::1]:9092".parse::<HostPort>().unwrap().to_string(), "[::1]:9092");
    }
}
