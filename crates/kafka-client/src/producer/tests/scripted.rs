//! Producers against brokers that lie, stall, cut off and refuse: nothing is called stored that is not, and memory
//! and connections stay bounded.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use kafka_wire::messages::*;
use kafka_wire::{ApiKey, ErrorCode, Message};

use super::*;
use crate::compression::{Codec, Compression};
use crate::testing::{Asked, Say, Scripted, settings};

/// What a script does with a Produce request; by default all is stored.
type OnProduce = Box<dyn Fn(&Asked, ProduceRequest, usize) -> Say + Send + Sync>;

/// A broker with the topic `t` of one partition, whose Produce answers `on_produce` gives; it is told how many
/// came before.
async fn broker(on_produce: OnProduce) -> Scripted {
    let produced = Mutex::new(0);
    Scripted::start(move |asked| match asked.header.api_key {
        ApiKey::Metadata => asked.with(&asked.metadata()),
        ApiKey::InitProducerId => {
            let answer = InitProducerIdResponse { producer_id: 7, ..Default::default() };
            asked.with(&answer)
        }
        ApiKey::Produce => {
            let request = ProduceRequest::decode(&mut asked.body, asked.header.api_version).unwrap();
            let mut produced = produced.lock().unwrap();
            *produced += 1;
            on_produce(asked, request, *produced - 1)
        }
        other => panic!("{other:?} was not expected"),
    })
    .await
}

pub(super) fn answer(request: &ProduceRequest, code: ErrorCode) -> ProduceResponse {
    let responses = request.topic_data.iter().map(|topic| TopicProduceResponse {
        name: topic.name.clone(),
        partition_responses: topic
            .partition_data
            .iter()
            .map(|partition| PartitionProduceResponse {
                index: partition.index,
                error_code: code,
                ..Default::default()
            })
            .collect(),
        ..Default::default()
    });
    ProduceResponse { responses: responses.collect(), ..Default::default() }
}

/// Metadata with a second broker, which listens there.
fn with_second(asked: &Asked, second: std::net::SocketAddr) -> MetadataResponse {
    let mut metadata = asked.metadata();
    let port = second.port().into();
    metadata.brokers.push(MetadataResponseBroker { node_id: 2, port, ..metadata.brokers[0].clone() });
    metadata
}

/// The same, where the second broker leads partition 1.
pub(super) fn two(asked: &Asked, second: std::net::SocketAddr) -> MetadataResponse {
    let mut metadata = with_second(asked, second);
    let first = metadata.topics[0].partitions[0].clone();
    metadata.topics[0].partitions.push(MetadataResponsePartition {
        partition_index: 1,
        leader_id: 2,
        ..first
    });
    metadata
}

pub(super) fn bench(broker: &Scripted) -> Bench {
    let mut settings = settings(broker.addr);
    settings.reconnect_backoff = (Duration::from_millis(2), Duration::from_millis(10));
    settings.retry_backoff = (Duration::from_millis(2), Duration::from_millis(10));
    let request_timeout = Duration::from_secs(2);
    Bench::new(Cluster::new(settings), ProducerSettings { request_timeout, ..ProducerSettings::default() })
}

/// The first of two answers is `bad`; the record is stored by the second, over a new connection where the first broke.
fn recovers_from(bad: impl Fn(&Asked, &ProduceRequest) -> Say + Send + Sync + 'static, loses: bool) {
    on_worker(async move {
        let broker = broker(Box::new(move |asked, request, before| match before {
            0 => bad(asked, &request),
            _ => asked.with(&answer(&request, ErrorCode::NONE)),
        }))
        .await;
        let mut bench = bench(&broker);
        bench.send("value");
        assert_eq!(bench.settled().await, []);
        assert_eq!(bench.count("batches"), 1);
        assert_eq!(bench.count("batches_resent"), 1);
        assert_eq!(bench.count("connections_lost"), u64::from(loses));
    });
}

