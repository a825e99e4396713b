//! Producers against the embedded broker: what they store is what the reader reads.

use super::*;
use crate::admin::{NewTopic, create_topics};
use crate::compression::{Codec, Compression};
use crate::producer::partitioner::partition_of;
use crate::reader::{self, Position, Reader, ReaderSettings, Wanted};
use crate::testing::Embedded;

async fn topic(cluster: &Cluster, partitions: i32, settings: &[(&str, &str)]) {
    let configs = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let topic = NewTopic { name: "t".to_owned(), partitions, replication: 1, configs };
    for (name, made) in create_topics(cluster, &[topic], WAIT).await {
        made.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

async fn read(cluster: &Cluster, count: u64) -> Vec<reader::Record> {
    let wanted = Wanted { topic: "t".to_owned(), partitions: None, position: Position::Beginning };
    let mut reader = Reader::open(cluster.clone(), ReaderSettings::default(), &[wanted]).await.unwrap();
    let mut records = Vec::new();
    for _ in 0..count {
        records.push(tokio::time::timeout(WAIT, reader.next()).await.expect("a record").unwrap());
    }
    records
}

#[test]
fn records_are_stored_as_they_were_given() {
    on_worker(async {
        let broker = Embedded::start().await;
        topic(&broker.cluster(), 3, &[]).await;
        let mut bench = Bench::new(broker.cluster(), ProducerSettings::default());
        let large = Bytes::from(vec![b'x'; 300_000]);
        for n in 0..50_u64 {
            let mut record =
                bench.record(if n.is_multiple_of(5) { large.clone() } else { n.to_string().into() });
            record.key = Some(format!("key-{n}").into());
            record.headers = Headers::new(&[("a", Some(b"1")), ("a", None), ("b", Some(b""))]);
            record.timestamp_ms = 1_700_000_000_000 - i64::try_from(n).unwrap();
            bench.producer.send(record);
        }
        assert_eq!(bench.settled().await, []);
        let records = read(&broker.cluster(), 50).await;
        for record in &records {
            let key = record.key.clone().unwrap();
            let n: u64 = std::str::from_utf8(&key[4..]).unwrap().parse().unwrap();
            assert_eq!(record.partition, partition_of(&key, 3));
            let expected = if n.is_multiple_of(5) { large.clone() } else { n.to_string().into() };
            assert_eq!(record.value.as_ref(), Some(&expected));
            assert_eq!(record.timestamp_ms, Some(1_700_000_000_000 - i64::try_from(n).unwrap()));
            let headers: Vec<_> = record.headers.iter().collect();
            assert_eq!(headers, [("a", Some(&b"1"[..])), ("a", None), ("b", Some(&b""[..]))]);
        }
        // A connection, and fewer requests than records: what gathers goes together.
        assert_eq!(bench.count("connections_opened"), 1);
        assert!(bench.count("requests") < 25, "{}", bench.count("requests"));
        assert_eq!(bench.count("records"), 50);
    });
}

#[test]
fn a_warm_producer_is_connected_before_its_first_record() {
    on_worker(async {
        let broker = Embedded::start().await;
        topic(&broker.cluster(), 3, &[]).await;
        let mut bench = Bench::new(broker.cluster(), ProducerSettings::default());
        tokio::time::timeout(WAIT, bench.producer.warm()).await.expect("it gets warm");
        assert_eq!((bench.count("connections_opened"), bench.count("requests")), (1, 0));
        bench.send("value");
        assert_eq!(bench.settled().await, []);
        assert_eq!((bench.count("connections_opened"), bench.count("requests")), (1, 1));
    });
}

#[test]
fn every_codec_is_read_back() {
    on_worker(async {
        for codec in Codec::ALL {
            let broker = Embedded::start().await;
            topic(&broker.cluster(), 1, &[]).await;
            let compression = Compression { codec, level: None };
            let settings = ProducerSettings { compression, ..ProducerSettings::default() };
            let mut bench = Bench::new(broker.cluster(), settings);
            for n in 0..200 {
                bench.send(format!("{n} {}", "the same text ".repeat(400)));
            }
            assert_eq!(bench.settled().await, []);
            let records = read(&broker.cluster(), 200).await;
            for (n, record) in records.iter().enumerate() {
                let expected = format!("{n} {}", "the same text ".repeat(400));
                assert_eq!(record.value.as_deref(), Some(expected.as_bytes()), "{codec}");
            }
            let (sent, before) = (bench.count("sent_bytes"), bench.count("uncompressed_bytes"));
            assert_eq!(codec != Codec::None, sent < before / 4, "{codec}: {sent} of {before}");
        }
    });
}

#[test]
fn batches_are_made_smaller_where_the_topic_takes_no_larger_ones() {
    on_worker(async {
        let broker = Embedded::start().await;
        topic(&broker.cluster(), 1, &[("max.message.bytes", "20000")]).await;
        let mut bench = Bench::new(broker.cluster(), ProducerSettings::default());
        for n in 0..100_u8 {
            bench.send(vec![n; 3000]);
        }
        bench.send(vec![100; 30_000]);
        for n in 101..150_u8 {
            bench.send(vec![n; 3000]);
        }
        assert_eq!(bench.settled().await, [(100, Failure::TooLarge)]);
        let records = read(&broker.cluster(), 149).await;
        let order: Vec<u8> = records.iter().map(|record| record.value.as_ref().unwrap()[0]).collect();
        assert_eq!(order, (0..150).filter(|n| *n != 100).collect::<Vec<u8>>());
        assert!(bench.common.limits.get(0) < 20_000 * 2);
    });
}

#[test]
fn a_broker_that_comes_back_has_everything_once_and_in_order() {
    on_worker(async {
        let data = tempfile::tempdir().unwrap();
        let config = dev_broker::Config::new("127.0.0.1:0".parse().unwrap(), data.path());
        let broker = dev_broker::Broker::start(config.clone()).await.unwrap();
        let addr = broker.addr();
        let config = dev_broker::Config { addr, ..config };
        let mut settings = crate::testing::settings(addr);
        settings.reconnect_backoff = (Duration::from_millis(5), Duration::from_millis(50));
        let cluster = Cluster::new(settings);
        topic(&cluster, 1, &[]).await;
        let mut bench = Bench::new(cluster.clone(), ProducerSettings::default());
        let mut broker = Some(broker);
        for round in 0..5 {
            for _ in 0..200 {
                bench.send(bench.sent.to_be_bytes().to_vec());
                tokio::task::yield_now().await;
            }
            if let Some(old) = broker.take() {
                old.shutdown().await;
            }
            for _ in 0..20 {
                bench.send(bench.sent.to_be_bytes().to_vec());
            }
            broker = Some(dev_broker::Broker::start(config.clone()).await.unwrap());
            assert_eq!(bench.settled().await, [], "round {round}");
        }
        let records = read(&cluster, bench.sent).await;
        for (n, record) in records.iter().enumerate() {
            assert_eq!(record.value.as_deref(), Some(&(n as u64).to_be_bytes()[..]));
        }
        assert!(bench.count("connections_lost") >= 4);
    });
}

#[test]
fn weaker_promises_are_kept_too() {
    on_worker(async {
        for acks in [crate::Acks::Leader, crate::Acks::None] {
            let broker = Embedded::start().await;
            topic(&broker.cluster(), 1, &[]).await;
            let settings = ProducerSettings {
                acks,
                idempotence: false,
                in_flight_max: 1,
                ..ProducerSettings::default()
            };
            let mut bench = Bench::new(broker.cluster(), settings);
            for n in 0..100_u8 {
                bench.send(vec![n; 500]);
                tokio::task::yield_now().await;
            }
            assert_eq!(bench.settled().await, [], "{acks:?}");
            let records = read(&broker.cluster(), 100).await;
            let order: Vec<u8> = records.iter().map(|record| record.value.as_ref().unwrap()[0]).collect();
            assert_eq!(order, (0..100).collect::<Vec<u8>>());
        }
    });
}

#[test]
fn records_linger_for_company_when_told_to() {
    on_worker(async {
        let broker = Embedded::start().await;
        topic(&broker.cluster(), 1, &[]).await;
        let settings = ProducerSettings {
            linger: Duration::from_secs(3600),
            batch_bytes: 10_000,
            ..ProducerSettings::default()
        };
        let mut bench = Bench::new(broker.cluster(), settings);
        for n in 0..20_u8 {
            bench.send(vec![n; 1000]);
        }
        // Full batches do not wait; the rest does, until it is told to hurry.
        while bench.outcomes.borrow().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(bench.outcomes.borrow().len() < 20);
        assert_eq!(bench.settled().await, []);
        assert!(bench.count("requests") <= 3, "{}", bench.count("requests"));
    });
}

#[test]
fn other_threads_share_a_producer() {
    on_worker(async {
        let broker = Embedded::start().await;
        topic(&broker.cluster(), 1, &[]).await;
        let outcomes: Arc<std::sync::Mutex<Vec<Result<(), Failure>>>> = Arc::default();
        let limits = Arc::new(BatchLimits::new(1, 1_000_000));
        let common = Common { stats: Arc::default(), limits };
        let cluster = broker.cluster();
        cluster.interest(["t"]);
        cluster.refresh().await.unwrap();
        let producer = Producer::spawn(cluster, ProducerSettings::default(), vec!["t".to_owned()], common);
        let inbox: Arc<Inbox<Shared>> = Arc::default();
        producer.serve(Arc::clone(&inbox));
        let remotes: Vec<_> = (0..3).map(|_| inbox.remote()).collect();
        let threads: Vec<_> = remotes
            .into_iter()
            .map(|remote| {
                let outcomes = Arc::clone(&outcomes);
                std::thread::spawn(move || {
                    for _ in 0..100 {
                        remote.send(Record {
                            topic: 0,
                            partition: None,
                            key: None,
                            value: Bytes::from_static(b"value"),
                            headers: Headers::default(),
                            timestamp_ms: 0,
                            deadline: Instant::now() + WAIT,
                            token: Shared(Arc::clone(&outcomes)),
                        });
                    }
                })
            })
            .collect();
        tokio::time::timeout(WAIT, inbox.abandoned()).await.expect("the others end");
        for thread in threads {
            thread.join().unwrap();
        }
        while outcomes.lock().unwrap().len() < 300 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(outcomes.lock().unwrap().iter().all(Result::is_ok));
        assert_eq!(read(&broker.cluster(), 300).await.len(), 300);
    });
}

#[derive(Debug)]
struct Shared(Arc<std::sync::Mutex<Vec<Result<(), Failure>>>>);

impl Settle for Shared {
    fn settle(self, outcome: Result<(), Failure>) {
        self.0.lock().unwrap().push(outcome);
    }
}
