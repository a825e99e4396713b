//! Records of other threads that go along with what a producer gathers.

use std::sync::Mutex;

use kafka_wire::ErrorCode;
use kafka_wire::messages::*;
use kafka_wire::{ApiKey, Message};
use tokio::sync::Semaphore;

use super::scripted::answer;
use super::*;
use crate::producer::inbox::COMPANY_BYTES_MAX;
use crate::testing::{Say, Scripted};

/// What became of records by their number, whichever thread it happens on.
type Fates = Arc<Mutex<BTreeMap<usize, Result<(), Failure>>>>;

#[derive(Debug)]
struct Guest(usize, Fates);

/// A record whose report takes so long.
const SLOW: usize = usize::MAX;
const SLOW_FOR: Duration = Duration::from_millis(60);

impl Settle for Guest {
    fn settle(self, outcome: Result<(), Failure>) {
        if self.0 == SLOW {
            std::thread::sleep(SLOW_FOR);
        }
        assert_eq!(self.1.lock().unwrap().insert(self.0, outcome), None, "record {} settled twice", self.0);
    }
}

/// A producer with an inbox, and a broker that holds its answers until it is told.
struct House {
    producer: Producer<Guest>,
    inbox: Arc<Inbox<Guest>>,
    fates: Fates,
    may_answer: Arc<Semaphore>,
    /// Records in each Produce request.
    requests: Arc<Mutex<Vec<usize>>>,
    /// It knows the leader of the one partition.
    _broker: Scripted,
    watching: JoinHandle<()>,
}

impl Drop for House {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

impl House {
    /// The answers to the first `broken` requests are none.
    async fn new(broken: usize) -> Self {
        Self::with(broken, 0, ProducerSettings::default()).await
    }

    /// As [`Self::new`]; the answer to the first request asks to be left alone for so long.
    async fn with(broken: usize, throttle_time_ms: i32, produce: ProducerSettings) -> Self {
        let may_answer = Arc::new(Semaphore::new(0));
        let requests: Arc<Mutex<Vec<usize>>> = Arc::default();
        let (held, seen) = (Arc::clone(&may_answer), Arc::clone(&requests));
        let broker = Scripted::start(move |asked| match asked.header.api_key {
            ApiKey::Metadata => asked.with(&asked.metadata()),
            ApiKey::InitProducerId => {
                asked.with(&InitProducerIdResponse { producer_id: 7, ..Default::default() })
            }
            ApiKey::Produce => {
                let request = ProduceRequest::decode(&mut asked.body, asked.header.api_version).unwrap();
                let records = request.topic_data[0].partition_data[0].records.clone().unwrap().into_bytes();
                let batch = kafka_wire::batch::Batch::read(&records).unwrap();
                let mut seen = seen.lock().unwrap();
                seen.push(batch.header.records_count.try_into().unwrap());
                let throttle_time_ms = if seen.len() == 1 { throttle_time_ms } else { 0 };
                let stored = answer(&request, ErrorCode::NONE);
                match asked.with(&ProduceResponse { throttle_time_ms, ..stored }) {
                    _ if seen.len() <= broken => Say::Held(Arc::clone(&held), vec![0xff; 4]),
                    Say::Bytes(bytes) => Say::Held(Arc::clone(&held), bytes),
                    other => other,
                }
            }
            other => panic!("{other:?} was not expected"),
        })
        .await;
        let mut settings = crate::testing::settings(broker.addr);
        settings.reconnect_backoff = (Duration::from_millis(2), Duration::from_millis(10));
        settings.retry_backoff = (Duration::from_millis(2), Duration::from_millis(10));
        let cluster = Cluster::new(settings);
        cluster.interest(["t"]);
        let common = Common { stats: Arc::default(), limits: Arc::new(BatchLimits::new(1, 1_000_000)) };
        let topics = vec!["t".to_owned()];
        let producer = Producer::spawn(cluster.clone(), produce, topics, common);
        let watching = tokio::spawn(async move { cluster.run().await });
        let inbox: Arc<Inbox<Guest>> = Arc::default();
        producer.serve(Arc::clone(&inbox));
        producer.warm().await;
        let fates = Fates::default();
        Self { producer, inbox, fates, may_answer, requests, _broker: broker, watching }
    }

    /// With record 0 in flight; as many others, from 1 on, go along with what comes next.
    async fn busy(&self, others: usize) -> Remote<Guest> {
        let guest = self.inbox.remote();
        self.producer.send(self.record(0, 10));
        self.has_requests(1).await;
        for number in 1..=others {
            guest.offer(self.record(number, 10)).expect("one is in flight");
        }
        guest
    }

    fn record(&self, number: usize, bytes: usize) -> Record<Guest> {
        Record {
            topic: 0,
            partition: None,
            key: None,
            value: vec![b'v'; bytes].into(),
            headers: Headers::default(),
            timestamp_ms: 0,
            deadline: Instant::now() + WAIT,
            token: Guest(number, Arc::clone(&self.fates)),
        }
    }

