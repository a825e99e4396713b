//! `/connector-plugins`: the class that connectors here have, its keys, and the check of a configuration.

use axum::Json;
use axum::extract::{Query, State as Shared};
use serde::Serialize;

use super::body::Sent;
use super::definitions::{self, Definition, Entries};
use super::error::Error;
use super::name::In;
use super::problems::{self, CLASS, NAME};
use super::shapes::KIND;
use crate::Problem;
use crate::router::Handle;

/// Connect's `PluginInfo`.
#[derive(Serialize)]
pub(super) struct PluginInfo {
    class: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    version: &'static str,
}

/// The connector; with `connectorsOnly=false` also the converters that it knows.
pub(super) async fn list(
    Shared(state): Shared<Handle>,
    Query(query): Query<Vec<(String, String)>>,
) -> Json<Vec<PluginInfo>> {
    let plugin = &state.plugin;
    let mut all = vec![PluginInfo { class: plugin.class, kind: KIND, version: plugin.version }];
    let only = query.iter().find(|(key, _)| key == "connectorsOnly").map(|(_, value)| value.as_str());
    if only.is_some_and(|only| !only.eq_ignore_ascii_case("true")) {
        let converters = |kind, classes: &'static [&'static str]| {
            let version = plugin.version;
            classes.iter().map(move |class| PluginInfo { class, kind, version })
        };
        all.extend(converters("converter", plugin.converters));
        all.extend(converters("header_converter", plugin.header_converters));
    }
    Json(all)
}

/// The keys of a plugin. Converters have none of their own: what they take stands with the connector's.
pub(super) async fn config(
    Shared(state): Shared<Handle>,
    In(name): In<String>,
    Query(query): Query<Vec<(String, String)>>,
) -> Result<Json<Vec<Definition>>, Error> {
    let plugin = &state.plugin;
    let converter = plugin.converters.iter().chain(plugin.header_converters).any(|class| *class == name);
    if !converter && !plugin.is_named(&name) {
        return Err(Error::missing(format!("Unknown plugin {name}.")));
    }
    if let Some((_, asked)) = query.iter().find(|(key, _)| key == "version")
        && asked.trim_matches(['[', ']']) != plugin.version
    {
        let version = plugin.version;
        return Err(Error::bad(format!(
            "Plugin {name} not found that matches the version range {asked}, available versions: [{version}]"
        )));
    }
    Ok(Json(if converter { Vec::new() } else { definitions::of_plugin(plugin) }))
}

/// All that is wrong with a configuration, within an answer that is 200.
pub(super) async fn validate(
    Shared(state): Shared<Handle>,
    In(name): In<String>,
    sent: Sent,
) -> Result<Json<Entries>, Error> {
    let plugin = &state.plugin;
    let (pairs, nulls) = problems::without_nulls(sent.config()?.0);
    if let Some(class) = pairs.get(CLASS)
        && !normalised(class.trim()).ends_with(normalised(&name))
    {
        return Err(Error::bad(format!(
            "Included connector type {class} does not match request type {name}"
        )));
    }
    problems::check_class(plugin, &pairs)?;
    let mut found = of_name(pairs.get(NAME).map(String::as_str));
    found.extend(nulls);
    found.extend(problems::find(plugin, &pairs).await?.into_iter().filter(|problem| problem.key != NAME));
    Ok(Json(definitions::of_pairs(plugin, &pairs, &found)))
}

/// A class without the ending that its short names leave out.
fn normalised(class: &str) -> &str {
    class.strip_suffix("Connector").filter(|rest| !rest.is_empty()).unwrap_or(class)
}

fn of_name(name: Option<&str>) -> Vec<Problem> {
    match name {
        Some(name) => problems::of_name(name).into_iter().collect(),
        None => vec![Problem {
            key: NAME.to_owned(),
            value: None,
            message: format!("Missing required configuration \"{NAME}\" which has no default value."),
        }],
    }
}
