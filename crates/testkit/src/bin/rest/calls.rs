//! Each kind of call at rest: how long it takes, and how long a changed connector takes to be in force.

use std::fs::{self, File};
use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use otlp::Signal;
use serde_json::{Value, json};
use testkit::{http, payload, ports};

use crate::worker::{CLASS, FIRST, Rest, Stage, config};
use crate::{median, say};

/// The connector that is made, changed and deleted.
const NAME: &str = "bench";
const PROTOBUF: &str = "application/x-protobuf";
/// Topics that updates go round.
const TOPICS: usize = 5;

/// Durations in the order in which their kinds were first seen.
#[derive(Default)]
struct Times(Vec<(String, Vec<Duration>)>);

impl Times {
    fn add(&mut self, what: &str, took: Duration) {
        match self.0.iter_mut().find(|(known, _)| known == what) {
            Some((_, times)) => times.push(took),
            None => self.0.push((what.to_owned(), vec![took])),
        }
    }

    fn table(&self) {
        say("| call | calls | median ms | max ms |\n|---|---|---|---|");
        for (what, times) in &self.0 {
            let millis: Vec<f64> = times.iter().map(|took| took.as_secs_f64() * 1e3).collect();
            let max = millis.iter().copied().fold(0.0, f64::max);
            say(&format!("| {what} | {} | {:.2} | {max:.2} |", times.len(), median(millis)));
        }
    }
}

/// `count` calls of each kind, each kind once in every round; every second round over one connection.
pub(crate) fn measure(stage: &Stage, count: usize) -> Result<()> {
    let server = stage.server();
    let port = ports::free();
    let (mut calls, mut in_force) = (Times::default(), Times::default());
    // The first ones make topics and load what is loaded once.
    for topic in 0..TOPICS {
        let mut warm_up = Rest::new(server.rest);
        warm_up.succeed("PUT", &format!("/connectors/{NAME}/config"), Some(&changed(port, topic, "json")))?;
        warm_up.wait_for(NAME, "RUNNING")?;
    }
    Rest::new(server.rest).succeed("DELETE", &format!("/connectors/{NAME}"), None)?;
    for round in 0..count {
        let mut rest = if round % 2 == 0 { Rest::new(server.rest) } else { Rest::kept(server.rest)? };
        reads(&mut rest, &mut calls)?;
        changes(&mut rest, (round, port), &mut calls, &mut in_force)?;
    }
    let mut disk = Times::default();
    disk_alone(count, &mut disk)?;
    say("\n## At rest\n\nEvery second call over a connection that is kept.\n");
    calls.table();
    say("\nOf it, what a changed definition costs on this disk, measured without a server:\n");
    disk.table();
    say("\nFrom the call until the status says that it is in force:\n");
    in_force.table();
    Ok(())
}

/// A definition written aside, synced, renamed, and its folder synced.
fn disk_alone(count: usize, times: &mut Times) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (aside, path) = (folder.path().join("aside"), folder.path().join("definition"));
    for _ in 0..count {
        let start = Instant::now();
        let mut file = File::create(&aside)?;
        file.write_all(&[b'x'; 600])?;
        file.sync_all()?;
        fs::rename(&aside, &path)?;
        File::open(folder.path())?.sync_all()?;
        times.add("write, sync, rename, sync", start.elapsed());
    }
    Ok(())
}

fn reads(rest: &mut Rest, calls: &mut Times) -> Result<()> {
    let connector = format!("/connectors/{FIRST}");
    let plugin = format!("/connector-plugins/{CLASS}/config");
    let gets = [
        "/",
        "/health",
        "/livez",
        "/readyz",
        "/metrics",
        "/connectors",
        "/connectors?expand=info&expand=status",
        &connector,
        &format!("{connector}/config"),
        &format!("{connector}/status"),
        &format!("{connector}/tasks"),
        &format!("{connector}/tasks/0/status"),
        &format!("{connector}/topics"),
        &format!("{connector}/offsets"),
        "/connector-plugins",
        &plugin,
        "/admin/loggers",
        "/admin/loggers/sink",
    ];
    for path in gets {
        let shown = path.replace(CLASS, "CLASS").replace(FIRST, "NAME");
        calls.add(&format!("`GET {shown}`"), rest.succeed("GET", path, None)?);
    }
    let pairs = config("other", "http", 4318, &json!({}));
    let took = rest.succeed("PUT", &format!("{plugin}/validate"), Some(&pairs))?;
    calls.add("`PUT /connector-plugins/CLASS/config/validate`", took);
    let took = rest.succeed("PUT", "/admin/loggers/sink", Some(&json!({"level": "INFO"})))?;
    calls.add("`PUT /admin/loggers/sink`", took);
    Ok(())
}

