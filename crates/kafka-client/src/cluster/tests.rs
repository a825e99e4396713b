//! The cluster against the embedded broker, and against brokers that misbehave.

use std::time::Duration;

use kafka_wire::ApiKey;
use kafka_wire::messages::*;

use super::*;
use crate::admin::{NewTopic, create_topics, describe_topic_configs};
use crate::testing::{Asked, Embedded, Say, Scripted, settings};

fn new_topic(name: &str, partitions: i32) -> NewTopic {
    let configs = [("max.message.bytes".to_owned(), "54321".to_owned())].into();
    NewTopic { name: name.to_owned(), partitions, replication: -1, configs }
}

#[tokio::test]
async fn topics_are_created_described_and_seen() {
    let embedded = Embedded::start().await;
    let cluster = embedded.cluster();
    cluster.interest(["logs", "traces", "none"]);
    let asked = [new_topic("logs", 3), new_topic("traces", -1), new_topic("a b", 1), new_topic("zero", 0)];
    let created = create_topics(&cluster, &asked, Duration::from_secs(5)).await;
    let names: Vec<&str> = created.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["logs", "traces", "a b", "zero"]);
    assert_eq!((&created[0].1, &created[1].1), (&Ok(()), &Ok(())));
    let code = |at: usize| match &created[at].1 {
        Err(Error::Refused { code, .. }) => *code,
        other => panic!("{other:?}"),
    };
    assert_eq!(code(2), ErrorCode::INVALID_TOPIC_EXCEPTION);
    assert_eq!(code(3), ErrorCode::INVALID_PARTITIONS);
    let again = create_topics(&cluster, &asked[..1], Duration::from_secs(5)).await;
    assert!(again[0].1.as_ref().unwrap_err().to_string().contains("logs: TOPIC_ALREADY_EXISTS"));

    cluster.refresh().await.unwrap();
    let view = cluster.view();
    assert_eq!(view.topics["logs"].partitions.len(), 3);
    assert_eq!(view.topics["traces"].partitions.len(), 4, "the broker's default");
    assert!(!view.topics["logs"].id.is_nil());
    assert!(view.leader("logs", 2).is_some());
    assert_eq!(view.topics["none"].error, Some(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
    assert!(view.controller.is_some() && view.fetched_at.is_some());

    let names = ["max.message.bytes", "nonsense"];
    let found = describe_topic_configs(&cluster, &["logs", "none"], &names).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found["logs"]["max.message.bytes"], "54321");
    assert_eq!(found["logs"].len(), 1);
}

#[tokio::test]
async fn producer_ids_differ_and_the_control_connection_is_kept() {
    let scripted = Scripted::start(|asked| {
        let id = asked.header.correlation_id.into();
        asked.with(&InitProducerIdResponse { producer_id: id, ..Default::default() })
    })
    .await;
    let cluster = scripted.cluster();
    let (first, second) =
        (cluster.init_producer_id().await.unwrap(), cluster.init_producer_id().await.unwrap());
    assert_ne!(first, second);
    assert_eq!(scripted.opened.load(Ordering::SeqCst), 1);
    let embedded = Embedded::start().await;
    let (id, epoch) = embedded.cluster().init_producer_id().await.unwrap();
    assert!(id >= 0 && epoch >= 0);
}

#[tokio::test]
async fn a_negative_producer_id_and_a_refusal_are_errors() {
    let scripted = Scripted::start(|asked| {
        asked.with(&InitProducerIdResponse { producer_id: -1, ..Default::default() })
    })
    .await;
    let error = scripted.cluster().init_producer_id().await.unwrap_err();
    assert!(matches!(error, Error::Protocol { .. }), "{error}");
    let scripted = Scripted::start(|asked| {
        let error_code = ErrorCode::COORDINATOR_LOAD_IN_PROGRESS;
        asked.with(&InitProducerIdResponse { error_code, ..Default::default() })
    })
    .await;
    let error = scripted.cluster().init_producer_id().await.unwrap_err();
    assert!(matches!(error, Error::Refused { code, .. } if code.is_retriable()), "{error}");
}

