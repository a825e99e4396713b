//! The campaign of faults as a program: `faults [--kills N] [--seed S] …`; it fails when anything is lost.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use testkit::campaign::{self, Campaign, Fault};
use testkit::kafka::Version;

const FAULTS: [(&str, Fault, usize); 5] = [
    ("--kills", Fault::Kill, 100),
    ("--pauses", Fault::Pause, 100),
    ("--moves", Fault::Move, 100),
    ("--cuts", Fault::Cut, 100),
    ("--stalls", Fault::Stall, 100),
];
/// A little above the 50,000 items a second that are asked for, since each fault costs some.
const RATE: u32 = 55_000;

/// The campaign, and the server's program: by default the one beside this.
fn args() -> Result<(Campaign, PathBuf)> {
    let mut program = std::env::current_exe()?.with_file_name("otlp2kafka");
    let mut args = Campaign {
        version: Version::V4,
        faults: FAULTS.iter().map(|(_, fault, count)| (*fault, *count)).collect(),
        rate: RATE,
        items: campaign::ITEMS,
        seed: fastrand::u64(..),
        options: Vec::new(),
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().with_context(|| format!("{word} needs a value"))?;
        match word.as_str() {
            "--rate" => args.rate = value.parse()?,
            "--items" => args.items = value.parse()?,
            "--program" => program = std::env::current_dir()?.join(value),
            "--seed" => args.seed = value.parse()?,
            "--version" => {
                let known = Version::ALL.into_iter().find(|version| version.number() == value);
                args.version = known.with_context(|| format!("no Kafka {value}"))?;
            }
            "-o" => {
                let (key, value) = value.split_once('=').context("-o KEY=VALUE")?;
                args.options.push((key.to_owned(), value.to_owned()));
            }
            other => {
                let at = FAULTS.iter().position(|(name, ..)| *name == other);
                args.faults[at.with_context(|| format!("no option {other}"))?].1 = value.parse()?;
            }
        }
    }
    Ok((args, program))
}

fn main() -> Result<()> {
    let (args, program) = args()?;
    say(&format!("{args:?}"));
    let report = campaign::run(&args, &program, say);
    say(&format!("{:#?}", report.audit));
    say(&format!(
        "{} items/s over {:?}, {} connections cut, {} leaders moved, slowest recovery {:?}, server {:?} CPU and {} MiB",
        report.rate(),
        report.length,
        report.cut,
        report.moved,
        report.slowest_recovery,
        report.server_cpu,
        report.server_bytes >> 20
    ));
    say(&format!(
        "{} batches with {} records of {} producer ids and epochs",
        report.sequences.batches, report.sequences.records, report.sequences.producers
    ));
    report.producer.iter().for_each(|line| say(line));
    let breaches = report.breaches();
    if !breaches.is_empty() {
        bail!("seed {}: {}", args.seed, breaches.join("; "));
    }
    say("nothing lost, nothing twice, nothing out of order");
    Ok(())
}

#[expect(clippy::print_stdout, reason = "a campaign's output is for the terminal")]
fn say(line: &str) {
    println!("{line}");
}
