//! Where a value came from, so that a mistake can be found where it was made.

use std::collections::BTreeMap;
use std::fmt;

use config::Problem;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A file, as named on the command line.
    File(String),
    /// An environment variable.
    Environment(String),
    /// `-o`.
    Option,
    /// Nobody gave it.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(name) => f.write_str(name),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Option => f.write_str("-o"),
            Self::Default => f.write_str("configuration"),
        }
    }
}

/// A value and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) value: String,
    pub(crate) origin: Origin,
    /// The value as it was written, where that refers to what is kept elsewhere: what people are shown.
    pub(crate) reference: Option<String>,
}

impl Given {
    /// A value that was written as it is.
    pub(crate) fn new(value: impl Into<String>, origin: Origin) -> Self {
        Self { value: value.into(), origin, reference: None }
    }

    /// What stands in place of the references of `written`.
    pub(crate) fn resolved(written: &str, value: String, origin: Origin) -> Self {
        let reference = (value != written).then(|| written.to_owned());
        Self { value, origin, reference }
    }

    /// What people are shown.
    pub(crate) fn shown(&self) -> &str {
        self.reference.as_ref().unwrap_or(&self.value)
    }
}

/// Values by key.
pub(crate) type Pairs = BTreeMap<String, Given>;

/// The values alone, as the parsers take them.
pub(crate) fn values(pairs: &Pairs) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, given)| (key.clone(), given.value.clone())).collect()
}

/// A mistake and where it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mistake {
    pub(crate) origin: Origin,
    pub(crate) what: What,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// With a key.
    Key(Problem),
    /// With a file as a whole, or with an argument.
    Text(String),
}

impl Mistake {
    /// A mistake that has no key.
    pub(crate) fn text(origin: Origin, what: impl Into<String>) -> Self {
        Self { origin, what: What::Text(what.into()) }
    }

    /// Adds what to do to a mistake without a key.
    pub(crate) fn add(&mut self, advice: &str) {
        if let What::Text(text) = &mut self.what {
            text.push_str(advice);
        }
    }

    /// A mistake of a key, found where the key was given.
    pub(crate) fn of(problem: Problem, pairs: &[&Pairs]) -> Self {
        let given = pairs.iter().find_map(|pairs| pairs.get(&problem.key));
        let origin = given.map_or(Origin::Default, |given| given.origin.clone());
        Self { origin, what: What::Key(problem) }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Key(problem) => write!(f, "{}: {problem}", self.origin),
            What::Text(text) => write!(f, "{}: {text}", self.origin),
        }
    }
}

/// Every mistake of a configuration; never empty.
#[derive(Debug)]
pub(crate) struct Mistakes(pub(crate) Vec<Mistake>);

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        let noun = if count == 1 { "mistake" } else { "mistakes" };
        write!(f, "{count} {noun} in the configuration")?;
        for mistake in &self.0 {
            let line: String = mistake.to_string().chars().flat_map(visible).collect();
            write!(f, "\n  {line}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}

/// A value from a file may hold anything; what is printed keeps to its line.
fn visible(c: char) -> Vec<char> {
    if c.is_control() { c.escape_default().collect() } else { vec![c] }
}
