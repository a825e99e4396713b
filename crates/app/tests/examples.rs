//! The examples are what they say: each key is in the table, each file is YAML or JSON, each query's metric is shown.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use otlp::Signal;
use serde_json::Value;
use testkit::{http, payload};
use yaml_rust2::{Yaml, YamlLoader};

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every file below the folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

fn ends_with(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found == extension)
}

/// All keys that the program knows, as its own page lists them.
fn known_keys() -> BTreeSet<String> {
    let output = Command::new(crate::program()).arg("keys").output().unwrap();
    let page = String::from_utf8(output.stdout).unwrap();
    let first_words = page.lines().filter_map(|line| line.strip_prefix("| ")?.split('`').nth(1));
    let keys: BTreeSet<String> = first_words.map(str::to_owned).collect();
    assert!(keys.contains("bootstrap.servers") && keys.contains("kafka.topic.traces"), "{keys:?}");
    keys
}

fn assert_known(keys: &BTreeSet<String>, key: &str, at: &Path) {
    let client = ["producer.override.", "admin.override.", "producer.", "admin."]
        .iter()
        .find_map(|prefix| key.strip_prefix(prefix));
    let known = keys.contains(key) || client.is_some_and(|property| keys.contains(property));
    assert!(known, "{}: {key} is no key of this program", at.display());
}

#[test]
fn keys_of_the_example_files_exist() {
    let keys = known_keys();
    let (mut connectors, mut workers) = (0, 0);
    for path in files(&examples()) {
        if ends_with(&path, "properties") {
            workers += 1;
            let lines = read(&path);
            let lines = lines.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
            lines.for_each(|line| assert_known(&keys, line.split('=').next().unwrap(), &path));
        } else if ends_with(&path, "json") && !path.ends_with("grafana/otlp2kafka.json") {
            connectors += 1;
            let connector: Value = serde_json::from_str(&read(&path)).unwrap();
            assert!(connector["name"].is_string(), "{}", path.display());
            for (key, value) in connector["config"].as_object().unwrap() {
                assert!(value.is_string(), "{}: {key} is no text", path.display());
                assert_known(&keys, key, &path);
            }
        }
    }
    assert_eq!((workers, connectors), (3, 5));
}

#[test]
fn values_of_the_chart_are_keys() {
    let keys = known_keys();
    let path = examples().join("helm/otlp2kafka/values.yaml");
    let values = yaml(&path, &read(&path));
    let of = |map: &Yaml| -> Vec<String> {
        map.as_hash().unwrap().keys().map(|key| key.as_str().unwrap().to_owned()).collect()
    };
    for key in of(&values["worker"]) {
        assert_known(&keys, &key, &path);
    }
    for connector in of(&values["connectors"]) {
        for key in of(&values["connectors"][connector.as_str()]) {
            assert_known(&keys, &key, &path);
        }
    }
}

#[test]
fn yaml_of_the_examples_parses() {
    let mut parsed = 0;
    for path in files(&examples()) {
        if ends_with(&path, "yaml") {
            parsed += 1;
            let text = read(&path);
            yaml(
                &path,
                &if path.components().any(|part| part.as_os_str() == "templates") {
                    rendered(&text)
                } else {
                    text
                },
            );
        }
    }
    assert!(parsed >= 11, "{parsed}");
}

fn yaml(path: &Path, text: &str) -> Yaml {
    let mut documents =
        YamlLoader::load_from_str(text).unwrap_or_else(|error| panic!("{}: {error}\n{text}", path.display()));
    assert_eq!(documents.len(), 1, "{}", path.display());
    documents.remove(0)
}

/// A template of the chart without its actions: lines that are nothing else go, within a line a word takes their place.
fn rendered(template: &str) -> String {
    let mut text = String::new();
    for line in template.lines() {
        let mut rest = line;
        let mut kept = String::new();
        while let Some((before, after)) = rest.split_once("{{") {
            let (_, after) =
                after.split_once("}}").unwrap_or_else(|| panic!("an action without end: {line}"));
            kept.push_str(before);
            kept.push_str("word");
            rest = after;
        }
        kept.push_str(rest);
        if kept.trim() != "word" {
            text.push_str(&kept);
            text.push('\n');
        }
    }
    text
}

/// Names of our metrics in a query.
fn metrics(query: &str) -> BTreeSet<String> {
    let words = query.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words
        .filter(|word| word.starts_with("otlp2kafka_") || word.starts_with("otlp_"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn queries_of_the_dashboard_have_their_metrics() {
    let dashboard: Value = serde_json::from_str(&read(&examples().join("grafana/otlp2kafka.json"))).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let variables = dashboard["templating"]["list"].as_array().unwrap().iter();
    let queries = targets.map(|target| &target["expr"]).chain(variables.map(|variable| &variable["query"]));
    let wanted: BTreeSet<String> = queries.flat_map(|query| metrics(query.as_str().unwrap())).collect();
    assert!(wanted.len() > 15, "{wanted:?}");

    let server = crate::server().start();
    server.wait_until_ready();
    let export =
        |path, body: &[u8]| http::post(server.http, path, "application/x-protobuf", body).unwrap().status;
    assert_eq!(export("/v1/traces", &payload::wire(Signal::Traces, 2, 1)), 200);
    // One that is refused, so that the metric of refusals has a line.
    assert_eq!(export("/v1/traces", b"\xff"), 400);
    let shown = http::get(server.rest, "/metrics").unwrap().text();
    let names: BTreeSet<&str> =
        shown.lines().filter_map(|line| line.split(['{', ' ']).next()).filter(|name| *name != "#").collect();
    let missing: Vec<_> = wanted.iter().filter(|name| !names.contains(name.as_str())).collect();
    assert!(missing.is_empty(), "not in /metrics: {missing:?}; there are {names:?}");
}