#[test]
fn answers_that_break_the_protocol_end_the_connection() {
    let stored = |request: &ProduceRequest| answer(request, ErrorCode::NONE);
    // Another request's answer.
    recovers_from(
        move |asked, request| asked.with_id(asked.header.correlation_id + 1, &stored(request)),
        true,
    );
    // An answer that leaves the partition out, or names another.
    recovers_from(|asked, _| asked.with(&ProduceResponse::default()), true);
    recovers_from(
        move |asked, request| {
            let mut answer = stored(request);
            answer.responses[0].partition_responses[0].index = 1;
            asked.with(&answer)
        },
        true,
    );
    // A length that is none, one of two gigabytes, and bytes without end.
    recovers_from(|_, _| Say::Bytes(vec![0xff; 4]), true);
    recovers_from(|_, _| Say::Bytes(vec![0x7f, 0xff, 0xff, 0xff]), true);
    recovers_from(|_, _| Say::Endless(vec![0x00, 0xff, 0xff, 0xff]), true);
    // An array of a billion partitions, and half an answer before the end.
    recovers_from(
        |asked, _| {
            let id = asked.header.correlation_id.to_be_bytes();
            let mut frame = vec![0, 0, 0, 10, id[0], id[1], id[2], id[3], 0];
            frame.extend([0xff, 0xff, 0xff, 0xff, 0x0f]);
            Say::Bytes(frame)
        },
        true,
    );
    // Half an answer and then silence, which ends with the time for answers.
    recovers_from(|_, _| Say::Bytes(vec![0, 0, 0, 50, 0, 0]), true);
    recovers_from(|_, _| Say::Close, true);
}

#[test]
fn a_producer_is_warm_without_a_broker_that_cannot_be_reached() {
    on_worker(async {
        // The one that answers names another as the leader, where nobody listens.
        let broker = Scripted::start(|asked| match asked.header.api_key {
            ApiKey::Metadata => {
                let mut metadata = asked.metadata();
                metadata.brokers.push(MetadataResponseBroker {
                    node_id: 9,
                    host: "127.0.0.1".to_owned(),
                    port: 1,
                    ..Default::default()
                });
                for partition in metadata.topics.iter_mut().flat_map(|topic| &mut topic.partitions) {
                    partition.leader_id = 9;
                }
                asked.with(&metadata)
            }
            ApiKey::InitProducerId => {
                asked.with(&InitProducerIdResponse { producer_id: 7, ..Default::default() })
            }
            other => panic!("{other:?} was not expected"),
        })
        .await;
        let bench = bench(&broker);
        tokio::time::timeout(WAIT, bench.producer.warm()).await.expect("it gets warm");
        assert_eq!(bench.count("connections_opened"), 0);
    });
}

#[test]
fn errors_that_pass_are_waited_for() {
    for code in [
        ErrorCode::NOT_LEADER_OR_FOLLOWER,
        ErrorCode::NOT_ENOUGH_REPLICAS,
        ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        ErrorCode::REQUEST_TIMED_OUT,
        ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
        ErrorCode::KAFKA_STORAGE_ERROR,
        ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER,
        ErrorCode::UNKNOWN_PRODUCER_ID,
        ErrorCode::INVALID_PRODUCER_EPOCH,
    ] {
        recovers_from(move |asked, request| asked.with(&answer(request, code)), false);
    }
}

#[test]
fn errors_that_do_not_pass_are_told_at_once() {
    on_worker(async {
        let broker = broker(Box::new(|asked, request, _| {
            asked.with(&answer(&request, ErrorCode::TOPIC_AUTHORIZATION_FAILED))
        }))
        .await;
        let mut bench = bench(&broker);
        bench.send("value");
        let refused = Failure::Refused(ErrorCode::TOPIC_AUTHORIZATION_FAILED);
        assert_eq!(bench.settled().await, [(0, refused)]);
        // The refused batch's numbers are free again.
        bench.send("value");
        assert_eq!(bench.settled().await.len(), 2);
        assert_eq!(bench.count("epochs"), 0);
    });
}

#[test]
fn a_stored_batch_whose_answer_was_lost_counts_as_stored() {
    recovers_from(|_, _| Say::Close, true);
    on_worker(async {
        let broker = broker(Box::new(|asked, request, before| match before {
            0 => Say::Close,
            _ => asked.with(&answer(&request, ErrorCode::DUPLICATE_SEQUENCE_NUMBER)),
        }))
        .await;
        let mut bench = bench(&broker);
        bench.send("value");
        assert_eq!(bench.settled().await, []);
    });
}

