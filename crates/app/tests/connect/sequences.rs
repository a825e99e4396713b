//! What tools do, call by call: kcctl, Terraform, Strimzi, the scripts of the connector's documentation, and a client
//! from PyPI as it is.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use testkit::kafka::stores;
use testkit::{http, ports, process};

use crate::clients::python;
use crate::server;

const CLASS: &str = "io.conduktor.connect.otel.OpenTelemetrySourceConnector";

fn call(rest: SocketAddr, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
    let headers: &[_] = if body.is_some() { &[("content-type", "application/json")] } else { &[] };
    let text = body.map(ToString::to_string).unwrap_or_default();
    let answer = http::request(rest, method, path, headers, text.as_bytes()).unwrap();
    (answer.status, serde_json::from_slice(&answer.body).unwrap_or(Value::Null))
}

fn wait(rest: SocketAddr, path: &str, what: &str, holds: impl Fn(u16, &Value) -> bool) {
    process::wait_for(what, Duration::from_secs(30), || {
        let (status, body) = call(rest, "GET", path, None);
        holds(status, &body)
    });
}

/// The pairs of a connector that listens on a port of its own.
fn config(port: u16) -> Value {
    json!({"connector.class": CLASS, "otlp.grpc.enabled": "false", "otlp.http.port": port.to_string(),
           "otlp.bind.address": "127.0.0.1"})
}

fn with(mut config: Value, key: &str, value: &str) -> Value {
    config[key] = value.into();
    config
}

fn states(body: &Value) -> (&str, Vec<&str>) {
    let tasks = body["tasks"].as_array().map(Vec::as_slice).unwrap_or_default();
    (
        body["connector"]["state"].as_str().unwrap_or(""),
        tasks.iter().map(|task| task["state"].as_str().unwrap_or("")).collect(),
    )
}

