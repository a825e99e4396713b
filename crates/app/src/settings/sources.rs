//! From files, environment and `-o` to pairs of text; nothing is judged here but their syntax.

use std::collections::BTreeMap;

use admin::Target;
use serde_json::{Map, Value};

use super::gather::ConnectorFile;
use super::origin::{Given, Mistake, Origin, Pairs};
use crate::files;

/// Reads a properties file (the syntax of `java.util.Properties`).
pub(super) fn properties_file(path: &str, mistakes: &mut Vec<Mistake>) -> Pairs {
    let origin = Origin::File(path.to_owned());
    let parsed = files::read_any(path)
        .map_err(|error| files::plain(&error))
        .and_then(|text| config::properties_of_latin1(&text));
    match parsed {
        Ok(pairs) => from(pairs, &origin),
        Err(why) => {
            mistakes.push(Mistake::text(origin, why));
            Pairs::new()
        }
    }
}

/// Reads a connector file: flat JSON, JSON with `name` and `config`, or properties.
pub(super) fn connector_file(path: &str, mistakes: &mut Vec<Mistake>) -> ConnectorFile {
    let origin = Origin::File(path.to_owned());
    let parsed = files::read_any(path).map_err(|error| files::plain(&error)).and_then(|text| {
        let json = text.trim_ascii_start().starts_with(b"{") || path.ends_with(".json");
        if json { json_pairs(&text) } else { Ok((config::properties_of_latin1(&text)?, Target::Started)) }
    });
    match parsed {
        Ok((pairs, initial)) => ConnectorFile { pairs: from(pairs, &origin), initial },
        Err(why) => {
            mistakes.push(Mistake::text(origin, why));
            ConnectorFile::default()
        }
    }
}

/// The pairs of `-o key=value`.
pub(super) fn options(options: &[String], mistakes: &mut Vec<Mistake>) -> Pairs {
    let mut pairs = Pairs::new();
    for option in options {
        match option.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() => {
                let given = Given::new(value, Origin::Option);
                pairs.insert(key.trim().to_owned(), given);
            }
            _ => mistakes.push(Mistake::text(Origin::Option, format!("expected KEY=VALUE, found {option}"))),
        }
    }
    pairs
}

/// The pairs of environment variables whose names begin with `CONNECT_` or, which wins, `OTLP2KAFKA_`.
pub(super) fn environment(variables: impl IntoIterator<Item = (String, String)>) -> Pairs {
    let variables: BTreeMap<String, String> = variables.into_iter().collect();
    let mut pairs = Pairs::new();
    for prefix in ["CONNECT_", "OTLP2KAFKA_"] {
        for (name, value) in &variables {
            let Some(rest) = name.strip_prefix(prefix) else { continue };
            if rest.is_empty() || is_service_link(rest, value) {
                continue;
            }
            let given = Given::new(value, Origin::Environment(name.clone()));
            pairs.insert(environment_key(rest), given);
        }
    }
    pairs
}

/// The key of a variable, by the rule of the Kafka Connect images: `_` is `.`, `__` is `-`, `___` is `_`.
fn environment_key(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    lower.replace("___", "\0").replace("__", "-").replace('_', ".").replace('\0', "_")
}

/// Kubernetes gives each pod variables about each service; for services called `connect` or `otlp2kafka…`
/// they look like ours.
fn is_service_link(rest: &str, value: &str) -> bool {
    let named = |end: &str| rest == &end[1..] || rest.ends_with(end);
    ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme))
        || named("_SERVICE_HOST")
        || named("_SERVICE_PORT")
        || rest.starts_with("SERVICE_PORT_")
        || rest.contains("_SERVICE_PORT_")
        || ["_TCP_ADDR", "_TCP_PORT", "_TCP_PROTO", "_UDP_ADDR", "_UDP_PORT", "_UDP_PROTO"]
            .iter()
            .any(|end| rest.ends_with(end))
}

fn from(pairs: Vec<(String, String)>, origin: &Origin) -> Pairs {
    pairs.into_iter().map(|(key, value)| (key, Given::new(value, origin.clone()))).collect()
}

fn json_pairs(text: &[u8]) -> Result<(Vec<(String, String)>, Target), String> {
    let value: Value = serde_json::from_slice(text).map_err(|error| format!("not JSON: {error}"))?;
    let Value::Object(mut outer) = value else {
        return Err("expected a JSON object".to_owned());
    };
    if !outer.get("config").is_some_and(Value::is_object) {
        return Ok((texts(outer)?, Target::Started));
    }
    let initial = match outer.remove("initial_state") {
        None | Some(Value::Null) => Target::Started,
        Some(word) => word
            .as_str()
            .and_then(Target::of_initial_state)
            .ok_or_else(|| format!("initial_state: expected RUNNING, PAUSED or STOPPED, found {word}"))?,
    };
    let Some(Value::Object(config)) = outer.remove("config") else { return Ok((Vec::new(), initial)) };
    let mut pairs = texts(config)?;
    if let Some(name) = outer.remove("name") {
        let name = text_of("name", name)?;
        match pairs.iter().find(|(key, _)| key == "name") {
            Some((_, inner)) if *inner != name => {
                return Err(format!("two names: {name} outside and {inner} inside config"));
            }
            Some(_) => {}
            None => pairs.push(("name".to_owned(), name)),
        }
    }
    Ok((pairs, initial))
}

fn texts(object: Map<String, Value>) -> Result<Vec<(String, String)>, String> {
    object.into_iter().map(|(key, value)| text_of(&key, value).map(|text| (key, text))).collect()
}

/// Connect keeps all values as text and takes JSON's scalars as such.
fn text_of(key: &str, value: Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text),
        Value::Bool(flag) => Ok(flag.to_string()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Null => Err(format!("{key}: null is no value")),
        Value::Array(_) | Value::Object(_) => Err(format!("{key}: expected text, a number, true or false")),
    }
}

#[cfg(test)]
mod tests;
