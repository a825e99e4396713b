//! TLS and login of the native client from its Java properties.

use std::collections::BTreeMap;

use config::Problem;
use kafka_client::security::java::from_java;
use kafka_client::security::{Security, Surroundings};

use super::{Checked, Given};

/// TLS and login, or every mistake in them under the key that its user wrote. `prefix` is that of the client.
pub(crate) fn of(
    checked: &Checked,
    given: &Given,
    prefix: &str,
    surroundings: &Surroundings,
) -> Result<Security, Vec<Problem>> {
    if checked.security_is_wrong {
        return Ok(Security::default());
    }
    let mut asked = checked.security();
    // Classes name once more what is built in; the table has seen to it.
    asked.retain(|java, _| !java.ends_with(".class"));
    security(&asked, surroundings).map_err(|mistakes| {
        mistakes.into_iter().map(|(java, why)| Problem::other(key(&java, given, prefix), why)).collect()
    })
}

/// The key to change: the one that was written, or the one that is missing.
pub(super) fn key(java: &str, given: &Given, prefix: &str) -> String {
    given.get(java).map_or_else(|| format!("{prefix}{java}"), |(key, _)| key.clone())
}

/// The one place that asks the client's crate.
fn security(
    given: &BTreeMap<String, String>,
    surroundings: &Surroundings,
) -> Result<Security, Vec<(String, String)>> {
    from_java(given, surroundings)
        .map_err(|mistakes| mistakes.into_iter().map(|mistake| (mistake.property, mistake.why)).collect())
}
