//! A real worker of Kafka Connect, standalone, with its file connector: what our REST calls are compared with.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tempfile::TempDir;

use crate::kafka::{Jvm, classpath};
use crate::{http, ports, process};

/// What the worker's own distribution says of its log.
const LEVELS: &str = "rootLogger.level=INFO\nrootLogger.appenderRef.out.ref=out\nappender.out.type=Console\n\
                      appender.out.name=out\n";

/// A worker; killed when dropped.
#[derive(Debug)]
pub struct Worker {
    /// Its REST calls.
    pub rest: SocketAddr,
    _jvm: Jvm,
    _folder: TempDir,
}

impl Worker {
    /// The release.
    pub const VERSION: &str = "4.3.1";

    /// Starts one on that Kafka and waits until it is healthy.
    ///
    /// # Panics
    ///
    /// When its jars have not been fetched, or it does not come up; the message is what it printed.
    #[must_use]
    pub fn start(bootstrap: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let rest = SocketAddr::from((Ipv4Addr::LOCALHOST, ports::free()));
        let offsets = folder.path().join("offsets");
        let properties = folder.path().join("worker.properties");
        let text = format!(
            "bootstrap.servers={bootstrap}\nlisteners=http://{rest}\n\
             key.converter=org.apache.kafka.connect.storage.StringConverter\n\
             value.converter=org.apache.kafka.connect.storage.StringConverter\n\
             offset.storage.file.filename={}\nplugin.discovery=service_load\n",
            offsets.display()
        );
        fs::write(&properties, text).expect("a file");
        let log = folder.path().join("log");
        let class = "org.apache.kafka.connect.cli.ConnectStandalone";
        let libs = classpath(&format!("connect-{}", Self::VERSION));
        let levels = folder.path().join("log4j2.properties");
        fs::write(&levels, LEVELS).expect("a file");
        let levels = format!("-Dlog4j2.configurationFile={}", levels.display());
        let options = ["-Xmx384m", "-XX:TieredStopAtLevel=1", &levels];
        let jvm = Jvm::start_from(&libs, &options, class, &properties, &log);
        let healthy = || http::get(rest, "/health").is_ok_and(|answer| answer.status == 200);
        let said = || fs::read_to_string(&log).unwrap_or_default();
        process::wait_for_or(
            "the worker of Kafka Connect is healthy",
            Duration::from_secs(120),
            healthy,
            said,
        );
        Self { rest, _jvm: jvm, _folder: folder }
    }
}
