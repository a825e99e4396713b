//! Hop 5 and 6: large bodies leave their worker, so that they do not hold up its other clients.

/// Bodies up to this size are read and shaped on their own worker: cheaper there than the two hand-overs.
pub const INLINE_BYTES_MAX: usize = 256 << 10;

/// The work panicked.
#[derive(Debug, thiserror::Error)]
#[error("a panic while reading or shaping a request")]
pub struct PoolPanicked;

/// Runs `work` on `bytes` bytes: in place when they are few, else on the runtime's blocking pool, whose
/// threads its builder bounds. The queue before the pool is bounded by the requests admitted.
///
/// # Errors
///
/// [`PoolPanicked`] when the work panicked on the pool.
pub async fn run_sized<T, F>(bytes: usize, work: F) -> Result<T, PoolPanicked>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    if bytes <= INLINE_BYTES_MAX {
        return Ok(work());
    }
    tokio::task::spawn_blocking(work).await.map_err(|_| PoolPanicked)
}