#[test]
fn a_connection_that_breaks_while_a_batch_is_being_compressed_loses_nothing() {
    on_worker(async {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&seen);
        let broker = broker(Box::new(move |asked, mut request, before| {
            let bytes = request.topic_data[0].partition_data[0].records.take().unwrap().into_bytes();
            let header = kafka_wire::batch::Batch::read(&bytes).unwrap().header;
            told.lock().unwrap().push((header.base_sequence, header.records_count));
            match before {
                1 => Say::Close,
                _ => asked.with(&answer(&request, ErrorCode::NONE)),
            }
        }))
        .await;
        let settings = settings(broker.addr);
        let compression = Compression { codec: Codec::Gzip, level: Some(9) };
        let mut bench = Bench::new(
            Cluster::new(settings),
            ProducerSettings { compression, ..ProducerSettings::default() },
        );
        // One has to be stored before two may be under way.
        bench.send("first");
        assert_eq!(bench.settled().await, []);
        bench.send("second");
        tokio::task::yield_now().await;
        let mut rng = fastrand::Rng::with_seed(1);
        for _ in 0..3 {
            bench.send((0..100_000).map(|_| rng.u8(b'a'..=b'z')).collect::<Vec<u8>>());
        }
        assert_eq!(bench.settled().await, []);
        assert_eq!(*seen.lock().unwrap(), [(0, 1), (1, 1), (1, 1), (2, 3)]);
    });
}

#[test]
fn records_that_nobody_takes_are_given_up_at_their_deadline() {
    on_worker(async {
        let mut settings = settings("127.0.0.1:1".parse().unwrap());
        settings.reconnect_backoff = (Duration::from_millis(2), Duration::from_millis(10));
        let mut bench = Bench::new(Cluster::new(settings), ProducerSettings::default());
        let began = Instant::now();
        let mut record = bench.record("value");
        record.deadline = began + Duration::from_millis(200);
        bench.producer.send(record);
        assert_eq!(bench.settled().await, [(0, Failure::TimedOut)]);
        assert!(began.elapsed() >= Duration::from_millis(200));
    });
}

#[test]
fn a_silent_broker_is_left_and_its_records_given_up() {
    on_worker(async {
        let broker = broker(Box::new(|_, _, _| Say::Bytes(Vec::new()))).await;
        let delivery_timeout = Duration::from_millis(300);
        let settings = ProducerSettings { delivery_timeout, ..ProducerSettings::default() };
        let mut bench = Bench::new(broker.cluster(), settings);
        let mut record = bench.record("value");
        record.deadline = Instant::now() + Duration::from_millis(300);
        bench.producer.send(record);
        assert_eq!(bench.settled().await, [(0, Failure::TimedOut)]);
        assert_eq!(bench.count("connections_lost"), 1);
    });
}

#[test]
fn closing_gives_up_what_is_left() {
    on_worker(async {
        let broker = broker(Box::new(|_, _, _| Say::Bytes(Vec::new()))).await;
        let mut bench = bench(&broker);
        bench.send("under way");
        while bench.count("requests") == 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        bench.send("not yet");
        bench.producer.close(Instant::now()).await;
        // What is under way may be stored: its claim is dropped, which is no success either.
        assert_eq!(bench.outcomes.borrow().get(&1), Some(&Err(Failure::Closed)));
        assert_eq!(bench.outcomes.borrow().get(&0), None);
        bench.send("too late");
        assert_eq!(bench.outcomes.borrow().get(&2), Some(&Err(Failure::Closed)));
    });
}

#[test]
fn a_throttled_producer_waits() {
    on_worker(async {
        let broker = broker(Box::new(|asked, request, before| {
            let throttle_time_ms = if before == 0 { 300 } else { 0 };
            asked.with(&ProduceResponse { throttle_time_ms, ..answer(&request, ErrorCode::NONE) })
        }))
        .await;
        let mut bench = bench(&broker);
        bench.send("value");
        assert_eq!(bench.settled().await, []);
        let told = Instant::now();
        bench.send("value");
        assert_eq!(bench.settled().await, []);
        assert!(told.elapsed() >= Duration::from_millis(250), "{:?}", told.elapsed());
        assert_eq!(bench.count("throttled_milliseconds"), 300);
    });
}

