//! Kill the program while connectors are made, changed and deleted: each is what it was before or after.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};
use testkit::http;

use crate::server;

/// A release record makes 200: `OTLP2KAFKA_TEST_REST_KILLS=200`.
const KILLS: u32 = 12;
const NAMES: [&str; 4] = ["plain", "Mixed Case", "../../escape", "ünï/code"];
const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

/// What a connector is, as far as this test changes it; `None`: it is not there.
type Is = Option<(String, String)>;

/// What there is according to the answers, and what the change in flight would make of it.
#[derive(Debug, Default)]
struct Known {
    is: BTreeMap<&'static str, Is>,
    in_flight: Option<(&'static str, Is)>,
}

#[test]
fn definitions_are_old_or_new_after_sigkill() {
    let kills = option_env!("OTLP2KAFKA_TEST_REST_KILLS").map_or(KILLS, |text| text.parse().unwrap());
    let seed = fastrand::u64(..);
    let mut random = fastrand::Rng::with_seed(seed);
    let data = tempfile::tempdir().unwrap();
    let known = Mutex::new(Known::default());
    let mut changes = 0_u64;
    for round in 0..=kills {
        // Kafka need not be there for connectors to be kept.
        let mut server = server().data(data.path()).kafka("127.0.0.1:1").start();
        compare(server.rest, &mut known.lock().unwrap(), &format!("seed {seed}, round {round}"));
        if round == kills {
            break;
        }
        let rest = server.rest;
        let wait = Duration::from_micros(random.u64(..60_000));
        let changer_seed = random.u64(..);
        changes += std::thread::scope(|scope| {
            let changer = scope.spawn(|| change_until_it_fails(rest, &known, changer_seed));
            std::thread::sleep(wait);
            server.kill();
            changer.join().unwrap()
        });
    }
    println!("{kills} kills, {changes} changes answered, seed {seed}");
    no_file_elsewhere(data.path());
}

/// What is there after a restart is what was answered; of the change that was in flight, before or after.
fn compare(rest: SocketAddr, known: &mut Known, context: &str) {
    let answer = http::get(rest, "/connectors?expand=info&expand=status").unwrap();
    let all: BTreeMap<String, Value> = serde_json::from_slice(&answer.body).unwrap();
    let in_flight = known.in_flight.take();
    for name in NAMES {
        let found: Is = all.get(name).map(|one| {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let config = &one["info"]["config"];
            assert_eq!(config["name"], name);
            (text(&config["kafka.topic.traces"]), text(&one["status"]["connector"]["state"]))
        });
        let before = known.is.get(name).cloned().flatten();
        let after = in_flight.iter().find(|(changed, _)| *changed == name).map(|(_, is)| is.clone());
        assert!(
            found == before || Some(&found) == after.as_ref(),
            "{context}: {name} is {found:?}, and was {before:?} or {after:?}"
        );
        known.is.insert(name, found);
    }
    let expected = known.is.values().flatten().count() + 1;
    assert_eq!(all.len(), expected, "{context}: {:?}", all.keys());
}

fn change_until_it_fails(rest: SocketAddr, known: &Mutex<Known>, seed: u64) -> u64 {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut answered = 0;
    for turn in 0_u64.. {
        let name = NAMES[random.usize(..NAMES.len())];
        let path = format!("/connectors/{}", percent(name));
        let topic = format!("topic-{seed:x}-{turn}");
        let now = known.lock().unwrap().is.get(name).cloned().flatten();
        let config = json!({"name": name, "connector.class": "OpenTelemetrySource", "kafka.topic.traces": topic,
            "otlp.grpc.port": "1", "otlp.bind.address": "192.0.2.1", "otlp.http.enabled": "false"});
        let (method, path, body, is) = match (&now, random.u8(..4)) {
            (None, _) => {
                let body = json!({"name": name, "config": config, "initial_state": "STOPPED"});
                ("POST", "/connectors".to_owned(), body.to_string(), Some((topic, "STOPPED".to_owned())))
            }
            (Some(_), 0) => ("DELETE", path, String::new(), None),
            (Some((_, state)), 1 | 2) => {
                ("PUT", format!("{path}/config"), config.to_string(), Some((topic, state.clone())))
            }
            (Some((topic, state)), _) => {
                let (call, to) = if state == "STOPPED" { ("pause", "PAUSED") } else { ("stop", "STOPPED") };
                ("PUT", format!("{path}/{call}"), String::new(), Some((topic.clone(), to.to_owned())))
            }
        };
        known.lock().unwrap().in_flight = Some((name, is.clone()));
        let Ok(answer) = http::request(rest, method, &path, &JSON, body.as_bytes()) else { break };
        assert!(answer.status < 300, "{method} {path}: {} {}", answer.status, answer.text());
        let mut known = known.lock().unwrap();
        known.in_flight = None;
        known.is.insert(name, is);
        answered += 1;
    }
    answered
}

fn percent(name: &str) -> String {
    name.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn no_file_elsewhere(data: &Path) {
    let names = |path: &Path| -> Vec<String> {
        let entries = std::fs::read_dir(path).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    assert_eq!(names(data), ["connectors"]);
    for name in names(&data.join("connectors")) {
        assert!(name.ends_with(".json"), "{name}");
    }
}
