//! What REST is answered of a connector whose task has no time for it, or has ended.

use std::collections::BTreeSet;

use admin::{Command, Done, Offset, Refusal, RunState};

use super::board::Face;
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
