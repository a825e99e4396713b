//! A real Apache Kafka for tests and trials: fetched from Maven Central, run with plain `java -cp` on loopback.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{maven, shell};

/// A pom of `tools/kafka` each; the first is what `kafka run` starts, the last a worker of Kafka Connect.
const VERSIONS: [&str; 4] = ["4.3.1", "3.9.2", "2.1.1", "connect-4.3.1"];

/// `kafka fetch` copies the jars of all versions; `kafka run [PORT]` also starts a broker in the foreground.
pub(crate) fn main(args: &[String]) -> Result<()> {
    match args.first().map(String::as_str) {
        Some("fetch") => fetch().map(drop),
        Some("run") => {
            let port = args.get(1).map_or(Ok(19092), |port| port.parse()).context("PORT is a number")?;
            serve(port)
        }
        _ => bail!("kafka fetch | kafka run [PORT]"),
    }
}

/// The folder of the newest version's jars, after all versions have been fetched.
pub(crate) fn fetch() -> Result<PathBuf> {
    let folders = VERSIONS.iter().map(|version| fetch_version(version)).collect::<Result<Vec<_>>>()?;
    folders.into_iter().next().context("there is a version")
}

fn fetch_version(version: &str) -> Result<PathBuf> {
    maven::jars(&format!("tools/kafka/{version}/pom.xml"), &format!("target/kafka/{version}/libs"))
}

fn serve(port: u16) -> Result<()> {
    let libs = fetch()?;
    let data = shell::root().join(format!("target/kafka/data-{port}"));
    fs::create_dir_all(&data)?;
    let properties = data.join("server.properties");
    let controller = port.checked_add(1).context("PORT is too large")?;
    fs::write(
        &properties,
        format!(
            "process.roles=broker,controller\nnode.id=1\n\
             controller.quorum.voters=1@127.0.0.1:{controller}\n\
             listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n\
             advertised.listeners=PLAINTEXT://127.0.0.1:{port}\n\
             inter.broker.listener.name=PLAINTEXT\ncontroller.listener.names=CONTROLLER\n\
             listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT\n\
             log.dirs={}\noffsets.topic.replication.factor=1\noffsets.topic.num.partitions=1\n\
             transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n\
             share.coordinator.state.topic.replication.factor=1\nshare.coordinator.state.topic.min.isr=1\n\
             group.initial.rebalance.delay.ms=0\n",
            data.join("log").display()
        ),
    )?;
    let classpath = format!("{}/*", libs.display());
    let path = properties.display().to_string();
    let java = |class: &str, more: &[&str]| {
        let mut command = Command::new("java");
        command.args(["-Xmx512m", "-cp", &classpath, class]).args(more);
        command
    };
    if !data.join("log/meta.properties").exists() {
        let format = ["format", "-t", "b3RscDJrYWZrYS10ZXN0cw", "-c", &path];
        shell::run_command(&mut java("kafka.tools.StorageTool", &format))?;
    }
    shell::say(&format!("Apache Kafka on 127.0.0.1:{port}, data in {}", data.display()));
    shell::run_command(&mut java("kafka.Kafka", &[&path]))
}
