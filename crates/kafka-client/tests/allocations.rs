//! Hop 7: how many allocations a record costs on its way to a broker and back to its report: none.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kafka_client::admin::{NewTopic, create_topics};
use kafka_client::compression::{Codec, Compression};
use kafka_client::producer::{BatchLimits, Common, Failure, Headers, Producer, Record, Settle};
use kafka_client::{Cluster, ProducerSettings, Settings};
use tokio::task::LocalSet;
use tokio::time::Instant;

const TOPIC: &str = "t";
/// Longer than anything here takes.
const WAIT: Duration = Duration::from_secs(20);

/// Counts the reports; allocates nothing.
#[derive(Debug)]
struct Token(Rc<Cell<usize>>);

impl Settle for Token {
    fn settle(self, outcome: Result<(), Failure>) {
        assert_eq!(outcome, Ok(()));
        self.0.set(self.0.get() + 1);
    }
}

/// The embedded broker on a thread of its own: what it allocates is not counted. Ends with the returned sender.
fn broker() -> (std::net::SocketAddr, tokio::sync::oneshot::Sender<()>) {
    let (told, addr) = std::sync::mpsc::sync_channel(1);
    let (end, ended) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let data = tempfile::tempdir().expect("a temporary folder");
            let config = dev_broker::Config::new(([127, 0, 0, 1], 0).into(), data.path());
            let broker = dev_broker::Broker::start(config).await.expect("a free port");
            told.send(broker.addr()).expect("the test waits");
            drop(ended.await);
        });
    });
    (addr.recv().expect("the broker starts"), end)
}

/// Allocations of this thread while `records` records of `bytes` bytes get their report, handed over in one go.
fn allocations(codec: Codec, records: usize, bytes: usize) -> u64 {
    let (addr, _broker) = broker();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let local = LocalSet::new();
    let cluster = Cluster::new(Settings::new(vec![addr.to_string().parse().expect("an address")], "test"));
    let topic = NewTopic { name: TOPIC.to_owned(), partitions: 3, replication: 1, configs: BTreeMap::new() };
    let made = runtime.block_on(create_topics(&cluster, &[topic], WAIT));
    assert!(made.iter().all(|(_, made)| made.is_ok()), "{made:?}");
    cluster.interest([TOPIC]);
    let common = Common { stats: Arc::default(), limits: Arc::new(BatchLimits::new(1, 1_000_000)) };
    let settings =
        ProducerSettings { compression: Compression { codec, level: None }, ..ProducerSettings::default() };
    let producer = {
        let _inside = local.enter();
        let watched = cluster.clone();
        local.spawn_local(async move { watched.run().await });
        Producer::spawn(cluster, settings, vec![TOPIC.to_owned()], common)
    };
    let reports = Rc::new(Cell::new(0));
    let value = Bytes::from(vec![b'x'; bytes]);
    let send = || {
        for _ in 0..records {
            producer.send(Record {
                topic: 0,
                partition: None,
                key: None,
                value: value.clone(),
                headers: Headers::default(),
                timestamp_ms: 1_700_000_000_000,
                deadline: Instant::now() + WAIT,
                token: Token(Rc::clone(&reports)),
            });
        }
        let flushed = async { tokio::time::timeout(WAIT, producer.flush()).await };
        local.block_on(&runtime, flushed).expect("all have their report");
    };
    // The connection, queues that grow, the codec's context.
    send();
    send();
    let counted = allocation_counter::measure(send);
    assert_eq!(reports.get(), 3 * records);
    counted.count_total
}

#[test]
fn a_record_costs_no_allocation() {
    for (codec, bytes) in [(Codec::None, 100), (Codec::Lz4, 100), (Codec::None, 4000)] {
        let (few, many) = (allocations(codec, 50, bytes), allocations(codec, 2000, bytes));
        // Requests, batches, and lists that double; large values go in several requests.
        let requests = u64::try_from(2000 * bytes / (200 << 10)).expect("a small number") + 1;
        assert!(many <= few + 60 * requests, "{codec}, {bytes} bytes: {few} for 50 records, {many} for 2000");
    }
}