#[tokio::test]
async fn a_lost_connection_is_opened_anew_once() {
    let asks = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asks);
    let scripted = Scripted::start(move |asked| match counted.fetch_add(1, Ordering::SeqCst) {
        1 => Say::Close,
        _ => asked.with(&InitProducerIdResponse { producer_id: 7, ..Default::default() }),
    })
    .await;
    let cluster = scripted.cluster();
    cluster.init_producer_id().await.unwrap();
    cluster.init_producer_id().await.unwrap();
    assert_eq!((asks.load(Ordering::SeqCst), scripted.opened.load(Ordering::SeqCst)), (3, 2));
    assert_eq!(cluster.trouble(), None);
}

#[tokio::test]
async fn all_bootstrap_servers_are_tried_again_when_no_known_broker_answers() {
    let first = Embedded::start().await;
    let second = Embedded::start().await;
    let mut both = settings(first.broker.addr());
    both.bootstrap.push(second.broker.addr().to_string().parse().unwrap());
    both.bootstrap.push("127.0.0.1:1".parse().unwrap());
    let cluster = Cluster::new(both);
    cluster.refresh().await.unwrap();
    let known = cluster.view().brokers.values().next().unwrap().address.clone();
    let (gone, left) = match known.port == first.broker.addr().port() {
        true => (first, second),
        false => (second, first),
    };
    gone.broker.shutdown().await;
    cluster.refresh().await.unwrap();
    assert_eq!(cluster.view().brokers.values().next().unwrap().address.port, left.broker.addr().port());
    left.broker.shutdown().await;
    let error = cluster.refresh().await.unwrap_err();
    assert!(matches!(&error, Error::NoBroker(_)), "{error}");
    assert_eq!(cluster.trouble(), Some(error.to_string()));
    assert!(error.to_string().contains("cannot connect"), "{error}");
}

/// The error of a broker that answers a request for metadata so, and whether its connection is closed. It is the answer
/// that ends it, long before the time for answers does.
async fn hostile(say: impl Fn(&Asked) -> Say + Send + Sync + 'static) -> String {
    hostile_within(Duration::from_secs(60), say).await
}

/// As [`hostile`], with another time for answers.
async fn hostile_within(limit: Duration, say: impl Fn(&Asked) -> Say + Send + Sync + 'static) -> String {
    let scripted = Scripted::start(move |asked| say(asked)).await;
    let mut settings = settings(scripted.addr);
    settings.request_timeout = limit;
    let cluster = Cluster::new(settings);
    cluster.interest(["t"]);
    let error = cluster.refresh().await.unwrap_err().to_string();
    assert!(cluster.view().fetched_at.is_none());
    assert_eq!(cluster.trouble().as_deref(), Some(error.as_str()));
    scripted.left_alone().await;
    error
}

fn bytes_of(say: Say) -> Vec<u8> {
    match say {
        Say::Bytes(bytes) => bytes,
        Say::Endless(_) | Say::Held(..) | Say::Close => Vec::new(),
    }
}

#[tokio::test]
async fn answers_that_break_the_protocol_close_their_connection() {
    let error = hostile(|asked| asked.with_id(asked.header.correlation_id + 1, &asked.metadata())).await;
    assert!(error.contains("not the Kafka protocol: answer 3 to request 2"), "{error}");
    let error = hostile(|_| Say::Bytes(b"\x7f\xff\xff\xff\0\0\0\x02".to_vec())).await;
    assert!(error.contains("2147483647 bytes, 16777216 at most"), "{error}");
    let error = hostile(|_| Say::Bytes(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec())).await;
    assert!(error.contains("not the Kafka protocol"), "{error}");
    let error = hostile(|_| Say::Bytes(b"\xff\xff\xff\xff".to_vec())).await;
    assert!(error.contains("an answer of -1 bytes"), "{error}");
    let half = b"\0\xff\xff\xff\0\0\0\x02 and no more";
    let error = hostile_within(Duration::from_millis(500), |_| Say::Bytes(half.to_vec())).await;
    assert!(error.contains("no answer within 500 ms"), "{error}");
    let error = hostile(|_| Say::Endless(b"\x01\0\0\0\0\0\0\x02".to_vec())).await;
    assert!(error.contains("not the Kafka protocol"), "{error}");
    let error = hostile(|asked| {
        let mut bytes = bytes_of(asked.with(&asked.metadata()));
        bytes.truncate(bytes.len() - 20);
        let length = u32::try_from(bytes.len() - 4).unwrap();
        bytes[..4].copy_from_slice(&length.to_be_bytes());
        Say::Bytes(bytes)
    })
    .await;
    assert!(error.contains("not the Kafka protocol"), "{error}");
    let error = hostile(|_| Say::Close).await;
    assert!(error.contains("closed by the broker"), "{error}");
}

