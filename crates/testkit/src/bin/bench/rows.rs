//! The rows of the table: which load, who takes turns in it, and what has to come out.

use std::time::Duration;

use otlp::Signal;
use testkit::load::Load;

/// One load, and the servers that take turns under it.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) format: &'static str,
    pub(crate) load: Load,
    pub(crate) contenders: Vec<Contender>,
    pub(crate) goals: Vec<Goal>,
    /// Turns of each server in a round.
    pub(crate) turns: usize,
}

/// A server of a row.
#[derive(Clone)]
pub(crate) struct Contender {
    /// As the table calls it.
    pub(crate) name: String,
    pub(crate) build: Build,
    pub(crate) place: Place,
    pub(crate) options: Vec<(&'static str, String)>,
}

/// Which build of the server, and what it writes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Build {
    Native,
    Librdkafka,
    /// Answers without Kafka.
    Null,
    /// The native client with the embedded broker.
    Embedded,
}

/// Which Kafka.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// One broker.
    One,
    /// The same, behind the proxy that delays.
    Far,
    /// Three brokers; each partition has three replicas.
    Three,
}

/// What a row has to show. All are ratios.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Goal {
    /// CPU a request over the time in which prost decodes it, at most.
    Decode(f64),
    /// CPU with Kafka less that without, of librdkafka's at its best linger, at most.
    Share(f64),
    /// The broker's CPU a request, of librdkafka's at linger 5, at most.
    Broker(f64),
    /// Produce requests a request, of librdkafka's at linger 5, at most.
    Produce(f64),
    /// Median latency, of librdkafka's at this linger, at most.
    Median(u32, f64),
    /// 99th percentile of latency, of librdkafka's at this linger, at most.
    Tail(u32, f64),
    /// Requests a second, of librdkafka's at its best linger, at least.
    Throughput(f64),
    /// Kafka's share of CPU of each native server, of the first one's: away from 1 by so much at most.
    Flat(f64),
}

/// What the issue of the broker's side allows.
const BROKER: f64 = 1.3;
/// Each way, so that a round trip takes 10 ms.
pub(crate) const DELAY: Duration = Duration::from_millis(5);

impl Contender {
    fn new(name: &str, build: Build) -> Self {
        Self { name: name.to_owned(), build, place: Place::One, options: Vec::new() }
    }

    fn native() -> Self {
        Self::new("native", Build::Native)
    }

    fn null() -> Self {
        Self::new("null", Build::Null)
    }

    fn librdkafka(linger_ms: u32) -> Self {
        Self::new(&librdkafka_at(linger_ms), Build::Librdkafka).with("producer.linger.ms", linger_ms)
    }

    fn with(mut self, key: &'static str, value: impl ToString) -> Self {
        self.options.push((key, value.to_string()));
        self
    }

    fn at(mut self, place: Place) -> Self {
        self.place = place;
        self
    }

    fn called(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }
}

/// What the table calls librdkafka with this `linger.ms`.
pub(crate) fn librdkafka_at(linger_ms: u32) -> String {
    format!("librdkafka {linger_ms}")
}

const LOGS: (Signal, usize) = (Signal::Logs, 1000);
const TRACES: (Signal, usize) = (Signal::Traces, 100);
const METRICS: (Signal, usize) = (Signal::Metrics, 100);
const ONE: (Signal, usize) = (Signal::Traces, 1);

fn row(
    name: &'static str,
    format: &'static str,
    (signal, items): (Signal, usize),
    (connections, streams): (usize, usize),
) -> Row {
    let load = Load {
        http: name.contains("HTTP"),
        signal,
        items,
        connections,
        streams,
        pace: None,
        warmup: Duration::from_millis(700),
        length: Duration::from_millis(2500),
    };
    Row { name, format, load, contenders: Vec::new(), goals: Vec::new(), turns: 1 }
}

impl Row {
    fn goal(mut self, goal: Goal) -> Self {
        self.goals.push(goal);
        self
    }

    /// What is compared is a small part of what is measured, or hangs on few requests: it takes more turns to be seen.
    fn often(mut self) -> Self {
        self.turns = 3;
        self
    }

    fn among(mut self, contenders: impl IntoIterator<Item = Contender>) -> Self {
        self.contenders.extend(contenders);
        self
    }

    /// Native, librdkafka at each of these lingers, and none.
    fn against(self, lingers: &[u32]) -> Self {
        self.among([Contender::native()])
            .among(lingers.iter().map(|linger_ms| Contender::librdkafka(*linger_ms)))
            .among([Contender::null()])
    }

    /// As filters see it.
    pub(crate) fn title(&self) -> String {
        format!("{} {}", self.name, self.format)
    }
}

/// All rows, in the order in which they are measured.
pub(crate) fn rows() -> Vec<Row> {
    let mut rows = loads();
    rows.extend(others());
    rows.extend(latencies());
    rows.extend(codecs());
    rows.extend(spreads());
    rows.extend(far());
    rows
}

