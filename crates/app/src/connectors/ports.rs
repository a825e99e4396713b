//! The ports of one connector: taken, handed on from one configuration to the next, released.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use pipeline::Metrics;
use receiver::{Address, BindError, Bound, Door, Leaving, Listening, Station, Tls};
use sink::WorkerIntake;

use super::LAST_ANSWERS;
use crate::advice::{Asker, cannot_listen};

const DOORS: [Door; 2] = [Door::Grpc, Door::Http];

/// A port in service, and what it was opened for.
#[derive(Debug)]
struct Port {
    address: Address,
    tls: Option<Tls>,
    listening: Listening,
}

/// Both ports of a connector.
#[derive(Debug, Default)]
pub(super) struct Ports([Option<Port>; 2]);

/// A port that could not be had.
#[derive(Debug)]
pub(super) struct Refused {
    /// In a line, with what to do.
    pub(super) why: String,
    /// Its number, when somebody else has it.
    pub(super) taken: Option<u16>,
}

impl Ports {
    /// Where OTLP/gRPC and OTLP/HTTP listen.
    pub(super) fn addrs(&self) -> [Option<SocketAddr>; 2] {
        [0, 1].map(|door| self.0[door].as_ref().map(|port| port.listening.addr()))
    }

    /// Brings the ports to what a configuration says: one that it says the same of stays open, with its connections;
    /// with other TLS settings it stays open, and its connections leave. Returns what could not be had.
    pub(super) async fn follow(
        &mut self,
        station: &Station<WorkerIntake>,
        config: &receiver::Config,
        metrics: &Arc<Metrics>,
        graceful: Duration,
    ) -> Vec<Refused> {
        let mut refused = Vec::new();
        for (slot, door) in self.0.iter_mut().zip(DOORS) {
            let wanted = config.address(door);
            if let (Some(port), Some(wanted)) = (slot.as_mut(), wanted)
                && port.address == *wanted
            {
                port.listening.limit(config.connections_max);
                if port.tls != config.tls {
                    port.tls.clone_from(&config.tls);
                    let leaving = station.renew(&mut port.listening, door, config.tls.as_ref());
                    tokio::spawn(see_out(leaving, graceful));
                }
                continue;
            }
            // The new one before the old one is given up, so that somebody listens at any time.
            let mut bound = match wanted {
                Some(wanted) => Some(bind(wanted).await),
                None => None,
            };
            if let Some(port) = slot.take() {
                let same_port = wanted.is_some_and(|wanted| wanted.port == port.address.port);
                tokio::spawn(see_out(port.listening.close().await, graceful));
                if let (Some(Err(_)), Some(wanted), true) = (&bound, wanted, same_port) {
                    bound = Some(bind(wanted).await);
                }
            }
            match (bound, wanted) {
                (Some(Ok(bound)), Some(wanted)) => {
                    let tls = config.tls.clone();
                    let listening =
                        station.listen(bound, door, tls.as_ref(), config.connections_max, metrics);
                    *slot = Some(Port { address: wanted.clone(), tls, listening });
                }
                (Some(Err(error)), _) => refused.push(explain(&error)),
                (Some(Ok(_)) | None, _) => {}
            }
        }
        refused
    }

    /// Releases the ports. Their connections leave.
    pub(super) async fn close(&mut self) -> Vec<Leaving> {
        let mut leaving = Vec::new();
        for slot in &mut self.0 {
            if let Some(port) = slot.take() {
                leaving.push(port.listening.close().await);
            }
        }
        leaving
    }
}

/// Looking up a name blocks, and must not hold up the control plane.
async fn bind(address: &Address) -> Result<Bound, BindError> {
    let at = address.clone();
    let bound = tokio::task::spawn_blocking(move || receiver::bind(&at)).await;
    bound.unwrap_or_else(|_| {
        Err(BindError::Listen {
            key: address.key,
            port: address.port,
            address: address.host.clone(),
            source: ErrorKind::Interrupted.into(),
        })
    })
}

/// Waits for connections to leave, and cuts those that do not.
async fn see_out(leaving: Leaving, graceful: Duration) {
    if tokio::time::timeout(graceful, leaving.finished()).await.is_err() {
        leaving.cut();
        // An error: a peer that does not read is cut off when this is dropped.
        drop(tokio::time::timeout(LAST_ANSWERS, leaving.finished()).await);
    }
}

fn explain(error: &BindError) -> Refused {
    match error {
        BindError::Address { address, .. } => Refused {
            why: format!(
                "otlp.bind.address: {address} is neither an address nor a name that has one; 0.0.0.0 stands for \
                 all addresses of this machine"
            ),
            taken: None,
        },
        BindError::Listen { key, port, address, source } => {
            let at = if address.contains(':') {
                format!("[{address}]:{port}")
            } else {
                format!("{address}:{port}")
            };
            Refused {
                why: cannot_listen(Asker::Receiver, key, &at, *port, source),
                taken: (source.kind() == ErrorKind::AddrInUse).then_some(*port),
            }
        }
    }
}
