//! The campaign: three brokers behind the fault proxy, a numbered load, faults by a seeded schedule, the audit.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::dump::{self, Sequences};
use crate::kafka::{Cluster, Listener, Plan, Version};
use crate::ledger::{self, Audit, Running};
use crate::proxy::Proxy;
use crate::server::Builder;
use crate::{http, process};

const TOPIC: &str = "otlp-traces";
/// Clients of the load.
const CLIENTS: usize = 64;
/// Spans of each of their requests, unless the campaign says otherwise.
pub const ITEMS: u32 = 100;
/// Requests that have to be acknowledged between two faults.
const PROGRESS: u64 = 200;
/// Within which that has to happen.
const RECOVERY: Duration = Duration::from_secs(120);

/// What befalls the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The leader of a partition is killed, and started again once another one leads.
    Kill,
    /// The leader of a partition is frozen for 0.5 to 7 s; brokers give each other up after 4 s.
    Pause,
    /// All partitions go to their preferred leaders; where they are there, to the next replica, which is preferred then.
    Move,
    /// All connections to a broker are cut.
    Cut,
    /// All connections to a broker are silent for 0.2 to 4 s.
    Stall,
}

/// What to do.
#[derive(Debug, Clone)]
pub struct Campaign {
    /// Which Kafka.
    pub version: Version,
    /// How many of each fault.
    pub faults: Vec<(Fault, usize)>,
    /// Items a second.
    pub rate: u32,
    /// Items of a request.
    pub items: u32,
    /// Of the schedule.
    pub seed: u64,
    /// More keys of the server.
    pub options: Vec<(String, String)>,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Report {
    /// The ledger against the topic.
    pub audit: Audit,
    /// The brokers' logs.
    pub sequences: Sequences,
    /// How long the load ran.
    pub length: Duration,
    /// Connections that were cut.
    pub cut: u64,
    /// Leaders that moved without a kill or pause.
    pub moved: usize,
    /// What `/metrics` says of the producer at the end.
    pub producer: Vec<String>,
    /// The longest wait for acknowledgements after a fault.
    pub slowest_recovery: Duration,
    /// CPU time of the server.
    pub server_cpu: Duration,
    /// The server's largest resident memory, in bytes.
    pub server_bytes: u64,
    /// CPU time of the brokers since their latest starts.
    pub brokers_cpu: Duration,
}

impl Report {
    /// Everything that must not be.
    #[must_use]
    pub fn breaches(&self) -> Vec<String> {
        let mut breaches = self.audit.breaches();
        breaches.extend(self.sequences.breaches.iter().take(20).cloned());
        if self.sequences.without_id > 0 {
            breaches.push(format!("{} batches without a producer id", self.sequences.without_id));
        }
        breaches
    }

