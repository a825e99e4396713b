//! How long REST calls take at rest, what they cost the data plane, and what one connector's trouble costs the others.
//!
//! Everything runs against the real program and one real Kafka. Machines differ, and one machine from minute to
//! minute, so loads with and without what is looked at take turns, and what is compared are ratios within a pair. It
//! prints figures, and finds nothing good or bad.

mod calls;
mod isolation;
mod updates;
mod worker;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use testkit::kafka::{Cluster, Plan, Version};

use crate::worker::Stage;

/// Pairs of each part with load; `rounds=N` says otherwise.
const PAIRS: usize = 10;
/// How often each kind of call is made; `calls=N` says otherwise.
const CALLS: usize = 60;

/// What is asked for on the command line.
struct Order {
    /// The server's; `program=PATH`, by default the one beside this.
    program: PathBuf,
    parts: Vec<String>,
    pairs: usize,
    calls: usize,
    /// Of each half of a pair; `None`: as the part says.
    length: Option<Duration>,
}

fn main() -> Result<()> {
    let start = Instant::now();
    let order = Order::read()?;
    let stage = Stage { cluster: Cluster::start(plan()), program: order.program.clone() };
    if order.has("calls") {
        calls::measure(&stage, order.calls)?;
    }
    if order.has("updates") {
        updates::measure(&stage, order.pairs, order.length)?;
    }
    if order.has("isolation") {
        isolation::measure(&stage, order.pairs, order.length)?;
    }
    say(&format!("\n{:.1} min", start.elapsed().as_secs_f64() / 60.0));
    Ok(())
}

impl Order {
    fn read() -> Result<Self> {
        let program = std::env::current_exe()?.with_file_name("otlp2kafka");
        let mut order = Self { program, parts: Vec::new(), pairs: PAIRS, calls: CALLS, length: None };
        for arg in std::env::args().skip(1) {
            match arg.split_once('=') {
                Some(("program", path)) => order.program = std::env::current_dir()?.join(path),
                Some(("rounds", count)) => order.pairs = count.parse()?,
                Some(("calls", count)) => order.calls = count.parse()?,
                Some(("seconds", seconds)) => order.length = Some(Duration::from_secs_f64(seconds.parse()?)),
                None if ["calls", "updates", "isolation"].contains(&arg.as_str()) => order.parts.push(arg),
                _ => {
                    bail!("{arg}: parts are calls, updates and isolation; keys are rounds, calls and seconds")
                }
            }
        }
        Ok(order)
    }

    fn has(&self, part: &str) -> bool {
        self.parts.is_empty() || self.parts.iter().any(|named| named == part)
    }
}

/// A broker that keeps little, and checks rights so that a topic can be denied.
fn plan() -> Plan {
    Plan { partitions: 1, ..Plan::new(Version::V4, 1) }
        .property("log.retention.bytes", 64 << 20)
        .property("log.segment.bytes", 64 << 20)
        .property("log.retention.check.interval.ms", 1000)
        .property("log.segment.delete.delay.ms", 1000)
        .property("log.initial.task.delay.ms", 1000)
        .property("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer")
        .property("allow.everyone.if.no.acl.found", true)
}

/// The middle of an odd number of values, or the upper one of two.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A line of the program's output.
#[expect(clippy::print_stdout, reason = "the table is the program's output")]
fn say(line: &str) {
    println!("{line}");
}
