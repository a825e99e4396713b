//! Where two answers differ.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

use super::calls::Plan;
use super::side::Answer;

/// A difference, theirs first.
#[derive(Debug)]
pub(super) enum Difference {
    Status(u16, u16),
    Kind(String, String),
    Header(Option<String>, Option<String>),
    Body { path: String, theirs: String, ours: String },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(theirs, ours) => write!(f, "status {theirs}, ours {ours}"),
            Self::Kind(theirs, ours) => write!(f, "content type {theirs:?}, ours {ours:?}"),
            Self::Header(theirs, ours) => write!(f, "location {theirs:?}, ours {ours:?}"),
            Self::Body { path, theirs, ours } => write!(f, "body{path}: {theirs}, ours {ours}"),
        }
    }
}

/// All differences of the answers.
pub(super) fn compare(theirs: &Answer, ours: &Answer, plan: &Plan) -> Vec<Difference> {
    let mut found = Vec::new();
    if theirs.status != ours.status {
        found.push(Difference::Status(theirs.status, ours.status));
    }
    if theirs.kind != ours.kind {
        found.push(Difference::Kind(theirs.kind.clone(), ours.kind.clone()));
    }
    if theirs.location != ours.location {
        found.push(Difference::Header(theirs.location.clone(), ours.location.clone()));
    }
    let body = |path: &str, theirs: &dyn fmt::Display, ours: &dyn fmt::Display| Difference::Body {
        path: path.to_owned(),
        theirs: theirs.to_string(),
        ours: ours.to_string(),
    };
    match (&theirs.json, &ours.json) {
        (Some(a), Some(b)) => {
            let (a, b) = (common(a, b, plan), common(b, a, plan));
            walk("", &a, &b, plan, &mut |path, a, b| found.push(body(path, &a, &b)));
        }
        _ if theirs.text == ours.text => {}
        _ => found.push(body("", &theirs.text, &ours.text)),
    }
    found
}

fn walk(path: &str, theirs: &Value, ours: &Value, plan: &Plan, report: &mut dyn FnMut(&str, &Value, &Value)) {
    let field = path.rsplit(['/', ']']).next().unwrap_or("");
    if plan.own_values.contains_key(field) {
        let same = std::mem::discriminant(theirs) == std::mem::discriminant(ours);
        if !same && !theirs.is_null() && !ours.is_null() {
            report(path, theirs, ours);
        }
        return;
    }
    match (theirs, ours) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let missing = Value::from("(nothing)");
                let (a, b) = (a.get(key).unwrap_or(&missing), b.get(key).unwrap_or(&missing));
                walk(&format!("{path}/{key}"), a, b, plan, report);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (at, (a, b)) in a.iter().zip(b).enumerate() {
                walk(&format!("{path}[{at}]"), a, b, plan, report);
            }
        }
        (a, b) if a == b => {}
        (a, b) => report(path, a, b),
    }
}

/// `mine` in the order of names, without what only one side can have: pairs and keys of the connector's class, other
/// plugins, loggers by the names of classes.
fn common(mine: &Value, other: &Value, plan: &Plan) -> Value {
    match (mine, other) {
        (Value::Object(a), Value::Object(b)) => {
            let config = a.contains_key("connector.class") && b.contains_key("connector.class");
            let loggers = a.contains_key("root") && b.contains_key("root");
            let own = |key: &str| {
                let class = ["topic", "file", "otlp.grpc.enabled", "otlp.http.port", "otlp.bind.address"];
                (config && class.contains(&key)) || (loggers && key != "root")
            };
            let nothing = Value::Null;
            let pair = |(key, value): (&String, &Value)| {
                (key.clone(), common(value, b.get(key).unwrap_or(&nothing), plan))
            };
            let kept: BTreeMap<String, Value> = a.iter().filter(|(key, _)| !own(key)).map(pair).collect();
            Value::Object(kept.into_iter().collect())
        }
        (Value::Array(a), Value::Array(b)) => {
            let names = |all: &[Value]| -> BTreeMap<String, Value> {
                all.iter().filter_map(|one| Some((name(one)?, one.clone()))).collect()
            };
            let (mine, others) = (names(a), names(b));
            if mine.is_empty() || others.is_empty() {
                let none = Value::Null;
                let pair = |(at, one): (usize, &Value)| common(one, b.get(at).unwrap_or(&none), plan);
                let mut all: Vec<Value> = a.iter().enumerate().map(pair).collect();
                if all.iter().all(Value::is_string) {
                    all.sort_by_key(ToString::to_string);
                }
                return Value::Array(all);
            }
            let both = mine.iter().filter(|(name, _)| {
                !plan.own_keys.contains_key(*name) && (others.contains_key(*name) || !is_own(name))
            });
            Value::Array(both.map(|(name, one)| common(one, others.get(name).unwrap_or(one), plan)).collect())
        }
        (mine, _) => mine.clone(),
    }
}

/// What an element of a list is known by.
fn name(one: &Value) -> Option<String> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    match one {
        Value::Object(map) => map
            .get("value")
            .and_then(|value| text(value.get("name")?))
            .or_else(|| text(map.get("name")?).filter(|_| map.contains_key("importance")))
            .or_else(|| Some(format!("{} {}", text(map.get("class")?)?, text(map.get("type")?)?))),
        _ => None,
    }
}

/// Whether only one side can have it: keys of the class, and plugins other than the connector.
fn is_own(name: &str) -> bool {
    ["topic", "file", "@number@"].contains(&name)
        || [
            "otlp.",
            "kafka.topic.",
            "kafka.lookups.",
            "org.apache.",
            "topic.creation.default.",
            "producer.client",
            "producer.instances",
        ]
        .iter()
        .any(|own| name.starts_with(own))
        || name.ends_with(".converter.schemas.enable")
}
