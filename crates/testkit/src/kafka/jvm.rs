//! Java processes of a version's jars: tools to be run, and servers that do not outlive their test.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A release of Apache Kafka that `cargo xtask kafka fetch` copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// The newest one.
    V4,
    /// The last one of 3.x.
    V3,
    /// The oldest one whose brokers we speak to, with its ZooKeeper.
    V2,
}

impl Version {
    /// All of them, the newest first.
    pub const ALL: [Self; 3] = [Self::V4, Self::V3, Self::V2];

    /// As in the names of the jars.
    #[must_use]
    pub fn number(self) -> &'static str {
        match self {
            Self::V4 => "4.3.1",
            Self::V3 => "3.9.2",
            Self::V2 => "2.1.1",
        }
    }

    /// The class path of its jars.
    ///
    /// # Panics
    ///
    /// When the jars have not been fetched.
    #[must_use]
    pub fn classpath(self) -> String {
        classpath(self.number())
    }

    /// One of its command-line tools, by its class, to be given arguments.
    ///
    /// # Panics
    ///
    /// As [`Version::classpath`].
    #[must_use]
    pub fn tool(self, class: &str) -> Command {
        let mut command = Command::new("java");
        command.args([
            "-Xmx384m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-cp",
            &self.classpath(),
            class,
        ]);
        command
    }
}

/// The class path of what `cargo xtask kafka fetch` has copied under this name.
pub(crate) fn classpath(name: &str) -> String {
    let libs = target().join("kafka").join(name).join("libs");
    assert!(libs.join("pom.xml").exists(), "no Apache Kafka here; run `cargo xtask kafka fetch` first");
    format!("{}/*", libs.display())
}

/// Runs a tool to its end and gives what it printed.
///
/// # Panics
///
/// When it ends with an error; the message is what it printed.
#[must_use]
pub fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().expect("java is installed");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}\n{out}\n{err}");
    out.into_owned()
}

/// The repository's folder of what is built and fetched.
pub(crate) fn target() -> PathBuf {
    root().join("target")
}

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A server in a Java process.
#[derive(Debug)]
pub(crate) struct Jvm {
    /// A shell that kills Java when its standard input ends, so that no broker outlives its test.
    shell: Child,
    pid: u32,
}

impl Jvm {
    /// Starts `class` with one argument, a file; `options` are Java's, and what it prints is in `log`.
    pub(crate) fn start(version: Version, options: &[&str], class: &str, file: &Path, log: &Path) -> Self {
        Self::start_from(&version.classpath(), options, class, file, log)
    }

    /// As [`Jvm::start`], with classes from elsewhere.
    pub(crate) fn start_from(
        classpath: &str,
        options: &[&str],
        class: &str,
        file: &Path,
        log: &Path,
    ) -> Self {
        let script = r#"java "$@" >>"$LOG" 2>&1 & echo $!; cat >/dev/null; kill -9 $!; wait"#;
        File::create(log).expect("a log file");
        let mut shell = Command::new("sh")
            .args(["-c", script, "sh", "-XX:+UseSerialGC", "-Dzookeeper.jmx.log4j.disable=true"])
            .args(options)
            .args(["-cp", classpath, class])
            .arg(file)
            .env("LOG", log)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh is installed");
        let mut line = String::new();
        let output = shell.stdout.take().expect("the output is piped");
        BufReader::new(output).read_line(&mut line).expect("the shell says Java's process id");
        Self { shell, pid: line.trim().parse().expect("a process id") }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Kills it and waits until it is gone.
    pub(crate) fn end(&mut self) {
        drop(self.shell.stdin.take());
        drop(self.shell.wait());
    }
}

impl Drop for Jvm {
    fn drop(&mut self) {
        self.end();
    }
}
