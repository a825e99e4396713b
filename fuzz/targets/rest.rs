//! Fuzzing: bodies of REST calls. A refusal is in Connect's shape and has changed nothing; what is done is what another
//! parser reads in the body, and nothing else.
//!
//! The first byte chooses the call; the rest is its body.
#![no_main]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use admin::fuzzing::Calls;
use admin::{
    Command, Connector, Done, Pairs, Part, Plugin, Problem, Publisher, Refusal, Requests, RunState, Snapshot,
    Target, commands, connectors,
};
use bytes::Bytes;
use config::{Importance, Key, Kind, Unit};
use http::Request;
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};
use tokio::runtime::{Builder, Runtime};

/// `a` is in service, `s` is stopped, and there is no `b`.
const CALLS: [(&str, &str); 9] = [
    ("POST", "/connectors"),
    ("PUT", "/connectors/a/config"),
    ("PUT", "/connectors/b/config"),
    ("PATCH", "/connectors/a/config"),
    ("PATCH", "/connectors/b/config"),
    ("PATCH", "/connectors/s/offsets"),
    ("PATCH", "/connectors/a/offsets"),
    ("PUT", "/connector-plugins/SomeSource/config/validate"),
    ("PUT", "/admin/loggers/sink"),
];

static NAME: Key = key("name", Kind::NonEmpty);
static CLASS: Key = key("connector.class", Kind::OneOf(&["org.example.SomeSource"]));
static SWITCH: Key = key("some.switch", Kind::Bool);
static PORT: Key = key("some.port", Kind::Int { min: 1, max: 65535, unit: Unit::Port });
static WORDS: Key = key("some.words", Kind::List);
static SECRET: Key = key("some.secret", Kind::Password);

const fn key(name: &'static str, kind: Kind) -> Key {
    Key { name, kind, default: None, importance: Importance::High, group: "Group", doc: "A key." }
}

thread_local! {
    static WORKER: Worker = Worker::start();
}

fuzz_target!(|input: &[u8]| {
    let Some((call, body)) = input.split_first() else { return };
    let call = usize::from(*call) % CALLS.len();
    WORKER.with(|worker| worker.check(call, body));
});

struct Worker {
    runtime: Runtime,
    calls: Calls,
    publisher: Arc<Publisher>,
    done: Arc<Mutex<Vec<Command>>>,
}

impl Worker {
    fn start() -> Self {
        let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
        let (publisher, seen) = connectors();
        let (commands, requests) = commands();
        let (publisher, done) = (Arc::new(publisher), Arc::default());
        runtime.spawn(work(requests, Arc::clone(&publisher), Arc::clone(&done)));
        Self { runtime, calls: Calls::new(plugin(), seen, commands), publisher, done }
    }

