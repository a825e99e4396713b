//! What a connector's task does after what goes wrong, before a real broker.

use super::super::testing::{Around, soon};
use super::*;

/// The shape of an order that is answered when it was taken.
async fn ask(orders: &mpsc::Sender<Order>, order: impl FnOnce(oneshot::Sender<Vec<Offset>>) -> Order) {
    let (answer, answered) = oneshot::channel();
    orders.send(order(answer)).await.unwrap();
    soon(answered).await.expect("the task lives");
}

#[tokio::test]
async fn a_watch_that_ends_is_replaced_and_ends_nothing_else() {
    let around = Around::start().await;
    let mut life = around.life();
    life.apply(RunState::Unassigned).await;
    assert!(life.failure.is_none(), "{:?}", life.failure);
    let live = &life.running.as_ref().unwrap().live;
    soon(live.shared.health.ready()).await;
    let former = Arc::downgrade(&live.sink);
    // It serves on, as after a panic of the watch; only its watch ends.
    live.give_up();
    let (orders, waiting) = mpsc::channel(1);
    let life = tokio::spawn(life.live(waiting));
    let replaced = async {
        while former.strong_count() > 0 {
            ask(&orders, Order::ReadOffsets).await;
        }
    };
    soon(replaced).await;
    assert_eq!(around.world.board.troubles(), []);
    drop(orders);
    soon(life).await.unwrap();
}
