//! Builds the server and the campaign of faults, and runs it.

use anyhow::Result;

use crate::{kafka, shell};

/// The arguments are the campaign's.
pub(crate) fn main(args: &[String]) -> Result<()> {
    kafka::fetch()?;
    shell::run("cargo", &["build", "--profile", "optimised", "--bin", "otlp2kafka"])?;
    shell::run(
        "cargo",
        &["build", "--profile", "optimised", "--bin", "faults", "--package", "otlp2kafka-testkit"],
    )?;
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    shell::run("target/optimised/faults", &args)
}
