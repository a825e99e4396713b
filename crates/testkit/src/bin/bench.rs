//! The table of figures: server CPU a request over the time in which prost decodes it, latency, memory.
//!
//! Machines differ, and one machine from minute to minute; so each row stands beside a yardstick of the
//! same seconds, and the sinks take turns within a row.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use otlp::Signal;
use prost::Message;
use testkit::kafka::Kafka;
use testkit::load::{self, Figures, Load};
use testkit::server::{Builder, Server};
use testkit::{payload, process};

/// Rounds of each row; `rounds=N` says otherwise.
const ROUNDS: usize = 3;

struct Row {
    name: &'static str,
    format: &'static str,
    load: Load,
    /// The most that server CPU may be of the yardstick, by the project's own goals.
    goal: Option<f64>,
}

fn row(
    name: &'static str,
    format: &'static str,
    shape: (Signal, usize),
    ways: (usize, usize),
    goal: f64,
) -> Row {
    let load = Load {
        http: name.contains("HTTP"),
        signal: shape.0,
        items: shape.1,
        connections: ways.0,
        streams: ways.1,
        warmup: Duration::from_secs(1),
        length: Duration::from_secs(4),
    };
    Row { name, format, load, goal: (goal > 0.0).then_some(goal) }
}

fn rows() -> Vec<Row> {
    let (logs, traces, metrics, one) =
        ((Signal::Logs, 1000), (Signal::Traces, 100), (Signal::Metrics, 100), (Signal::Traces, 1));
    vec![
        row("logs 1000", "protobuf", logs, (4, 4), 0.95),
        row("logs 1000", "json", logs, (4, 4), 1.7),
        row("traces 100", "protobuf", traces, (8, 4), 0.6),
        row("traces 100", "json", traces, (8, 4), 1.0),
        row("traces 1", "protobuf", one, (8, 16), 6.0),
        row("traces 1", "json", one, (8, 16), 6.0),
        row("metrics 100", "protobuf", metrics, (8, 4), 0.0),
        row("metrics 100", "json", metrics, (8, 4), 0.0),
        row("traces 100 HTTP", "json", traces, (32, 1), 0.0),
        row("traces 100, one connection", "json", traces, (1, 32), 0.0),
        row("traces 1, one at a time", "json", one, (1, 1), 0.0),
    ]
}

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let filter = args.next().unwrap_or_default();
    let mut options: Vec<(String, String)> = args
        .filter_map(|arg| arg.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned())))
        .collect();
    let rounds = options.iter().position(|(key, _)| key == "rounds").map(|at| options.remove(at).1);
    let rounds = rounds.map_or(Ok(ROUNDS), |text| text.parse())?;
    let program = std::env::current_exe()?.with_file_name("otlp2kafka");
    let kafka = Kafka::start();
    say(&format!("rounds {rounds}, interleaved; medians; CPU of the server process alone; {}", machine()));
    say(
        "| load | format | sink | yardstick µs | CPU µs/request | CPU/yardstick | goal | CPU s/M items | items/core s | p50 ms | p99 ms | RSS MiB | broker CPU µs/request | failed |",
    );
    say("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|");
    for row in rows().iter().filter(|row| format!("{} {}", row.name, row.format).contains(&filter)) {
        measure(row, &program, &options, (&kafka, rounds))?;
    }
    Ok(())
}

