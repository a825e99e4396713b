//! Fuzzing of what decodes bytes of others: builds the targets with coverage counters, runs them, and tells how far they
//! came. `fuzz/Cargo.toml` says what a new target needs.

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::shell;

const KAFKA: [&str; 12] = [
    "kafka_messages",
    "kafka_batches",
    "kafka_records",
    "kafka_frames",
    "kafka_views",
    "decompress",
    "sasl",
    "tokens",
    "jaas",
    "java_security",
    "key_stores",
    "certificates",
];
const REST: [&str; 1] = ["rest"];
const OTLP: [&str; 6] =
    ["otlp_scan", "otlp_json", "otlp_otlp_json", "otlp_read", "otlp_split", "otlp_divide"];
pub(crate) const MANIFEST: &str = "fuzz/Cargo.toml";
/// What `cargo fuzz` gives the compiler as well, without the sanitizers that only an unstable one has.
const FLAGS: &str = "--cfg=fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";
/// An input that takes longer than 10 s, or 1 GiB, is a finding.
const BOUNDS: [&str; 3] = ["-timeout=10", "-rss_limit_mb=1024", "-print_final_stats=1"];
/// Of each target of Kafka and of REST in `cargo xtask ci`, always the same ones: a second or two, and less of what
/// derives keys or sets up TLS.
const SMOKE: [&str; 3] = ["-seed=1", "-runs=50000", "-max_total_time=10"];
/// Of each target of OTLP there.
const SMOKE_OTLP: [&str; 2] = ["-seed=1", "-max_total_time=30"];
/// Targets of OTLP that the smoke runs side by side: one for each core of a small machine.
const SIDE_BY_SIDE: usize = 2;
const SECONDS: u64 = 60;
/// Authorities in place of the system's own: reading those would take most of the time of what sets up TLS.
const AUTHORITIES: &str = "fuzz/corpus/key_stores/authority.pem";
/// Inputs that a run found worth going on with, and the next one begins with.
const GROWN: &str = "fuzz/target/corpus";

/// `[TARGET] [--seconds N]`: a target, or each, for so long. `seeds`: writes `fuzz/corpus` anew. `smoke`:
/// what `cargo xtask ci` runs.
pub(crate) fn main(args: &[String]) -> Result<()> {
    let mut seconds = SECONDS;
    let mut chosen: Vec<&str> = Vec::new();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--seconds" => seconds = args.next().context("--seconds of how many?")?.parse()?,
            "seeds" => return seeds(),
            "smoke" => return smoke(),
            name => chosen.push(targets().find(|target| *target == name).with_context(|| {
                let all: Vec<_> = targets().collect();
                format!("no target {name:?}; there are {}, `seeds` and `smoke`", all.join(", "))
            })?),
        }
    }
    let targets = if chosen.is_empty() { targets().collect() } else { chosen };
    let built = build(&targets)?;
    let limit = format!("-max_total_time={seconds}");
    targets.iter().try_for_each(|target| run(&built, target, GROWN, &[&limit]))
}

fn targets() -> impl Iterator<Item = &'static str> {
    KAFKA.into_iter().chain(REST).chain(OTLP)
}

/// The seeds and some mutations of them: some thousand for Kafka and REST, and half a minute's for OTLP, two targets at a time.
pub(crate) fn smoke() -> Result<()> {
    let built = build(&targets().collect::<Vec<_>>())?;
    let grown = "fuzz/target/smoke";
    // What earlier runs found would make this one another.
    match fs::remove_dir_all(shell::root().join(grown)) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
        _ => KAFKA.iter().chain(&REST).try_for_each(|target| run(&built, target, grown, &SMOKE))?,
    }
    let waiting = Mutex::new(OTLP.iter());
    let work = || {
        let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
        while let Some(target) = next() {
            run(&built, target, grown, &SMOKE_OTLP)?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..SIDE_BY_SIDE).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().unwrap_or_else(|_| bail!("a worker panicked")))
    })
}

fn seeds() -> Result<()> {
    let built = build(&["seeds"])?;
    shell::run(&format!("{built}/seeds"), &[])
}

/// Builds these and gives their folder. With `--target`, the flags are not those of build scripts.
fn build(bins: &[&str]) -> Result<String> {
    let version = shell::command("rustc", &["-vV"]).output()?;
    let version = String::from_utf8(version.stdout)?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc has a host")?;
    let mut command = shell::command("cargo", &["build", "--quiet", "--release"]);
    command.args(["--manifest-path", MANIFEST, "--target", host]).env("RUSTFLAGS", FLAGS);
    for bin in bins {
        command.args(["--bin", bin]);
    }
    shell::run_command(&mut command)?;
    Ok(format!("fuzz/target/{host}/release"))
}

/// Runs a target. What it finds goes to `fuzz/artifacts`, inputs worth going on with below `grown`.
fn run(built: &str, target: &str, grown: &str, limits: &[&str]) -> Result<()> {
    let found = format!("fuzz/artifacts/{target}/");
    let grown = format!("{grown}/{target}");
    for folder in [&found, &grown] {
        fs::create_dir_all(shell::root().join(folder))?;
    }
    let mut command = shell::command(&format!("{built}/{target}"), &BOUNDS);
    // Mutations of short inputs find more, and a request of a kilobyte has all that a longer one has.
    command.arg(if OTLP.contains(&target) { "-max_len=1024" } else { "-max_len=4096" });
    command.args(limits).arg(format!("-artifact_prefix={found}")).arg(grown);
    command.arg(format!("fuzz/corpus/{target}")).env("SSL_CERT_FILE", AUTHORITIES);
    let started = Instant::now();
    let said = finished(&mut command, target)?;
    let seconds = started.elapsed().as_secs_f64();
    let stat = |name: &str| -> Result<u32> {
        let line = said.iter().find_map(|line| line.strip_prefix("stat::")?.strip_prefix(name));
        Ok(line.with_context(|| format!("{target} tells no {name}"))?.trim().parse()?)
    };
    let (runs, memory) = (stat("number_of_executed_units:")?, stat("peak_rss_mb:")?);
    let rate = f64::from(runs) / seconds;
    shell::say(&format!("fuzz {target}: {runs} executions, {rate:.0} a second, {memory} MiB at most"));
    Ok(())
}

/// What it said; passed on when it failed.
fn finished(command: &mut Command, target: &str) -> Result<Vec<String>> {
    /// Of the last lines, which tell what was found.
    const KEPT_LINES: usize = 200;
    let mut child = command.stderr(Stdio::piped()).spawn()?;
    let output = child.stderr.take().context("the output is piped")?;
    let mut said = Vec::new();
    for line in BufReader::new(output).split(b'\n') {
        said.push(String::from_utf8_lossy(&line?).into_owned());
        if said.len() > 2 * KEPT_LINES {
            said.drain(..KEPT_LINES);
        }
    }
    let status = child.wait()?;
    if !status.success() {
        said.iter().for_each(|line| shell::say(line));
        bail!("fuzz target {target} ended with {status}; the input is in fuzz/artifacts/{target}");
    }
    Ok(said)
}
