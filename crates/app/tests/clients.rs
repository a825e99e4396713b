//! Clients that are not ours: protobuf's and gRPC's own libraries, the OpenTelemetry SDK, Kafka clients.

use std::path::Path;
use std::process::Command;

use otlp::{Limits, Signal, scan};
use testkit::consume;
use testkit::kafka::{self, Kafka};
use testkit::server::Server;

use crate::server;

/// Runs a script of `tests/clients` and shows what it printed when it fails.
pub(crate) fn python(script: &str, args: &[&str]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = folder.join("../../target/python/bin/python");
    assert!(python.exists(), "no Python clients here; run `cargo xtask test` once");
    let output =
        Command::new(python).arg(folder.join("tests/clients").join(script)).args(args).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{script} {args:?}\n{out}\n{err}");
    print!("{out}");
}

fn matrix(format: &str, server: &Server) {
    let (grpc, http) = (server.grpc.port().to_string(), server.http.port().to_string());
    python("matrix.py", &[format, &grpc, &http, &server.bootstrap]);
}

fn on_real_kafka(format: &str) -> (std::sync::Arc<Kafka>, Server) {
    let kafka = Kafka::shared();
    let server = server().kafka(&kafka.bootstrap).option("otlp.message.format", format).start();
    server.wait_until_ready();
    (kafka, server)
}

// The formats on one Kafka write to the same topics, so they take turns.
#[test]
fn every_transport_signal_and_format_arrives_in_apache_kafka_as_it_was_sent() {
    for format in ["json", "otlp_json", "protobuf"] {
        let (_kafka, server) = on_real_kafka(format);
        matrix(format, &server);
    }
}

#[test]
fn every_transport_signal_and_format_arrives_in_the_embedded_broker_as_it_was_sent() {
    for format in ["json", "otlp_json", "protobuf"] {
        let server = server().option("otlp.message.format", format).start();
        server.wait_until_ready();
        matrix(format, &server);
    }
}

#[test]
fn the_java_client_works_on_the_embedded_broker() {
    const RECORDS: &str = "500";
    let server = server().start();
    server.wait_until_ready();
    let run = |class: &str, args: &[&str]| {
        let output =
            kafka::tool(class).args(["--bootstrap-server", &server.bootstrap]).args(args).output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{class} {args:?}\n{out}\n{err}");
        out.into_owned()
    };
    let topics = run("org.apache.kafka.tools.TopicCommand", &["--list"]);
    assert!(topics.contains("otlp-traces"), "{topics}");
    let produced =
        run("org.apache.kafka.tools.VerifiableProducer", &["--topic", "java", "--max-messages", RECORDS]);
    assert!(produced.contains(r#""acked":500"#), "{produced}");
    let group = ["--topic", "java", "--group", "java", "--from-beginning", "--timeout-ms", "20000"];
    let consumer = "org.apache.kafka.tools.consumer.ConsoleConsumer";
    let consumed = run(consumer, &[&group[..], &["--max-messages", "300"]].concat());
    assert_eq!(consumed.lines().count(), 300);
    // The group goes on where it stopped.
    let consumed = run(consumer, &[&group[..], &["--max-messages", "200"]].concat());
    assert_eq!(consumed.lines().count(), 200);
    let described =
        run("org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", &["--describe", "--group", "java"]);
    assert!(described.contains("java"), "{described}");
}

#[test]
fn the_python_sdk_exports_all_three_signals() {
    const ITEMS: u64 = 700;
    for transport in ["grpc", "http"] {
        let server = server().option("otlp.message.format", "protobuf").start();
        server.wait_until_ready();
        let port = if transport == "grpc" { server.grpc.port() } else { server.http.port() };
        python("sdk.py", &[transport, &port.to_string(), &ITEMS.to_string()]);
        for signal in [Signal::Traces, Signal::Metrics, Signal::Logs] {
            let records = consume::all(&server.bootstrap, &format!("otlp-{}", signal.name()));
            let items: u64 = records
                .iter()
                .map(|record| {
                    scan::scan(signal, &record.value, &Limits { elements: u64::MAX }).unwrap().items
                })
                .sum();
            assert!(items >= ITEMS, "{transport} {signal:?}: {items} of {ITEMS}");
        }
    }
}
