//! All tests with all their real parts, and the count of them.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use anyhow::{Context, Result, bail};

use crate::{kafka, oracles, python, shell};

/// What reads bytes of the network is tested as it ships as well: rustc 1.95 miscompiles an inlined comparison
/// whose result is both added and branched on, from opt-level 2 on.
const OPTIMISED: [&str; 5] = ["test", "--profile", "optimised", "--lib", "--no-fail-fast"];
const PARSERS: [&str; 12] = [
    "-p",
    "otlp2kafka-otlp",
    "-p",
    "otlp2kafka-kafka-wire",
    "-p",
    "otlp2kafka-kafka-client",
    "-p",
    "otlp2kafka-pipeline",
    "-p",
    "otlp2kafka-receiver",
    "-p",
    "otlp2kafka-dev-broker",
];

/// What is only in builds that ask for it.
const LIBRDKAFKA: [&str; 7] =
    ["test", "--package", "otlp2kafka-sink", "--features", "librdkafka", "--lib", "--no-fail-fast"];

/// Tests that passed and failed.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Count {
    passed: u64,
    failed: u64,
}

/// Fetches what the tests need, runs them all and prints the count as its last line.
pub(crate) fn main() -> Result<()> {
    kafka::fetch()?;
    oracles::fetch()?;
    python::prepare()?;
    shell::run("cargo", &["build", "--quiet", "--workspace", "--all-targets"])?;
    let mut count = Count::default();
    let all = counted("cargo", &["test", "--workspace", "--no-fail-fast"], &mut count);
    let librdkafka = counted("cargo", &LIBRDKAFKA, &mut count);
    let optimised = counted("cargo", &[&OPTIMISED[..], &PARSERS[..]].concat(), &mut count);
    shell::say(&format!("{} passed, {} failed", count.passed, count.failed));
    all?;
    librdkafka?;
    optimised?;
    if count.passed == 0 || count.failed > 0 {
        bail!("{count:?}");
    }
    Ok(())
}

/// Runs it, passes its output on, and adds up the closing lines of the test binaries.
fn counted(program: &str, args: &[&str], count: &mut Count) -> Result<()> {
    let mut child = shell::command(program, args).stdout(Stdio::piped()).spawn()?;
    let output = child.stdout.take().context("the output is piped")?;
    for line in BufReader::new(output).lines() {
        let line = line?;
        shell::say(&line);
        if let Some(result) = line.strip_prefix("test result: ") {
            count.passed += number_before(result, " passed");
            count.failed += number_before(result, " failed");
        }
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("`{program} {}` ended with {status}", args.join(" "));
    }
    Ok(())
}

fn number_before(line: &str, word: &str) -> u64 {
    let head = line.split(word).next().unwrap_or("");
    head.rsplit(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closing_line_of_a_test_binary_is_read() {
        let line = "ok. 12 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s";
        assert_eq!((number_before(line, " passed"), number_before(line, " failed")), (12, 3));
        assert_eq!(number_before("nothing", " passed"), 0);
    }
}