fn measure(row: &Row, program: &Path, options: &[(String, String)], against: (&Kafka, usize)) -> Result<()> {
    let (kafka, rounds) = against;
    let null_sink = program.with_file_name("otlp2kafka-null-sink");
    let start_with = |program: &Path, more: &[(&str, &str)], embedded: bool| -> Server {
        let builder = Builder::new(program).option("otlp.message.format", row.format);
        let builder = options.iter().fold(builder, |builder, (key, value)| builder.option(key, value));
        let builder = more.iter().fold(builder, |builder, (key, value)| builder.option(key, value));
        let server = if embedded { builder.start() } else { builder.kafka(&kafka.bootstrap).start() };
        server.wait_until_ready();
        server
    };
    let start = |program: &Path, embedded: bool| start_with(program, &[], embedded);
    let library = program.with_file_name("otlp2kafka-librdkafka");
    let mut servers = vec![("Kafka", start(program, false)), ("null", start(&null_sink, false))];
    servers.insert(1, ("librdkafka", start_with(&library, &[("producer.client", "librdkafka")], false)));
    if row.load.connections * row.load.streams == 1 {
        servers.push(("embedded", start(program, true)));
    }
    let mut figures: Vec<Vec<Figures>> = vec![Vec::new(); servers.len()];
    let mut yardsticks = Vec::new();
    for _ in 0..rounds {
        for ((_, server), figures) in servers.iter().zip(&mut figures) {
            let addr = if row.load.http { server.http } else { server.grpc };
            figures.push(load::run(&row.load, addr, server.pid(), kafka.pid())?);
            yardsticks.push(yardstick(&row.load));
        }
    }
    let yardstick = median(yardsticks);
    for ((sink, _), figures) in servers.iter().zip(&figures) {
        print(row, sink, yardstick, figures);
    }
    Ok(())
}

fn print(row: &Row, sink: &str, yardstick: f64, figures: &[Figures]) {
    let of = |value: &dyn Fn(&Figures) -> f64| median(figures.iter().map(value).collect());
    let requests = |figures: &Figures| f64::from(u32::try_from(figures.requests).unwrap_or(u32::MAX));
    let items = f64::from(u32::try_from(row.load.items).unwrap_or(u32::MAX));
    let cpu = of(&|f| f.server_cpu.as_secs_f64() * 1e6 / requests(f));
    let broker = of(&|f| f.broker_cpu.as_secs_f64() * 1e6 / requests(f));
    let quantile =
        |q: f64| of(&|f| f64::from(u32::try_from(f.latency.value_at_quantile(q)).unwrap_or(u32::MAX)) / 1e3);
    let mib = of(&|f| f64::from(u32::try_from(f.resident_bytes >> 20).unwrap_or(u32::MAX)));
    let failed: u64 = figures.iter().map(|figures| figures.failed).sum();
    let goal = row.goal.filter(|_| sink == "Kafka").map_or_else(String::new, |goal| format!("≤ {goal}"));
    say(&format!(
        "| {} | {} | {sink} | {yardstick:.1} | {cpu:.1} | {:.2} | {goal} | {:.2} | {:.0} | {:.2} | {:.2} | {mib:.0} | {broker:.1} | {failed} |",
        row.name,
        row.format,
        cpu / yardstick,
        cpu / items,
        items * 1e6 / cpu,
        quantile(0.5),
        quantile(0.99),
    ));
}

/// CPU microseconds in which prost decodes one request of this load, on this thread, with the system's allocator.
fn yardstick(load: &Load) -> f64 {
    const TIME: Duration = Duration::from_millis(300);
    let bodies: Vec<Vec<u8>> = (0..16).map(|seed| payload::wire(load.signal, load.items, seed)).collect();
    let (start, cpu) = (Instant::now(), process::cpu(std::process::id()));
    let mut decoded = 0_u32;
    while start.elapsed() < TIME {
        for body in &bodies {
            decode(load.signal, body);
            decoded += 1;
        }
    }
    let spent = process::cpu(std::process::id()).saturating_sub(cpu).as_secs_f64();
    spent * 1e6 / f64::from(decoded)
}

fn decode(signal: Signal, body: &[u8]) {
    match signal {
        Signal::Traces => drop(std::hint::black_box(ExportTraceServiceRequest::decode(body))),
        Signal::Metrics => drop(std::hint::black_box(ExportMetricsServiceRequest::decode(body))),
        Signal::Logs | Signal::Profiles => drop(std::hint::black_box(ExportLogsServiceRequest::decode(body))),
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn machine() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .unwrap_or("")
        .trim_start_matches(['\t', ' ', ':']);
    let cores = cpu.lines().filter(|line| line.starts_with("processor")).count();
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!("{cores} × {model}, load {}", load.split(' ').next().unwrap_or(""))
}

#[expect(clippy::print_stdout, reason = "the table is the program's output")]
fn say(line: &str) {
    println!("{line}");
}