    fn check(&self, call: usize, body: &[u8]) {
        self.publisher.now().connectors.keys().for_each(|name| self.publisher.remove(name));
        for (name, target) in [("a", Target::Started), ("s", Target::Stopped)] {
            let pairs = [("name", name), ("connector.class", "SomeSource"), ("some.port", "1")];
            let pairs = pairs.map(|(key, value)| (key.to_owned(), value.to_owned()));
            self.publisher.publish(name, connector(pairs.into(), target));
        }
        let before = self.publisher.now();
        let (method, path) = CALLS[call];
        let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
        let request = request.body(Bytes::copy_from_slice(body)).expect("a request");
        let (head, answer) = self.runtime.block_on(self.calls.answer(request));
        let after = self.publisher.now();
        let done = std::mem::take(&mut *self.done.lock().unwrap_or_else(PoisonError::into_inner));
        let said: Value = serde_json::from_slice(&answer).expect("an answer is JSON");
        assert_eq!(head.headers["content-type"], "application/json");
        if !head.status.is_success() {
            assert!([400, 404, 409].contains(&head.status.as_u16()), "{head:?}");
            let members = said.as_object().expect("an error is an object");
            assert!(members.keys().eq(["error_code", "message"]), "{said}");
            assert_eq!(members["error_code"], head.status.as_u16());
            assert!(members["message"].as_str().is_some_and(|message| !message.is_empty()));
            assert!(done.is_empty() && after == before, "{done:?} was done, and refused");
            return;
        }
        // The call's parser takes numbers for text, and this one judges their size; and where nobody wants a string, half
        // of a surrogate pair among its escapes is as good as any other (RFC 8259, 8.2).
        let text = std::str::from_utf8(body).expect("what was taken is UTF-8");
        let about = |error: &serde_json::Error, what: &str| error.to_string().contains(what);
        let sent: Value = match serde_json::from_str(text) {
            Err(error) if about(&error, "out of range") || about(&error, "hex escape") => return,
            Err(error) if about(&error, "invalid unicode code point") => return,
            sent => sent.expect("what was taken is JSON"),
        };
        let sent = sent.as_object().expect("what was taken is an object");
        match path {
            "/admin/loggers/sink" => assert!(done.is_empty() && sent.contains_key("level")),
            "/connector-plugins/SomeSource/config/validate" => {
                assert!(done.is_empty());
                let configs = said["configs"].as_array().expect("configs");
                let errors = |config: &Value| config["value"]["errors"].as_array().expect("errors").len();
                assert_eq!(said["error_count"], configs.iter().map(errors).sum::<usize>());
            }
            _ => {
                let [command] = &done[..] else { panic!("not one command: {done:?}") };
                changed(command, sent, head.status.as_u16(), &before, &after);
            }
        }
    }
}

/// The one thing that was done is what was asked for.
fn changed(command: &Command, sent: &Map<String, Value>, status: u16, before: &Snapshot, after: &Snapshot) {
    let others = |name: &str, all: &Snapshot| {
        all.connectors
            .iter()
            .filter(|(one, _)| *one != name)
            .map(|(_, one)| Arc::clone(one))
            .collect::<Vec<_>>()
    };
    let name = match command {
        Command::Create { name, config, initial } => {
            assert_eq!((status, before.connectors.contains_key(name)), (201, false));
            let asked = &sent["name"];
            assert!(asked.as_str().map_or_else(|| is_text_of(name, asked), |asked| asked.trim() == name));
            let state = sent.get("initial_state").and_then(Value::as_str);
            assert_eq!(state.map_or(Some(Target::Started), Target::of_initial_state), Some(*initial));
            same(config, sent["config"].as_object().expect("a config"), name);
            name
        }
        Command::PutConfig { name, config } => {
            assert_eq!(status == 201, !before.connectors.contains_key(name));
            // Flat, or within `config`.
            let wrapped = sent.get("config").and_then(Value::as_object);
            same(config, wrapped.unwrap_or(sent), name);
            name
        }
        Command::PatchConfig { name, changes } => {
            let texts = changes.iter().filter_map(|(key, value)| Some((key.clone(), value.clone()?)));
            same(&texts.collect(), sent, name);
            let nulls = sent.iter().filter(|(key, value)| value.is_null() && *key != "name");
            let nulls: BTreeSet<_> = nulls.map(|(key, _)| key).collect();
            assert!(changes.iter().filter(|(_, value)| value.is_none()).map(|(key, _)| key).eq(nulls));
            name
        }
        Command::AlterOffsets { name, offsets } => {
            let told = Value::Array(offsets.iter().map(|offset| serde_json::json!(offset)).collect());
            let asked = sent["offsets"].as_array().expect("offsets");
            for (told, asked) in told.as_array().expect("a list").iter().zip(asked) {
                assert_eq!(told["partition"], asked["partition"]);
                assert_eq!(told["offset"], *asked.get("offset").unwrap_or(&Value::Null));
            }
            assert_eq!(offsets.len(), asked.len());
            name
        }
        other => panic!("{other:?} was not asked for"),
    };
    assert_eq!(others(name, before), others(name, after));
}

