//! Properties under the names of the Java clients to checked values: what is not on the list does not get through.
//!
//! ```text
//!  raw keys ─► collect ─► Given ─► check (table) ─► Checked ─┬─► native: kafka_client's Settings
//!                                                            └─► librdkafka: its names (cargo feature)
//! ```

use std::collections::BTreeMap;

use config::{Kind, Problem, Reason, Value, nearest};

mod checked;
mod table;

#[cfg(feature = "librdkafka")]
pub(crate) mod librdkafka;
pub(crate) mod native;
pub(crate) mod security;
#[cfg(test)]
mod tests;

pub(crate) use checked::Checked;
use table::{Fate, Property};

use crate::config::{PRODUCER_CLIENT, PRODUCER_INSTANCES};

/// Which client the properties are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Client {
    /// Has all properties of the list.
    Producer,
    /// Has those that concern connections and security.
    Admin,
    /// As `Admin`.
    Consumer,
}

/// Which code obeys them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Library {
    /// The crate `kafka-client`.
    Native,
    /// The C library.
    #[cfg(feature = "librdkafka")]
    Librdkafka,
}

/// Where a property was given, for messages: the full key by the property's own name.
pub(crate) type Given = BTreeMap<String, (String, String)>;

/// Every property that is known, what it takes and what becomes of it, for the documentation.
pub fn client_properties() -> impl Iterator<Item = (&'static str, Kind, String)> {
    table::PROPERTIES.iter().map(|property| (property.java, property.kind, property.story()))
}

/// Collects the properties of a client: `prefixes` from the weakest to the strongest, and, where none of them
/// sets a protocol, the worker's own security properties, which many forget to repeat with the prefix.
/// Returns whether the latter were taken.
pub(crate) fn collect(raw: &BTreeMap<String, String>, prefixes: &[&str]) -> (Given, bool) {
    let mut given = Given::new();
    for prefix in prefixes {
        for (key, value) in raw.range((*prefix).to_owned()..).take_while(|(key, _)| key.starts_with(prefix)) {
            let name = &key[prefix.len()..];
            // `producer.override.` begins with `producer.` but is a prefix of its own, and two keys are ours.
            let ours = [PRODUCER_CLIENT.name, PRODUCER_INSTANCES.name].contains(&key.as_str());
            if !ours && !name.starts_with("override.") {
                given.insert(name.to_owned(), (key.clone(), value.clone()));
            }
        }
    }
    let inherits = !given.contains_key("security.protocol") && raw.contains_key("security.protocol");
    if inherits {
        // `ssl.client.auth` is a key of the worker's REST server.
        let security = |key: &str| {
            key == "security.protocol"
                || key.starts_with("sasl.")
                || (key.starts_with("ssl.") && key != "ssl.client.auth")
        };
        for (key, value) in raw.iter().filter(|(key, _)| security(key)) {
            given.entry(key.clone()).or_insert_with(|| (key.clone(), value.clone()));
        }
    }
    (given, inherits)
}

/// Checks the properties of one client.
pub(crate) fn check(given: &Given, client: Client, library: Library) -> Checked {
    let mut checked = Checked::default();
    for (name, (key, value)) in given {
        match table::property(name) {
            Some(property) => one(property, (key, value.trim()), client, library, &mut checked),
            None => checked.problems.push(unknown(name, key)),
        }
    }
    checked
}

fn one(
    property: &'static Property,
    (key, text): (&str, &str),
    client: Client,
    library: Library,
    checked: &mut Checked,
) {
    if client != Client::Producer && property.only_producer {
        checked.notes.push(format!("{key} has no effect: it concerns producers"));
        return;
    }
    let fate = match library {
        Library::Native => property.fate,
        #[cfg(feature = "librdkafka")]
        Library::Librdkafka => librdkafka::fate(property),
    };
    if let Fate::Denied(why) = fate
        && !property.holds(text)
    {
        checked.problems.push(Problem::other(key, why));
        return;
    }
    let value = property.check(text).and_then(|value| match refused(property, &value, library) {
        Some(why) => Err(why),
        None => Ok(value),
    });
    match (value, fate) {
        (Ok(value), Fate::Obeyed | Fate::Security) => drop(checked.values.insert(property.java, value)),
        (Ok(_), Fate::NoEffect(why)) if !property.holds(text) => {
            checked.notes.push(format!("{key} has no effect: {why}"));
        }
        (Ok(_), Fate::NoEffect(_) | Fate::Denied(_)) => {}
        (Err(why), _) => {
            let shown = (!property.secret()).then_some(text);
            checked.problems.push(Problem::invalid(key, shown, why));
            checked.security_is_wrong |= property.fate == Fate::Security;
        }
    }
}

/// Why this one value of a property is not taken.
fn refused(property: &Property, value: &Value, library: Library) -> Option<String> {
    match library {
        Library::Native => property.refused(value).map(str::to_owned),
        #[cfg(feature = "librdkafka")]
        Library::Librdkafka => librdkafka::refused(property, value),
    }
}

fn unknown(name: &str, key: &str) -> Problem {
    if let Some(denied) = table::denied_by_prefix(name) {
        return Problem::other(key, denied);
    }
    // Keys of ours look like properties of producers: a slip in them ends here.
    let ours = [PRODUCER_CLIENT.name, PRODUCER_INSTANCES.name];
    let ours = ours
        .iter()
        .filter_map(|ours| ours.strip_prefix("producer.").filter(|_| key.starts_with("producer.")));
    if ours.clone().any(|ours| ours == name) {
        return Problem::other(key, format!("is a key of its own: write producer.{name}"));
    }
    let known = table::PROPERTIES.iter().filter(|property| !matches!(property.fate, Fate::Denied(_)));
    let nearest = nearest(name, known.map(|property| property.java).chain(ours));
    Problem { key: key.to_owned(), reason: Reason::Unknown { nearest } }
}