    /// Acknowledged items a second.
    #[must_use]
    pub fn rate(&self) -> u64 {
        u64::try_from(u128::from(self.audit.items) * 1000 / self.length.as_millis().max(1))
            .unwrap_or(u64::MAX)
    }
}

/// Runs it against a server from this binary; `say` is told how it goes.
///
/// # Panics
///
/// When exports do not go on within two minutes of a fault, or a part of the machinery fails.
#[must_use]
pub fn run(campaign: &Campaign, program: &Path, mut say: impl FnMut(&str)) -> Report {
    let mut random = fastrand::Rng::with_seed(campaign.seed);
    let steps = steps(&campaign.faults, &mut random);
    let mut cluster = Cluster::start(Plan::new(campaign.version, 3));
    let proxy = Proxy::start(&cluster.fronts());
    let mut builder = Builder::new(program)
        .kafka(&cluster.bootstrap(Listener::Proxied))
        .option("otlp.message.format", "protobuf")
        .option("otlp.record.key", "service");
    if campaign.version == Version::V2 {
        // Before 2.4 brokers have no defaults that a client could ask for.
        builder = builder
            .option("topic.creation.default.partitions", 3)
            .option("topic.creation.default.replication.factor", 3);
    }
    let options = campaign.options.iter();
    let server = options.fold(builder, |builder, (key, value)| builder.option(key, value)).start();
    server.wait_until_ready();
    let plan = ledger::Plan { clients: CLIENTS, items: campaign.items, rate: campaign.rate };
    let load = ledger::start(server.grpc, plan);
    let (start, mut worst, mut moved) = (Instant::now(), Duration::ZERO, 0);
    progress(&load, &mut worst);
    for (number, (of_brokers, of_connections)) in steps.iter().enumerate() {
        let mut other = random.fork();
        std::thread::scope(|scope| {
            let proxy = &proxy;
            scope.spawn(move || disturb(*of_connections, proxy, &mut other));
            moved += strike(*of_brokers, &mut cluster, &mut random);
        });
        progress(&load, &mut worst);
        if number % 20 == 19 {
            let acknowledged = load.acknowledged();
            say(&format!(
                "{} of {} steps, {:?}, {acknowledged} requests",
                number + 1,
                steps.len(),
                start.elapsed()
            ));
        }
    }
    cluster.wait_until_in_sync(TOPIC);
    let ledger = load.stop();
    let metrics = http::get(server.rest, "/metrics").expect("metrics").text();
    let producer = metrics.lines().filter(|line| line.starts_with("otlp2kafka_kafka_"));
    let (server_cpu, (_, server_bytes)) = (process::cpu(server.pid()), process::resident(server.pid()));
    Report {
        audit: ledger.audit(&cluster.bootstrap(Listener::Plaintext), TOPIC),
        sequences: dump::sequences(cluster.version(), &cluster.log_folder(0), TOPIC),
        length: ledger.length,
        cut: proxy.cut_so_far(),
        moved,
        producer: producer.map(str::to_owned).collect(),
        slowest_recovery: worst,
        server_cpu,
        server_bytes,
        brokers_cpu: cluster.cpu(),
    }
}

/// Waits until exports go on; keeps the longest wait.
fn progress(load: &Running, worst: &mut Duration) {
    let (start, wanted) = (Instant::now(), load.acknowledged() + PROGRESS);
    process::wait_for("exports go on", RECOVERY, || load.acknowledged() >= wanted);
    *worst = start.elapsed().max(*worst);
}

/// Each is a fault of the brokers and one of the connections at the same time, in random order, or one without the other
/// where there are more of one kind.
fn steps(faults: &[(Fault, usize)], random: &mut fastrand::Rng) -> Vec<(Option<Fault>, Option<Fault>)> {
    let (of_connections, of_brokers): (Vec<Fault>, Vec<Fault>) = faults
        .iter()
        .flat_map(|(fault, count)| std::iter::repeat_n(*fault, *count))
        .partition(|fault| matches!(fault, Fault::Cut | Fault::Stall));
    let count = of_brokers.len().max(of_connections.len());
    let mut lane = |faults: Vec<Fault>| {
        let mut lane: Vec<Option<Fault>> = faults.into_iter().map(Some).collect();
        lane.resize(count, None);
        random.shuffle(&mut lane);
        lane
    };
    lane(of_brokers).into_iter().zip(lane(of_connections)).collect()
}

/// A fault of the brokers, once the cluster is whole. Returns how many leaders a [`Fault::Move`] moved.
fn strike(fault: Option<Fault>, cluster: &mut Cluster, random: &mut fastrand::Rng) -> usize {
    let Some(fault) = fault else { return 0 };
    cluster.wait_until_in_sync(TOPIC);
    let leaders: Vec<usize> = cluster.partitions(TOPIC).iter().filter_map(|one| one.leader).collect();
    let broker = random.choice(leaders).unwrap_or_else(|| random.usize(..cluster.brokers()));
    match fault {
        Fault::Kill => {
            cluster.kill(broker);
            cluster.wait_until(TOPIC, "another broker leads", |one| {
                one.leader.is_some_and(|leader| leader != broker)
            });
            cluster.start_again(broker);
            cluster.wait_until_in_sync(TOPIC);
        }
        Fault::Pause => {
            cluster.pause(broker);
            // The length is the fault itself.
            std::thread::sleep(Duration::from_millis(random.u64(500..7000)));
            cluster.resume(broker);
        }
        Fault::Move => return cluster.move_leaders(TOPIC),
        Fault::Cut | Fault::Stall => {}
    }
    0
}

/// A fault of the connections to a broker.
fn disturb(fault: Option<Fault>, proxy: &Proxy, random: &mut fastrand::Rng) {
    match fault {
        Some(Fault::Cut) => process::wait_for("there is a connection", RECOVERY, || {
            let connected: Vec<usize> =
                (0..proxy.brokers()).filter(|broker| proxy.open(*broker) > 0).collect();
            random.choice(connected).is_some_and(|broker| proxy.cut(broker) > 0)
        }),
        Some(Fault::Stall) => {
            let broker = random.usize(..proxy.brokers());
            proxy.stall(broker);
            // The length is the fault itself.
            std::thread::sleep(Duration::from_millis(random.u64(200..4000)));
            proxy.resume(broker);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_has_its_step() {
        let faults = [(Fault::Kill, 2), (Fault::Cut, 3), (Fault::Move, 3)];
        let steps = steps(&faults, &mut fastrand::Rng::with_seed(1));
        assert_eq!(steps.len(), 5);
        let count = |wanted| {
            steps.iter().flat_map(|step| [step.0, step.1]).filter(|fault| *fault == Some(wanted)).count()
        };
        assert_eq!(faults.map(|(fault, _)| count(fault)), [2, 3, 3]);
        assert!(steps.iter().all(|step| step.0 != Some(Fault::Cut) && step.1 != Some(Fault::Kill)));
    }
}