#[tokio::test]
async fn contradictory_metadata_is_not_shown() {
    let scripted = Scripted::start(|asked| {
        let mut metadata = asked.metadata();
        metadata.topics[0].partitions[0].partition_index = 1;
        asked.with(&metadata)
    })
    .await;
    let cluster = scripted.cluster();
    cluster.interest(["t"]);
    let error = cluster.refresh().await.unwrap_err();
    assert!(matches!(error, Error::Protocol { .. }), "{error}");
    assert!(cluster.view().topics.is_empty());
}

#[tokio::test]
async fn a_request_given_up_leaves_no_answer_for_the_next() {
    let scripted = Scripted::start(|asked| match asked.header.correlation_id {
        // The first request after the versions is never answered.
        2 if asked.header.api_key == ApiKey::Metadata => Say::Bytes(Vec::new()),
        _ => asked.with(&InitProducerIdResponse { producer_id: 7, ..Default::default() }),
    })
    .await;
    let cluster = scripted.cluster();
    let given_up = tokio::time::timeout(Duration::from_millis(50), cluster.refresh()).await;
    assert!(given_up.is_err());
    assert_eq!(cluster.init_producer_id().await.unwrap().0, 7);
    assert_eq!(scripted.opened.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_controller_that_is_none_any_more_is_asked_once_more() {
    let asks = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asks);
    let scripted = Scripted::start(move |asked| match asked.header.api_key {
        ApiKey::CreateTopics => {
            let error_code = match counted.fetch_add(1, Ordering::SeqCst) {
                0 => ErrorCode::NOT_CONTROLLER,
                _ => ErrorCode::NONE,
            };
            let told = CreatableTopicResult { name: "t".into(), error_code, ..Default::default() };
            asked.with(&CreateTopicsResponse { topics: vec![told], ..Default::default() })
        }
        _ => asked.with(&asked.metadata()),
    })
    .await;
    let cluster = scripted.cluster();
    cluster.refresh().await.unwrap();
    let created = create_topics(&cluster, &[new_topic("t", 1)], Duration::from_secs(1)).await;
    assert_eq!(created, [("t".to_owned(), Ok(()))]);
    assert_eq!(asks.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn metadata_is_asked_for_when_wanted_and_not_for_each_who_wants_it() {
    let asks = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asks);
    let scripted = Scripted::start(move |asked| {
        counted.fetch_add(1, Ordering::SeqCst);
        asked.with(&asked.metadata())
    })
    .await;
    let cluster = scripted.cluster();
    cluster.interest(["t"]);
    let mut views = cluster.subscribe();
    let running = cluster.clone();
    let task = tokio::spawn(async move { running.run().await });
    views.changed().await.unwrap();
    assert_eq!(views.borrow_and_update().topics["t"].partitions.len(), 1);
    for _ in 0..1000 {
        cluster.refresh_soon();
        tokio::task::yield_now().await;
    }
    views.changed().await.unwrap();
    tokio::time::sleep(Duration::from_millis(400)).await;
    let asked = asks.load(Ordering::SeqCst);
    assert!((2..=3).contains(&asked), "{asked}");
    task.abort();
}

#[tokio::test]
async fn old_brokers_need_numbers() {
    let scripted = Scripted::start(|asked| asked.with(&asked.metadata())).await;
    let cluster = scripted.cluster();
    cluster.refresh().await.unwrap();
    let allowed = Allowed { oldest: i16::MAX, ..Allowed::ANY };
    let request = CreateTopicsRequest::default();
    let error = cluster.ask_controller_in(allowed, &request, |_| false).await.unwrap_err();
    assert!(matches!(error, Error::Unsupported { api: ApiKey::CreateTopics, .. }), "{error}");
    // The connection is still good.
    cluster.refresh().await.unwrap();
}

#[tokio::test]
async fn leader_epochs_of_brokers_before_topic_ids_are_not_believed() {
    for (metadata_up_to, seen) in [(8, (2, -1)), (9, (2, -1)), (10, (1, 7))] {
        let asks = AtomicUsize::new(0);
        let scripted = Scripted::start_old(metadata_up_to, move |asked| {
            let mut metadata = asked.metadata();
            metadata.brokers.push(MetadataResponseBroker { node_id: 2, ..metadata.brokers[0].clone() });
            let partition = &mut metadata.topics[0].partitions[0];
            // Deleted and created anew, its epochs begin again.
            (partition.leader_id, partition.leader_epoch) = match asks.fetch_add(1, Ordering::SeqCst) {
                0 => (1, 7),
                _ => (2, 0),
            };
            asked.with(&metadata)
        })
        .await;
        let cluster = scripted.cluster();
        cluster.interest(["t"]);
        cluster.refresh().await.unwrap();
        assert_eq!(cluster.view().leader("t", 0), Some((1, if metadata_up_to < 10 { -1 } else { 7 })));
        cluster.refresh().await.unwrap();
        assert_eq!(cluster.view().leader("t", 0), Some(seen), "Metadata up to version {metadata_up_to}");
    }
}

/// A cluster of two brokers. The one that is asked first says `bad` from its second answer on, and is the only one
/// that the view knows by then. Returns the error, after which the other one answers.
async fn left_for_another(bad: fn(&mut MetadataResponse)) -> Error {
    let first = Arc::new(std::sync::OnceLock::new());
    let script = |first: Arc<std::sync::OnceLock<_>>| {
        let asks = AtomicUsize::new(0);
        move |asked: &mut Asked| {
            let mut metadata = asked.metadata();
            let is_first = *first.get_or_init(|| asked.addr) == asked.addr;
            if is_first && asks.fetch_add(1, Ordering::SeqCst) > 0 {
                bad(&mut metadata);
            }
            asked.with(&metadata)
        }
    };
    let one = Scripted::start(script(Arc::clone(&first))).await;
    let two = Scripted::start(script(Arc::clone(&first))).await;
    let mut both = settings(one.addr);
    both.bootstrap.push(two.addr.to_string().parse().unwrap());
    let cluster = Cluster::new(both);
    cluster.interest(["t"]);
    cluster.refresh().await.unwrap();
    let (bad, good) = if first.get() == Some(&one.addr) { (one, two) } else { (two, one) };
    let error = cluster.refresh().await.unwrap_err();
    bad.left_alone().await;
    assert_eq!(cluster.trouble(), Some(error.to_string()));
    cluster.refresh().await.expect("the other broker answers");
    assert_eq!(cluster.view().brokers[&1].address.port, good.addr.port());
    assert_eq!(cluster.trouble(), None);
    error
}

#[tokio::test]
async fn a_broker_whose_metadata_is_refused_is_left_for_another() {
    let error = left_for_another(|told| told.topics[0].partitions[0].partition_index = 1).await;
    assert!(matches!(error, Error::Protocol { .. }), "{error}");
    let error = left_for_another(|told| told.brokers.clear()).await;
    assert!(error.to_string().contains("no brokers"), "{error}");
    let error = left_for_another(|told| told.error_code = ErrorCode::REBOOTSTRAP_REQUIRED).await;
    assert!(matches!(error, Error::Refused { .. }), "{error}");
}
