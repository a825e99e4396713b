//! What a connector's task does after what goes wrong, before a real broker.

use otlp::Signal;
use pipeline::Deadline;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use super::super::testing::{Around, definition, soon};
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

#[tokio::test]
async fn what_was_to_come_does_not_take_a_later_failure_away() {
    let around = Around::start().await;
    let mut life = around.life();
    life.apply(RunState::Unassigned).await;
    soon(life.running.as_ref().unwrap().live.shared.health.ready()).await;
    life.definition.config.insert("otlp.message.format".to_owned(), "protobuf".to_owned());
    life.apply(RunState::Unassigned).await;
    assert!(life.coming.is_some(), "the former one serves until it is warm");
    let good = std::mem::replace(&mut life.definition, definition("c", &[("otlp.message.format", "xml")]));
    life.apply(RunState::Restarting).await;
    if life.coming.is_some() {
        soon(ready(life.coming.as_mut())).await;
    }
    life.take_over().await;
    let failure = life.failure.as_ref().expect("it is tried again");
    assert!(failure.of_connector && failure.why[0].contains("otlp.message.format"), "{failure:?}");
    assert!(around.world.board.face("c").unwrap().part.state.is_failed());
    life.definition = good;
    life.try_again().await;
    assert!(life.failure.is_none(), "{:?}", life.failure);
}

/// What `/metrics` says of requests in flight with logs of the connector `c`.
fn in_flight(around: &Around) -> String {
    let mut registry = Registry::default();
    around.world.board.families().register(&mut registry);
    around.world.board.refresh(&around.world.memory.budget);
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    let start = r#"otlp2kafka_requests_in_flight{connector="c",signal="logs"} "#;
    text.lines().find_map(|line| line.strip_prefix(start)).expect("it is shown").to_owned()
}

#[tokio::test]
async fn requests_are_in_flight_until_they_end_whatever_becomes_of_the_connector() {
    let around = Around::start().await;
    let mut life = around.life();
    life.apply(RunState::Unassigned).await;
    let gate = Arc::clone(&life.running.as_ref().unwrap().live.shared.gate);
    let request = soon(gate.admit(Signal::Logs, Deadline::after(Duration::ZERO, None))).await.unwrap();
    assert_eq!(in_flight(&around), "1");
    let (done, stopped) = oneshot::channel();
    life.obey(Order::Target(Target::Stopped, done)).await;
    soon(stopped).await.unwrap();
    assert_eq!(in_flight(&around), "1");
    drop(request);
    assert_eq!(in_flight(&around), "0");
}

#[tokio::test]
async fn a_connector_is_shown_before_its_first_order_is_obeyed() {
    let around = Around::start().await;
    let life = around.life();
    let config = life.definition.config.clone();
    let (_orders, waiting) = mpsc::channel(1);
    tokio::spawn(life.live(waiting));
    let shown = async {
        loop {
            match around.world.board.face("c") {
                Some(shown) => return shown,
                None => tokio::task::yield_now().await,
            }
        }
    };
    let shown = soon(shown).await;
    assert_eq!((&shown.config, &shown.part.state), (&config, &RunState::Running));
    assert_eq!(shown.tasks[0].state, RunState::Unassigned);
}

#[tokio::test]
async fn positions_that_nobody_waits_for_any_more_are_not_set() {
    let around = Around::start().await;
    let mut life = around.life();
    life.metrics.signal(Signal::Logs).stored(1);
    let before = life.used.offsets(&life.metrics);
    assert_eq!(before.len(), 1);
    let (answer, _) = oneshot::channel();
    life.obey(Order::SetOffsets(None, answer)).await;
    assert_eq!(life.used.offsets(&life.metrics), before);
    let (answer, answered) = oneshot::channel();
    life.obey(Order::SetOffsets(None, answer)).await;
    assert_eq!(soon(answered).await.unwrap(), Ok(()));
    assert_eq!(life.used.offsets(&life.metrics), []);
}
