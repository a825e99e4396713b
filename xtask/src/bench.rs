//! Builds the server and the load client for speed, and runs the table of figures.

use anyhow::Result;

use crate::{kafka, shell};

/// `FILTER` picks the rows whose name contains it.
pub(crate) fn main(args: &[String]) -> Result<()> {
    kafka::fetch()?;
    let packages = ["--package", "otlp2kafka", "--package", "otlp2kafka-testkit"];
    shell::run("cargo", &[&["build", "--release", "--bins"], &packages[..]].concat())?;
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    shell::run("target/release/bench", &args)
}
