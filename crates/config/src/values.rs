//! From text to checked values, all mistakes collected.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::{Key, Kind, Problem};

/// A checked value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Of [`Kind::Bool`].
    Bool(bool),
    /// Of [`Kind::Int`].
    Int(i64),
    /// Of every kind of text; words of [`Kind::OneOf`] in their listed case.
    Text(String),
    /// Of [`Kind::List`].
    List(Vec<String>),
}

/// The checked values of a set of keys, defaults included.
#[derive(Debug, Clone, Default)]
pub struct Values {
    given: BTreeMap<&'static str, Value>,
    defaults: BTreeMap<&'static str, Value>,
}

/// Checks the text of each of `keys` in `raw`; names in `raw` that are no key are left to the caller.
#[must_use]
pub fn parse(keys: &[&'static Key], raw: &BTreeMap<String, String>) -> (Values, Vec<Problem>) {
    let mut values = Values::default();
    let mut problems = Vec::new();
    for key in keys {
        if let Some(default) = key.default {
            match check(key.kind, default) {
                Ok(value) => drop(values.defaults.insert(key.name, value)),
                Err(why) => problems.push(Problem::invalid(key.name, Some(default), why)),
            }
        }
        let Some(text) = raw.get(key.name) else { continue };
        match check(key.kind, text.trim()) {
            Ok(value) => drop(values.given.insert(key.name, value)),
            Err(why) => {
                let shown = (key.kind != Kind::Password).then_some(text.as_str());
                problems.push(Problem::invalid(key.name, shown, why));
            }
        }
    }
    (values, problems)
}

/// Checks one text against a kind.
///
/// # Errors
///
/// What is wrong with it, in Kafka Connect's words.
pub fn check(kind: Kind, text: &str) -> Result<Value, String> {
    match kind {
        Kind::Bool if text.eq_ignore_ascii_case("true") => Ok(Value::Bool(true)),
        Kind::Bool if text.eq_ignore_ascii_case("false") => Ok(Value::Bool(false)),
        Kind::Bool => Err("Expected value to be either true or false".into()),
        Kind::Int { min, max, .. } => match text.parse::<i64>() {
            Err(_) => Err(format!("Not a number of type {}", kind.connect_type())),
            Ok(n) if n < min => Err(format!("Value must be at least {min}")),
            Ok(n) if n > max => Err(format!("Value must be no more than {max}")),
            Ok(n) => Ok(Value::Int(n)),
        },
        Kind::NonEmpty | Kind::File | Kind::Class if text.is_empty() => Err("String may not be empty".into()),
        Kind::Text | Kind::NonEmpty | Kind::File | Kind::Class | Kind::Password => {
            Ok(Value::Text(text.into()))
        }
        Kind::OneOf(words) => words
            .iter()
            .find(|word| word.eq_ignore_ascii_case(text))
            .map(|word| Value::Text((*word).to_owned()))
            .ok_or_else(|| format!("String must be one of: {}", words.join(", "))),
        Kind::List => Ok(Value::List(
            text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect(),
        )),
    }
}

impl Values {
    fn value(&self, key: &Key) -> Option<&Value> {
        self.given.get(key.name).or_else(|| self.defaults.get(key.name))
    }

    /// Whether the user gave this key himself.
    #[must_use]
    pub fn is_given(&self, key: &Key) -> bool {
        self.given.contains_key(key.name)
    }

    /// The value of a [`Kind::Bool`] key; false when it has neither value nor default.
    #[must_use]
    pub fn bool(&self, key: &Key) -> bool {
        matches!(self.value(key), Some(Value::Bool(true)))
    }

    /// The value of a [`Kind::Int`] key; 0 when it has neither value nor default.
    #[must_use]
    pub fn int(&self, key: &Key) -> i64 {
        match self.value(key) {
            Some(Value::Int(n)) => *n,
            _ => 0,
        }
    }

    /// A [`Kind::Int`] key whose range has no negative numbers, as a size or count.
    #[must_use]
    pub fn size(&self, key: &Key) -> usize {
        usize::try_from(self.int(key)).unwrap_or(0)
    }

    /// A [`Kind::Int`] key counted in milliseconds.
    #[must_use]
    pub fn millis(&self, key: &Key) -> Duration {
        Duration::from_millis(u64::try_from(self.int(key)).unwrap_or(0))
    }

    /// The value of a key of text.
    #[must_use]
    pub fn text(&self, key: &Key) -> Option<&str> {
        match self.value(key) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The value of a [`Kind::List`] key; empty when it has neither value nor default.
    #[must_use]
    pub fn list(&self, key: &Key) -> &[String] {
        match self.value(key) {
            Some(Value::List(words)) => words,
            _ => &[],
        }
    }
}
