//! What REST is answered of a connector whose task has no time for it, or has ended.

use std::collections::BTreeSet;
use std::sync::mpsc as blocking;

use admin::{Command, Done, Offset, Refusal, RunState};

use super::board::Face;
use super::commands::JUDGING_PATIENCE;
use super::testing::{Around, definition, soon};
use super::*;

/// A registry with the stopped connector `c`, and the orders that nobody takes.
async fn stuck(around: &Around) -> (Registry, mpsc::Receiver<Order>) {
    let world = Arc::clone(&around.world);
    let (mut registry, _) = Registry::start(world, around.data.path(), 8, Vec::new()).await.unwrap();
    let definition = definition("c", &[]);
    let (ticket, _) = around.world.board.add("c", &definition.config);
    let (target, topics) = (Target::Stopped, BTreeSet::new());
    around.world.board.show(&ticket, Face { target, state: RunState::Stopped, task: None, topics });
    let (orders, waiting) = mpsc::channel(ORDERS_MAX);
    let life = tokio::spawn(std::future::pending());
    registry.entries.insert("c".to_owned(), Entry { definition, target, ports: Vec::new(), orders, life });
    (registry, waiting)
}

async fn call(registry: &mut Registry, command: Command) -> Result<Done, Refusal> {
    let (commands, mut requests) = admin::commands();
    let answered = async {
        let request = requests.next().await.unwrap();
        registry.answer(request).await;
    };
    tokio::join!(commands.call(command), answered).0
}

fn put(definition: &Definition) -> Command {
    Command::PutConfig { name: definition.name.clone(), config: definition.config.clone() }
}

#[tokio::test]
async fn a_busy_connector_shows_what_is_kept_and_has_to_be_asked_again_for_positions() {
    let around = Around::start().await;
    let (mut registry, mut orders) = stuck(&around).await;
    // From here on nothing but time lets the calls end.
    tokio::time::pause();
    let changed = definition("c", &[("otlp.message.format", "protobuf")]);
    assert_eq!(call(&mut registry, put(&changed)).await, Ok(Done::Updated));
    assert_eq!(around.world.board.face("c").unwrap().config, changed.config);
    assert!(matches!(orders.try_recv(), Ok(Order::Apply(..))));
    let name = || "c".to_owned();
    assert_eq!(call(&mut registry, Command::ReadOffsets { name: name() }).await, Err(Refusal::Busy));
    assert!(matches!(orders.try_recv(), Ok(Order::ReadOffsets(answer)) if answer.is_closed()));
    let offsets = vec![Offset { partition: serde_json::Map::new(), offset: None }];
    for alter in [Command::AlterOffsets { name: name(), offsets }, Command::ResetOffsets { name: name() }] {
        assert_eq!(call(&mut registry, alter).await, Err(Refusal::Busy));
        assert!(matches!(orders.try_recv(), Ok(Order::SetOffsets(_, answer)) if answer.is_closed()));
    }
    // What goes on by itself is answered.
    assert_eq!(call(&mut registry, Command::ResetTopics { name: name() }).await, Ok(Done::Accepted));
}

#[tokio::test]
async fn what_restarts_is_answered_as_restarting_though_it_is_over_by_then() {
    let around = Around::start().await;
    let (mut registry, _orders) = stuck(&around).await;
    let restart = Command::Restart { name: "c".to_owned(), include_tasks: true, only_failed: false };
    let done = soon(call(&mut registry, restart)).await;
    let (ticket, _) = around.world.board.add("c", &registry.entries["c"].definition.config);
    let (target, topics) = (Target::Started, BTreeSet::new());
    around.world.board.show(&ticket, Face { target, state: RunState::Running, task: None, topics });
    let Ok(Done::Restarting(shown)) = done else { panic!("{done:?}") };
    assert_eq!(shown.part.state, RunState::Restarting);
}

#[tokio::test]
async fn a_connector_whose_task_has_ended_takes_no_change_until_it_is_made_anew() {
    let around = Around::start().await;
    let (mut registry, orders) = stuck(&around).await;
    drop(orders);
    let before = registry.entries["c"].definition.clone();
    let changed = definition("c", &[("otlp.message.format", "protobuf")]);
    for command in [put(&changed), Command::SetTarget { name: "c".to_owned(), target: Target::Started }] {
        let refused = soon(call(&mut registry, command)).await;
        assert!(matches!(refused, Err(Refusal::Failed(_))), "{refused:?}");
    }
    assert_eq!(registry.entries["c"].definition, before);
    assert_eq!(around.world.board.face("c").unwrap().config, before.config);
    assert!(!around.data.path().join("connectors").exists(), "nothing is kept");
    assert_eq!(soon(call(&mut registry, Command::Delete { name: "c".to_owned() })).await, Ok(Done::Accepted));
    assert_eq!(soon(call(&mut registry, put(&changed))).await, Ok(Done::Created));
}