#[test]
fn sequences_go_on_where_a_topic_was_out_of_sight() {
    on_worker(async {
        let hidden = Arc::new(AtomicBool::new(false));
        let sequences: Arc<Mutex<Vec<i32>>> = Arc::default();
        let (hides, noted) = (Arc::clone(&hidden), Arc::clone(&sequences));
        let broker = Scripted::start(move |asked| match asked.header.api_key {
            ApiKey::Metadata => {
                let mut metadata = asked.metadata();
                if hides.load(Ordering::SeqCst) {
                    let topic = &mut metadata.topics[0];
                    topic.error_code = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
                    topic.partitions.clear();
                }
                asked.with(&metadata)
            }
            ApiKey::InitProducerId => {
                asked.with(&InitProducerIdResponse { producer_id: 7, ..Default::default() })
            }
            _ => {
                let request = ProduceRequest::decode(&mut asked.body, asked.header.api_version).unwrap();
                let records = request.topic_data[0].partition_data[0].records.clone().unwrap().into_bytes();
                let header = kafka_wire::batch::BatchHeader::read(&records).unwrap();
                noted.lock().unwrap().push(header.base_sequence);
                asked.with(&answer(&request, ErrorCode::NONE))
            }
        })
        .await;
        let mut bench = bench(&broker);
        let cluster = bench.cluster.clone();
        bench.send("one");
        assert_eq!(bench.settled().await, []);
        hidden.store(true, Ordering::SeqCst);
        cluster.refresh().await.unwrap();
        bench.send("two");
        tokio::task::yield_now().await;
        // It waits for its topic: nobody refuses it, and nobody can have it.
        assert_eq!(bench.outcomes.borrow().len(), 1);
        hidden.store(false, Ordering::SeqCst);
        cluster.refresh().await.unwrap();
        assert_eq!(bench.settled().await, []);
        assert_eq!(*sequences.lock().unwrap(), [0, 1]);
    });
}

/// A broker 1 that says that broker 2, which listens there, leads; its metadata never says so. Given how often it was
/// produced to.
async fn not_the_leader(hint: Option<std::net::SocketAddr>) -> (Scripted, Arc<Mutex<usize>>) {
    let produced = Arc::new(Mutex::new(0));
    let (counted, metadata) = (Arc::clone(&produced), AtomicBool::new(false));
    let scripted = Scripted::start(move |asked| match asked.header.api_key {
        // Later ones have no answer: nothing but the hint can tell.
        ApiKey::Metadata if metadata.swap(true, Ordering::SeqCst) => Say::Bytes(Vec::new()),
        ApiKey::Metadata => asked.with(&asked.metadata()),
        ApiKey::InitProducerId => {
            asked.with(&InitProducerIdResponse { producer_id: 7, ..Default::default() })
        }
        _ => {
            *counted.lock().unwrap() += 1;
            let request = ProduceRequest::decode(&mut asked.body, asked.header.api_version).unwrap();
            let mut answer = answer(&request, ErrorCode::NOT_LEADER_OR_FOLLOWER);
            let leader = ProduceLeaderIdAndEpoch { leader_id: 2, leader_epoch: 2 };
            answer.responses[0].partition_responses[0].current_leader = leader;
            // One that no partition is led by is of no use, and is not kept.
            let other = ProduceNodeEndpoint { node_id: 9, host: "127.0.0.1".into(), port: 1, rack: None };
            answer.node_endpoints = vec![other];
            answer.node_endpoints.extend(hint.map(|at| ProduceNodeEndpoint {
                node_id: 2,
                host: at.ip().to_string(),
                port: at.port().into(),
                rack: None,
            }));
            asked.with(&answer)
        }
    })
    .await;
    (scripted, produced)
}

