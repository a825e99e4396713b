//! Producers while a broker or a partition can take nothing: the others go on, and it gets its share when it can again.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use kafka_wire::messages::*;
use kafka_wire::{ApiKey, ErrorCode, Message};
use tokio::net::{TcpListener, TcpStream};

use super::scripted::{answer, bench, two};
use super::*;
use crate::testing::{Asked, Scripted, settings};

/// A broker that says of its Produce requests what `code` says, told how many came before.
async fn broker(
    metadata: impl Fn(&Asked) -> MetadataResponse + Send + Sync + 'static,
    code: impl Fn(usize) -> ErrorCode + Send + Sync + 'static,
) -> (Scripted, Arc<AtomicUsize>) {
    answering(metadata, move |request, before| answer(request, code(before))).await
}

/// The same with whole answers.
async fn answering(
    metadata: impl Fn(&Asked) -> MetadataResponse + Send + Sync + 'static,
    says: impl Fn(&ProduceRequest, usize) -> ProduceResponse + Send + Sync + 'static,
) -> (Scripted, Arc<AtomicUsize>) {
    let produced = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&produced);
    let broker = Scripted::start(move |asked| match asked.header.api_key {
        ApiKey::Metadata => asked.with(&metadata(asked)),
        ApiKey::InitProducerId => {
            asked.with(&InitProducerIdResponse { producer_id: 7, ..Default::default() })
        }
        ApiKey::Produce => {
            let request = ProduceRequest::decode(&mut asked.body, asked.header.api_version).unwrap();
            asked.with(&says(&request, counted.fetch_add(1, Ordering::SeqCst)))
        }
        other => panic!("{other:?} was not expected"),
    })
    .await;
    (broker, produced)
}

fn stored(bench: &Bench) -> usize {
    bench.outcomes.borrow().values().filter(|outcome| outcome.is_ok()).count()
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(WAIT, waiting).await.expect(what);
}

/// Loose records go on being stored after the first broker had one request, which is its only one.
async fn goes_on_elsewhere(bench: &mut Bench, first: &AtomicUsize) {
    let going_on = async {
        while first.load(Ordering::SeqCst) == 0 || stored(bench) < 200 {
            bench.send("value");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(WAIT, going_on).await.expect("all others go to the broker that takes them");
    assert_eq!(first.load(Ordering::SeqCst), 1);
}

#[test]
fn a_broker_that_could_not_be_reached_is_dialled_until_it_can_be() {
    on_worker(async {
        let (second, produced) = broker(Asked::metadata, |_| ErrorCode::NONE).await;
        let gate = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, behind) = (gate.local_addr().unwrap(), second.addr);
        let (open, dialled) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let (is_open, counted) = (Arc::clone(&open), Arc::clone(&dialled));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = gate.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                if is_open.load(Ordering::SeqCst) {
                    let mut there = TcpStream::connect(behind).await.unwrap();
                    tokio::spawn(async move { tokio::io::copy_bidirectional(&mut stream, &mut there).await });
                }
            }
        });
        let (first, _) = broker(move |asked| two(asked, address), |_| ErrorCode::NONE).await;
        let mut bench = bench(&first);
        tokio::time::timeout(WAIT, bench.producer.warm()).await.expect("it gets warm");
        bench.send("goes to the other");
        until("it is stored", || stored(&bench) == 1).await;
        assert_eq!(bench.count("connections_opened"), 1);
        // Nothing is bound to its partition, so that nothing but its being back can bring it anything.
        until("it is tried again", || dialled.load(Ordering::SeqCst) > 2).await;
        open.store(true, Ordering::SeqCst);
        until("it is connected", || bench.count("connections_opened") == 2).await;
        let dialled_then = dialled.load(Ordering::SeqCst);
        let shared = async {
            while produced.load(Ordering::SeqCst) == 0 {
                bench.send("value");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(WAIT, shared).await.expect("it gets its share");
        assert_eq!(bench.settled().await, []);
        assert_eq!(dialled.load(Ordering::SeqCst), dialled_then, "once is enough");
    });
}

