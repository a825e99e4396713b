//! One broker or three of a release, with every kind of listener, and what tests do to them.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use tempfile::TempDir;

use super::counts::{self, ProduceRequests};
use super::jvm::{Jvm, Version, run};
use super::plan::{Listener, Plan, Ports, USER, USER_PASSWORD, server_properties};
use crate::java::Operator;
use crate::{ports, process};

const CLUSTER_ID: &str = "b3RscDJrYWZrYS10ZXN0cw";
const SMALL: &[&str] = &["-Xmx384m"];
const FULL_SIZE: &[&str] = &[
    "-Xms1g",
    "-Xmx1g",
    "-XX:-UseSerialGC",
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
    "-XX:InitiatingHeapOccupancyPercent=35",
    "-XX:+ExplicitGCInvokesConcurrent",
];
const START: Duration = Duration::from_secs(120);

/// A running cluster; its processes end with it.
#[derive(Debug)]
pub struct Cluster {
    plan: Plan,
    brokers: Vec<Jvm>,
    ports: Vec<Ports>,
    zookeeper: Option<(Jvm, u16)>,
    /// From the first order on.
    operator: Option<Operator>,
    folder: TempDir,
}

/// A partition as the cluster's metadata shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// Its number.
    pub id: i32,
    /// Its leader's place among the brokers; none while there is none.
    pub leader: Option<usize>,
    /// Replicas that are in sync.
    pub in_sync: usize,
    /// All replicas.
    pub replicas: usize,
}