/// A call that takes as long to be judged as anybody waits.
async fn call_too_long(registry: &mut Registry, command: Command) -> Result<Done, Refusal> {
    let late = async {
        // Not before the call waits.
        for _ in 0..8 {
            tokio::task::yield_now().await;
        }
        tokio::time::pause();
        tokio::time::advance(JUDGING_PATIENCE).await;
        tokio::time::resume();
    };
    tokio::join!(soon(call(registry, command)), late).0
}

#[test]
fn what_hangs_while_it_is_judged_is_refused_and_holds_up_no_later_change() {
    // A thread for what blocks, and it reads from a disk that does not answer.
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().max_blocking_threads(1).build().unwrap();
    runtime.block_on(async {
        let around = Around::start().await;
        let (mut registry, mut orders) = stuck(&around).await;
        let (disk, answers) = blocking::sync_channel::<()>(1);
        let reading = tokio::task::spawn_blocking(move || assert!(answers.recv().is_err()));
        let before = registry.entries["c"].definition.clone();
        let changed = definition("c", &[("otlp.message.format", "protobuf")]);
        let refused = call_too_long(&mut registry, put(&changed)).await;
        assert!(
            matches!(&refused, Err(Refusal::Failed(why)) if why.contains("nothing was changed")),
            "{refused:?}"
        );
        assert_eq!(registry.entries["c"].definition, before);
        assert!(orders.try_recv().is_err());
        // What needs no judging goes on at once, and all the rest when the disk does.
        tokio::spawn(async move { while orders.recv().await.is_some() {} });
        let reset = Command::ResetTopics { name: "c".to_owned() };
        assert_eq!(soon(call(&mut registry, reset)).await, Ok(Done::Accepted));
        drop(disk);
        soon(reading).await.unwrap();
        let judged = async {
            while !registry.judging.iter().all(|(_, judging)| judging.is_finished()) {
                tokio::task::yield_now().await;
            }
        };
        soon(judged).await;
        assert_eq!(soon(call(&mut registry, put(&changed))).await, Ok(Done::Updated));
    });
}

fn is_judged_still(refused: &Result<Done, Refusal>) -> bool {
    matches!(refused, Err(Refusal::Failed(why)) if why.contains("still being judged"))
}

#[tokio::test]
async fn no_more_is_judged_at_a_time_than_there_may_be_connectors() {
    let around = Around::start().await;
    let (mut registry, _orders) = stuck(&around).await;
    registry.connectors_max = 2;
    let hangs = || tokio::spawn(std::future::pending::<()>()).abort_handle();
    let changed = definition("c", &[("otlp.message.format", "protobuf")]);
    registry.judging = vec![("c".to_owned(), hangs())];
    let refused = soon(call(&mut registry, put(&changed))).await;
    assert!(is_judged_still(&refused), "{refused:?}");
    assert_eq!(soon(call(&mut registry, put(&definition("d", &[])))).await, Ok(Done::Created));
    registry.judging.push(("e".to_owned(), hangs()));
    let refused = soon(call(&mut registry, put(&definition("f", &[])))).await;
    assert!(is_judged_still(&refused), "{refused:?}");
    for (_, hanging) in &registry.judging {
        hanging.abort();
    }
    tokio::task::yield_now().await;
    assert_eq!(soon(call(&mut registry, put(&changed))).await, Ok(Done::Updated));
}

/// What REST made of a connector counts while the command line says the same; records of before have no class.
#[test]
fn what_was_kept_before_definitions_had_a_class_is_the_same() {
    let pairs = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    let now = pairs(&[("connector.class", "A"), ("name", "n"), ("otlp.grpc.port", "1")]);
    for (given, same) in [
        (pairs(&[("name", "n"), ("otlp.grpc.port", "1")]), true),
        (now.clone(), true),
        (pairs(&[("name", "n"), ("otlp.grpc.port", "2")]), false),
        (pairs(&[("name", "n")]), false),
        (pairs(&[("connector.class", "B"), ("name", "n"), ("otlp.grpc.port", "1")]), false),
    ] {
        assert_eq!(is_same(&given, &now), same, "{given:?}");
    }
}
