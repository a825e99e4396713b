//! No success without a report of success for each record.

use std::rc::Rc;
use std::time::Duration;

use otlp::Signal;

use super::*;
use crate::{Budget, Gate, Metrics};

struct Bench {
    returns: Arc<Returns>,
    waits: Rc<Waits>,
    metrics: Metrics,
    gate: Gate,
    budget: Arc<Budget>,
}

impl Bench {
    fn new() -> Self {
        let returns = Arc::new(Returns::default());
        let task = Arc::clone(&returns);
        tokio::spawn(async move { task.run().await });
        Self {
            returns,
            waits: Rc::default(),
            metrics: Metrics::default(),
            gate: Gate::new(1),
            budget: Budget::new(1 << 20, 0),
        }
    }

    fn deadline() -> Deadline {
        Deadline::after(Duration::from_secs(8), None)
    }

    async fn tally(&self) -> Tally {
        let permit = self.gate.admit(Signal::Logs, Self::deadline()).await.unwrap();
        Tally::new(&self.returns, self.metrics.signal(Signal::Logs), permit)
    }

    async fn charge(&self, bytes: usize) -> Charge {
        let mut charge = self.budget.open();
        charge.grow(bytes, Self::deadline()).await.unwrap();
        charge
    }
}

// Real time: a paused clock runs to the deadline while it waits for the other thread.
#[tokio::test]
async fn all_stored_is_stored() {
    let bench = Bench::new();
    let tally = bench.tally().await;
    let acks = [tally.ack(3, bench.charge(10).await), tally.ack(4, bench.charge(10).await)];
    let thread = std::thread::spawn(move || acks.into_iter().for_each(|ack| ack.resolve(Outcome::Stored)));
    assert_eq!(tally.settled(&bench.waits, Bench::deadline()).await, Settled::Stored);
    thread.join().unwrap();
    assert_eq!(bench.budget.used_bytes(), 0);
    assert_eq!(bench.metrics.signal(Signal::Logs).items_stored(), 7);
}

#[tokio::test(start_paused = true)]
async fn no_records_is_stored() {
    let bench = Bench::new();
    assert_eq!(bench.tally().await.settled(&bench.waits, Bench::deadline()).await, Settled::Stored);
}

#[tokio::test(start_paused = true)]
async fn one_retry_outweighs_everything() {
    let bench = Bench::new();
    let tally = bench.tally().await;
    let mut acks = Vec::new();
    for _ in 0..3 {
        acks.push(tally.ack(1, bench.charge(10).await));
    }
    let outcomes =
        [Outcome::TooLarge, Outcome::Retry(RetryReason::Kafka("NOT_ENOUGH_REPLICAS")), Outcome::Stored];
    for (ack, outcome) in acks.into_iter().zip(outcomes) {
        ack.resolve(outcome);
    }
    let settled = tally.settled(&bench.waits, Bench::deadline()).await;
    assert_eq!(settled, Settled::Retry(RetryReason::Kafka("NOT_ENOUGH_REPLICAS")));
}

#[tokio::test(start_paused = true)]
async fn items_of_records_that_are_too_large_alone_are_counted_out() {
    let bench = Bench::new();
    let tally = bench.tally().await;
    tally.ack(1, bench.charge(10).await).resolve(Outcome::Stored);
    tally.ack_alone(2, bench.charge(10).await).resolve(Outcome::TooLarge);
    tally.ack_alone(3, bench.charge(10).await).resolve(Outcome::TooLarge);
    tally.ack_alone(4, bench.charge(10).await).resolve(Outcome::Stored);
    assert_eq!(tally.settled(&bench.waits, Bench::deadline()).await, Settled::CountedOut(5));
    assert_eq!(bench.metrics.signal(Signal::Logs).items_stored(), 5);
    // What has to come again as smaller records comes again as a whole.
    let permit = bench.gate.admit(Signal::Logs, Bench::deadline()).await.unwrap();
    let tally = Tally::new(&bench.returns, bench.metrics.signal(Signal::Logs), permit);
    tally.ack_alone(1, bench.charge(10).await).resolve(Outcome::TooLarge);
    tally.ack(1, bench.charge(10).await).resolve(Outcome::TooLarge);
    assert_eq!(tally.settled(&bench.waits, Bench::deadline()).await, Settled::TooLarge);
}

