//! The table of figures: server CPU a request, the broker's part, latency and memory, with goals and what came out.
//!
//! Machines differ, and one machine from minute to minute. So the servers of a row take turns, each beside a
//! yardstick of the same seconds, and what is compared are medians of ratios within a turn.

mod goals;
mod kafka;
mod rows;
mod table;
mod yardstick;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use testkit::kafka::ProduceRequests;
use testkit::load::{self, Figures, Watch};
use testkit::server::{Builder, Server};

use crate::kafka::Brokers;
use crate::rows::{Build, Contender, Row, rows};

/// Rounds of each row; `rounds=N` says otherwise.
const ROUNDS: usize = 3;

/// What is asked for on the command line.
struct Order {
    filter: String,
    rounds: usize,
    /// Of each measurement; `None`: as the row says.
    length: Option<Duration>,
    /// The servers that take part; empty: all.
    only: Vec<String>,
    /// Keys for every server.
    options: Vec<(String, String)>,
}

/// What was measured of one server in one turn.
pub(crate) struct Turn {
    pub(crate) figures: Figures,
    /// Produce requests that the broker had, where it shows them.
    pub(crate) produce_requests: Option<u64>,
}

/// What was measured of a row: for each contender its turns, and the yardstick of each turn.
pub(crate) struct Measured {
    pub(crate) turns: Vec<Vec<Turn>>,
    pub(crate) yardsticks: Vec<f64>,
}

fn main() -> Result<()> {
    let start = Instant::now();
    let order = Order::read()?;
    let rows: Vec<Row> = rows().into_iter().filter(|row| row.title().contains(&order.filter)).collect();
    ensure!(!rows.is_empty(), "no row has {:?} in its name", order.filter);
    let mut brokers = Brokers::default();
    table::begin(order.rounds);
    let mut verdicts = Vec::new();
    for row in rows {
        let row = order.fitted(row);
        let measured = measure(&row, &order, &mut brokers)?;
        table::figures(&row, &measured);
        verdicts.extend(goals::judge(&row, &measured));
    }
    table::verdicts(&verdicts);
    let met = verdicts.iter().filter(|verdict| verdict.is_met()).count();
    table::say(&format!(
        "\n{met} of {} goals met; {:.1} min",
        verdicts.len(),
        start.elapsed().as_secs_f64() / 60.0
    ));
    Ok(())
}

impl Order {
    fn read() -> Result<Self> {
        let mut order = Self {
            filter: String::new(),
            rounds: ROUNDS,
            length: None,
            only: Vec::new(),
            options: Vec::new(),
        };
        for arg in std::env::args().skip(1) {
            match arg.split_once('=') {
                None => order.filter = arg,
                Some(("rounds", count)) => order.rounds = count.parse()?,
                Some(("seconds", seconds)) => order.length = Some(Duration::from_secs_f64(seconds.parse()?)),
                Some(("only", names)) => order.only = names.split(',').map(str::to_owned).collect(),
                Some((key, value)) => order.options.push((key.to_owned(), value.to_owned())),
            }
        }
        ensure!(order.rounds > 0, "rounds is at least 1");
        Ok(order)
    }

    fn fitted(&self, mut row: Row) -> Row {
        row.load.length = self.length.unwrap_or(row.load.length);
        if !self.only.is_empty() {
            row.contenders.retain(|contender| self.only.contains(&contender.name));
        }
        row
    }
}

/// All turns of a row.
fn measure(row: &Row, order: &Order, brokers: &mut Brokers) -> Result<Measured> {
    let folder = std::env::current_exe()?;
    let mut servers = Vec::new();
    for contender in &row.contenders {
        let kafka = (contender.build != Build::Embedded).then(|| brokers.bootstrap(contender.place));
        servers.push(start(&folder, row, (contender, kafka), order));
    }
    let mut turns: Vec<Vec<Turn>> = servers.iter().map(|_| Vec::new()).collect();
    let mut yardsticks = Vec::new();
    for round in 0..order.rounds * row.turns {
        yardsticks.push(yardstick::micros(&row.load));
        // Whoever begins finds the broker at rest.
        for n in 0..servers.len() {
            let index = (n + round) % servers.len();
            turns[index].push(turn(row, &servers[index], brokers, &row.contenders[index])?);
        }
    }
    Ok(Measured { turns, yardsticks })
}

fn start(bench: &Path, row: &Row, (contender, kafka): (&Contender, Option<String>), order: &Order) -> Server {
    let (program, client) = match contender.build {
        Build::Native | Build::Embedded => ("otlp2kafka", None),
        Build::Librdkafka => ("otlp2kafka-librdkafka", Some("librdkafka")),
        Build::Null => ("otlp2kafka-null-sink", None),
    };
    let mut builder = Builder::new(bench.with_file_name(program)).option("otlp.message.format", row.format);
    if let Some(client) = client {
        builder = builder.option("producer.client", client);
    }
    for (key, value) in &contender.options {
        builder = builder.option(key, value);
    }
    for (key, value) in &order.options {
        builder = builder.option(key, value);
    }
    if let Some(bootstrap) = kafka {
        builder = builder.kafka(&bootstrap);
    }
    let server = builder.start();
    server.wait_until_ready();
    server
}

fn turn(row: &Row, server: &Server, brokers: &mut Brokers, contender: &Contender) -> Result<Turn> {
    let addr = if row.load.http { server.http } else { server.grpc };
    let pids = brokers.pids(contender.place);
    let counts = brokers.counts(contender, &row.load, (addr, server.pid()))?;
    let count = || counts.map_or(0, ProduceRequests::count);
    let watch = Watch { server: server.pid(), brokers: &pids, count: &count };
    let figures = load::run(&row.load, addr, &watch)?;
    Ok(Turn { produce_requests: counts.map(|_| figures.counted), figures })
}