impl Cluster {
    /// Starts what the plan says and waits until all brokers are known.
    ///
    /// # Panics
    ///
    /// When Kafka cannot be started.
    #[must_use]
    pub fn start(plan: Plan) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let all: Vec<Ports> = (0..plan.brokers)
            .map(|_| Ports {
                listeners: std::array::from_fn(|_| ports::free()),
                front: ports::free(),
                controller: ports::free(),
                jmx: ports::free(),
            })
            .collect();
        let zookeeper = (plan.version == Version::V2).then(|| start_zookeeper(plan.version, folder.path()));
        let port = zookeeper.as_ref().map(|(_, port)| *port);
        for index in 0..plan.brokers {
            let own = broker_folder(folder.path(), index);
            fs::create_dir_all(&own).expect("a broker's folder");
            let text = server_properties(&plan, index, &all, port, &own);
            fs::write(own.join("server.properties"), text).expect("write properties");
        }
        match port {
            Some(port) => add_scram_users(plan.version, port),
            None => format_storage(&plan, folder.path()),
        }
        let brokers =
            (0..plan.brokers).map(|index| launch(&plan, &all[index], folder.path(), index)).collect();
        let cluster = Self { plan, brokers, ports: all, zookeeper, operator: None, folder };
        cluster.wait_until_ready();
        cluster
    }

    /// `host:port` of all brokers on a listener; those of the fault proxy for [`Listener::Proxied`].
    #[must_use]
    pub fn bootstrap(&self, listener: Listener) -> String {
        let port = |ports: &Ports| match listener {
            Listener::Proxied => ports.front,
            other => ports.listeners[other.index()],
        };
        let all: Vec<String> = self.ports.iter().map(|ports| format!("127.0.0.1:{}", port(ports))).collect();
        all.join(",")
    }

    /// For the fault proxy: where each broker's front must listen, and the broker's own address behind it.
    #[must_use]
    pub fn fronts(&self) -> Vec<(SocketAddr, SocketAddr)> {
        let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let behind = |ports: &Ports| ports.listeners[Listener::Proxied.index()];
        self.ports.iter().map(|ports| (local(ports.front), local(behind(ports)))).collect()
    }

    /// How many brokers there are.
    #[must_use]
    pub fn brokers(&self) -> usize {
        self.ports.len()
    }

    /// Which release it is.
    #[must_use]
    pub fn version(&self) -> Version {
        self.plan.version
    }

    /// The folder of a broker's partitions.
    #[must_use]
    pub fn log_folder(&self, broker: usize) -> PathBuf {
        broker_folder(self.folder.path(), broker).join("log")
    }

    /// The process id of a broker's JVM.
    #[must_use]
    pub fn pid(&self, broker: usize) -> u32 {
        self.brokers[broker].pid()
    }

    /// CPU time of all brokers since their starts.
    #[must_use]
    pub fn cpu(&self) -> Duration {
        self.brokers.iter().map(|jvm| process::cpu(jvm.pid())).sum()
    }

    /// The process ids of all brokers' JVMs.
    #[must_use]
    pub fn pids(&self) -> Vec<u32> {
        self.brokers.iter().map(Jvm::pid).collect()
    }

    /// Counts the Produce requests of a broker from now on, if its plan has [`Plan::jmx`]; only of versions that it
    /// has seen before.
    ///
    /// # Panics
    ///
    /// When Kafka's tool does not start, or the broker shows nothing.
    #[must_use]
    pub fn produce_requests(&self, broker: usize) -> ProduceRequests {
        ProduceRequests::start(self.plan.version, self.ports[broker].jmx)
    }

    /// Kills a broker.
    pub fn kill(&mut self, broker: usize) {
        self.brokers[broker].end();
    }

    /// Starts a killed broker again, on the same ports and log; does not wait.
    pub fn start_again(&mut self, broker: usize) {
        self.brokers[broker] = launch(&self.plan, &self.ports[broker], self.folder.path(), broker);
    }

    /// Freezes a broker; its connections stay open and silent.
    pub fn pause(&self, broker: usize) {
        process::freeze(self.pid(broker));
    }

    /// Undoes [`Cluster::pause`].
    pub fn resume(&self, broker: usize) {
        process::signal(self.pid(broker), "CONT");
    }

    /// Moves the leadership of a topic's partitions to their preferred replicas, or, from 3.x on and where it is there
    /// already, to the next ones, which are preferred from then on. Returns how many moved.
    ///
    /// # Panics
    ///
    /// When Kafka's tool fails.
    pub fn move_leaders(&mut self, topic: &str) -> usize {
        let bootstrap = self.bootstrap(Listener::Internal);
        let Some((_, port)) = &self.zookeeper else {
            let operator = self.operator.get_or_insert_with(|| Operator::start(&bootstrap));
            return operator.tell("move", topic).parse().expect("a number");
        };
        let before = self.partitions(topic);
        let mut tool = self.plan.version.tool("kafka.admin.PreferredReplicaLeaderElectionCommand");
        drop(run(tool.args(["--zookeeper", &format!("127.0.0.1:{port}")])));
        let after = self.partitions(topic);
        before.iter().zip(&after).filter(|(before, after)| before.leader != after.leader).count()
    }

    /// The partitions of a topic by the metadata of the brokers that live; empty when none answers.
    #[must_use]
    pub fn partitions(&self, topic: &str) -> Vec<Partition> {
        ask(&self.client(&self.bootstrap(Listener::Plaintext)), topic)
    }

    /// Waits until a condition holds for each partition of a topic; `what` says what is waited for.
    ///
    /// # Panics
    ///
    /// When it does not within two minutes.
    pub fn wait_until(&self, topic: &str, what: &str, condition: impl Fn(&Partition) -> bool) {
        let client = self.client(&self.bootstrap(Listener::Plaintext));
        process::wait_for(&format!("{topic}: {what}"), START, || {
            let partitions = ask(&client, topic);
            !partitions.is_empty() && partitions.iter().all(&condition)
        });
    }

    /// Waits until every replica of a topic is in sync.
    ///
    /// # Panics
    ///
    /// When they are not within two minutes.
    pub fn wait_until_in_sync(&self, topic: &str) {
        let whole = |one: &Partition| one.leader.is_some() && one.in_sync == one.replicas;
        self.wait_until(topic, "every replica is in sync", whole);
    }

    /// Waits until each broker answers and knows all the others.
    ///
    /// # Panics
    ///
    /// When they do not within two minutes.
    pub fn wait_until_ready(&self) {
        for index in 0..self.brokers() {
            let port = self.ports[index].listeners[Listener::Plaintext.index()];
            let client = self.client(&format!("127.0.0.1:{port}"));
            process::wait_for(&format!("broker {} answers", index + 1), START, || {
                client
                    .fetch_metadata(None, Duration::from_secs(1))
                    .is_ok_and(|metadata| metadata.brokers().len() == self.brokers())
            });
        }
    }

    fn client(&self, bootstrap: &str) -> BaseConsumer {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", bootstrap).set("log_level", "0");
        config.create().expect("a Kafka client")
    }
}

