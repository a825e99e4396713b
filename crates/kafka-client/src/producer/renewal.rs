//! Hop 7: a login that ends soon (KIP-368): its credentials are got while requests go on, so that they wait for the
//! exchange alone.

use std::cell::RefCell;
use std::rc::Rc;

use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::signal::Signal;
use crate::backoff::Backoff;
use crate::connection::{Connection, prepare_login};
use crate::security::Conversation;
use crate::{Cluster, Error};

type Prepared = Result<Box<dyn Conversation>, Error>;

/// One connection's renewals.
pub(super) struct Renewal {
    cluster: Cluster,
    stage: Stage,
    backoff: Backoff,
}

enum Stage {
    NotDue,
    Preparing(JoinHandle<()>, Rc<RefCell<Option<Prepared>>>),
    Ready(Box<dyn Conversation>),
}

impl Renewal {
    pub(super) fn new(cluster: &Cluster) -> Self {
        let backoff = Backoff::new(cluster.settings().reconnect_backoff);
        Self { cluster: cluster.clone(), stage: Stage::NotDue, backoff }
    }

    /// Gets the credentials when it is time; sets `wake` when there is news. Without credentials the old login lasts as
    /// long as the broker lets it, while they are asked for again. Returns [`Self::is_ready`].
    pub(super) fn advance(&mut self, connection: &mut Connection, wake: &Rc<Signal>, now: Instant) -> bool {
        match &self.stage {
            Stage::NotDue if connection.renew_at.is_some_and(|at| at <= now) => {
                self.stage = self.prepare(connection, wake);
            }
            Stage::Preparing(_, place) => match place.take() {
                Some(Ok(conversation)) => {
                    self.backoff.reset();
                    self.stage = Stage::Ready(conversation);
                }
                Some(Err(error)) => {
                    tracing::warn!("a login cannot be renewed yet: {error}");
                    connection.renew_at = Some(now + self.backoff.next());
                    self.stage = Stage::NotDue;
                }
                None => {}
            },
            Stage::NotDue | Stage::Ready(_) => {}
        }
        self.is_ready()
    }

    fn prepare(&self, connection: &Connection, wake: &Rc<Signal>) -> Stage {
        let place = Rc::<RefCell<Option<Prepared>>>::default();
        let (filled, wake) = (Rc::clone(&place), Rc::clone(wake));
        let (cluster, broker) = (self.cluster.clone(), connection.broker.clone());
        let task = tokio::task::spawn_local(async move {
            if let Some(sasl) = &cluster.settings().security.sasl {
                *filled.borrow_mut() = Some(prepare_login(sasl, &broker).await);
            }
            wake.set();
        });
        Stage::Preparing(task, place)
    }

    /// Whether the exchange comes next: nothing new is sent until then.
    pub(super) fn is_ready(&self) -> bool {
        matches!(self.stage, Stage::Ready(_))
    }

    /// Renews the login if that comes next; nothing else may be on its way. Returns whether it did.
    pub(super) async fn renew(&mut self, connection: &mut Connection) -> Result<bool, Error> {
        match std::mem::replace(&mut self.stage, Stage::NotDue) {
            Stage::Ready(conversation) => {
                connection.log_in_prepared(self.cluster.settings(), conversation).await?;
                Ok(true)
            }
            other => {
                self.stage = other;
                Ok(false)
            }
        }
    }
}

impl Drop for Renewal {
    fn drop(&mut self) {
        if let Stage::Preparing(task, _) = &self.stage {
            task.abort();
        }
    }
}
