//! What a broker itself counts, read through JMX by Kafka's own tool: the same account for every client.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::jvm::Version;
use crate::process;

const BEAN: &str = "kafka.network:type=RequestMetrics,name=RequestsPerSec,request=Produce,*";

/// Java's options for a broker that shows its counts on a port of loopback.
pub(super) fn options(port: u16) -> Vec<String> {
    let jmx = |name: &str, value: &str| format!("-Dcom.sun.management.jmxremote{name}={value}");
    let port = port.to_string();
    vec![
        jmx(".port", &port),
        jmx(".rmi.port", &port),
        jmx(".host", "127.0.0.1"),
        jmx(".authenticate", "false"),
        jmx(".ssl", "false"),
        "-Djava.rmi.server.hostname=127.0.0.1".to_owned(),
    ]
}

/// How many Produce requests a broker has had, a few times a second. The tool ends with it.
#[derive(Debug)]
pub struct ProduceRequests {
    tool: Child,
    count: Arc<AtomicU64>,
}

impl ProduceRequests {
    pub(super) fn start(version: Version, port: u16) -> Self {
        let url = format!("service:jmx:rmi:///jndi/rmi://127.0.0.1:{port}/jmxrmi");
        let mut tool = version
            .tool("org.apache.kafka.tools.JmxTool")
            .args(["--jmx-url", &url, "--object-name", BEAN, "--attributes", "Count"])
            .args(["--reporting-interval", "200"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("java is installed");
        let output = tool.stdout.take().expect("the output is piped");
        let count = Arc::new(AtomicU64::new(0));
        let shown = Arc::clone(&count);
        std::thread::spawn(move || follow(output, &shown));
        let requests = Self { tool, count };
        process::wait_for("the broker shows its counts", Duration::from_secs(30), || requests.count() > 0);
        requests
    }

    /// Requests since the broker's start, as of the last 200 ms.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}

impl Drop for ProduceRequests {
    fn drop(&mut self) {
        drop(self.tool.kill());
        drop(self.tool.wait());
    }
}

/// Lines of the time and one number for each version of the request.
fn follow(output: ChildStdout, count: &AtomicU64) {
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        let numbers = line.split(',').skip(1).map(|text| text.trim_matches('"').parse::<u64>());
        if let Ok(sum) = numbers.sum::<Result<u64, _>>() {
            count.store(sum, Ordering::Relaxed);
        }
    }
}
