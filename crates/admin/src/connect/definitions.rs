//! Keys and their values as Connect describes them: what forms are built from.

use std::collections::{BTreeMap, BTreeSet};

use config::{Importance, Key, Kind, Width};
use serde::Serialize;

use super::problems::{CLASS, NAME, is_unreadable, sentences};
use crate::{Pairs, Plugin, Problem};

/// Connect's `ConfigKeyInfo`.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Definition {
    name: String,
    #[serde(rename = "type")]
    kind: &'static str,
    required: bool,
    default_value: Option<String>,
    importance: &'static str,
    documentation: String,
    group: Option<&'static str>,
    order_in_group: i32,
    width: &'static str,
    display_name: String,
    dependents: Vec<&'static str>,
}

/// Connect's `ConfigValueInfo`.
#[derive(Debug, Serialize)]
pub(super) struct Value {
    name: String,
    value: Option<String>,
    recommended_values: Vec<&'static str>,
    errors: Vec<String>,
    visible: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct Entry {
    definition: Definition,
    value: Value,
}

/// Connect's `ConfigInfos`.
#[derive(Debug, Serialize)]
pub(super) struct Entries {
    name: String,
    error_count: usize,
    groups: Vec<&'static str>,
    configs: Vec<Entry>,
}

/// Keys of the connector, then those of the framework.
pub(super) fn of_plugin(plugin: &Plugin) -> Vec<Definition> {
    let own = table(&plugin.keys);
    own.into_iter().chain(table(&plugin.framework_keys)).map(|(_, definition)| definition).collect()
}

/// What `validate` answers: the framework's keys, the connector's, then whatever else was given that is wrong or
/// overrides a client's property.
pub(super) fn of_pairs(plugin: &Plugin, pairs: &Pairs, problems: &[Problem]) -> Entries {
    let mut by_key: BTreeMap<&str, Vec<&Problem>> = BTreeMap::new();
    for problem in problems {
        by_key.entry(&problem.key).or_default().push(problem);
    }
    let mut configs = Vec::new();
    let mut groups = Vec::new();
    for (key, definition) in table(&plugin.framework_keys).into_iter().chain(table(&plugin.keys)) {
        if !groups.contains(&key.group) {
            groups.push(key.group);
        }
        let found = by_key.remove(key.name).unwrap_or_default();
        let given = pairs.get(key.name).map(|given| given.trim().to_owned());
        let unreadable = found.iter().any(|problem| is_unreadable(problem));
        let value = given.or_else(|| definition.default_value.clone()).filter(|_| !unreadable);
        configs
            .push(Entry { value: Value::new(key.name, value, recommended(key, plugin), &found), definition });
    }
    let overrides = pairs.keys().map(String::as_str).filter(|name| name.starts_with("producer.override."));
    let others: BTreeSet<&str> = overrides.chain(by_key.keys().copied()).collect();
    for name in others {
        let found = by_key.remove(name).unwrap_or_default();
        let value = pairs.get(name).cloned();
        let definition = Definition::of_other(name, plugin);
        configs.push(Entry { definition, value: Value::new(name, value, Vec::new(), &found) });
    }
    Entries {
        name: pairs.get(CLASS).cloned().unwrap_or_default(),
        error_count: configs.iter().map(|entry| entry.value.errors.len()).sum(),
        groups,
        configs,
    }
}

/// Each key with its definition.
fn table(keys: &[&'static Key]) -> Vec<(&'static Key, Definition)> {
    let mut orders: BTreeMap<&str, i32> = BTreeMap::new();
    let mut all = Vec::new();
    for key in keys.iter().copied() {
        let order = orders.entry(key.group).or_default();
        *order += 1;
        all.push((key, Definition::new(key, *order, keys)));
    }
    all
}

/// What a form may offer.
fn recommended(key: &Key, plugin: &Plugin) -> Vec<&'static str> {
    match key.kind {
        Kind::OneOf(words) if key.name != CLASS => words.to_vec(),
        Kind::OneOf(_) => vec![plugin.class],
        _ => Vec::new(),
    }
}

impl Definition {
    fn new(key: &'static Key, order_in_group: i32, table: &[&'static Key]) -> Self {
        let required = [NAME, CLASS].contains(&key.name);
        Self {
            name: key.name.to_owned(),
            kind: key.kind.connect_type(),
            required,
            default_value: key.default.filter(|_| !required).map(str::to_owned),
            importance: importance(key.importance),
            documentation: key.doc.to_owned(),
            group: Some(key.group),
            order_in_group,
            width: match key.kind.width() {
                Width::Short => "SHORT",
                Width::Medium => "MEDIUM",
                Width::Long => "LONG",
            },
            display_name: key.label(),
            dependents: key.dependents(table).collect(),
        }
    }

    /// Of a key that no table has: a client's property, or one that is wrong.
    fn of_other(name: &str, plugin: &Plugin) -> Self {
        let property = name.strip_prefix("producer.override.").unwrap_or(name);
        Self {
            name: name.to_owned(),
            kind: "STRING",
            required: false,
            default_value: None,
            importance: "LOW",
            documentation: (plugin.client_property)(property).unwrap_or_default(),
            group: None,
            order_in_group: -1,
            width: "NONE",
            display_name: property.to_owned(),
            dependents: Vec::new(),
        }
    }
}

impl Value {
    fn new(
        name: &str,
        value: Option<String>,
        recommended_values: Vec<&'static str>,
        found: &[&Problem],
    ) -> Self {
        let errors = found.iter().flat_map(|problem| sentences(problem)).collect();
        Self { name: name.to_owned(), value, recommended_values, errors, visible: true }
    }
}

fn importance(importance: Importance) -> &'static str {
    match importance {
        Importance::High => "HIGH",
        Importance::Medium => "MEDIUM",
        Importance::Low => "LOW",
    }
}