/// The pairs are the members of the object, as text.
fn same(pairs: &Pairs, object: &Map<String, Value>, name: &str) {
    for (key, text) in pairs.iter().filter(|(key, _)| *key != "name") {
        assert!(is_text_of(text, &object[key]), "{key} is {text:?}");
    }
    assert!(pairs.get("name").is_none_or(|given| given == name));
    let given = object.iter().filter(|(key, value)| *key != "name" && !value.is_null());
    assert_eq!(given.count(), pairs.keys().filter(|key| *key != "name").count());
}

fn is_text_of(text: &str, value: &Value) -> bool {
    match value {
        Value::Number(number) => text.parse::<f64>().is_ok_and(|parsed| Some(parsed) == number.as_f64()),
        Value::String(string) => text == string,
        Value::Bool(bool) => text == bool.to_string(),
        _ => false,
    }
}

/// Obeys, and keeps what it has obeyed.
async fn work(mut requests: Requests, publisher: Arc<Publisher>, done: Arc<Mutex<Vec<Command>>>) {
    while let Some(request) = requests.next().await {
        let command = request.command.clone();
        let answer = obey(command.clone(), &publisher);
        if answer.is_ok() {
            done.lock().unwrap_or_else(PoisonError::into_inner).push(command);
        }
        request.answer(answer);
    }
}

fn obey(command: Command, publisher: &Publisher) -> Result<Done, Refusal> {
    let all = publisher.now();
    let valid = |config: &Pairs| match problems(config) {
        found if found.is_empty() => Ok(()),
        found => Err(Refusal::Invalid(found)),
    };
    match command {
        Command::Create { name, config, initial } => {
            valid(&config)?;
            if all.connectors.contains_key(&name) {
                return Err(Refusal::Exists);
            }
            publisher.publish(&name, connector(config, initial));
            Ok(Done::Created)
        }
        Command::PutConfig { name, config } => {
            valid(&config)?;
            let known = all.connectors.get(&name).map(|known| known.target);
            publisher.publish(&name, connector(config, known.unwrap_or_default()));
            Ok(if known.is_some() { Done::Updated } else { Done::Created })
        }
        Command::PatchConfig { name, changes } => {
            let known = all.connectors.get(&name).ok_or(Refusal::Missing)?;
            let kept = known.config.iter().filter(|(key, _)| !changes.contains_key(*key));
            let kept = kept.map(|(key, value)| (key.clone(), value.clone()));
            let new = changes.iter().filter_map(|(key, value)| Some((key.clone(), value.clone()?)));
            let config = kept.chain(new).collect();
            valid(&config)?;
            publisher.publish(&name, connector(config, known.target));
            Ok(Done::Updated)
        }
        Command::AlterOffsets { name, .. } => match all.connectors.get(&name).map(|known| known.target) {
            Some(Target::Stopped) => Ok(Done::Accepted),
            Some(_) => Err(Refusal::NotStopped),
            None => Err(Refusal::Missing),
        },
        other => panic!("{other:?} was not asked for"),
    }
}

fn connector(config: Pairs, target: Target) -> Connector {
    let part = Part { state: RunState::Running, worker_id: "worker.example:8083".into() };
    Connector { config, target, part, tasks: Vec::new(), topics: BTreeSet::new() }
}

fn problems(pairs: &BTreeMap<String, String>) -> Vec<Problem> {
    let (_, found) = config::parse(&[&SWITCH, &PORT, &WORDS, &SECRET], pairs);
    let shown = |problem: config::Problem| Problem {
        message: problem.to_string(),
        value: pairs.get(&problem.key).cloned(),
        key: problem.key,
    };
    found.into_iter().map(shown).collect()
}

fn plugin() -> Plugin {
    Plugin {
        class: "org.example.SomeSource",
        task_class: "org.example.SomeTask",
        aliases: &["SomeSource"],
        version: "1.0",
        keys: vec![&SWITCH, &PORT, &WORDS, &SECRET],
        framework_keys: vec![&NAME, &CLASS],
        converters: &[],
        header_converters: &[],
        client_property: |_| None,
        validate: Arc::new(problems),
    }
}
