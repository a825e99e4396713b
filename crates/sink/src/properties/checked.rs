//! The checked properties of one client, by their Java names.

use std::collections::BTreeMap;
use std::time::Duration;

use config::{Problem, Value};

use super::table::{self, Fate};

/// Longer times are as good as for ever, and adding them to a clock must not overflow. 24 days.
const MILLIS_MAX: u64 = i32::MAX as u64;

/// What the properties of one client come to. Holds secrets: no `Debug`.
#[derive(Default, Clone)]
pub(crate) struct Checked {
    pub(super) values: BTreeMap<&'static str, Value>,
    /// What the user should know: properties that have no effect here, and why.
    pub(crate) notes: Vec<String>,
    pub(crate) problems: Vec<Problem>,
    /// A property of TLS or login is wrong by itself: what is wrong with all of them together is noise then.
    pub(super) security_is_wrong: bool,
}

impl Checked {
    /// Sets a property as its user would have.
    pub(crate) fn set(&mut self, java: &'static str, value: Value) {
        self.values.insert(java, value);
    }

    /// `None` where nothing was given, here and below.
    pub(crate) fn bool(&self, java: &str) -> Option<bool> {
        match self.values.get(java) {
            Some(Value::Bool(on)) => Some(*on),
            _ => None,
        }
    }

    pub(crate) fn int(&self, java: &str) -> Option<i64> {
        match self.values.get(java) {
            Some(Value::Int(n)) => Some(*n),
            _ => None,
        }
    }

    /// A size or count; negative numbers, which say "default" in Java, are none.
    pub(crate) fn size(&self, java: &str) -> Option<usize> {
        self.int(java).and_then(|n| usize::try_from(n).ok())
    }

    /// A time; negative numbers, which say "never" in Java, are zero.
    pub(crate) fn millis(&self, java: &str) -> Option<Duration> {
        self.int(java).map(|n| Duration::from_millis(u64::try_from(n).unwrap_or(0).min(MILLIS_MAX)))
    }

    pub(crate) fn text(&self, java: &str) -> Option<&str> {
        match self.values.get(java) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Everything as text in Java's words.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&'static str, String)> {
        self.values.iter().map(|(java, value)| {
            let text = match value {
                Value::Bool(on) => on.to_string(),
                Value::Int(n) => n.to_string(),
                Value::Text(text) => text.clone(),
                Value::List(words) => words.join(","),
            };
            (*java, text)
        })
    }

    /// What is said about TLS and login.
    pub(crate) fn security(&self) -> BTreeMap<String, String> {
        let security = |java| table::property(java).is_some_and(|property| property.fate == Fate::Security);
        self.texts().filter(|(java, _)| security(java)).map(|(java, text)| (java.to_owned(), text)).collect()
    }

    /// What another client of the same user has of these: all but its name and what only producers have.
    pub(crate) fn common(&self) -> Self {
        let common = |java| {
            java != "client.id" && table::property(java).is_some_and(|property| !property.only_producer)
        };
        let values = self.values.iter().filter(|(java, _)| common(java));
        Self {
            values: values.map(|(java, value)| (*java, value.clone())).collect(),
            security_is_wrong: self.security_is_wrong,
            ..Self::default()
        }
    }

    /// The same, with `stronger` in the place of what both have.
    pub(crate) fn with(mut self, stronger: &Self) -> Self {
        self.values.extend(stronger.values.iter().map(|(java, value)| (*java, value.clone())));
        self.security_is_wrong |= stronger.security_is_wrong;
        self
    }
}
