//! Hop 5 and 6: large bodies leave their worker, so that they do not hold up its other clients.

use tokio::task::{AbortHandle, spawn_blocking};
use tokio::time::timeout_at;

use crate::{Charge, Deadline, RetryReason};

/// Bodies up to this size are read and shaped on their own worker, which takes half a millisecond or less: a hand-over
/// costs a tenth of that, and what another thread wrote is no longer in this one's cache.
pub const INLINE_BYTES_MAX: usize = 512 << 10;

/// Runs `work` on `bytes` bytes: in place when they are few, else on the runtime's blocking pool, whose
/// threads its builder bounds. The queue before the pool is bounded by the budget.
///
/// On the pool, what covers the memory that `work` holds goes along and comes back with the result.
///
/// # Errors
///
/// [`RetryReason::Internal`] when the work panicked on the pool, [`RetryReason::HoldTime`] when the pool has not done it
/// by the deadline; what covers it stays with it then.
///
/// # Cancellation
///
/// Work that has begun goes on, and `charge` returns when it ends. Work that has not begun is not done.
pub async fn run_sized<T, F>(
    bytes: usize,
    charge: &mut Charge,
    deadline: Deadline,
    work: F,
) -> Result<T, RetryReason>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    if bytes <= INLINE_BYTES_MAX {
        return Ok(work());
    }
    // The rare way is boxed, so that the future of the frequent one stays small.
    Box::pin(aside(charge, deadline, work)).await
}

async fn aside<T, F>(charge: &mut Charge, deadline: Deadline, work: F) -> Result<T, RetryReason>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let lent = charge.split(charge.bytes());
    // Nobody may be there to take the result: it goes first, then what covers it.
    let job = spawn_blocking(move || (work(), lent));
    let _unwanted = Unwanted(job.abort_handle());
    let done = timeout_at(deadline.at(), job).await.map_err(|_| RetryReason::HoldTime)?;
    let (result, lent) = done.map_err(|_| RetryReason::Internal)?;
    charge.join(lent);
    Ok(result)
}

/// Takes work that has not begun off the pool's queue once nobody waits for it; no more than that.
struct Unwanted(AbortHandle);

impl Drop for Unwanted {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests;