/// The first answers about the topic are as `hides` makes them; then all is well, but nobody says so unasked.
async fn is_found(
    hides: impl Fn(&mut MetadataResponseTopic) + Send + Sync + 'static,
    partition: Option<i32>,
) {
    let asked_for = AtomicUsize::new(0);
    let metadata = move |asked: &Asked| {
        let mut metadata = asked.metadata();
        // Both that partitions have one leader.
        let first = metadata.topics[0].partitions[0].clone();
        metadata.topics[0].partitions.push(MetadataResponsePartition { partition_index: 1, ..first });
        // The client itself asks twice in the beginning.
        if asked_for.fetch_add(1, Ordering::SeqCst) < 5 {
            hides(&mut metadata.topics[0]);
        }
        metadata
    };
    let (broker, _) = broker(metadata, |_| ErrorCode::NONE).await;
    let mut bench = bench(&broker);
    let record = bench.record("value");
    bench.producer.send(Record { partition, ..record });
    assert_eq!(bench.settled().await, []);
}

#[test]
fn metadata_is_asked_for_while_records_wait_for_a_leader() {
    on_worker(async {
        // Of the partition that one is bound to, of all, and of a topic that is not there yet.
        is_found(|topic| topic.partitions[1].leader_id = -1, Some(1)).await;
        is_found(|topic| topic.partitions.iter_mut().for_each(|one| one.leader_id = -1), None).await;
        is_found(
            |topic| {
                topic.error_code = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
                topic.partitions.clear();
            },
            None,
        )
        .await;
    });
}

#[test]
fn metadata_is_asked_for_after_an_error_that_took_the_leader_away() {
    on_worker(async {
        let hidden = Arc::<AtomicBool>::default();
        let hides = Arc::clone(&hidden);
        let metadata = move |asked: &Asked| {
            let mut metadata = asked.metadata();
            if hides.swap(false, Ordering::SeqCst) {
                metadata.topics[0].error_code = ErrorCode::TOPIC_AUTHORIZATION_FAILED;
            }
            metadata
        };
        let (broker, _) = broker(metadata, |_| ErrorCode::NONE).await;
        let mut bench = bench(&broker);
        bench.send("one");
        assert_eq!(bench.settled().await, []);
        // No ask of the beginning is still to come.
        tokio::time::sleep(Duration::from_millis(100)).await;
        hidden.store(true, Ordering::SeqCst);
        bench.cluster.refresh().await.unwrap();
        bench.send("two");
        assert_eq!(bench.settled().await, []);
    });
}

#[test]
fn a_partition_that_is_not_to_be_sent_to_holds_up_no_loose_records() {
    on_worker(async {
        let (second, _) = broker(Asked::metadata, |_| ErrorCode::NONE).await;
        let address = second.addr;
        let refuses = |_| ErrorCode::NOT_ENOUGH_REPLICAS;
        let (first, produced) = broker(move |asked| two(asked, address), refuses).await;
        let mut settings = settings(first.addr);
        // It is not tried again while the test lasts.
        settings.retry_backoff = (WAIT * 10, WAIT * 10);
        let mut bench = Bench::new(Cluster::new(settings), ProducerSettings::default());
        goes_on_elsewhere(&mut bench, &produced).await;
    });
}

#[test]
fn a_broker_that_asks_to_be_left_alone_gets_no_loose_records_while_another_takes_them() {
    on_worker(async {
        let (second, _) = broker(Asked::metadata, |_| ErrorCode::NONE).await;
        let address = second.addr;
        let throttles = |request: &ProduceRequest, _| {
            let throttle_time_ms = 60_000;
            ProduceResponse { throttle_time_ms, ..answer(request, ErrorCode::NONE) }
        };
        let (first, produced) = answering(move |asked| two(asked, address), throttles).await;
        let mut bench = bench(&first);
        goes_on_elsewhere(&mut bench, &produced).await;
        assert_eq!(bench.settled().await, []);
    });
}

#[test]
fn a_record_that_comes_while_a_partition_pauses_for_one_given_up_goes_when_the_pause_ends() {
    on_worker(async {
        let code = |before| if before == 0 { ErrorCode::NOT_ENOUGH_REPLICAS } else { ErrorCode::NONE };
        let (broker, _) = broker(Asked::metadata, code).await;
        let mut settings = settings(broker.addr);
        let pause = Duration::from_millis(500);
        settings.retry_backoff = (pause, pause);
        let mut bench = Bench::new(Cluster::new(settings), ProducerSettings::default());
        // No news of the cluster wakes anybody later: it asks twice in the beginning.
        tokio::time::sleep(pause * 2).await;
        let mut record = bench.record("given up");
        record.deadline = Instant::now() + pause / 5;
        bench.producer.send(record);
        until("it is given up", || bench.outcomes.borrow().len() == 1).await;
        bench.send("in the pause");
        until("it is stored", || stored(&bench) == 1).await;
    });
}
