//! Updates in place under load: nothing fails, and each record goes where the configuration of its time says.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use otlp::Signal;
use serde_json::{Value, json};
use testkit::grpc::{Client, Options};
use testkit::{consume, http, payload};

use crate::{block_on, server};

const UPDATES: usize = 50;
const TOPICS: usize = 5;
const CLIENTS: u64 = 3;

/// One export that was answered with success.
struct Export {
    number: u64,
    sent: Instant,
    answered: Instant,
}

/// One update: asked for, and in force according to the status.
struct Update {
    asked: Instant,
    done: Instant,
    topic: String,
    json: bool,
}

#[test]
fn fifty_updates_fail_no_export_and_misplace_no_record() {
    let server = server().start();
    server.wait_until_ready();
    let update = |number: usize| {
        let (topic, json) = (format!("logs-{}", number % TOPICS), number.is_multiple_of(2));
        let asked = Instant::now();
        let config = json!({
            "connector.class": "OpenTelemetrySource",
            "name": "otlp-source",
            "kafka.topic.logs": topic,
            "otlp.message.format": if json { "json" } else { "protobuf" },
            "otlp.message.queue.size": (1000 + number).to_string(),
        });
        let answer = http::request(
            server.rest,
            "PUT",
            "/connectors/otlp-source/config",
            &[("content-type", "application/json")],
            config.to_string().as_bytes(),
        );
        assert_eq!(answer.unwrap().status, 200);
        wait_until_in_force(server.rest);
        Update { asked, done: Instant::now(), topic, json }
    };
    let mut updates = vec![update(0)];
    let stop = Arc::new(AtomicBool::new(false));
    let number = Arc::new(AtomicU64::new(1));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (stop, number, addr) = (Arc::clone(&stop), Arc::clone(&number), server.grpc);
            std::thread::spawn(move || block_on(export_until(&stop, &number, addr)))
        })
        .collect();
    for update_number in 1..=UPDATES {
        let before = number.load(Ordering::Relaxed);
        testkit::process::wait_for("exports between updates", Duration::from_secs(30), || {
            number.load(Ordering::Relaxed) > before + 3 * CLIENTS
        });
        updates.push(update(update_number));
    }
    stop.store(true, Ordering::Relaxed);
    let exports: Vec<Export> = clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
    let mut stored: BTreeMap<u64, (String, bool)> = BTreeMap::new();
    for topic in (0..TOPICS).map(|topic| format!("logs-{topic}")) {
        for record in consume::all(&server.bootstrap, &topic) {
            let number = payload::stamped(&record.value).expect("each record has its number");
            let twice = stored.insert(number, (topic.clone(), record.value.first() == Some(&b'{')));
            assert!(twice.is_none(), "{number} is stored twice");
        }
    }
    let mut sure = 0;
    for export in &exports {
        let (topic, json) = stored.get(&export.number).expect("what was acknowledged is stored");
        let last = updates.iter().rposition(|update| update.done <= export.sent).expect("the first update");
        let next = updates[last + 1..].iter().take_while(|update| update.asked < export.answered);
        let fits = |update: &Update| update.topic == *topic && update.json == *json;
        assert!(
            fits(&updates[last]) || next.clone().any(fits),
            "{} is in {topic}, and belongs in {}",
            export.number,
            updates[last].topic
        );
        sure += usize::from(next.count() == 0);
    }
    println!("{UPDATES} updates, {} exports, 0 failed, {sure} sent between two updates", exports.len());
    assert!(sure > UPDATES, "too few exports between the updates: {sure}");
    let metrics = http::get(server.rest, "/metrics").unwrap().text();
    assert!(metrics.contains(r#"otlp2kafka_records_stored_total{connector="otlp-source",signal="logs"}"#));
    assert!(!metrics.contains("otlp2kafka_refusals_total{"), "{metrics}");
}

/// Until then the former configuration serves, and the status says so from the answer on.
fn wait_until_in_force(rest: std::net::SocketAddr) {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let answer = http::get(rest, "/connectors/otlp-source/status").unwrap();
        let status: Value = serde_json::from_slice(&answer.body).unwrap();
        match status["tasks"][0]["state"].as_str() {
            Some("RUNNING") => return,
            Some("UNASSIGNED") => assert!(Instant::now() < end, "{status}"),
            _ => panic!("{status}"),
        }
    }
}

async fn export_until(stop: &AtomicBool, number: &AtomicU64, addr: std::net::SocketAddr) -> Vec<Export> {
    let mut wire = payload::wire(Signal::Logs, 5, 1);
    let mark = payload::mark_position(&wire);
    // One connection throughout: no update closes it.
    let client = Client::connect(addr).await.unwrap();
    let mut exports = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let this = number.fetch_add(1, Ordering::Relaxed);
        payload::stamp(&mut wire, mark, this);
        let sent = Instant::now();
        let answer = client.call(Signal::Logs.grpc_path(), &wire, &Options::default()).await.unwrap();
        assert_eq!(answer.status, Some(0), "export {this} failed: {answer:?}");
        exports.push(Export { number: this, sent, answered: Instant::now() });
    }
    exports
}
