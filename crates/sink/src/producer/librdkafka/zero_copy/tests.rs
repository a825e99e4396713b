//! The loan's proof obligations, each against the library itself, and against the crate's copying way.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use otlp::Signal;
use pipeline::{Budget, Deadline, Gate, Metrics, Outcome, Returns, Tally};
use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, FromClientConfigAndContext};
use rdkafka::message::Message as _;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, DeliveryResult};

use super::*;
use crate::producer::librdkafka::classify;

/// What a report said of one message.
type Seen = Result<Vec<u8>, RDKafkaErrorCode>;

#[derive(Clone, Default)]
struct Watch {
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl ClientContext for Watch {
    fn error(&self, _error: rdkafka::error::KafkaError, _reason: &str) {}
}

impl ProducerContext for Watch {
    type DeliveryOpaque = Box<InFlight>;

    fn delivery(&self, result: &DeliveryResult<'_>, in_flight: Box<InFlight>) {
        let seen = match result {
            Ok(message) => Ok(message.payload().unwrap_or_default().to_vec()),
            Err((error, _)) => Err(error.rdkafka_error_code().unwrap()),
        };
        let outcome = match &seen {
            Ok(_) => Outcome::Stored,
            Err(code) => classify::outcome(*code),
        };
        self.seen.lock().unwrap().push(seen);
        in_flight.ack.resolve(outcome);
    }
}

/// A value that counts how many like it are alive.
struct Counted {
    bytes: Vec<u8>,
    alive: Arc<AtomicUsize>,
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        // A library that still read the value would send this.
        self.bytes.fill(0xDD);
        self.alive.fetch_sub(1, Ordering::SeqCst);
    }
}

struct Bench {
    cluster: MockCluster<'static, DefaultProducerContext>,
    budget: Arc<Budget>,
    gate: Gate,
    metrics: Metrics,
    returns: Arc<Returns>,
    alive: Arc<AtomicUsize>,
}

const TOPIC: &str = "lent";
const DEADLINE: Duration = Duration::from_secs(30);

impl Bench {
    fn new() -> Self {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic(TOPIC, 1, 1).unwrap();
        Self {
            cluster,
            budget: Budget::new(64 << 20, 0),
            gate: Gate::new(10_000),
            metrics: Metrics::default(),
            returns: Arc::default(),
            alive: Arc::default(),
        }
    }

    fn lender(&self, settings: &[(&str, &str)]) -> (Lender<Watch>, Watch) {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", self.cluster.bootstrap_servers())
            .set("enable.idempotence", "true")
            .set("linger.ms", "1")
            .set("message.timeout.ms", "20000");
        for (name, value) in settings {
            config.set(*name, *value);
        }
        let watch = Watch::default();
        let producer = BaseProducer::from_config_and_context(&config, watch.clone()).unwrap();
        (Lender::new(producer, &[TOPIC.to_owned()]).unwrap(), watch)
    }

    async fn tally(&self) -> Tally {
        let permit = self.gate.admit(Signal::Logs, Deadline::after(DEADLINE, None)).await.unwrap();
        Tally::new(&self.returns, self.metrics.signal(Signal::Logs), permit)
    }

    async fn ack(&self, tally: &Tally, bytes: usize) -> Ack {
        let mut charge = self.budget.open();
        charge.grow(bytes, Deadline::after(DEADLINE, None)).await.unwrap();
        tally.ack(1, charge)
    }

    fn value(&self, bytes: Vec<u8>) -> Bytes {
        self.alive.fetch_add(1, Ordering::SeqCst);
        Bytes::from_owner(Counted { bytes, alive: Arc::clone(&self.alive) })
    }

    async fn message(&self, tally: &Tally, bytes: Vec<u8>) -> Message<'static> {
        let ack = self.ack(tally, bytes.len()).await;
        Message { topic: 0, partition: -1, key: None, value: self.value(bytes), timestamp_ms: 1, ack }
    }

    /// Every box has come back: nothing is charged, and no value is alive.
    fn all_returned(&self) -> bool {
        self.budget.used_bytes() == 0 && self.alive.load(Ordering::SeqCst) == 0
    }
}

fn poll_until<C: ProducerContext<DeliveryOpaque = Box<InFlight>>>(
    lender: &Lender<C>,
    done: impl Fn() -> bool,
) {
    let end = Instant::now() + DEADLINE;
    while !done() {
        assert!(Instant::now() < end, "no report in time");
        lender.producer().poll(Duration::from_millis(5));
    }
}

/// The safe twin: the crate's own way, which copies.
fn send_copied(lender: &Lender<Watch>, message: Message<'_>) -> Result<(), (RDKafkaErrorCode, Ack)> {
    let Message { value, key, timestamp_ms, partition, ack, .. } = message;
    let opaque = Box::new(InFlight { _value: Bytes::new(), ack });
    let mut record =
        BaseRecord::<[u8], [u8], _>::with_opaque_to(TOPIC, opaque).payload(&value).timestamp(timestamp_ms);
    record.key = key;
    record.partition = (partition >= 0).then_some(partition);
    lender
        .producer()
        .send(record)
        .map_err(|(error, record)| (error.rdkafka_error_code().unwrap(), record.delivery_opaque.ack))
}