#[test]
fn the_leader_that_a_broker_names_is_sent_to_without_new_metadata() {
    on_worker(async {
        let leader =
            broker(Box::new(|asked, request, _| asked.with(&answer(&request, ErrorCode::NONE)))).await;
        let (other, produced) = not_the_leader(Some(leader.addr)).await;
        let mut bench = bench(&other);
        bench.send("value");
        assert_eq!(bench.settled().await, []);
        bench.send("value");
        assert_eq!(bench.settled().await, []);
        assert_eq!(*produced.lock().unwrap(), 1, "the broker that does not lead is asked once");
        assert_eq!(leader.opened.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn a_topic_made_anew_by_brokers_before_topic_ids_is_produced_to() {
    on_worker(async {
        let new = broker(Box::new(|asked, request, _| asked.with(&answer(&request, ErrorCode::NONE)))).await;
        let (second, is_new) = (new.addr, AtomicBool::new(false));
        let old = Scripted::start_old(9, move |asked| match asked.header.api_key {
            ApiKey::Metadata => {
                let mut metadata = with_second(asked, second);
                // Deleted and created anew, its epochs begin again.
                let partition = &mut metadata.topics[0].partitions[0];
                (partition.leader_id, partition.leader_epoch) =
                    if is_new.load(Ordering::SeqCst) { (2, 0) } else { (1, 7) };
                asked.with(&metadata)
            }
            ApiKey::InitProducerId => {
                asked.with(&InitProducerIdResponse { producer_id: 7, ..Default::default() })
            }
            _ => {
                is_new.store(true, Ordering::SeqCst);
                let request = ProduceRequest::decode(&mut asked.body, asked.header.api_version).unwrap();
                asked.with(&answer(&request, ErrorCode::NOT_LEADER_OR_FOLLOWER))
            }
        })
        .await;
        let mut bench = bench(&old);
        let mut record = bench.record("value");
        record.deadline = Instant::now() + Duration::from_secs(5);
        bench.producer.send(record);
        assert_eq!(bench.settled().await, []);
        assert_eq!(new.opened.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn a_leader_without_an_address_is_waited_for() {
    on_worker(async {
        let (other, produced) = not_the_leader(None).await;
        let mut bench = bench(&other);
        let mut record = bench.record("value");
        record.deadline = Instant::now() + Duration::from_millis(300);
        bench.producer.send(record);
        let refused = Failure::Refused(ErrorCode::NOT_LEADER_OR_FOLLOWER);
        assert!(
            [[(0, refused)], [(0, Failure::TimedOut)]]
                .contains(&bench.settled().await[..].try_into().unwrap())
        );
        assert!(*produced.lock().unwrap() > 1, "it is asked again, at a pause");
    });
}

#[test]
fn connections_with_nothing_to_do_are_closed_and_opened_again_when_there_is() {
    on_worker(async {
        let broker =
            broker(Box::new(|asked, request, _| asked.with(&answer(&request, ErrorCode::NONE)))).await;
        let mut settings = settings(broker.addr);
        settings.connections_max_idle = Duration::from_millis(100);
        let mut bench = Bench::new(Cluster::new(settings), ProducerSettings::default());
        bench.send("value");
        assert_eq!(bench.settled().await, []);
        let opened = bench.count("connections_opened");
        // The producer's own connection goes; that of metadata is kept until it is asked over again.
        let closed = async {
            while broker.is_open() > 1 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(WAIT, closed).await.expect("the idle connection is closed");
        bench.send("value");
        assert_eq!(bench.settled().await, []);
        assert_eq!((opened, bench.count("connections_opened"), bench.count("connections_lost")), (1, 2, 0));
    });
}

#[test]
fn a_broker_that_is_slow_holds_up_only_what_it_has_already() {
    on_worker(async {
        let quick =
            broker(Box::new(|asked, request, _| asked.with(&answer(&request, ErrorCode::NONE)))).await;
        let slow_has = Arc::new(Mutex::new(0));
        let (counted, second) = (Arc::clone(&slow_has), quick.addr);
        let slow = Scripted::start(move |asked| match asked.header.api_key {
            ApiKey::Metadata => asked.with(&two(asked, second)),
            ApiKey::InitProducerId => {
                asked.with(&InitProducerIdResponse { producer_id: 7, ..Default::default() })
            }
            _ => {
                *counted.lock().unwrap() += 1;
                Say::Bytes(Vec::new())
            }
        })
        .await;
        let mut bench = Bench::new(slow.cluster(), ProducerSettings::default());
        let stored =
            |bench: &Bench| bench.outcomes.borrow().values().filter(|outcome| outcome.is_ok()).count();
        let going_on = async {
            while stored(&bench) < 200 {
                bench.send("value");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(WAIT, going_on).await.expect("most records go to the quick broker");
        // It was given one turn, of 100 ms: what came in it is in its only request or waits behind it.
        assert!(*slow_has.lock().unwrap() <= 1, "{slow_has:?}");
    });
}