#[tokio::test(start_paused = true)]
async fn an_ack_dropped_unresolved_is_a_retry() {
    let bench = Bench::new();
    let tally = bench.tally().await;
    let ack = tally.ack(1, bench.charge(10).await);
    tally.ack(1, bench.charge(10).await).resolve(Outcome::Stored);
    drop(ack);
    assert_eq!(tally.settled(&bench.waits, Bench::deadline()).await, Settled::Retry(RetryReason::Internal));
}

/// Runs what ends `bench`'s waits beside `test`.
async fn watched<T>(bench: &Bench, test: impl Future<Output = T>) -> T {
    tokio::select! {
        outcome = test => outcome,
        () = bench.waits.run() => unreachable!("it never ends"),
    }
}

#[tokio::test(start_paused = true)]
async fn at_the_deadline_it_is_a_retry_and_the_record_stays_counted() {
    let bench = Bench::new();
    let tally = bench.tally().await;
    let ack = tally.ack(1, bench.charge(2048).await);
    let settled = watched(&bench, tally.settled(&bench.waits, Bench::deadline())).await;
    assert_eq!(settled, Settled::Retry(RetryReason::HoldTime));
    assert_eq!((bench.budget.used_bytes(), bench.gate.taken(Signal::Logs)), (2048, 1));
    ack.resolve(Outcome::Stored);
    assert_eq!(bench.budget.used_bytes(), 0);
    let freed = bench.gate.admit(Signal::Logs, Bench::deadline()).await;
    assert!(freed.is_ok());
}

#[tokio::test(start_paused = true)]
async fn each_wait_ends_at_its_own_deadline_whatever_came_before() {
    let bench = Bench { gate: Gate::new(4), ..Bench::new() };
    let start = tokio::time::Instant::now();
    let waits = |seconds, stored_after| {
        let bench = &bench;
        async move {
            let tally = bench.tally().await;
            let ack = tally.ack(1, bench.charge(10).await);
            let stored = async {
                tokio::time::sleep(Duration::from_secs(stored_after)).await;
                ack.resolve(Outcome::Stored);
            };
            let deadline = Deadline::after(Duration::from_secs(seconds), None);
            let settled = async {
                let settled = tally.settled(&bench.waits, deadline).await;
                (settled, start.elapsed().as_secs())
            };
            tokio::join!(settled, stored).0
        }
    };
    let all = async { tokio::join!(waits(5, 20), waits(2, 20), waits(0, 20), waits(9, 7)) };
    let late = Settled::Retry(RetryReason::HoldTime);
    let stored = (Settled::Stored, 7);
    assert_eq!(watched(&bench, all).await, ((late, 5), (late, 2), (late, 0), stored));
    // One that comes after the others has its end as well.
    assert_eq!(watched(&bench, waits(1, 3)).await, (late, 21));
}

#[tokio::test(start_paused = true)]
async fn what_has_all_its_reports_at_the_deadline_is_judged_by_them() {
    let bench = Bench::new();
    // Nothing runs what brings reports back to the worker, so that the deadline comes first.
    let returns = Arc::new(Returns::default());
    let permit = Gate::new(1).admit(Signal::Logs, Bench::deadline()).await.unwrap();
    let slow = Tally::new(&returns, bench.metrics.signal(Signal::Logs), permit);
    slow.ack(1, bench.charge(10).await).resolve(Outcome::Stored);
    let open = slow.ack(1, bench.charge(10).await);
    let stored = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        open.resolve(Outcome::Stored);
    };
    let settled = slow.settled(&bench.waits, Bench::deadline());
    let (settled, ()) = watched(&bench, async { tokio::join!(settled, stored) }).await;
    assert_eq!(settled, Settled::Stored);
}