/// The loads that everything is compared at.
fn loads() -> Vec<Row> {
    let load = |name, format, shape, ways, decode, share| {
        row(name, format, shape, ways)
            .against(&[0, 1, 5, 10])
            .goal(Goal::Decode(decode))
            .goal(Goal::Share(share))
            .goal(Goal::Broker(BROKER))
            .goal(Goal::Produce(BROKER))
    };
    // What fewer and larger requests would cost: the workers' records in one producer's hands.
    let shared = || Contender::native().called("native, 1 producer").with("producer.instances", 1);
    vec![
        load("logs 1000", "protobuf", LOGS, (4, 4), 0.95, 0.6),
        load("logs 1000", "json", LOGS, (4, 4), 1.7, 0.6),
        load("traces 100", "protobuf", TRACES, (8, 4), 0.6, 0.75),
        load("traces 100", "json", TRACES, (8, 4), 1.0, 0.75),
        load("traces 1", "protobuf", ONE, (8, 16), 6.0, 0.6).among([shared()]).often(),
        load("traces 1", "json", ONE, (8, 16), 6.0, 0.6).among([shared()]).often(),
        // A crowd that takes longer to come than it is waited for.
        load("traces 1 of many", "protobuf", ONE, (32, 16), 6.0, 0.6).often(),
    ]
}

/// Loads without goals of their own.
fn others() -> Vec<Row> {
    let each_by_itself = Contender::native().called("native, 8 producers").with("producer.instances", 8);
    let threads = [Contender::native(), each_by_itself]
        .into_iter()
        .chain([1, 5].map(Contender::librdkafka))
        .chain([Contender::null()])
        .map(|server| server.with("worker.threads", 8));
    vec![
        // What it spares the broker that threads send together.
        row("traces 1, 8 threads", "protobuf", ONE, (8, 16)).among(threads),
        row("metrics 100", "protobuf", METRICS, (8, 4)).against(&[5]),
        row("metrics 100", "json", METRICS, (8, 4)).against(&[5]),
        row("traces 100 HTTP", "json", TRACES, (32, 1)).against(&[5]),
        row("traces 100, one connection", "json", TRACES, (1, 32)).against(&[5]),
    ]
}

/// How soon an answer comes that says "stored".
fn latencies() -> Vec<Row> {
    let mut paced = row("traces 10, paced 2000/s", "json", (Signal::Traces, 10), (8, 2)).against(&[0, 1, 5]);
    paced.load.pace = Some(2000);
    // A tail needs more than the others.
    paced.load.length = Duration::from_secs(8);
    vec![
        row("traces 1, one at a time", "json", ONE, (1, 1))
            .against(&[0, 6])
            .among([Contender::new("embedded", Build::Embedded)])
            .goal(Goal::Median(0, 0.8))
            .often(),
        paced.goal(Goal::Tail(1, 0.5)).often(),
    ]
}

/// What compression costs.
fn codecs() -> Vec<Row> {
    let codec = |name, codec: &str| {
        let mut row = row(name, "json", TRACES, (8, 4)).against(&[5, 10]).goal(Goal::Share(1.0));
        for contender in row.contenders.iter_mut().filter(|contender| contender.build != Build::Null) {
            contender.options.push(("producer.compression.type", codec.to_owned()));
        }
        row
    };
    vec![
        codec("lz4 traces 100", "lz4"),
        codec("zstd traces 100", "zstd"),
        codec("snappy traces 100", "snappy"),
        codec("gzip traces 100", "gzip"),
    ]
}

/// Whether more partitions or brokers cost more, at paces that these brokers keep up with on two cores.
fn spreads() -> Vec<Row> {
    const FLAT: f64 = 0.15;
    let partitions = |count: u32, topic: &str| {
        Contender::native()
            .called(&format!("native {count}"))
            .with("topic.creation.default.partitions", count)
            .with("kafka.topic.traces", topic)
    };
    let paced = |name, pace| {
        let mut row = row(name, "protobuf", TRACES, (8, 4));
        row.load.pace = Some(pace);
        row.load.length = Duration::from_secs(5);
        row
    };
    vec![
        paced("partitions 1 to 64, traces 100 paced 1000/s", 1000)
            .among([partitions(1, "one"), partitions(8, "eight"), partitions(64, "many")])
            .among([Contender::null()])
            .goal(Goal::Flat(FLAT)),
        paced("brokers 1 to 3, traces 100 paced 500/s", 500)
            .among([Contender::native().called("native 1 broker")])
            .among([Contender::native().called("native 3 brokers").at(Place::Three), Contender::null()])
            .goal(Goal::Flat(FLAT))
            .often(),
    ]
}

/// Brokers that are far away.
fn far() -> Vec<Row> {
    let far = |name, shape, ways| {
        let servers = [0, 1, 5, 10].map(Contender::librdkafka);
        row(name, "protobuf", shape, ways)
            .among([Contender::native()].into_iter().chain(servers).map(|server| server.at(Place::Far)))
            .goal(Goal::Throughput(1.0))
    };
    vec![far("10 ms away, traces 1", ONE, (8, 16)), far("10 ms away, traces 100", TRACES, (8, 4))]
}
