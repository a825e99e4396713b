//! What covers a request stays with the work for it, whoever is still there to wait.

use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::oneshot;

use super::*;
use crate::{Budget, Deadline};

const LARGE: usize = INLINE_BYTES_MAX + 1;

struct Bench {
    budget: Arc<Budget>,
    charge: Charge,
}

impl Bench {
    async fn new() -> Self {
        let budget = Budget::new(16 << 20, 0);
        let mut charge = budget.open();
        charge.grow(LARGE, deadline()).await.unwrap();
        Self { budget, charge }
    }
}

fn deadline() -> Deadline {
    Deadline::after(Duration::from_secs(60), None)
}

/// On a runtime with one thread for large bodies.
fn on_worker<F: Future>(work: F) -> F::Output {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().max_blocking_threads(1).build().unwrap().block_on(work)
}

/// Work that says that it has begun, and ends when it is let.
fn held_up() -> (impl FnOnce() + Send + 'static, oneshot::Receiver<()>, mpsc::SyncSender<()>) {
    let (begun, has_begun) = oneshot::channel();
    let (let_go, go) = mpsc::sync_channel(1);
    let work = move || {
        begun.send(()).unwrap();
        go.recv().unwrap();
    };
    (work, has_begun, let_go)
}

/// The pool's only thread has nothing else to do.
async fn pool_is_idle() {
    spawn_blocking(|| ()).await.unwrap();
}

#[test]
fn what_covers_a_request_comes_back_with_the_result() {
    on_worker(async {
        let Bench { budget, mut charge } = Bench::new().await;
        for bytes in [INLINE_BYTES_MAX, LARGE] {
            assert_eq!(run_sized(bytes, &mut charge, deadline(), || 7).await, Ok(7));
            assert_eq!(charge.bytes(), LARGE);
            assert!(budget.used_bytes() >= LARGE);
        }
        let panicked = run_sized(LARGE, &mut charge, deadline(), || panic!("of a test")).await;
        assert_eq!(panicked, Err::<(), _>(RetryReason::Internal));
        assert_eq!((charge.bytes(), budget.used_bytes()), (0, 0));
    });
}

#[test]
fn work_that_has_begun_keeps_what_covers_it_when_nobody_waits_any_more() {
    on_worker(async {
        let Bench { budget, mut charge } = Bench::new().await;
        let (work, has_begun, let_go) = held_up();
        let request = async move { run_sized(LARGE, &mut charge, deadline(), work).await };
        tokio::select! {
            biased;
            _ = request => panic!("nobody let it go"),
            begun = has_begun => begun.unwrap(),
        }
        assert!(budget.used_bytes() >= LARGE);
        let_go.send(()).unwrap();
        pool_is_idle().await;
        assert_eq!(budget.used_bytes(), 0);
    });
}

#[test]
fn work_that_has_not_begun_is_not_done_when_nobody_waits_any_more() {
    on_worker(async {
        let (blocking, has_begun, let_go) = held_up();
        let blocking = spawn_blocking(blocking);
        has_begun.await.unwrap();
        let Bench { budget, mut charge } = Bench::new().await;
        let done = Arc::new(Mutex::new(false));
        let mark = Arc::clone(&done);
        let request = async move {
            run_sized(LARGE, &mut charge, deadline(), move || *mark.lock().unwrap() = true).await
        };
        // Its first turn puts it in the queue.
        tokio::select! {
            biased;
            _ = request => panic!("the pool is taken"),
            () = std::future::ready(()) => {}
        }
        // Its memory is there until the pool has come to it.
        assert!(budget.used_bytes() >= LARGE);
        let_go.send(()).unwrap();
        blocking.await.unwrap();
        pool_is_idle().await;
        assert_eq!(budget.used_bytes(), 0);
        assert!(!*done.lock().unwrap());
    });
}

#[test]
fn a_pool_that_has_no_time_ends_the_wait_at_the_deadline() {
    on_worker(async {
        let (blocking, has_begun, let_go) = held_up();
        let blocking = spawn_blocking(blocking);
        has_begun.await.unwrap();
        let Bench { budget, mut charge } = Bench::new().await;
        let soon = Deadline::after(Duration::from_millis(1), None);
        let late = run_sized(LARGE, &mut charge, soon, || ()).await;
        assert_eq!(late, Err(RetryReason::HoldTime));
        drop(charge);
        assert!(budget.used_bytes() >= LARGE);
        let_go.send(()).unwrap();
        blocking.await.unwrap();
        pool_is_idle().await;
        assert_eq!(budget.used_bytes(), 0);
    });
}