/// From creation to deletion.
fn changes(
    rest: &mut Rest,
    (round, port): (usize, u16),
    calls: &mut Times,
    in_force: &mut Times,
) -> Result<()> {
    let path = |rest: &str| format!("/connectors/{NAME}{rest}");
    let body_of_export = payload::wire(Signal::Logs, 1, 1);
    let mut step = |what: &str, method: &str, path: &str, body: Option<&Value>, state: &str| {
        let start = Instant::now();
        calls.add(what, rest.succeed(method, path, body)?);
        if !state.is_empty() {
            rest.wait_for(NAME, state)?;
            in_force.add(what, start.elapsed());
        }
        if state == "RUNNING" {
            // Nothing is under way any more when this is stored.
            let answer = http::post(([127, 0, 0, 1], port).into(), "/v1/logs", PROTOBUF, &body_of_export)?;
            ensure!(answer.status == 200, "{what}: an export was answered {}", answer.status);
        }
        anyhow::Ok(())
    };
    let put = path("/config");
    let new = format!("bench-new-{round}-{port}");
    let first = changed(port, round, "json");
    let create = json!({"name": NAME, "config": first});
    step("`POST /connectors`", "POST", "/connectors", Some(&create), "RUNNING")?;
    let format = changed(port, round, "protobuf");
    step("`PUT …/config`: format", "PUT", &put, Some(&format), "RUNNING")?;
    let mut queue = format.clone();
    queue["otlp.message.queue.size"] = json!("777");
    step("`PUT …/config`: queue size", "PUT", &put, Some(&queue), "RUNNING")?;
    let topic = changed(port, round + 1, "protobuf");
    step("`PUT …/config`: another topic", "PUT", &put, Some(&topic), "RUNNING")?;
    let missing = json!({"kafka.topic.logs": new});
    step("`PATCH …/config`: a topic to be created", "PATCH", &put, Some(&missing), "RUNNING")?;
    step("`PUT …/config`: nothing new", "PUT", &put, Some(&with_topic(&topic, &new)), "RUNNING")?;
    step("`PUT …/pause`", "PUT", &path("/pause"), None, "PAUSED")?;
    step("`PUT …/resume`", "PUT", &path("/resume"), None, "RUNNING")?;
    step("`POST …/restart`", "POST", &path("/restart"), None, "RUNNING")?;
    let restart = path("/restart?includeTasks=true");
    step("`POST …/restart?includeTasks=true`", "POST", &restart, None, "RUNNING")?;
    step("`POST …/tasks/0/restart`", "POST", &path("/tasks/0/restart"), None, "RUNNING")?;
    step("`PUT …/stop`", "PUT", &path("/stop"), None, "STOPPED")?;
    step("`DELETE …/offsets`", "DELETE", &path("/offsets"), None, "")?;
    step("`PUT …/resume` after a stop", "PUT", &path("/resume"), None, "RUNNING")?;
    step("`PUT …/topics/reset`", "PUT", &path("/topics/reset"), None, "")?;
    step("`DELETE …`", "DELETE", &path(""), None, "")
}

fn changed(port: u16, topic: usize, format: &str) -> Value {
    let topic = format!("bench-{}", topic % TOPICS);
    config(NAME, "http", port, &json!({"kafka.topic.logs": topic, "otlp.message.format": format}))
}

fn with_topic(config: &Value, topic: &str) -> Value {
    let mut config = config.clone();
    config["kafka.topic.logs"] = topic.into();
    config
}
