//! The ports of one connector: taken, handed on from one configuration to the next, released.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;

use pipeline::Metrics;
use receiver::{Address, BindError, Bound, Door, Leaving, Listening, Station, Tls};
use sink::WorkerIntake;

use super::former::Former;
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
        former: &mut Former,
    ) -> Vec<Refused> {
        let mut found = [None, None];
        // The new ones before the old ones are given up, so that somebody listens at any time.
        for ((slot, door), found) in self.0.iter_mut().zip(DOORS).zip(&mut found) {
            match (slot, config.address(door)) {
                (Some(port), Some(wanted)) if port.address == *wanted => {
                    port.listening.limit(config.connections_max);
                    if port.tls != config.tls {
                        port.tls.clone_from(&config.tls);
                        let leaving = station.renew(&mut port.listening, door, config.tls.as_ref());
                        former.leaves(leaving, config.hold());
                    }
                }
                (_, Some(wanted)) => *found = Some(bind(wanted).await),
                (_, None) => {}
            }
        }
        let released = self.release(config, former).await;
        let mut refused = Vec::new();
        for ((slot, door), mut found) in self.0.iter_mut().zip(DOORS).zip(found) {
            let Some(wanted) = config.address(door) else { continue };
            if matches!(found, Some(Err(_))) && released.contains(&wanted.port) {
                // What was in the way was its own: the same port at another address, or at the other door.
                found = Some(bind(wanted).await);
            }
            match found {
                Some(Ok(bound)) => {
                    let tls = config.tls.clone();
                    let listening =
                        station.listen(bound, door, tls.as_ref(), config.connections_max, metrics);
                    *slot = Some(Port { address: wanted.clone(), tls, listening });
                }
                Some(Err(error)) => refused.push(explain(&error)),
                None => {}
            }
        }
        refused
    }

    /// Releases the ports that a configuration says something else of, and returns their numbers.
    async fn release(&mut self, config: &receiver::Config, former: &mut Former) -> Vec<u16> {
        let mut released = Vec::new();
        for (slot, door) in self.0.iter_mut().zip(DOORS) {
            if let Some(port) = slot.take_if(|port| config.address(door) != Some(&port.address)) {
                released.push(port.listening.addr().port());
                former.leaves(port.listening.close().await, config.hold());
            }
        }
        released
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
