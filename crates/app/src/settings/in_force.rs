//! The values that differ from the defaults, for people to read; secrets are not shown.

use config::{Key, Kind};

use super::origin::{Origin, Pairs};

/// A value that differs from its default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InForce {
    pub(crate) key: String,
    /// As given, references unresolved; secrets are hidden.
    pub(crate) value: String,
    pub(crate) origin: Origin,
}

/// What differs, in the order of the tables, then what no table has.
pub(super) fn in_force(parts: &[(&[&'static Key], &Pairs)]) -> Vec<InForce> {
    let mut all = Vec::new();
    for (keys, pairs) in parts {
        for (name, given) in *pairs {
            let key = keys.iter().find(|key| key.name == name);
            if key.is_some_and(|key| key.default == Some(given.value.trim())) {
                continue;
            }
            let secret = key.map_or_else(|| is_secret(name), |key| key.kind == Kind::Password);
            let value = if secret { "[hidden]".to_owned() } else { given.shown().to_owned() };
            all.push(InForce { key: name.clone(), value, origin: given.origin.clone() });
        }
    }
    all
}

/// Kafka's own keys of [`Kind::Password`], by what their names have in common.
fn is_secret(name: &str) -> bool {
    ["password", "secret", "jaas", "token", "keystore.key", "credentials"]
        .iter()
        .any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kafkas_secrets_are_known_by_name() {
        for name in ["producer.sasl.jaas.config", "producer.ssl.key.password", "producer.ssl.keystore.key"] {
            assert!(is_secret(name), "{name}");
        }
        assert!(!is_secret("producer.acks"));
    }
}
