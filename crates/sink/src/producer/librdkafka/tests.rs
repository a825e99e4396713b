//! The serving thread: replacement after fatal errors, smaller batches, and the end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kafka_client::producer::Headers;
use otlp::Signal;
use pipeline::{Budget, Deadline, Gate, Metrics, Returns, Settled, Tally, Waits};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use super::*;

const WAIT: Duration = Duration::from_secs(20);

struct Bench {
    cluster: MockCluster<'static, DefaultProducerContext>,
    producer: Librdkafka,
    budget: Arc<Budget>,
    gate: Gate,
    metrics: Metrics,
    returns: Arc<Returns>,
}

impl Bench {
    fn new(settings: &[(&str, &str)]) -> Self {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("t", 1, 1).unwrap();
        let mut properties: BTreeMap<String, String> = [
            ("bootstrap.servers", cluster.bootstrap_servers().as_str()),
            ("enable.idempotence", "true"),
            ("max.in.flight.requests.per.connection", "5"),
            ("linger.ms", "1"),
            ("message.timeout.ms", "7500"),
            ("retry.backoff.ms", "10"),
        ]
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
        properties.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let producer = Librdkafka::open(properties, Signal::ALL.map(|_| "t".to_owned()), usize::MAX).unwrap();
        let returns = Arc::new(Returns::default());
        let run = Arc::clone(&returns);
        tokio::spawn(async move { run.run().await });
        Self {
            cluster,
            producer,
            budget: Budget::new(64 << 20, 0),
            gate: Gate::new(1000),
            metrics: Metrics::default(),
            returns,
        }
    }

    async fn send(&self, records: usize) -> Settled {
        let deadline = Deadline::after(WAIT, None);
        let permit = self.gate.admit(Signal::Logs, deadline).await.unwrap();
        let tally = Tally::new(&self.returns, self.metrics.signal(Signal::Logs), permit);
        for _ in 0..records {
            let mut charge = self.budget.open();
            charge.grow(1024, deadline).await.unwrap();
            self.producer.send(Record {
                deadline: Deadline::after(WAIT, None),
                signal: Signal::Logs,
                partition: Some(0),
                key: None,
                headers: Headers::default(),
                value: Bytes::from(vec![b'x'; 1000]),
                timestamp_ms: 1,
                ack: tally.ack(1, charge),
            });
        }
        let waits = Waits::default();
        tokio::select! {
            settled = tally.settled(&waits, deadline) => settled,
            () = waits.run() => unreachable!("it never ends"),
        }
    }

    /// Polls with a deadline: the client's threads have no event for this.
    async fn until(&self, what: &str, done: impl Fn() -> bool) {
        let end = Instant::now() + WAIT;
        while !done() {
            assert!(Instant::now() < end, "{what}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[tokio::test]
async fn a_producer_that_met_a_fatal_error_is_replaced_each_time() {
    let bench = Bench::new(&[]);
    assert_eq!(bench.send(1).await, Settled::Stored);
    for round in 1..=5 {
        bench.cluster.request_errors(
            RDKafkaApiKey::Produce,
            &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER],
        );
        let settled = bench.send(10).await;
        assert!(matches!(settled, Settled::Retry(_)), "{settled:?}");
        let replacing = Instant::now();
        bench.until("not replaced", || bench.producer.replaced() == round).await;
        assert!(replacing.elapsed() < Duration::from_secs(2), "{:?}", replacing.elapsed());
        assert_eq!(bench.send(10).await, Settled::Stored);
    }
    bench.until("memory is held", || bench.budget.used_bytes() == 0).await;
}

#[tokio::test]
async fn smaller_batches_come_with_a_new_producer_and_lose_nothing() {
    let bench = Bench::new(&[("linger.ms", "200")]);
    let lender = |bench: &Bench| bench.producer.lender().as_ref().map(Arc::as_ptr);
    let before = lender(&bench);
    let (first, ()) = tokio::join!(bench.send(100), async {
        bench.producer.limit_batch(10_000);
        bench.until("not replaced", || lender(&bench) != before).await;
    });
    assert_eq!(first, Settled::Stored);
    assert_eq!(bench.send(100).await, Settled::Stored);
    assert_eq!(bench.producer.replaced(), 0);
    bench.until("memory is held", || bench.budget.used_bytes() == 0).await;
}

#[tokio::test]
async fn closing_sends_what_is_queued_and_gives_up_the_rest_at_its_limit() {
    let bench = Bench::new(&[("linger.ms", "500")]);
    let sent = bench.send(10);
    tokio::pin!(sent);
    assert!(tokio::time::timeout(Duration::from_millis(50), &mut sent).await.is_err());
    bench.producer.close(WAIT);
    assert_eq!(sent.await, Settled::Stored);

    let bench = Bench::new(&[("message.timeout.ms", "60000")]);
    bench.cluster.broker_down(1).unwrap();
    let sent = bench.send(10);
    tokio::pin!(sent);
    assert!(tokio::time::timeout(Duration::from_millis(50), &mut sent).await.is_err());
    let closing = Instant::now();
    bench.producer.close(Duration::from_millis(300));
    assert!(closing.elapsed() < Duration::from_secs(5), "{:?}", closing.elapsed());
    assert!(matches!(sent.await, Settled::Retry(_)));
    assert_eq!(bench.budget.used_bytes(), 0);
}

#[tokio::test]
async fn after_the_end_records_are_refused_retryably() {
    let bench = Bench::new(&[]);
    bench.producer.close(WAIT);
    assert_eq!(bench.send(1).await, Settled::Retry(RetryReason::Draining));
}
