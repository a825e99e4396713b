//! What the worker's owner alone may say: where this process logs in, and how well its logins are protected.

use super::origin::Pairs;

/// What is taken over REST as far as [`Bounds::policy_is_given`].
const POLICY_HINT: &str = "unless the worker says which properties connectors may override: \
                           connector.client.config.override.policy";

/// What REST may say of Kafka's clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    /// The worker itself says what connectors may override, and the sink judges by that.
    pub(super) policy_is_given: bool,
    /// The clients log in as the worker's owner says, or show his certificate.
    pub(super) has_login: bool,
}

impl Bounds {
    /// Why a key is not taken over REST: it would make this process talk to whom the writer chooses, in its own name.
    pub(super) fn refuse(self, key: &str) -> Option<String> {
        let name = ["producer.override.", "admin.override.", "consumer.override."]
            .iter()
            .find_map(|prefix| key.strip_prefix(prefix))?
            .to_ascii_lowercase();
        if name.ends_with(".url") || name.contains("endpoint.url") {
            return Some(
                "addresses to log in at are taken from the worker's own files only, not over REST".to_owned(),
            );
        }
        if self.policy_is_given {
            return None;
        }
        if name == "sasl.jaas.config" {
            return Some(format!(
                "logins are taken from the worker's own files only, not over REST, {POLICY_HINT}"
            ));
        }
        (self.has_login && guards_login(&name)).then(|| {
            format!(
                "decides to whom the worker's own login or certificate goes, or how well it is protected, and is \
                 not taken over REST {POLICY_HINT}"
            )
        })
    }
}

/// Whether a property of a client says to whom credentials go, or how well they are protected.
fn guards_login(name: &str) -> bool {
    matches!(
        name,
        "bootstrap.servers"
            | "security.protocol"
            | "sasl.mechanism"
            | "ssl.endpoint.identification.algorithm"
    ) || name.starts_with("ssl.truststore.")
}

/// Whether the owner's pairs give the clients a login or a certificate: the worker's, and of `connector` the keys that
/// are his too. Those of producers count for all clients, and those of the admin client are no less his.
pub(super) fn has_login<'a>(worker: &'a Pairs, connector: impl Iterator<Item = &'a String>) -> bool {
    let credentials = |name: &str| name.starts_with("sasl.") || name.starts_with("ssl.key");
    // The sink takes the worker's keys without a prefix only with this one; else they are those of its listeners.
    let whole = worker.contains_key("security.protocol");
    worker.keys().chain(connector).any(|key| {
        let name = ["producer.", "admin."].iter().find_map(|prefix| key.strip_prefix(prefix));
        match name {
            Some(name) => credentials(name.strip_prefix("override.").unwrap_or(name)),
            None => whole && credentials(key),
        }
    })
}

/// Whether an override says what holds for the worker's clients without it: then nothing goes elsewhere.
pub(super) fn says_the_same(worker: &Pairs, key: &str, value: &str) -> bool {
    let of = |prefix: &str| Some(format!("{prefix}{}", key.strip_prefix(prefix)?.strip_prefix("override.")?));
    let Some(own) = ["producer.", "admin.", "consumer."].iter().find_map(|prefix| of(prefix)) else {
        return false;
    };
    let plain = own.split_once('.').map_or("", |(_, plain)| plain);
    let effective = worker.get(&own).or_else(|| worker.get(plain));
    // Of these alone: whether a login is right is not for REST to try out.
    guards_login(plain)
        && effective.is_some_and(|given| given.reference.is_none() && given.value.trim() == value.trim())
}

#[cfg(test)]
mod tests {
    use super::super::origin::{Given, Origin};
    use super::*;

    const OPEN: Bounds = Bounds { policy_is_given: false, has_login: false };
    const LOGIN: Bounds = Bounds { policy_is_given: false, has_login: true };
    const POLICY: Bounds = Bounds { policy_is_given: true, has_login: true };

    #[test]
    fn rest_cannot_choose_where_this_process_logs_in() {
        for key in [
            "producer.override.sasl.oauthbearer.token.endpoint.url",
            "admin.override.sasl.oauthbearer.jwks.endpoint.url",
        ] {
            assert!(POLICY.refuse(key).is_some(), "{key}");
        }
        assert!(OPEN.refuse("producer.override.sasl.jaas.config").is_some());
        for bounds in [OPEN, LOGIN, POLICY] {
            assert_eq!(bounds.refuse("producer.override.acks"), None);
            assert_eq!(bounds.refuse("producer.override.client.dns.lookup"), None);
            assert_eq!(bounds.refuse("otlp.grpc.port"), None);
        }
        for key in [
            "producer.override.bootstrap.servers",
            "admin.override.bootstrap.servers",
            "producer.override.security.protocol",
            "admin.override.sasl.mechanism",
            "producer.override.ssl.endpoint.identification.algorithm",
            "producer.override.ssl.truststore.location",
            "producer.override.ssl.truststore.certificates",
        ] {
            let why = LOGIN.refuse(key).unwrap();
            assert!(why.ends_with("may override: connector.client.config.override.policy"), "{key}: {why}");
            assert_eq!((OPEN.refuse(key), POLICY.refuse(key)), (None, None), "{key}");
        }
        assert_eq!(POLICY.refuse("producer.override.sasl.jaas.config"), None);
    }

    #[test]
    fn logins_are_found_wherever_the_owner_gives_them() {
        let has = |worker: &[&str], connector: &[&str]| {
            let given = |key: &&str| ((*key).to_owned(), Given::new("x", Origin::Default));
            let connector: Vec<String> = connector.iter().map(|key| (*key).to_owned()).collect();
            has_login(&worker.iter().map(given).collect(), connector.iter())
        };
        for key in ["producer.sasl.jaas.config", "admin.sasl.mechanism", "producer.ssl.keystore.location"] {
            assert!(has(&[key], &[]), "{key}");
        }
        assert!(has(&["security.protocol", "sasl.jaas.config"], &[]));
        assert!(has(&["security.protocol", "ssl.keystore.key"], &[]));
        assert!(has(&[], &["producer.override.sasl.jaas.config"]));
        // The certificate of the worker's own listeners is shown to callers, not to Kafka.
        assert!(!has(&["ssl.keystore.location", "listeners.https.ssl.keystore.location"], &[]));
        assert!(!has(&["security.protocol", "producer.acks", "consumer.sasl.jaas.config"], &["name"]));
    }
}
