//! The campaign: three brokers behind the fault proxy, a numbered load, faults by a seeded schedule, the audit.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::dump::{self, Sequences};
use crate::kafka::{Cluster, Listener, Plan, Version};
use crate::ledger::{self, Audit, Running};
use crate::process;
use crate::proxy::Proxy;
use crate::server::Builder;

const TOPIC: &str = "otlp-traces";
/// Clients of the load, and spans of each of their requests.
const CLIENTS: usize = 64;
const ITEMS: u32 = 100;
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
    /// All partitions go back to their preferred leaders.
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
    let mut schedule: Vec<Fault> =
        campaign.faults.iter().flat_map(|(fault, count)| std::iter::repeat_n(*fault, *count)).collect();
    random.shuffle(&mut schedule);
    let mut cluster = Cluster::start(Plan::new(campaign.version, 3));
    let proxy = Proxy::start(&cluster.fronts());
    let mut builder = Builder::new(program)
        .kafka(&cluster.bootstrap(Listener::Proxied))
        .option("otlp.message.format", "protobuf");
    if campaign.version == Version::V2 {
        // Before 2.4 brokers have no defaults that a client could ask for.
        builder = builder
            .option("topic.creation.default.partitions", 3)
            .option("topic.creation.default.replication.factor", 3);
    }
    let options = campaign.options.iter();
    let server = options.fold(builder, |builder, (key, value)| builder.option(key, value)).start();
    server.wait_until_ready();
    let plan = ledger::Plan { clients: CLIENTS, items: ITEMS, rate: campaign.rate };
    let load = ledger::start(server.grpc, plan);
    let (start, mut worst) = (Instant::now(), Duration::ZERO);
    progress(&load, &mut worst);
    cluster.wait_until_in_sync(TOPIC);
    for (number, fault) in schedule.iter().enumerate() {
        inject(*fault, &mut cluster, &proxy, &mut random);
        progress(&load, &mut worst);
        if number % 20 == 19 {
            let acknowledged = load.acknowledged();
            say(&format!("{} faults, {:?}, {acknowledged} requests", number + 1, start.elapsed()));
        }
    }
    cluster.wait_until_in_sync(TOPIC);
    let ledger = load.stop();
    let (server_cpu, (_, server_bytes)) = (process::cpu(server.pid()), process::resident(server.pid()));
    Report {
        audit: ledger.audit(&cluster.bootstrap(Listener::Plaintext), TOPIC),
        sequences: dump::sequences(cluster.version(), &cluster.log_folder(0), TOPIC),
        length: ledger.length,
        cut: proxy.cut_so_far(),
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

fn inject(fault: Fault, cluster: &mut Cluster, proxy: &Proxy, random: &mut fastrand::Rng) {
    let any = random.usize(..cluster.brokers());
    let leader = |cluster: &Cluster, random: &mut fastrand::Rng| {
        let leaders: Vec<usize> = cluster.partitions(TOPIC).iter().filter_map(|one| one.leader).collect();
        random.choice(leaders).unwrap_or(any)
    };
    // Where a length is waited for below, it is the fault itself.
    match fault {
        Fault::Kill => {
            cluster.wait_until_in_sync(TOPIC);
            let broker = leader(cluster, random);
            cluster.kill(broker);
            cluster.wait_until(TOPIC, "another broker leads", |one| {
                one.leader.is_some_and(|leader| leader != broker)
            });
            cluster.start_again(broker);
            cluster.wait_until_in_sync(TOPIC);
        }
        Fault::Pause => {
            let broker = leader(cluster, random);
            cluster.pause(broker);
            std::thread::sleep(Duration::from_millis(random.u64(500..7000)));
            cluster.resume(broker);
        }
        Fault::Move => {
            cluster.wait_until_in_sync(TOPIC);
            cluster.prefer_leaders();
        }
        Fault::Cut => {
            process::wait_for("there is a connection", RECOVERY, || {
                let connected: Vec<usize> =
                    (0..cluster.brokers()).filter(|broker| proxy.open(*broker) > 0).collect();
                random.choice(connected).is_some_and(|broker| proxy.cut(broker) > 0)
            });
        }
        Fault::Stall => {
            proxy.stall(any);
            std::thread::sleep(Duration::from_millis(random.u64(200..4000)));
            proxy.resume(any);
        }
    }
}
