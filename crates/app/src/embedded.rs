//! The embedded broker on a thread and runtime of its own, so that its disk writes hold up nobody.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, anyhow};
use dev_broker::{Broker, Config, StartError};
use tokio::runtime::Builder;
use tokio::sync::oneshot;

use crate::advice::{Asker, cannot_listen};
use crate::files;
use crate::settings::keys::{DATA_DIR, DEV_BROKER_PORT};

/// A running broker.
#[derive(Debug)]
pub(crate) struct Embedded {
    addr: SocketAddr,
    stop: oneshot::Sender<()>,
    /// Resolves when the thread ends, whatever the cause.
    ended: oneshot::Receiver<()>,
}

/// A broker whose memory is small beside the budget of requests, yet takes our largest records.
fn bounded(port: u16, folder: PathBuf, record_bytes_max: usize) -> Config {
    const FRAME_BYTES: usize = 16 << 20;
    const ANSWERS_BYTES: usize = 32 << 20;
    let frame_bytes_max = FRAME_BYTES.max(record_bytes_max.saturating_mul(2));
    Config {
        frame_bytes_max,
        message_bytes_max: frame_bytes_max,
        requests_bytes_max: frame_bytes_max,
        fetch_bytes_max: ANSWERS_BYTES / 2,
        answers_bytes_max: ANSWERS_BYTES,
        ..Config::new(SocketAddr::from((Ipv4Addr::LOCALHOST, port)), folder)
    }
}

/// Where the broker keeps its topics.
pub(crate) fn folder(data_dir: &Path) -> PathBuf {
    data_dir.join("broker")
}

impl Embedded {
    /// Starts it; it listens when this returns.
    ///
    /// # Errors
    ///
    /// A line for the user: the port is taken, the folder cannot be used.
    pub(crate) async fn start(port: u16, data_dir: &Path, record_bytes_max: usize) -> anyhow::Result<Self> {
        let folder = folder(data_dir);
        files::create_folder(&folder).map_err(|error| {
            anyhow!(
                "{}: cannot create the folder {}: {}",
                DATA_DIR.name,
                folder.display(),
                files::plain(&error)
            )
        })?;
        let config = bounded(port, folder, record_bytes_max);
        let (started, start) = oneshot::channel();
        let (stop, stopped) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        thread::Builder::new()
            .name("dev-broker".to_owned())
            .spawn(move || {
                // Dropped at the end, also of a panic.
                let _end = end;
                serve(config, started, stopped);
            })
            .context("no thread for the embedded broker")?;
        let addr = start.await.context("the embedded broker ended while starting")??;
        Ok(Self { addr, stop, ended })
    }

    /// Where it listens.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Returns when the broker has ended by itself, which it should not.
    pub(crate) async fn ended(&mut self) {
        drop((&mut self.ended).await);
    }

    /// Closes connections and files.
    pub(crate) async fn shutdown(self) {
        // An error means that it has ended already.
        let _stopping = self.stop.send(());
        drop(self.ended.await);
    }
}

fn serve(
    config: Config,
    started: oneshot::Sender<anyhow::Result<SocketAddr>>,
    stopped: oneshot::Receiver<()>,
) {
    let runtime = match Builder::new_current_thread().enable_all().max_blocking_threads(4).build() {
        Ok(runtime) => runtime,
        Err(error) => {
            drop(started.send(Err(error.into())));
            return;
        }
    };
    runtime.block_on(async {
        match Broker::start(config).await {
            Ok(broker) => {
                drop(started.send(Ok(broker.addr())));
                drop(stopped.await);
                broker.shutdown().await;
            }
            Err(error) => drop(started.send(Err(explain(error)))),
        }
    });
}

fn explain(error: StartError) -> anyhow::Error {
    match error {
        StartError::PortInUse { addr } => {
            let in_use = std::io::ErrorKind::AddrInUse.into();
            let at = addr.to_string();
            anyhow!(cannot_listen(Asker::Broker, DEV_BROKER_PORT.name, &at, addr.port(), &in_use))
        }
        StartError::DataDirInUse { data_dir } => anyhow!(
            "{}: another otlp2kafka uses {}; stop it, or choose another folder with -o {}=FOLDER",
            DATA_DIR.name,
            data_dir.display(),
            DATA_DIR.name
        ),
        other => anyhow::Error::new(other).context("the embedded broker does not start"),
    }
}
