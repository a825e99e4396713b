//! What the control plane costs the data plane: exports alone, and during calls, scrapes and updates in place.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use hdrhistogram::Histogram;
use otlp::Signal;
use serde_json::{Value, json};
use testkit::load::{self, Figures, Load, Watch};
use testkit::server::Server;

use crate::worker::{CLASS, FIRST, Rest, Stage};
use crate::{median, say};

/// Of each half of a pair.
const LENGTH: Duration = Duration::from_secs(7);
/// Updates in place in the disturbed half, evenly over it.
const UPDATES: u32 = 50;
/// Other calls a second.
const CALLS_A_SECOND: u32 = 100;
/// Scrapes of `/metrics` a second: as a hundred Prometheus servers at their default would.
const SCRAPES_A_SECOND: u32 = 7;
const TOPICS: u32 = 5;

/// One half of a pair.
struct Half {
    figures: Figures,
    rest: Vec<(&'static str, Paced)>,
}

/// Calls at a pace.
struct Paced {
    made: u64,
    failed: u64,
    /// Microseconds.
    latency: Histogram<u64>,
}

/// The exports that are looked at.
pub(crate) fn exports(pace: u32, length: Duration) -> Load {
    Load {
        http: false,
        signal: Signal::Logs,
        items: 20,
        connections: 4,
        streams: 4,
        pace: Some(pace),
        warmup: Duration::from_millis(500),
        length,
    }
}

/// Pairs that take turns in who begins.
pub(crate) fn measure(stage: &Stage, pairs: usize, length: Option<Duration>) -> Result<()> {
    let server = stage.server();
    let load = exports(1000, length.unwrap_or(LENGTH));
    for number in 0..TOPICS {
        let mut rest = Rest::new(server.rest);
        rest.succeed("PUT", &format!("/connectors/{FIRST}/config"), Some(&update(&server, number)))?;
        rest.wait_for(FIRST, "RUNNING")?;
    }
    // Java compiles what it does most.
    load::run(&Load { length: Duration::from_secs(4), ..load.clone() }, server.grpc, &watch(&server))?;
    say(&format!(
        "\n## Exports under {CALLS_A_SECOND} calls and {SCRAPES_A_SECOND} scrapes a second and {UPDATES} updates in {:?}\n\n\
         {} exports/s of {} log records over {} connections, gRPC.\n\n\
         | pair | p50 ms alone | disturbed | p99 ms alone | disturbed | ratio | p99.9 ms alone | disturbed | failed |\n\
         |---|---|---|---|---|---|---|---|---|",
        load.length,
        load.pace.unwrap_or(0),
        load.items,
        load.connections
    ));
    let (mut ratios, mut failed, mut calls) = (Vec::new(), 0, Vec::new());
    for pair in 0..pairs {
        let (alone, disturbed) = if pair % 2 == 0 {
            let alone = half(&server, &load, false, pair)?;
            (alone, half(&server, &load, true, pair)?)
        } else {
            let disturbed = half(&server, &load, true, pair)?;
            (half(&server, &load, false, pair)?, disturbed)
        };
        let at = |half: &Half, quantile: f64| millis(&half.figures.latency, quantile);
        let ratio = at(&disturbed, 0.99) / at(&alone, 0.99);
        let failed_here = alone.figures.failed + disturbed.figures.failed;
        say(&format!(
            "| {pair} | {:.2} | {:.2} | {:.2} | {:.2} | {ratio:.2} | {:.2} | {:.2} | {failed_here} |",
            at(&alone, 0.5),
            at(&disturbed, 0.5),
            at(&alone, 0.99),
            at(&disturbed, 0.99),
            at(&alone, 0.999),
            at(&disturbed, 0.999),
        ));
        ratios.push(ratio);
        failed += failed_here;
        calls.extend(disturbed.rest);
    }
    say(&format!("\nmedian of the ratios of p99: {:.2}; failed exports: {failed}\n", median(ratios)));
    totals(&calls)
}

/// What the calls themselves took.
fn totals(calls: &[(&'static str, Paced)]) -> Result<()> {
    say("| call under load | made | failed | p50 ms | p99 ms | max ms |\n|---|---|---|---|---|---|");
    for what in ["calls", "scrapes", "updates"] {
        let mut total = paced()?;
        for (_, paced) in calls.iter().filter(|(name, _)| *name == what) {
            total.made += paced.made;
            total.failed += paced.failed;
            total.latency.add(&paced.latency)?;
        }
        let at = |quantile| millis(&total.latency, quantile);
        say(&format!(
            "| {what} | {} | {} | {:.2} | {:.2} | {:.2} |",
            total.made,
            total.failed,
            at(0.5),
            at(0.99),
            at(1.0)
        ));
    }
    Ok(())
}

fn half(server: &Server, load: &Load, disturbed: bool, pair: usize) -> Result<Half> {
    if !disturbed {
        return Ok(Half { figures: load::run(load, server.grpc, &watch(server))?, rest: Vec::new() });
    }
    let stop = AtomicBool::new(false);
    let rest = server.rest;
    let read = reads();
    let update = |number: u32| {
        let number = number + u32::try_from(pair).unwrap_or(0) * UPDATES;
        ("PUT", format!("/connectors/{FIRST}/config"), Some(update(server, number)))
    };
    let read = |number: u32| {
        let read = &read[number as usize % read.len()];
        (read.0, read.1.clone(), read.2.clone())
    };
    let scrape = |_| ("GET", "/metrics".to_owned(), None);
    let pause = Duration::from_secs(1);
    std::thread::scope(|scope| {
        let calls = scope.spawn(|| at_a_pace(rest, pause / CALLS_A_SECOND, &stop, read));
        let scrapes = scope.spawn(|| at_a_pace(rest, pause / SCRAPES_A_SECOND, &stop, scrape));
        let updates = scope.spawn(|| at_a_pace(rest, (load.warmup + load.length) / UPDATES, &stop, update));
        let figures = load::run(load, server.grpc, &watch(server));
        stop.store(true, Ordering::Relaxed);
        let all = [("calls", calls), ("scrapes", scrapes), ("updates", updates)];
        let mut rest = Vec::new();
        for (what, thread) in all {
            rest.push((what, thread.join().map_err(|_| anyhow::anyhow!("{what} panicked"))??));
        }
        Ok(Half { figures: figures?, rest })
    })
}

/// Calls over one connection until they are to stop.
fn at_a_pace(
    addr: SocketAddr,
    every: Duration,
    stop: &AtomicBool,
    call: impl Fn(u32) -> (&'static str, String, Option<Value>),
) -> Result<Paced> {
    let mut rest = Rest::kept(addr)?;
    let mut paced = paced()?;
    let mut due = Instant::now();
    for number in 0.. {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        due += every;
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let (method, path, body) = call(number);
        let (answer, took) = rest.call(method, &path, body.as_ref())?;
        paced.made += 1;
        paced.failed += u64::from(answer.status >= 300);
        paced.latency.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }
    Ok(paced)
}

fn paced() -> Result<Paced> {
    Ok(Paced { made: 0, failed: 0, latency: Histogram::new_with_bounds(1, 60_000_000, 3)? })
}

/// What dashboards, scripts and operators ask for.
fn reads() -> Vec<(&'static str, String, Option<Value>)> {
    let connector = format!("/connectors/{FIRST}");
    let pairs = json!({"name": "other", "connector.class": CLASS});
    vec![
        ("GET", "/connectors?expand=info&expand=status".to_owned(), None),
        ("GET", connector.clone(), None),
        ("GET", format!("{connector}/status"), None),
        ("GET", format!("{connector}/config"), None),
        ("GET", format!("{connector}/topics"), None),
        ("GET", format!("{connector}/offsets"), None),
        ("GET", "/connector-plugins".to_owned(), None),
        ("PUT", format!("/connector-plugins/{CLASS}/config/validate"), Some(pairs)),
        ("GET", "/admin/loggers".to_owned(), None),
        ("GET", "/readyz".to_owned(), None),
    ]
}

/// The first connector's pairs: another topic, format and queue size each time.
fn update(server: &Server, number: u32) -> Value {
    json!({
        "name": FIRST,
        "connector.class": CLASS,
        "otlp.grpc.port": server.grpc.port().to_string(),
        "otlp.http.port": server.http.port().to_string(),
        "otlp.bind.address": "127.0.0.1",
        "kafka.topic.logs": format!("updates-{}", number % TOPICS),
        "otlp.message.format": if number.is_multiple_of(2) { "json" } else { "protobuf" },
        "otlp.message.queue.size": (10_000 + number).to_string(),
    })
}

pub(crate) fn watch(server: &Server) -> Watch<'static> {
    Watch { server: server.pid(), brokers: &[], count: &|| 0 }
}

/// A quantile of microseconds.
pub(crate) fn millis(latency: &Histogram<u64>, quantile: f64) -> f64 {
    let micros = u32::try_from(latency.value_at_quantile(quantile)).unwrap_or(u32::MAX);
    f64::from(micros) / 1e3
}
