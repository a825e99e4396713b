//! Names of the Java clients' properties to those of librdkafka: what is not on the list does not get through.

use std::collections::BTreeMap;
use std::io;

use config::{Problem, Reason, nearest};

mod jaas;
mod stores;
mod table;
#[cfg(test)]
mod tests;

use table::{Fate, PROPERTIES, Property};

/// Reads a file that a property names.
pub(crate) type ReadFile<'a> = &'a dyn Fn(&str) -> io::Result<Vec<u8>>;

/// What the properties of one client come to.
#[derive(Debug, Default)]
pub(crate) struct Mapped {
    /// By librdkafka's names.
    pub(crate) properties: BTreeMap<String, String>,
    /// What the user should know: properties that have no effect here, and why.
    pub(crate) notes: Vec<String>,
    pub(crate) problems: Vec<Problem>,
}

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

/// Where a property was given, for messages: the full key by the property's own name.
pub(crate) type Given = BTreeMap<String, (String, String)>;

/// Collects the properties of a client: `prefixes` from the weakest to the strongest, and, where none of them
/// sets a protocol, the worker's own security properties, which many forget to repeat with the prefix.
/// Returns whether the latter were taken.
pub(crate) fn collect(raw: &BTreeMap<String, String>, prefixes: &[&str]) -> (Given, bool) {
    let mut given = Given::new();
    for prefix in prefixes {
        for (key, value) in raw.range((*prefix).to_owned()..).take_while(|(key, _)| key.starts_with(prefix)) {
            let name = &key[prefix.len()..];
            // `producer.override.` begins with `producer.` but is a prefix of its own.
            if !name.starts_with("override.") {
                given.insert(name.to_owned(), (key.clone(), value.clone()));
            }
        }
    }
    let inherits = !given.contains_key("security.protocol") && raw.contains_key("security.protocol");
    if inherits {
        let security =
            |key: &str| key == "security.protocol" || key.starts_with("ssl.") || key.starts_with("sasl.");
        for (key, value) in raw.iter().filter(|(key, _)| security(key)) {
            given.entry(key.clone()).or_insert_with(|| (key.clone(), value.clone()));
        }
    }
    (given, inherits)
}

/// Translates the properties of one client.
pub(crate) fn translate(given: &Given, client: Client, read: ReadFile<'_>) -> Mapped {
    let mut mapped = Mapped::default();
    for (name, (key, value)) in given {
        match PROPERTIES.iter().find(|property| property.java == name) {
            Some(property) => one(property, key, value.trim(), client, &mut mapped),
            None => mapped.problems.push(unknown(name, key)),
        }
    }
    jaas::login(given, &mut mapped);
    stores::trust_and_identity(given, read, &mut mapped);
    mapped
}

/// Those of a producer's properties that every client of librdkafka has.
pub(crate) fn common_to_all_clients(producer: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    const OURS: [&str; 2] = ["partitioner", "compression.level"];
    let only_producer = |name: &str| {
        OURS.contains(&name)
            || PROPERTIES.iter().any(|property| {
                property.only_producer && matches!(property.fate, Fate::Is(known) if known == name)
            })
    };
    producer
        .iter()
        .filter(|(name, _)| !only_producer(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn one(property: &Property, key: &str, value: &str, client: Client, mapped: &mut Mapped) {
    if client != Client::Producer && property.only_producer {
        mapped.notes.push(format!("{key} has no effect: it concerns producers"));
        return;
    }
    match property.fate {
        Fate::Denied(why) => mapped.problems.push(Problem::other(key, why)),
        Fate::NoEffect(why) => mapped.notes.push(format!("{key} has no effect: {why}")),
        Fate::Together => {}
        Fate::Is(name) => match property.check(value) {
            Ok(text) => drop(mapped.properties.insert(name.to_owned(), text)),
            Err(why) => {
                let shown = (!property.secret()).then_some(value);
                mapped.problems.push(Problem::invalid(key, shown, why));
            }
        },
    }
}

fn unknown(name: &str, key: &str) -> Problem {
    if let Some(denied) = table::denied_by_prefix(name) {
        return Problem::other(key, denied);
    }
    let known = PROPERTIES.iter().filter(|property| !matches!(property.fate, Fate::Denied(_)));
    let nearest = nearest(name, known.map(|property| property.java));
    Problem { key: key.to_owned(), reason: Reason::Unknown { nearest } }
}
