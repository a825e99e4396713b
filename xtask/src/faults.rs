//! Builds the server and the campaign of faults, and runs it.

use anyhow::Result;

use crate::{kafka, shell};

/// The arguments are the campaign's. The server is built as it is fast; what loads it costs little either way, and its
/// other build is there from the tests.
pub(crate) fn main(args: &[String]) -> Result<()> {
    kafka::fetch()?;
    shell::run("cargo", &["build", "--profile", "optimised", "--bin", "otlp2kafka"])?;
    shell::run("cargo", &["build", "--bin", "faults", "--package", "otlp2kafka-testkit"])?;
    let program = ["--program", "target/optimised/otlp2kafka"];
    let args: Vec<&str> = program.into_iter().chain(args.iter().map(String::as_str)).collect();
    shell::run("target/debug/faults", &args)
}