/// The topic's partitions by the metadata that a broker answers with.
fn ask(client: &BaseConsumer, topic: &str) -> Vec<Partition> {
    let Ok(metadata) = client.fetch_metadata(Some(topic), Duration::from_secs(5)) else {
        return Vec::new();
    };
    let all = metadata.topics().iter().flat_map(|topic| topic.partitions());
    all.map(|partition| Partition {
        id: partition.id(),
        leader: usize::try_from(partition.leader() - 1).ok(),
        in_sync: partition.isr().len(),
        replicas: partition.replicas().len(),
    })
    .collect()
}

fn broker_folder(folder: &Path, index: usize) -> PathBuf {
    folder.join(format!("broker-{}", index + 1))
}

fn launch(plan: &Plan, ports: &Ports, folder: &Path, index: usize) -> Jvm {
    let own = broker_folder(folder, index);
    let size = if plan.full_size { FULL_SIZE } else { SMALL };
    let mut options: Vec<String> = size.iter().map(|&option| option.to_owned()).collect();
    if plan.jmx {
        options.extend(counts::options(ports.jmx));
    }
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let (properties, log) = (own.join("server.properties"), own.join("kafka.log"));
    Jvm::start(plan.version, &options, "kafka.Kafka", &properties, &log)
}

/// Formats all brokers' storage at the same time, SCRAM users included.
fn format_storage(plan: &Plan, folder: &Path) {
    let users = ["SCRAM-SHA-256", "SCRAM-SHA-512"]
        .map(|mechanism| format!("{mechanism}=[name={USER},password={USER_PASSWORD}]"));
    std::thread::scope(|scope| {
        for index in 0..plan.brokers {
            let users = &users;
            scope.spawn(move || {
                let file = broker_folder(folder, index).join("server.properties");
                let mut tool = plan.version.tool("kafka.tools.StorageTool");
                tool.args(["format", "-t", CLUSTER_ID, "-c"]).arg(file);
                for user in users {
                    tool.args(["--add-scram", user]);
                }
                drop(run(&mut tool));
            });
        }
    });
}

fn start_zookeeper(version: Version, folder: &Path) -> (Jvm, u16) {
    let port = ports::free();
    let file = folder.join("zookeeper.properties");
    let data = folder.join("zookeeper");
    let text = format!(
        "dataDir={}\nclientPort={port}\nclientPortAddress=127.0.0.1\nmaxClientCnxns=0\n\
         admin.enableServer=false\n",
        data.display()
    );
    fs::write(&file, text).expect("write properties");
    let class = "org.apache.zookeeper.server.quorum.QuorumPeerMain";
    let jvm = Jvm::start(version, &["-Xmx128m"], class, &file, &folder.join("zookeeper.log"));
    let listens = || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok();
    process::wait_for("ZooKeeper listens", START, listens);
    (jvm, port)
}

fn add_scram_users(version: Version, port: u16) {
    let credentials = ["SCRAM-SHA-256", "SCRAM-SHA-512"]
        .map(|mechanism| format!("{mechanism}=[iterations=4096,password={USER_PASSWORD}]"));
    let mut tool = version.tool("kafka.admin.ConfigCommand");
    tool.args(["--zookeeper", &format!("127.0.0.1:{port}"), "--alter"]);
    tool.args(["--entity-type", "users", "--entity-name", USER, "--add-config", &credentials.join(",")]);
    drop(run(&mut tool));
}
