//! The campaign: three brokers behind the fault proxy, a numbered load, faults by a seeded schedule, the audit.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use testkit::kafka::{Cluster, Listener, Plan, Version};
use testkit::ledger::{self, Running};
use testkit::proxy::Proxy;
use testkit::server::Builder;
use testkit::{dump, process};

const TOPIC: &str = "otlp-traces";
/// Requests that have to be acknowledged between two faults.
const PROGRESS: u64 = 200;
/// Within which that has to happen.
const RECOVERY: Duration = Duration::from_secs(120);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// The leader of a partition is killed, and started again once another one leads.
    Kill,
    /// The leader of a partition is frozen.
    Pause,
    /// All partitions go back to their preferred leaders.
    Move,
    /// All connections to a broker are cut.
    Cut,
    /// All connections to a broker are silent for a while.
    Stall,
}

const FAULTS: [(&str, Fault, usize); 5] = [
    ("--kills", Fault::Kill, 34),
    ("--pauses", Fault::Pause, 33),
    ("--moves", Fault::Move, 33),
    ("--cuts", Fault::Cut, 100),
    ("--stalls", Fault::Stall, 100),
];

#[derive(Debug)]
struct Args {
    faults: Vec<(Fault, usize)>,
    rate: u32,
    seed: u64,
    options: Vec<(String, String)>,
}

fn args() -> Result<Args> {
    let mut args = Args {
        faults: FAULTS.iter().map(|(_, fault, count)| (*fault, *count)).collect(),
        rate: 55_000,
        seed: fastrand::u64(..),
        options: Vec::new(),
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().with_context(|| format!("{word} needs a value"))?;
        match word.as_str() {
            "--rate" => args.rate = value.parse()?,
            "--seed" => args.seed = value.parse()?,
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
    Ok(args)
}

fn main() -> Result<()> {
    let args = args()?;
    let mut random = fastrand::Rng::with_seed(args.seed);
    let mut schedule: Vec<Fault> =
        args.faults.iter().flat_map(|(fault, count)| std::iter::repeat_n(*fault, *count)).collect();
    random.shuffle(&mut schedule);
    say(&format!("seed {}, {} faults {:?}, {} items/s", args.seed, schedule.len(), args.faults, args.rate));
    let mut cluster = Cluster::start(Plan::new(Version::V4, 3));
    let proxy = Proxy::start(&cluster.fronts());
    let program = std::env::current_exe()?.with_file_name("otlp2kafka");
    let builder = Builder::new(program)
        .kafka(&cluster.bootstrap(Listener::Proxied))
        .option("otlp.message.format", "protobuf");
    let server =
        args.options.iter().fold(builder, |builder, (key, value)| builder.option(key, value)).start();
    server.wait_until_ready();
    let load = ledger::start(server.grpc, ledger::Plan { clients: 64, items: 100, rate: args.rate });
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
    let (cpu, (_, peak)) = (process::cpu(server.pid()), process::resident(server.pid()));
    let audit = ledger.audit(&cluster.bootstrap(Listener::Plaintext), TOPIC);
    let rate = audit.items as f64 / ledger.length.as_secs_f64();
    say(&format!("{audit:#?}"));
    say(&format!(
        "{rate:.0} items/s over {:?}, {} connections cut, slowest recovery {worst:?}, server {cpu:?} CPU, {} MiB",
        ledger.length,
        proxy.cut_so_far(),
        peak >> 20
    ));
    let mut breaches = audit.breaches();
    let sequences = dump::sequences(cluster.version(), &cluster.log_folder(0), TOPIC);
    say(&format!(
        "{} batches of {} producer ids and epochs, {} without, {} breaches of sequence",
        sequences.batches,
        sequences.producers,
        sequences.without_id,
        sequences.breaches.len()
    ));
    breaches.extend(sequences.breaches.into_iter().take(20));
    if !breaches.is_empty() {
        bail!("seed {}: {}", args.seed, breaches.join("; "));
    }
    say("nothing lost, nothing twice, nothing out of order");
    Ok(())
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
    match fault {
        Fault::Kill => {
            cluster.wait_until_in_sync(TOPIC);
            let broker = leader(cluster, random);
            cluster.kill(broker);
            process::wait_for("another broker leads", RECOVERY, || {
                let partitions = cluster.partitions(TOPIC);
                !partitions.is_empty()
                    && partitions.iter().all(|one| one.leader.is_some_and(|leader| leader != broker))
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
            let open =
                |proxy: &Proxy| (0..cluster.brokers()).filter(|broker| proxy.open(*broker) > 0).collect();
            process::wait_for("there is a connection", RECOVERY, || {
                let connected: Vec<usize> = open(proxy);
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

#[expect(clippy::print_stdout, reason = "a campaign's output is for the terminal")]
fn say(line: &str) {
    println!("{line}");
}
