//! What a connector's task does after what goes wrong, before a real broker.

use std::net::TcpListener;

use otlp::Signal;
use pipeline::Deadline;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use testkit::{http, payload, ports};
use tokio::task::{JoinHandle, spawn_blocking};

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

/// An export of logs, once it waits for Kafka under what is in force; resolves with its status.
async fn waiting_export(around: &Around, life: &Life) -> JoinHandle<std::io::Result<u16>> {
    let [_, Some(addr)] = life.running.as_ref().unwrap().ports.addrs() else { panic!("it listens") };
    let asked = spawn_blocking(move || {
        let logs = payload::wire(Signal::Logs, 1, 1);
        http::post(addr, "/v1/logs", "application/x-protobuf", &logs).map(|answer| answer.status)
    });
    let begun = async {
        while in_flight(around) == "0" {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    soon(begun).await;
    asked
}

/// A life before a silent Kafka, with a request that waits for it under what an update has replaced since.
async fn replaced_under_a_request(
    around: &Around,
    hold: &str,
    update: (&str, &str),
) -> (Life, JoinHandle<std::io::Result<u16>>) {
    let mut life = around.life();
    life.definition.config.insert("otlp.request.hold.ms".to_owned(), hold.to_owned());
    life.apply(RunState::Unassigned).await;
    let asked = waiting_export(around, &life).await;
    life.definition.config.insert(update.0.to_owned(), update.1.to_owned());
    life.apply(RunState::Unassigned).await;
    life.take_over().await;
    assert!(life.failure.is_none(), "{:?}", life.failure);
    (life, asked)
}

#[tokio::test]
async fn a_request_on_a_port_that_is_given_up_has_the_time_of_the_former_configuration() {
    let around = Around::silent(Duration::from_millis(300));
    let other = ports::free().to_string();
    let (_life, asked) = replaced_under_a_request(&around, "2500", ("otlp.http.port", &other)).await;
    assert_eq!(soon(asked).await.unwrap().expect("it is answered"), 503);
}

#[tokio::test]
async fn requests_under_what_was_replaced_are_answered_when_the_connector_stops() {
    let other = ports::free().to_string();
    for update in [("otlp.message.format", "protobuf"), ("otlp.http.port", &other)] {
        for stops in [true, false] {
            let around = Around::silent(Duration::from_millis(300));
            let (mut life, asked) = replaced_under_a_request(&around, "60000", update).await;
            let (orders, waiting) = mpsc::channel(1);
            let start = Instant::now();
            if stops {
                let (done, stopped) = oneshot::channel();
                life.obey(Order::Target(Target::Stopped, done)).await;
                soon(stopped).await.unwrap();
                assert_eq!(soon(asked).await.unwrap().expect("it is answered"), 503, "{update:?}");
            } else {
                drop(orders);
                let life = tokio::spawn(life.live(waiting));
                assert_eq!(soon(asked).await.unwrap().expect("it is answered"), 503, "{update:?}");
                soon(life).await.unwrap();
            }
            assert!(start.elapsed() < Duration::from_secs(10), "{update:?} {:?}", start.elapsed());
        }
    }
}

/// A connector with both ports.
async fn with_ports(around: &Around, ports: [u16; 2]) -> Life {
    let mut life = around.life();
    life.definition.config.insert("otlp.grpc.enabled".to_owned(), "true".to_owned());
    for (key, port) in ["otlp.grpc.port", "otlp.http.port"].into_iter().zip(ports) {
        life.definition.config.insert(key.to_owned(), port.to_string());
    }
    life.apply(RunState::Unassigned).await;
    assert!(life.failure.is_none(), "{:?}", life.failure);
    life
}

fn listens_at(life: &Life) -> [Option<u16>; 2] {
    life.running.as_ref().unwrap().ports.addrs().map(|addr| addr.map(|addr| addr.port()))
}

#[tokio::test]
async fn a_port_goes_from_one_receiver_of_a_connector_to_the_other() {
    let around = Around::start().await;
    let (one, two) = (ports::free(), ports::free());
    for (grpc, http) in [(Some(two), None), (None, Some(one)), (Some(two), Some(one))] {
        let mut life = with_ports(&around, [one, two]).await;
        let doors = [("grpc", grpc), ("http", http)];
        for (door, port) in doors {
            let config = &mut life.definition.config;
            config.insert(format!("otlp.{door}.enabled"), port.is_some().to_string());
            if let Some(port) = port {
                config.insert(format!("otlp.{door}.port"), port.to_string());
            }
        }
        life.apply(RunState::Unassigned).await;
        life.take_over().await;
        assert!(life.failure.is_none(), "{:?}", life.failure);
        assert_eq!(listens_at(&life), [grpc, http]);
        let free = [one, two].into_iter().filter(|port| !doors.iter().any(|(_, had)| *had == Some(*port)));
        for port in free {
            TcpListener::bind(("127.0.0.1", port)).expect("what is not wanted any more is released");
        }
        life.stop(|| ()).await;
    }
}

#[tokio::test]
async fn a_port_that_somebody_else_has_is_not_had_by_giving_up_another_one() {
    let around = Around::start().await;
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let (one, two) = (ports::free(), ports::free());
    let mut life = with_ports(&around, [one, two]).await;
    let wanted = taken.local_addr().unwrap().port().to_string();
    life.definition.config.insert("otlp.grpc.port".to_owned(), wanted);
    life.apply(RunState::Unassigned).await;
    life.take_over().await;
    let failure = life.failure.as_ref().expect("it is tried again");
    assert!(!failure.of_connector && failure.why.len() == 1, "{failure:?}");
    assert_eq!(listens_at(&life), [None, Some(two)]);
}
