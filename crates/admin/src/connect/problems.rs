//! What is wrong with a connector's pairs, in the sentences and the order of Connect's own check.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::StatusCode;
use tokio::task::spawn_blocking;

use super::error::Error;
use crate::{Pairs, Plugin, Problem};

/// The key of a connector's name.
pub(super) const NAME: &str = "name";
/// The key of a connector's class.
pub(super) const CLASS: &str = "connector.class";

/// The sentence that Connect answers to a creation or change that it refuses.
pub(super) fn message(problems: &[Problem]) -> String {
    let errors: Vec<String> = problems.iter().flat_map(sentences).collect();
    let count = errors.len();
    let list = errors.join("\n");
    format!(
        "Connector configuration is invalid and contains the following {count} error(s):\n{list}\nYou can also find \
         the above list of errors at the endpoint `/connector-plugins/{{connectorType}}/config/validate`"
    )
}

/// The errors of one problem. Connect takes a number that it cannot read for none, and finds that wrong as well where
/// the number has a range: those of type INT have one, those of type LONG have none.
pub(super) fn sentences(problem: &Problem) -> Vec<String> {
    let mut sentences = vec![problem.message.clone()];
    if problem.message.ends_with(": Not a number of type INT") {
        sentences
            .push(format!("Invalid value null for configuration {}: Value must be non-null", problem.key));
    }
    sentences
}

/// Whether the value is none of its type at all: Connect shows it as null.
pub(super) fn is_unreadable(problem: &Problem) -> bool {
    problem.message.contains(": Not a number of type ")
        || problem.message.ends_with(": Expected value to be either true or false")
}

/// What is wrong with a connector's name.
pub(super) fn of_name(name: &str) -> Option<Problem> {
    let why = if name.trim().is_empty() {
        "String may not be empty".to_owned()
    } else {
        let controls: Vec<String> =
            name.chars().filter(|c| c.is_control()).map(|c| u32::from(c).to_string()).collect();
        if controls.is_empty() {
            return None;
        }
        format!(
            "String may not contain control sequences but had the following ASCII chars: {}",
            controls.join(", ")
        )
    };
    let shown = if name.trim().is_empty() { "" } else { name };
    Some(Problem {
        key: NAME.to_owned(),
        value: Some(name.to_owned()),
        message: format!("Invalid value {shown} for configuration {NAME}: {why}"),
    })
}

/// A key that was given as null.
pub(super) fn of_null(key: &str) -> Problem {
    Problem {
        key: key.to_owned(),
        value: None,
        message: "Null value can not be supplied as the configuration value.".to_owned(),
    }
}

/// Refuses pairs whose class is missing or is not ours, before anything else is looked at.
pub(super) fn check_class(plugin: &Plugin, pairs: &Pairs) -> Result<(), Error> {
    match pairs.get(CLASS) {
        // Connect shows the pairs; some are secrets.
        None => {
            let keys = pairs.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            Err(Error::bad(format!("Connector config {{{keys}}} contains no connector type")))
        }
        Some(class) if plugin.is_named(class.trim()) => Ok(()),
        Some(class) => Err(unknown_class(plugin, class)),
    }
}

/// The answer to a class that is not ours; clients know it by its beginning.
pub(super) fn unknown_class(plugin: &Plugin, class: &str) -> Error {
    Error::bad(format!(
        "Failed to find any class that implements Connector and which name matches {class}, available connectors \
         are: {} {}",
        plugin.class, plugin.version
    ))
}

/// Pairs as they were sent, nulls included: what can be submitted, and what is wrong with the rest.
pub(super) fn without_nulls(sent: BTreeMap<String, Option<String>>) -> (Pairs, Vec<Problem>) {
    let nulls = sent.iter().filter(|(_, value)| value.is_none()).map(|(key, _)| of_null(key)).collect();
    (sent.into_iter().filter_map(|(key, value)| Some((key, value?))).collect(), nulls)
}

/// Everything that the plugin finds wrong; where it may block.
pub(super) async fn find(plugin: &Plugin, pairs: &Pairs) -> Result<Vec<Problem>, Error> {
    let validate = Arc::clone(&plugin.validate);
    let pairs = pairs.clone();
    spawn_blocking(move || validate(&pairs)).await.map_err(|error| {
        tracing::error!(%error, "the check of a connector's configuration has failed");
        Error::new(StatusCode::INTERNAL_SERVER_ERROR, "the check of the configuration has failed")
    })
}
