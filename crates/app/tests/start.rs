//! A start that fails says in one line which key it was and what to do.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};

use testkit::{http, ports};

use crate::{program, server};

fn run(folder: &Path, args: &[&str]) -> Output {
    Command::new(program()).args(args).current_dir(folder).output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_taken_port_is_one_line_with_its_key() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for key in ["otlp.grpc.port", "otlp.http.port", "dev.broker.port", "listeners"] {
        let folder = tempfile::tempdir().unwrap();
        let mut args = Vec::new();
        for other in ["otlp.grpc.port", "otlp.http.port", "dev.broker.port", "listeners"] {
            let value = if other == key { port.clone() } else { ports::free().to_string() };
            let value = if other == "listeners" { format!("http://127.0.0.1:{value}") } else { value };
            args.extend(["-o".to_owned(), format!("{other}={value}")]);
        }
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let output = run(folder.path(), &args);
        let text = said(&output);
        assert_eq!(output.status.code(), Some(1), "{key}: {text}");
        let lines: Vec<&str> =
            text.lines().filter(|line| line.contains(key) && line.contains(&port)).collect();
        assert_eq!(lines.len(), 1, "{key}:\n{text}");
    }
}

#[test]
fn all_mistakes_are_reported_at_once_with_exit_code_64() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["-o", "otlp.grcp.port=4317", "-o", "otlp.http.port=0", "-o", "otlp.message.format=xml"];
    let output = run(folder.path(), &args);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(64), "{text}");
    for word in ["otlp.grcp.port", "otlp.grpc.port", "otlp.http.port", "at least 1", "json, protobuf"] {
        assert!(text.contains(word), "{word} is not in:\n{text}");
    }
}

#[test]
fn a_converter_that_we_do_not_have_and_a_missing_file_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["-o", "value.converter=io.confluent.connect.avro.AvroConverter"]);
    assert_eq!(output.status.code(), Some(64), "{}", said(&output));
    assert!(said(&output).contains("AvroConverter"), "{}", said(&output));
    let output = run(folder.path(), &["missing.properties"]);
    assert_eq!(output.status.code(), Some(64), "{}", said(&output));
    assert!(said(&output).contains("missing.properties"), "{}", said(&output));
}

#[test]
fn worker_and_connector_files_are_taken_as_connect_standalone_takes_them() {
    let folder = tempfile::tempdir().unwrap();
    let (grpc, otlp_http, rest, broker) = (ports::free(), ports::free(), ports::free(), ports::free());
    let worker = format!(
        "listeners=http://127.0.0.1:{rest}\ndev.broker.port : {broker}\n\
         key.converter=org.apache.kafka.connect.storage.StringConverter\n\
         value.converter=org.apache.kafka.connect.storage.StringConverter\n\
         offset.storage.file.filename=connect.offsets\n"
    );
    let connector = format!(
        r#"{{"name":"from-a-file","config":{{"connector.class":"io.conduktor.connect.otel.OpenTelemetrySourceConnector",
        "tasks.max":"1","otlp.grpc.port":"{grpc}","otlp.http.port":{otlp_http},"otlp.bind.address":"127.0.0.1",
        "kafka.topic.traces":"elsewhere"}}}}"#
    );
    std::fs::write(folder.path().join("worker.properties"), worker).unwrap();
    std::fs::write(folder.path().join("connector.json"), connector).unwrap();
    let mut child = Command::new(program())
        .args(["worker.properties", "connector.json"])
        .current_dir(folder.path())
        .spawn()
        .unwrap();
    let rest = std::net::SocketAddr::from(([127, 0, 0, 1], rest));
    testkit::process::wait_for("the connector is RUNNING", std::time::Duration::from_secs(30), || {
        assert!(child.try_wait().unwrap().is_none());
        http::get(rest, "/connectors/from-a-file/status")
            .is_ok_and(|answer| answer.text().contains(r#""state":"RUNNING""#))
    });
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn check_says_whether_kafka_is_there() {
    let server = server().start();
    server.wait_until_ready();
    let folder = tempfile::tempdir().unwrap();
    let there = format!("bootstrap.servers={}", server.bootstrap);
    let output = run(folder.path(), &["check", "-o", &there]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("otlp-traces"), "{}", said(&output));
    let output = run(folder.path(), &["check", "-o", "bootstrap.servers=127.0.0.1:1"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("127.0.0.1:1"), "{}", said(&output));
}
