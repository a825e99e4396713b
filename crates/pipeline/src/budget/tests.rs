//! Bytes come back exactly, the line is fair, and one request always gets through.

use std::sync::Mutex;
use std::time::Duration;

use super::*;

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(5), None)
}

#[tokio::test(start_paused = true)]
async fn what_is_charged_returns() {
    let budget = Budget::new(64 << 10, 0);
    let mut charge = budget.open();
    charge.grow(10_000, soon()).await.unwrap();
    assert_eq!(budget.used_bytes(), 10 << 10);
    let part = charge.split(4_000);
    assert_eq!((charge.bytes(), part.bytes()), (6_000, 4_000));
    assert_eq!(budget.used_bytes(), 10 << 10);
    drop(charge);
    assert!(budget.used_bytes() >= 4_000 - 1024 && budget.used_bytes() <= 5 << 10);
    drop(part);
    assert_eq!(budget.used_bytes(), 0);
}

#[tokio::test(start_paused = true)]
async fn growing_byte_by_byte_charges_no_more_than_at_once() {
    let budget = Budget::new(64 << 10, 0);
    let mut charge = budget.open();
    for _ in 0..3000 {
        charge.grow(1, soon()).await.unwrap();
    }
    assert_eq!((charge.bytes(), budget.used_bytes()), (3000, 3 << 10));
    charge.shrink_to(1000);
    assert_eq!((charge.bytes(), budget.used_bytes()), (1000, 1 << 10));
}

#[tokio::test(start_paused = true)]
async fn a_full_budget_waits_and_then_gives_up() {
    let budget = Budget::new(8 << 10, 0);
    let mut first = budget.open();
    first.grow(8 << 10, soon()).await.unwrap();
    let mut reserve = budget.open();
    // With no reserve to draw on, the one who has the turn waits like everybody else.
    assert_eq!(reserve.grow(1, soon()).await, Err(Exhausted));
    drop(first);
    reserve.grow(1, soon()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_line_is_first_come_first_served() {
    let budget = Budget::new(12 << 10, 0);
    let mut holder = budget.open();
    holder.grow(12 << 10, soon()).await.unwrap();
    // Takes the turn of the reserve, which is empty, so that the others queue for the main part.
    let mut turn = budget.open();
    let (done, mut order) = tokio::sync::mpsc::channel(8);
    let blocked = tokio::spawn(async move { turn.grow(1, soon()).await });
    tokio::task::yield_now().await;
    for (name, bytes) in [("large", 8 << 10), ("small", 1 << 10)] {
        let (budget, done) = (Arc::clone(&budget), done.clone());
        tokio::spawn(async move {
            let mut charge = budget.open();
            charge.grow(bytes, soon()).await.unwrap();
            done.send(name).await.unwrap();
            std::future::pending::<()>().await;
        });
        tokio::task::yield_now().await;
    }
    // Room for the small one alone: it must not overtake.
    holder.shrink_to(10 << 10);
    tokio::task::yield_now().await;
    assert!(order.try_recv().is_err());
    drop(holder);
    assert_eq!(order.recv().await, Some("large"));
    assert_eq!(order.recv().await, Some("small"));
    blocked.abort();
}

#[tokio::test(start_paused = true)]
async fn requests_that_each_hold_a_part_do_not_wait_for_one_another() {
    let budget = Budget::new(64 << 10, 32 << 10);
    let mut charges: Vec<Charge> = (0..4).map(|_| budget.open()).collect();
    for charge in &mut charges {
        charge.grow(8 << 10, soon()).await.unwrap();
    }
    // All four want as much again; the main part is full, and one after the other gets through.
    let tasks: Vec<_> = charges
        .into_iter()
        .map(|mut charge| {
            tokio::spawn(async move {
                for _ in 0..8 {
                    charge.grow(1 << 10, soon()).await.unwrap();
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(budget.used_bytes(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_turn_passes_on_only_when_the_last_part_is_returned() {
    let budget = Budget::new(16 << 10, 8 << 10);
    let mut filler = budget.open();
    filler.grow(8 << 10, soon()).await.unwrap();
    let mut first = budget.open();
    first.grow(4 << 10, soon()).await.unwrap();
    let record = first.split(2 << 10);
    drop(first);
    let mut second = budget.open();
    assert_eq!(second.grow(1, soon()).await, Err(Exhausted));
    drop(record);
    second.grow(1, soon()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_a_request_drew_from_the_reserve_serves_it_again_when_it_returns() {
    let budget = Budget::new(16 << 10, 8 << 10);
    let mut filler = budget.open();
    filler.grow(8 << 10, soon()).await.unwrap();
    // Ten records through a reserve of two; nothing of the main part ever comes back.
    let mut request = budget.open();
    let (reports, mut delivered) = tokio::sync::mpsc::channel::<Charge>(10);
    let broker = tokio::spawn(async move {
        while let Some(record) = delivered.recv().await {
            tokio::time::sleep(Duration::from_millis(1)).await;
            drop(record);
        }
    });
    for _ in 0..10 {
        request.grow(4 << 10, soon()).await.unwrap();
        reports.send(request.split(4 << 10)).await.unwrap();
    }
    drop(reports);
    broker.await.unwrap();
    drop(filler);
    assert_eq!(budget.used_bytes(), 0);
}

#[tokio::test(start_paused = true)]
async fn shortage_is_told_once_when_it_begins_and_once_when_it_ends() {
    static TOLD: Mutex<Vec<bool>> = Mutex::new(Vec::new());
    let budget = Budget::watched(80 << 10, 0, |short| TOLD.lock().unwrap().push(short));
    let told = || std::mem::take(&mut *TOLD.lock().unwrap());
    let mut charges = [budget.open(), budget.open()];
    charges[0].grow(40 << 10, soon()).await.unwrap();
    assert_eq!(told(), []);
    charges[1].grow(1, soon()).await.unwrap();
    charges[1].grow(10 << 10, soon()).await.unwrap();
    assert_eq!(told(), [true]);
    charges[0].shrink_to(20 << 10);
    assert_eq!(told(), [], "some room above the end, so that it does not flutter");
    charges[0].shrink_to(19 << 10);
    drop(charges);
    assert_eq!(told(), [false]);
    assert_eq!(budget.used_bytes(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_can_be_had_is_had_once_the_others_are_gone_and_what_cannot_is_known() {
    const KIB: usize = 1 << 10;
    for (total, reserve) in [(100, 60), (100, 20)] {
        let budget = Budget::new(total * KIB, reserve * KIB);
        let mut filler = budget.open();
        filler.grow((total - reserve) * KIB - 10 * KIB, soon()).await.unwrap();
        let mut charge = budget.open();
        charge.grow(10 * KIB, soon()).await.unwrap();
        // Of the main part, or of the reserve; not of both.
        let most = reserve.max(total - reserve - 10) * KIB;
        assert!(charge.can_grow(most) && !charge.can_grow(most + 1));
        let (grown, ()) = tokio::join!(charge.grow(most, soon()), async { drop(filler) });
        grown.unwrap();
        assert!(!charge.can_grow(usize::MAX));
    }
}