/// `curl …/connectors/otlp-source/status | jq '.connector.state, .tasks[].state'`, and what the reference's own
/// system test looks for.
#[test]
fn the_documentations_status_check_prints_running() {
    let server = server().start();
    wait(server.rest, "/connectors/otlp-source/status", "RUNNING", |_, body| {
        states(body) == ("RUNNING", vec!["RUNNING"])
    });
    let text = http::get(server.rest, "/connectors/otlp-source/status").unwrap().text();
    assert!(text.contains(r#""state":"RUNNING""#), "{text}");
    println!("status of connector and task: RUNNING, RUNNING");
}

#[test]
fn kcctl_applies_describes_pauses_and_deletes() {
    let server = server().start();
    let rest = server.rest;
    let (_, info) = call(rest, "GET", "/", None);
    let version: Vec<&str> = info["version"].as_str().unwrap().split('.').collect();
    assert!(version[0].parse::<u32>().unwrap() >= 4 && version[1].parse::<u32>().is_ok(), "{info}");

    // apply: which are there, then create or replace; --dry-run reads every definition.
    let port = ports::free();
    let (_, names) = call(rest, "GET", "/connectors/", None);
    assert!(!names.as_array().unwrap().contains(&json!("k")));
    let valid = with(config(port), "name", "k");
    let (status, checked) =
        call(rest, "PUT", &format!("/connector-plugins/{CLASS}/config/validate"), Some(&valid));
    assert_eq!((status, checked["error_count"].as_u64()), (200, Some(0)), "{checked}");
    assert!(checked["configs"].as_array().unwrap().iter().all(|entry| entry["definition"].is_object()));
    let create = json!({"name": "k", "config": valid});
    assert_eq!(call(rest, "POST", "/connectors/", Some(&create)).0, 201);
    let (status, refused) =
        call(rest, "PUT", "/connectors/k/config", Some(&with(valid.clone(), "connector.class", "X")));
    let message = refused["message"].as_str().unwrap();
    assert!(
        status == 400 && message.starts_with("Failed to find any class that implements Connector"),
        "{message}"
    );
    wait(rest, "/connectors/k/status", "RUNNING", |_, body| states(body) == ("RUNNING", vec!["RUNNING"]));

    // get connectors, describe
    let (_, all) = call(rest, "GET", "/connectors?expand=info&expand=status", None);
    assert_eq!(all["k"]["info"]["type"], "source");
    assert_eq!(all["k"]["status"]["type"], "source");
    let (_, topics) = call(rest, "GET", "/connectors/k/topics", None);
    assert!(topics["k"]["topics"].is_array());
    assert_eq!(
        call(rest, "GET", "/connectors/k/tasks", None).1[0]["id"],
        json!({"connector": "k", "task": 0})
    );

    for (verb, expected, state, tasks) in [
        ("pause", 202, "PAUSED", vec!["PAUSED"]),
        ("resume", 202, "RUNNING", vec!["RUNNING"]),
        ("stop", 204, "STOPPED", vec![]),
    ] {
        assert_eq!(call(rest, "PUT", &format!("/connectors/k/{verb}"), None).0, expected, "{verb}");
        wait(rest, "/connectors/k/status", state, |_, body| states(body) == (state, tasks.clone()));
    }
    assert_eq!(call(rest, "DELETE", "/connectors/k/offsets", None).0, 200);
    let level = json!({"level": "DEBUG"});
    assert_eq!(call(rest, "PUT", "/admin/loggers/sink", Some(&level)), (200, json!(["sink"])));
    assert_eq!(call(rest, "DELETE", "/connectors/k", None).0, 204);
    assert_eq!(call(rest, "GET", "/connectors/k", None).0, 404);
}

#[test]
fn terraform_polls_until_it_sees_what_it_wrote() {
    let server = server().start();
    let rest = server.rest;
    let wanted = with(with(config(ports::free()), "name", "tf"), "kafka.topic.traces", "a-topic");
    let create = json!({"name": "tf", "config": wanted});
    assert_eq!(call(rest, "POST", "/connectors", Some(&create)).0, 201);
    wait(rest, "/connectors/tf", "it is there", |status, _| status == 200);
    // As many keys as were written, each with the text that was written.
    let same = |wanted: &Value| {
        let wanted = wanted.clone();
        move |status: u16, body: &Value| status == 200 && *body == wanted
    };
    wait(rest, "/connectors/tf/config", "the pairs are those that were written", same(&wanted));
    let changed = with(wanted, "kafka.topic.traces", "another-topic");
    assert_eq!(call(rest, "PUT", "/connectors/tf/config", Some(&changed)).0, 200);
    wait(rest, "/connectors/tf/config", "the pairs are the changed ones", same(&changed));
    // go-kafka-connect takes the states for strings only.
    wait(rest, "/connectors/tf/status", "RUNNING", |_, body| states(body).0 == "RUNNING");
    let (_, status) = call(rest, "GET", "/connectors/tf/status", None);
    let part: BTreeMap<String, String> = serde_json::from_value(status["connector"].clone()).unwrap();
    assert_eq!(part["state"], "RUNNING");
    assert_eq!(call(rest, "DELETE", "/connectors/tf", None).0, 204);
    wait(rest, "/connectors/tf", "it is gone", |status, _| status == 404);
}

#[test]
fn strimzi_reconciles() {
    let server = server().start();
    let rest = server.rest;
    let path = "/connectors/src%2D%3Edst";
    let (_, plugins) = call(rest, "GET", "/connector-plugins", None);
    assert!(plugins.as_array().unwrap().iter().any(|one| one["class"] == CLASS && one["type"] == "source"));
    // Not there: created in the state that the resource asks for.
    assert_eq!(call(rest, "GET", &format!("{path}/config"), None).0, 404);
    let wanted = with(with(config(ports::free()), "name", "src->dst"), "tasks.max", "1");
    let create = json!({"name": "src->dst", "config": wanted, "initial_state": "STOPPED"});
    assert_eq!(call(rest, "POST", "/connectors", Some(&create)).0, 201);
    wait(rest, &format!("{path}/status"), "STOPPED", |_, body| states(body) == ("STOPPED", vec![]));
    assert_eq!(call(rest, "PUT", &format!("{path}/resume"), None).0, 202);
    wait(rest, &format!("{path}/status"), "RUNNING", |_, body| states(body) == ("RUNNING", vec!["RUNNING"]));
    // There and equal: nothing to do. There and different: replaced.
    assert_eq!(call(rest, "GET", &format!("{path}/config"), None).1, wanted);
    let changed = with(wanted, "otlp.message.format", "protobuf");
    assert_eq!(call(rest, "PUT", &format!("{path}/config"), Some(&changed)).0, 200);
    assert_eq!(call(rest, "GET", &format!("{path}/config"), None).1, changed);
    let (_, topics) = call(rest, "GET", &format!("{path}/topics"), None);
    assert!(topics["src->dst"]["topics"].is_array(), "{topics}");
    // Restarts by annotation, and its log levels.
    let restart = format!("{path}/restart?includeTasks=true&onlyFailed=true");
    assert_eq!(call(rest, "POST", &restart, None).0, 202);
    assert_eq!(call(rest, "POST", &format!("{path}/tasks/0/restart"), None).0, 204);
    assert!(call(rest, "GET", "/admin/loggers/", None).1["root"]["level"].is_string());
    let level = json!({"level": "WARN"});
    assert_eq!(call(rest, "PUT", "/admin/loggers/root?scope=cluster", Some(&level)).0, 204);
    assert_eq!(call(rest, "DELETE", path, None).0, 204);
    wait(rest, &format!("{path}/status"), "gone", |status, _| status == 404);
    let (_, left) = call(rest, "GET", "/connectors", None);
    assert_eq!(left, json!(["otlp-source"]));
}

#[test]
fn a_client_from_pypi_manages_a_connector() {
    let server = server().start();
    python("manage.py", &[&format!("http://{}", server.rest), &ports::free().to_string()]);
}

/// Every operation of `docs/openapi.yaml` with what its generator makes of it.
#[test]
fn answers_are_what_the_description_says_whatever_is_sent() {
    let server = server().start();
    let description = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.yaml");
    python("describe.py", &[&format!("http://{}", server.rest), &description.display().to_string()]);
    assert_eq!(http::get(server.rest, "/livez").unwrap().status, 200);
}

#[test]
fn tls_client_certificates_and_users_protect_the_calls() {
    let stores = stores::folder();
    let users = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(users.path(), "ann: s3cret\n").unwrap();
    let tls = SocketAddr::from((std::net::Ipv4Addr::LOCALHOST, ports::free()));
    let store = |name: &str| stores.join(name).display().to_string();
    // What the test kit waits on is a listener without TLS.
    let plain = ports::free();
    let server = server()
        .option("listeners", format!("https://{tls}"))
        .option("admin.listeners", format!("http://127.0.0.1:{plain}"))
        .option("listeners.https.ssl.keystore.location", store("server.p12"))
        .option("listeners.https.ssl.keystore.password", stores::PASSWORD)
        .option("listeners.https.ssl.truststore.location", store("ca-trust.jks"))
        .option("listeners.https.ssl.truststore.password", stores::PASSWORD)
        .option("listeners.https.ssl.client.auth", "required")
        .option(
            "rest.extension.classes",
            "org.apache.kafka.connect.rest.basic.auth.extension.BasicAuthSecurityRestExtension",
        )
        .option("rest.basic.auth.users.path", users.path().display())
        .rest(SocketAddr::from((std::net::Ipv4Addr::LOCALHOST, plain)))
        .start();
    assert_eq!(http::get(server.rest, "/connectors").unwrap().status, 404);
    assert_eq!(http::get(server.rest, "/admin/loggers").unwrap().status, 401);
    python("protected.py", &[&format!("https://{tls}"), &store("ca.pem"), &store("client.pem")]);
}