#[tokio::test]
async fn lent_and_copied_values_arrive_alike() {
    let bench = Bench::new();
    let mut seen = Vec::new();
    for lent in [true, false] {
        let (lender, watch) = bench.lender(&[]);
        let tally = bench.tally().await;
        for n in 0..200_u8 {
            let size = usize::from(n) * 997;
            let mut message = bench.message(&tally, vec![n; size]).await;
            message.partition = 0;
            message.key = (n % 3 == 0).then_some(b"key".as_slice());
            let sent = if lent { lender.send(message) } else { send_copied(&lender, message) };
            assert!(sent.is_ok());
        }
        poll_until(&lender, || watch.seen.lock().unwrap().len() == 200);
        assert!(bench.all_returned());
        seen.push(std::mem::take(&mut *watch.seen.lock().unwrap()));
    }
    assert_eq!(seen[0], seen[1]);
    assert!(seen[0].iter().enumerate().all(|(n, seen)| seen.as_ref().unwrap().len() == n * 997));
}

#[tokio::test]
async fn what_the_library_refuses_comes_back_at_once() {
    let bench = Bench::new();
    let (lender, watch) =
        bench.lender(&[("message.max.bytes", "2000"), ("queue.buffering.max.messages", "1")]);
    let tally = bench.tally().await;
    let (code, ack) = lender.send(bench.message(&tally, vec![1; 3000]).await).unwrap_err();
    assert_eq!(code, RDKafkaErrorCode::MessageSizeTooLarge);
    drop(ack);
    assert!(bench.all_returned());

    // The first message waits in the queue, which is full with it.
    bench.cluster.broker_down(1).unwrap();
    assert!(lender.send(bench.message(&tally, vec![2; 10]).await).is_ok());
    let (code, ack) = lender.send(bench.message(&tally, vec![3; 10]).await).unwrap_err();
    assert_eq!(code, RDKafkaErrorCode::QueueFull);
    drop(ack);
    assert_eq!(bench.alive.load(Ordering::SeqCst), 1);
    drop(lender);
    assert!(bench.all_returned());
    assert_eq!(*watch.seen.lock().unwrap(), [Err(RDKafkaErrorCode::PurgeQueue)]);
}

#[tokio::test]
async fn a_partition_that_does_not_exist_is_refused_once() {
    let bench = Bench::new();
    let (lender, watch) = bench.lender(&[]);
    let tally = bench.tally().await;
    assert!(lender.send(bench.message(&tally, vec![1; 10]).await).is_ok());
    poll_until(&lender, || bench.all_returned());
    let mut message = bench.message(&tally, vec![1; 10]).await;
    message.partition = 7;
    let (code, ack) = lender.send(message).unwrap_err();
    assert_eq!(code, RDKafkaErrorCode::UnknownPartition);
    drop(ack);
    assert!(bench.all_returned());
    assert_eq!(watch.seen.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn messages_that_time_out_are_reported_once_each() {
    let bench = Bench::new();
    bench.cluster.broker_down(1).unwrap();
    let (lender, watch) = bench.lender(&[("message.timeout.ms", "300")]);
    let tally = bench.tally().await;
    for _ in 0..50 {
        assert!(lender.send(bench.message(&tally, vec![1; 1000]).await).is_ok());
    }
    assert_eq!(bench.alive.load(Ordering::SeqCst), 50);
    poll_until(&lender, || bench.all_returned());
    let seen = watch.seen.lock().unwrap();
    assert_eq!(seen.len(), 50);
    assert!(seen.iter().all(|seen| *seen == Err(RDKafkaErrorCode::MessageTimedOut)));
}

#[tokio::test]
async fn a_dropped_producer_gives_back_what_it_had_in_its_queue_and_on_its_way() {
    let bench = Bench::new();
    for in_flight in [true, false] {
        let (lender, watch) = bench.lender(&[]);
        let tally = bench.tally().await;
        assert!(lender.send(bench.message(&tally, vec![1; 10]).await).is_ok());
        poll_until(&lender, || bench.all_returned());
        if in_flight {
            // The broker has the requests and does not answer them.
            bench.cluster.broker_round_trip_time(1, Duration::from_secs(20)).unwrap();
        } else {
            bench.cluster.broker_down(1).unwrap();
        }
        for _ in 0..300 {
            assert!(lender.send(bench.message(&tally, vec![1; 10_000]).await).is_ok());
        }
        let dropping = Instant::now();
        drop(lender);
        assert!(bench.all_returned(), "in flight: {in_flight}");
        assert!(dropping.elapsed() < Duration::from_secs(10));
        assert_eq!(watch.seen.lock().unwrap().len(), 301);
        bench.cluster.broker_round_trip_time(1, Duration::ZERO).unwrap();
    }
}

#[tokio::test]
async fn values_stay_intact_while_requests_are_retried() {
    use rdkafka::types::RDKafkaApiKey;
    let bench = Bench::new();
    let (lender, watch) = bench.lender(&[("retry.backoff.ms", "5")]);
    let errors = [
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR__TRANSPORT,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
    ];
    bench.cluster.request_errors(RDKafkaApiKey::Produce, &errors);
    let tally = bench.tally().await;
    for n in 0..100_u8 {
        assert!(lender.send(bench.message(&tally, vec![n; 5000]).await).is_ok());
    }
    poll_until(&lender, || bench.all_returned());
    let seen = watch.seen.lock().unwrap();
    assert_eq!(seen.len(), 100);
    for (n, seen) in (0_u8..).zip(seen.iter()) {
        assert_eq!(seen.as_deref(), Ok(vec![n; 5000].as_slice()));
    }
}
