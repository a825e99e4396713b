//! The real program in a process of its own, on free ports.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::{http, ports, process};

/// How to start a server.
#[derive(Debug)]
pub struct Builder {
    program: PathBuf,
    bootstrap: Option<String>,
    options: Vec<(String, String)>,
    data: Option<PathBuf>,
    rest: Option<SocketAddr>,
}

/// A running server; killed when dropped.
#[derive(Debug)]
pub struct Server {
    /// OTLP/gRPC.
    pub grpc: SocketAddr,
    /// OTLP/HTTP.
    pub http: SocketAddr,
    /// REST, health and metrics.
    pub rest: SocketAddr,
    /// Where Kafka clients connect: the embedded broker, or the cluster that was given.
    pub bootstrap: String,
    child: Child,
    folder: TempDir,
}

impl Builder {
    /// A server from this binary, with the embedded broker.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self { program: program.into(), bootstrap: None, options: Vec::new(), data: None, rest: None }
    }

    /// Writes to this Kafka instead of the embedded broker.
    #[must_use]
    pub fn kafka(mut self, bootstrap: &str) -> Self {
        self.bootstrap = Some(bootstrap.to_owned());
        self
    }

    /// Sets a key, of the worker or of the connector.
    #[must_use]
    pub fn option(mut self, key: &str, value: impl ToString) -> Self {
        self.options.push((key.to_owned(), value.to_string()));
        self
    }

    /// Keeps the embedded broker's data there.
    #[must_use]
    pub fn data(mut self, folder: &Path) -> Self {
        self.data = Some(folder.to_owned());
        self
    }

    /// Expects its REST calls there, where options put them.
    #[must_use]
    pub fn rest(mut self, addr: SocketAddr) -> Self {
        self.rest = Some(addr);
        self
    }

    /// Starts it and waits until its ports listen.
    ///
    /// # Panics
    ///
    /// When it does not come up; the message is what it printed.
    #[must_use]
    pub fn start(self) -> Server {
        let mut server = self.start_without_receivers();
        server.wait_until_listening();
        server
    }

    /// Starts it and waits for nothing: it may have no connector that listens.
    ///
    /// # Panics
    ///
    /// When the program is not there.
    #[must_use]
    pub fn start_without_receivers(self) -> Server {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let (grpc, http, rest, broker) =
            (local(ports::free()), local(ports::free()), local(ports::free()), ports::free());
        let rest = self.rest.unwrap_or(rest);
        let data = self.data.unwrap_or_else(|| folder.path().join("data"));
        let bootstrap = self.bootstrap.clone().unwrap_or_else(|| format!("127.0.0.1:{broker}"));
        let mut options = vec![
            ("otlp.grpc.port".to_owned(), grpc.port().to_string()),
            ("otlp.http.port".to_owned(), http.port().to_string()),
            ("otlp.bind.address".to_owned(), "127.0.0.1".to_owned()),
            ("listeners".to_owned(), format!("http://{rest}")),
            ("dev.broker.port".to_owned(), broker.to_string()),
            ("data.dir".to_owned(), data.display().to_string()),
            ("shutdown.delay.ms".to_owned(), "0".to_owned()),
        ];
        options.extend(self.bootstrap.map(|servers| ("bootstrap.servers".to_owned(), servers)));
        options.extend(self.options);
        let log = fs::File::create(folder.path().join("log")).expect("a log file");
        let child = Command::new(&self.program)
            .args(options.iter().flat_map(|(key, value)| ["-o".to_owned(), format!("{key}={value}")]))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log file"))
            .stderr(log)
            .current_dir(folder.path())
            .spawn()
            .expect("the server's binary starts");
        Server { grpc, http, rest, bootstrap, child, folder }
    }
}

impl Server {
    /// The process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has printed so far.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Waits until `/readyz` says yes.
    ///
    /// # Panics
    ///
    /// When it does not within 60 s.
    pub fn wait_until_ready(&self) {
        let ready = || http::get(self.rest, "/readyz").is_ok_and(|answer| answer.status == 200);
        process::wait_for("/readyz answers 200", Duration::from_secs(60), ready);
    }

    /// Sends SIGTERM and waits for the exit.
    ///
    /// # Panics
    ///
    /// When it does not exit within 30 s.
    pub fn terminate(&mut self) -> ExitStatus {
        process::signal(self.pid(), "TERM");
        let mut exit = None;
        process::wait_for("the server exits", Duration::from_secs(30), || {
            exit = self.child.try_wait().expect("a child of ours");
            exit.is_some()
        });
        exit.expect("waited for")
    }

    /// Sends SIGKILL and waits until it is gone.
    pub fn kill(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }

    fn wait_until_listening(&mut self) {
        process::wait_for("the server listens", Duration::from_secs(30), || {
            let exit = self.child.try_wait().expect("a child of ours");
            assert!(exit.is_none(), "the server ended with {exit:?}:\n{}", self.log());
            [self.rest, self.http, self.grpc].iter().all(|addr| std::net::TcpStream::connect(addr).is_ok())
        });
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprint_log(&self.log());
        }
    }
}

#[expect(clippy::print_stderr, reason = "a failed test shows what its server said")]
fn eprint_log(log: &str) {
    eprintln!("--- the server said:\n{log}---");
}