    fn requests(&self) -> Vec<usize> {
        self.requests.lock().unwrap().clone()
    }

    /// Waits until so many requests have come.
    async fn has_requests(&self, count: usize) {
        self.until(|| self.requests().len() >= count).await;
    }

    async fn until(&self, holds: impl Fn() -> bool) {
        let waiting = async {
            while !holds() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(WAIT, waiting).await.expect("it becomes so");
    }

    /// All of them are stored.
    async fn stored(&self, count: usize) {
        self.until(|| self.fates.lock().unwrap().len() == count).await;
        assert!(self.fates.lock().unwrap().values().all(Result::is_ok));
    }
}

#[test]
fn small_records_of_others_go_with_the_next_request_while_one_is_in_flight() {
    on_worker(async {
        let house = House::new(0).await;
        // Nothing is in flight: it is better off elsewhere.
        assert!(house.inbox.remote().offer(house.record(0, 10)).is_err());
        let guest = house.busy(20).await;
        house.producer.send(house.record(21, 10));
        // Neither a large one nor one that has its place goes along.
        assert!(guest.offer(house.record(22, COMPANY_BYTES_MAX + 1)).is_err());
        assert!(guest.offer(Record { partition: Some(0), ..house.record(22, 10) }).is_err());
        assert!(guest.offer(Record { key: Some("k".into()), ..house.record(22, 10) }).is_err());
        assert_eq!(house.requests(), [1]);
        house.may_answer.add_permits(2);
        house.stored(22).await;
        assert_eq!(house.requests(), [1, 21]);
    });
}

#[test]
fn what_others_gave_is_sent_when_the_connection_breaks_instead_of_an_answer() {
    on_worker(async {
        let house = House::new(1).await;
        let _guest = house.busy(20).await;
        house.may_answer.add_permits(1000);
        house.stored(21).await;
        // The first again, by itself, and then what others gave.
        assert_eq!(house.requests(), [1, 1, 20]);
    });
}

#[test]
fn a_producer_that_is_closed_takes_nothing_more_from_others() {
    on_worker(async {
        let house = House::new(0).await;
        let guest = house.busy(1).await;
        house.producer.close(Instant::now()).await;
        assert_eq!(house.fates.lock().unwrap().get(&1), Some(&Err(Failure::Closed)));
        assert!(guest.offer(house.record(2, 10)).is_err());
        guest.send(house.record(2, 10));
        house.until(|| house.fates.lock().unwrap().contains_key(&2)).await;
        assert_eq!(house.fates.lock().unwrap()[&2], Err(Failure::Closed));
    });
}

#[test]
fn a_guest_outlives_its_host() {
    on_worker(async {
        let house = House::new(0).await;
        let guest = house.busy(1).await;
        let fates = Arc::clone(&house.fates);
        let late = house.record(2, 10);
        drop(house);
        // Its tasks end when they are next looked at.
        let gone = async {
            while Arc::strong_count(&fates) > 2 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(WAIT, gone).await.expect("what lay there is dropped");
        assert!(guest.offer(late).is_err());
    });
}

#[test]
fn a_time_that_passes_while_the_broker_s_task_works_is_not_forgotten() {
    on_worker(async {
        let linger = SLOW_FOR / 2;
        let house = House::with(0, 0, ProducerSettings { linger, ..ProducerSettings::default() }).await;
        house.may_answer.add_permits(1000);
        let guest = house.inbox.remote();
        house.producer.send(house.record(0, 10));
        tokio::time::sleep(linger / 10).await;
        // The broker's task is the next to look, and while it does the first record's time passes: the other has no
        // place, and hears so for long.
        house.producer.warm().await;
        guest.send(Record { partition: Some(99), ..house.record(SLOW, 10) });
        house.until(|| house.fates.lock().unwrap().len() == 2).await;
        let fates = house.fates.lock().unwrap().clone();
        assert_eq!(fates, [(0, Ok(())), (SLOW, Err(Failure::NoPartition))].into());
    });
}

#[test]
fn nothing_gathers_while_the_broker_asks_to_be_left_alone() {
    on_worker(async {
        let house = House::with(0, 60_000, ProducerSettings::default()).await;
        let guest = house.busy(0).await;
        let deadline = Instant::now() + Duration::from_millis(100);
        guest.offer(Record { deadline, ..house.record(1, 10) }).expect("one is in flight");
        house.may_answer.add_permits(1);
        house.until(|| house.fates.lock().unwrap().contains_key(&0)).await;
        // It goes sooner by others, and what came before is looked after.
        assert!(guest.offer(house.record(2, 10)).is_err());
        house.until(|| house.fates.lock().unwrap().contains_key(&1)).await;
        let fates = house.fates.lock().unwrap().clone();
        assert_eq!(fates, [(0, Ok(())), (1, Err(Failure::TimedOut))].into());
    });
}
