//! Builds for speed and runs a table of figures: of the server under load, of REST calls, or of the codec beside others.

use std::fs;

use anyhow::Result;

use crate::{codegen, kafka, shell};

/// The codec's bench: a workspace of its own, so that nothing else waits for the contenders.
pub(crate) const MANIFEST: &str = "bench/Cargo.toml";

/// `codec`: the codec's table; `rest`: that of REST calls. Else the server's: `FILTER` picks the rows whose name and format
/// contain it; `only=NAME,NAME` picks servers; `rounds=N` and
/// `seconds=N` make it longer or shorter; other keys go to the servers.
pub(crate) fn main(args: &[String]) -> Result<()> {
    match args.split_first() {
        Some((first, rest)) if first == "codec" => codec(rest),
        Some((first, others)) if first == "rest" => rest(others),
        _ => server(args),
    }
}

/// With `--ours` without the contenders, which take minutes to build.
fn codec(args: &[String]) -> Result<()> {
    let (ours, args): (Vec<_>, Vec<_>) = args.iter().partition(|arg| *arg == "--ours");
    let mut command = shell::command("cargo", &["run", "--release", "--manifest-path", MANIFEST]);
    if ours.is_empty() {
        let descriptors = shell::root().join(codegen::DESCRIPTORS);
        codegen::main(&["--descriptors".to_owned()])?;
        command.env("OTLP_DESCRIPTORS", descriptors).args(["--features", "contenders"]);
    }
    shell::run_command(command.arg("--").args(args))
}

/// What `cargo xtask ci` does for it: our part builds, and its lints are clean.
pub(crate) fn check() -> Result<()> {
    let clippy =
        ["clippy", "--quiet", "--manifest-path", MANIFEST, "--target-dir", "target", "--all-targets"];
    shell::run("cargo", &[&clippy[..], &["--", "-D", "warnings"]].concat())
}

/// The arguments are the program's: parts of it, and how long each takes. The server is built as it is fast; what
/// loads it costs little either way, and its other build is there from the tests.
fn rest(args: &[String]) -> Result<()> {
    kafka::fetch()?;
    shell::run("cargo", &["build", "--profile", "optimised", "--bin", "otlp2kafka"])?;
    shell::run("cargo", &["build", "--bin", "rest", "--package", "otlp2kafka-testkit"])?;
    let args = args.iter().map(String::as_str);
    let args: Vec<&str> = ["program=target/optimised/otlp2kafka"].into_iter().chain(args).collect();
    shell::run("target/debug/rest", &args)
}

fn server(args: &[String]) -> Result<()> {
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
