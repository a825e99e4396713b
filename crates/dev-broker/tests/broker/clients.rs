//! Kafka clients that are not ours: librdkafka through confluent-kafka, and kafka-python.

use std::path::Path;
use std::process::Command;

use crate::process::Process;

#[test]
fn python_clients_do_all_that_they_offer() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = folder.join("../../target/python/bin/python");
    assert!(python.exists(), "no Python clients here; run `cargo xtask test` once");
    let data = tempfile::tempdir().unwrap();
    let broker = Process::start(data.path());
    let checks = folder.join("tests/clients/checks.py");
    let output = Command::new(python).arg(checks).arg(broker.addr.to_string()).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
}
