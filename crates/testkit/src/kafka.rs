//! A real Apache Kafka in processes of its own, from the jars that `cargo xtask kafka fetch` has copied.

mod cluster;
mod counts;
mod jvm;
mod plan;
pub mod stores;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use tempfile::TempDir;

pub use self::cluster::{Cluster, Partition};
pub use self::counts::ProduceRequests;
pub(crate) use self::jvm::{Jvm, classpath, root};
pub use self::jvm::{Version, run};
pub use self::plan::{Listener, Plan, USER, USER_PASSWORD};
use crate::{ports, process};

/// One broker with its controller, listening on loopback without authentication.
#[derive(Debug)]
pub struct Kafka {
    /// `host:port` for clients.
    pub bootstrap: String,
    broker: Jvm,
    folder: TempDir,
}

static SHARED: Mutex<Weak<Kafka>> = Mutex::new(Weak::new());

impl Kafka {
    /// The broker that the tests of this process share; it ends with the last holder.
    ///
    /// # Panics
    ///
    /// When Kafka cannot be started.
    #[must_use]
    pub fn shared() -> Arc<Self> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let kafka = Arc::new(Self::start());
            *shared = Arc::downgrade(&kafka);
            kafka
        })
    }

    /// Starts a broker with an empty log and waits until it answers.
    ///
    /// # Panics
    ///
    /// When Kafka cannot be started.
    #[must_use]
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (port, controller) = (ports::free(), ports::free());
        let properties = folder.path().join("server.properties");
        fs::write(&properties, properties_text(folder.path(), port, controller)).expect("write properties");
        let path = properties.display().to_string();
        let format = ["format", "-t", "b3RscDJrYWZrYS10ZXN0cw", "-c", &path];
        let output = tool("kafka.tools.StorageTool").args(format).output().expect("java is installed");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let kafka = Self { bootstrap: format!("127.0.0.1:{port}"), broker: launch(folder.path()), folder };
        kafka.wait_until_ready();
        kafka
    }

    /// The process id of the JVM.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.broker.pid()
    }

    /// Freezes the broker; its connections stay open and silent.
    pub fn pause(&self) {
        process::freeze(self.pid());
    }

    /// Undoes [`Kafka::pause`].
    pub fn resume(&self) {
        process::signal(self.pid(), "CONT");
    }

    /// Kills the broker.
    pub fn kill(&mut self) {
        self.broker.end();
    }

    /// Starts the broker again, on the same port and log.
    pub fn start_again(&mut self) {
        self.broker = launch(self.folder.path());
        self.wait_until_ready();
    }

    fn wait_until_ready(&self) {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.bootstrap).set("log_level", "0");
        let client: BaseConsumer = config.create().expect("a Kafka client");
        process::wait_for("Kafka answers", Duration::from_secs(90), || {
            client
                .fetch_metadata(None, Duration::from_secs(1))
                .is_ok_and(|metadata| !metadata.brokers().is_empty())
        });
    }
}

/// One of Kafka's own command-line tools, by its class, to be given arguments.
///
/// # Panics
///
/// When the jars have not been fetched.
#[must_use]
pub fn tool(class: &str) -> Command {
    Version::V4.tool(class)
}

fn launch(folder: &Path) -> Jvm {
    let properties = folder.join("server.properties");
    Jvm::start(Version::V4, &["-Xmx512m"], "kafka.Kafka", &properties, &folder.join("kafka.log"))
}

fn properties_text(folder: &Path, port: u16, controller: u16) -> String {
    let log = folder.join("log");
    let log = log.display();
    [
        "process.roles=broker,controller",
        "node.id=1",
        &format!("controller.quorum.voters=1@127.0.0.1:{controller}"),
        &format!("listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}"),
        &format!("advertised.listeners=PLAINTEXT://127.0.0.1:{port}"),
        "inter.broker.listener.name=PLAINTEXT",
        "controller.listener.names=CONTROLLER",
        "listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        &format!("log.dirs={log}"),
        "num.partitions=3",
        "offsets.topic.replication.factor=1",
        "offsets.topic.num.partitions=1",
        "transaction.state.log.replication.factor=1",
        "transaction.state.log.min.isr=1",
        "share.coordinator.state.topic.replication.factor=1",
        "share.coordinator.state.topic.min.isr=1",
        "group.initial.rebalance.delay.ms=0",
        "",
    ]
    .join("\n")
}
