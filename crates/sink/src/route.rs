//! Hop 6: which topic a signal's records go to.

use otlp::Signal;

/// Longest name that brokers take (`org.apache.kafka.common.internals.Topic`).
const NAME_CHARS_MAX: usize = 249;

/// The topics of the four signals. Two signals may share one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    topics: [String; 4],
}

impl Route {
    /// Topics in the order of [`Signal::index`].
    #[must_use]
    pub(crate) fn new(topics: [String; 4]) -> Self {
        Self { topics }
    }

    /// The topic of a signal.
    #[must_use]
    pub fn topic(&self, signal: Signal) -> &str {
        &self.topics[signal.index()]
    }

    /// All topics, in the order of [`Signal::index`].
    #[must_use]
    pub fn topics(&self) -> &[String; 4] {
        &self.topics
    }

    /// Each topic once.
    pub(crate) fn distinct(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.topics.iter().map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// Why brokers would refuse the name of a topic.
pub(crate) fn check_topic(name: &str) -> Result<(), String> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.is_empty() || name.len() > NAME_CHARS_MAX {
        return Err(format!("a topic's name has 1 to {NAME_CHARS_MAX} characters"));
    }
    if name == "." || name == ".." {
        return Err("a topic can't be named \".\" or \"..\"".into());
    }
    match name.chars().find(|c| !legal(*c)) {
        Some(c) => Err(format!("a topic's name has letters, digits, '.', '_' and '-', not {c:?}")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_as_brokers_check_them() {
        for good in ["otlp-traces", "a", "A.b_c-9", "...", &"x".repeat(249)] {
            assert_eq!(check_topic(good), Ok(()), "{good}");
        }
        for bad in ["", ".", "..", "a b", "a/b", "é", &"x".repeat(250)] {
            assert!(check_topic(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_shared_topic_is_one_topic() {
        let route = Route::new(["t", "m", "t", "p"].map(str::to_owned));
        assert_eq!(route.topic(Signal::Logs), "t");
        assert_eq!(route.distinct(), ["m", "p", "t"]);
    }
}
