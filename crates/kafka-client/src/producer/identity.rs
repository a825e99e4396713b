//! Hop 7: the producer's id, without which no idempotent batch leaves (KIP-98).

use std::cell::RefCell;
use std::rc::Rc;

use super::batch::ProducerId;
use super::record::Settle;
use super::state::State;
use crate::Cluster;
use crate::backoff::Backoff;

/// Gets an id at the start, and another whenever the last one is of no use any more.
pub(super) async fn provide<T: Settle>(state: Rc<RefCell<State<T>>>, cluster: Cluster) {
    if !state.borrow().rules.idempotence {
        return;
    }
    let wanted = Rc::clone(&state.borrow().owner_wanted);
    let mut backoff = Backoff::new(cluster.settings().retry_backoff);
    loop {
        match cluster.init_producer_id().await {
            Ok((id, epoch)) => {
                backoff.reset();
                tracing::debug!(id, epoch, "producer id");
                state.borrow().stats.block(None);
                state.borrow_mut().own(ProducerId { id, epoch });
            }
            Err(error) => {
                tracing::debug!(%error, "no producer id yet");
                state.borrow().stats.block(Some(format!("no producer id: {error}")));
                tokio::time::sleep(backoff.next()).await;
                continue;
            }
        }
        while state.borrow().owner.is_some() {
            wanted.wait().await;
        }
    }
}
