//! Three connectors in one process: what the trouble of one costs the two others.

use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Result, anyhow};
use hdrhistogram::Histogram;
use serde_json::{Value, json};
use testkit::java::Operator;
use testkit::load::{self, Load};
use testkit::server::Server;
use testkit::{http, payload, ports};

use crate::updates::{exports, millis, watch};
use crate::worker::{Rest, Stage, config};
use crate::{median, say};

/// Of each half of a pair.
const LENGTH: Duration = Duration::from_secs(3);
/// Exports a second to each of the two.
const PACE: u32 = 500;
/// The topic that nobody may write to.
const DENIED: &str = "denied";
/// Clients of the connector in trouble, each with one export at a time.
const CLIENTS: usize = 4;

/// What is wrong with the third.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    None,
    /// Its topic may not be written to; its clients go on sending.
    Denied,
    /// Its port is taken, and is tried for again and again.
    Taken,
}

/// The server with its connectors.
struct Three {
    server: Server,
    /// Of prod, staging and dev.
    ports: [u16; 3],
    /// A port that somebody else has.
    taken: TcpListener,
}

/// Pairs with each trouble, that take turns in who begins.
pub(crate) fn measure(stage: &Stage, pairs: usize, length: Option<Duration>) -> Result<()> {
    let mut operator = Operator::start(&stage.bootstrap());
    operator.tell("create", DENIED);
    operator.tell("deny", DENIED);
    drop(operator);
    let three = Three::start(stage)?;
    let load = exports(PACE, length.unwrap_or(LENGTH));
    three.others(&Load { length: Duration::from_secs(4), ..load.clone() })?;
    say(&format!(
        "\n## prod and staging beside dev in trouble\n\n{PACE} exports/s of {} log records to each of the two.\n\n\
         | trouble | pair | p99 ms without | with | ratio | failed |\n|---|---|---|---|---|---|",
        load.items
    ));
    for trouble in [Trouble::Denied, Trouble::Taken] {
        let (mut ratios, mut failed) = (Vec::new(), 0);
        for pair in 0..pairs {
            let order = if pair % 2 == 0 { [Trouble::None, trouble] } else { [trouble, Trouble::None] };
            let mut halves = [three.half(&load, order[0])?, three.half(&load, order[1])?];
            if pair % 2 == 1 {
                halves.reverse();
            }
            let [without, with] = halves;
            let p99 = [&without, &with].map(|half| millis(&half.0, 0.99));
            let ratio = p99[1] / p99[0];
            say(&format!(
                "| {trouble:?} | {pair} | {:.2} | {:.2} | {ratio:.2} | {} |",
                p99[0],
                p99[1],
                without.1 + with.1
            ));
            ratios.push(ratio);
            failed += without.1 + with.1;
        }
        say(&format!("| {trouble:?} | median | | | {:.2} | {failed} |", median(ratios)));
    }
    Ok(())
}

impl Three {
    fn start(stage: &Stage) -> Result<Self> {
        let server = stage.server();
        let three = Self {
            server,
            ports: [ports::free(), ports::free(), ports::free()],
            taken: TcpListener::bind("127.0.0.1:0")?,
        };
        let mut rest = Rest::new(three.server.rest);
        for (name, port) in ["prod", "staging"].into_iter().zip(three.ports) {
            let more =
                json!({"kafka.topic.logs": format!("{name}-logs"), "otlp.memory.max.bytes": "67108864"});
            let pairs = config(name, "grpc", port, &more);
            rest.succeed("POST", "/connectors", Some(&json!({"name": name, "config": pairs})))?;
            rest.wait_for(name, "RUNNING")?;
        }
        three.dev(Trouble::None)?;
        Ok(three)
    }

    /// Brings the third into trouble, or out of it.
    fn dev(&self, trouble: Trouble) -> Result<()> {
        let port = match trouble {
            Trouble::Taken => self.taken.local_addr()?.port(),
            Trouble::None | Trouble::Denied => self.ports[2],
        };
        let topic = if trouble == Trouble::Denied { DENIED } else { "dev-logs" };
        let more: Value = json!({"kafka.topic.logs": topic, "otlp.memory.max.bytes": "67108864",
            "otlp.request.hold.ms": "1000"});
        let mut rest = Rest::new(self.server.rest);
        rest.succeed("PUT", "/connectors/dev/config", Some(&config("dev", "http", port, &more)))?;
        match trouble {
            Trouble::None => rest.wait_for("dev", "RUNNING"),
            // It is in force by then, whatever Kafka says.
            Trouble::Denied | Trouble::Taken => {
                std::thread::sleep(Duration::from_millis(1200));
                Ok(())
            }
        }
    }

    /// The latency of both others, and what failed.
    fn half(&self, load: &Load, trouble: Trouble) -> Result<(Histogram<u64>, u64)> {
        self.dev(trouble)?;
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..CLIENTS {
                scope.spawn(|| self.export_to_dev(&stop));
            }
            let figures = self.others(load);
            stop.store(true, Ordering::Relaxed);
            figures
        })
    }

    fn others(&self, load: &Load) -> Result<(Histogram<u64>, u64)> {
        let run = |port: u16| load::run(load, ([127, 0, 0, 1], port).into(), &watch(&self.server));
        std::thread::scope(|scope| {
            let staging = scope.spawn(|| run(self.ports[1]));
            let mut prod = run(self.ports[0])?;
            let staging = staging.join().map_err(|_| anyhow!("the load panicked"))??;
            prod.latency.add(&staging.latency)?;
            Ok((prod.latency, prod.failed + staging.failed))
        })
    }

    /// As its clients do: one after the other, with a pause where nobody listens or it is refused.
    fn export_to_dev(&self, stop: &AtomicBool) {
        let body = payload::wire(otlp::Signal::Logs, 20, 1);
        while !stop.load(Ordering::Relaxed) {
            let addr = ([127, 0, 0, 1], self.ports[2]).into();
            let answer = http::post(addr, "/v1/logs", "application/x-protobuf", &body);
            let pause = if answer.is_ok_and(|answer| answer.status == 200) { 20 } else { 100 };
            std::thread::sleep(Duration::from_millis(pause));
        }
    }
}
