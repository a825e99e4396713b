//! Builds the server and the load client for speed, and runs the table of figures.

use std::fs;

use anyhow::Result;

use crate::{kafka, shell};

/// `FILTER` picks the rows whose name contains it; keys go to the servers.
pub(crate) fn main(args: &[String]) -> Result<()> {
    kafka::fetch()?;
    let build = ["build", "--release", "--bin"];
    shell::run("cargo", &[&build[..], &["otlp2kafka", "--features", "null-sink"]].concat())?;
    let built = shell::root().join("target/release/otlp2kafka");
    fs::copy(&built, built.with_file_name("otlp2kafka-null-sink"))?;
    shell::run("cargo", &[&build[..], &["otlp2kafka", "--features", "librdkafka"]].concat())?;
    fs::copy(&built, built.with_file_name("otlp2kafka-librdkafka"))?;
    shell::run("cargo", &[&build[..], &["otlp2kafka"]].concat())?;
    shell::run("cargo", &[&build[..], &["bench", "--package", "otlp2kafka-testkit"]].concat())?;
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    shell::run("target/release/bench", &args)
}
