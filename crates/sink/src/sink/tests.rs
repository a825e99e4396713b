//! The whole way, from a request on a worker to records in a broker.

use std::collections::BTreeMap;
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use kafka_wire::messages::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest, TOPIC_RESOURCE,
};
use pipeline::{
    Budget, Deadline, Encoding, Gate, Health, Intake, Metrics, Phase, Request, RetryReason, Switch, Verdict,
    drain,
};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use super::*;
use crate::Surroundings;
use crate::config::RECORD_OVERHEAD_BYTES;
use crate::config::{KEYS, WORKER_KEYS};
use crate::reader::Reader;

const WAIT: Duration = Duration::from_secs(20);
const TOPICS: [&str; 4] = ["otlp-traces", "otlp-metrics", "otlp-logs", "otlp-profiles"];

struct Bench {
    sink: Arc<Sink>,
    intake: WorkerIntake,
    shared: Arc<Shared>,
    hold: Duration,
    switch: Switch,
}

impl Bench {
    /// Opens the sink and starts its control task.
    fn open(bootstrap: &str, hold: Duration, pairs: &[(&str, &str)]) -> Self {
        let mut raw: BTreeMap<String, String> =
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        raw.insert("bootstrap.servers".into(), bootstrap.to_owned());
        raw.entry("producer.linger.ms".into()).or_insert_with(|| "0".into());
        let connector = ::config::parse(KEYS, &raw).0;
        let worker = ::config::parse(WORKER_KEYS, &raw).0;
        let config = Config::from_values(&connector, &worker, &raw, hold, &no_files()).unwrap();
        let (switch, drain) = drain();
        let shared = Arc::new(Shared {
            budget: Budget::new(64 << 20, 16 << 20),
            gate: Arc::new(Gate::new(100)),
            metrics: Arc::new(Metrics::default()),
            health: Arc::new(Health::default()),
            drain,
        });
        let sink = Sink::open(config, Arc::clone(&shared)).unwrap();
        tokio::task::spawn_local(Arc::clone(&sink).watch());
        let intake = sink.intake();
        Self { sink, intake, shared, hold, switch }
    }

    async fn store(&self, body: Vec<u8>) -> Verdict {
        let deadline = Deadline::after(self.hold, None);
        let mut charge = self.shared.budget.open();
        charge.grow(body.len(), deadline).await.unwrap();
        let permit = self.shared.gate.admit(Signal::Traces, deadline).await.unwrap();
        let request = Request {
            carried: pipeline::Carried::default(),
            signal: Signal::Traces,
            encoding: Encoding::Protobuf,
            body: Bytes::from(body),
            charge,
            permit,
            deadline,
            received: SystemTime::now(),
        };
        self.intake.store(request).await
    }

    async fn until(&self, what: &str, done: impl Fn(&Self) -> bool) {
        let end = Instant::now() + WAIT;
        while !done(self) {
            assert!(Instant::now() < end, "{what}; troubles: {:?}", self.shared.health.troubles());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn ready(&self) {
        self.until("not ready", |bench| bench.shared.health.troubles().is_empty()).await;
    }

    async fn end(self) {
        self.switch.advance(Phase::Closing);
        self.intake.finish().await;
        self.sink.close(WAIT).await;
        assert_eq!(self.shared.budget.used_bytes(), 0);
    }
}

fn on_worker<F: Future>(work: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, work)
}

fn no_files() -> Surroundings {
    Surroundings::files(Arc::new(|_| Err(std::io::ErrorKind::NotFound.into())))
}

fn mock() -> MockCluster<'static, DefaultProducerContext> {
    let cluster = MockCluster::new(1).unwrap();
    for topic in TOPICS {
        cluster.create_topic(topic, 2, 1).unwrap();
    }
    cluster
}

/// A trace of `spans` spans without a name; a span is 4 bytes and its padding.
fn trace(spans: usize, padding: usize) -> Vec<u8> {
    let field = |number: u8, content: Vec<u8>| {
        let mut out = vec![number << 3 | 2];
        let mut length = content.len();
        while length >= 0x80 {
            out.push(u8::try_from(length & 0x7F).unwrap() | 0x80);
            length >>= 7;
        }
        out.push(u8::try_from(length).unwrap());
        out.extend(content);
        out
    };
    let span = field(2, field(5, vec![b'x'; padding]));
    field(1, field(2, span.repeat(spans)))
}

/// Values of all records of the topic of traces.
async fn values(bootstrap: String, enough: usize) -> Vec<Vec<u8>> {
    let read = move || {
        let topics = [TOPICS[0].to_owned()];
        let reader = Reader::open(&bootstrap, &BTreeMap::new(), &no_files(), &topics, true, WAIT).unwrap();
        let mut values = Vec::new();
        while values.len() < enough {
            values.push(reader.poll(WAIT).unwrap().expect("a record in time").value);
        }
        assert_eq!(reader.poll(Duration::from_millis(200)).unwrap(), None);
        values
    };
    tokio::task::spawn_blocking(read).await.unwrap()
}

#[test]
fn requests_are_stored_and_read_back() {
    let cluster = mock();
    on_worker(async {
        let bench = Bench::open(&cluster.bootstrap_servers(), WAIT, &[("otlp.message.format", "protobuf")]);
        assert_eq!(bench.shared.health.troubles().len(), 1);
        bench.ready().await;
        let body = trace(3, 10);
        for _ in 0..5 {
            assert_eq!(bench.store(body.clone()).await, Verdict::Stored { rejected: None });
        }
        assert_eq!(values(cluster.bootstrap_servers(), 5).await, vec![body; 5]);
        let report = bench.sink.check(WAIT).await;
        assert_eq!((report.brokers.len(), report.topics.len(), &report.trouble), (1, 4, &None));
        assert!(report.topics.iter().all(|topic| topic.partitions == Some(2) && !topic.would_create));
        bench.end().await;
    });
}

#[test]
fn errors_that_pass_are_waited_for() {
    let cluster = mock();
    on_worker(async {
        let bench = Bench::open(&cluster.bootstrap_servers(), WAIT, &[]);
        let errors = [
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__TRANSPORT,
        ];
        cluster.request_errors(RDKafkaApiKey::Produce, &errors);
        assert_eq!(bench.store(trace(3, 10)).await, Verdict::Stored { rejected: None });
        bench.end().await;
    });
}

#[test]
fn an_error_that_an_operator_can_cure_is_a_retry() {
    let cluster = mock();
    on_worker(async {
        let bench = Bench::open(&cluster.bootstrap_servers(), WAIT, &[]);
        bench.ready().await;
        let errors = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED];
        cluster.request_errors(RDKafkaApiKey::Produce, &errors);
        let verdict = bench.store(trace(3, 10)).await;
        assert_eq!(verdict, Verdict::Retry(RetryReason::Kafka("TOPIC_AUTHORIZATION_FAILED")));
        // The library believes the refusal until the control task has asked for the topic again.
        let cured = Instant::now();
        while bench.store(trace(3, 10)).await != (Verdict::Stored { rejected: None }) {
            assert!(cured.elapsed() < WAIT, "still refused");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        bench.end().await;
    });
}

#[test]
fn sequences_that_no_longer_fit_cost_an_epoch_and_nothing_else() {
    let cluster = mock();
    on_worker(async {
        let bench = Bench::open(&cluster.bootstrap_servers(), WAIT, &[]);
        bench.ready().await;
        assert_eq!(bench.store(trace(3, 10)).await, Verdict::Stored { rejected: None });
        let errors = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER];
        cluster.request_errors(RDKafkaApiKey::Produce, &errors);
        assert_eq!(bench.store(trace(3, 10)).await, Verdict::Stored { rejected: None });
        let epochs = bench.sink.client_counts().into_iter().find(|(name, ..)| *name == "epochs");
        assert_eq!(epochs.map(|(.., count)| count), Some(1));
        bench.end().await;
    });
}

#[test]
fn without_kafka_the_hold_time_ends_the_wait_and_the_memory_comes_back() {
    on_worker(async {
        let bench = Bench::open("127.0.0.1:1", Duration::from_millis(1500), &[]);
        let began = Instant::now();
        assert_eq!(bench.store(trace(3, 10)).await, Verdict::Retry(RetryReason::HoldTime));
        assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
        bench.until("memory is held", |bench| bench.shared.budget.used_bytes() == 0).await;
        bench
            .until("health is wrong", |bench| {
                bench
                    .shared
                    .health
                    .troubles()
                    .iter()
                    .any(|(part, why)| *part == "kafka" && why.contains("127.0.0.1:1"))
            })
            .await;
        assert_eq!(bench.shared.gate.taken(Signal::Traces), 0);
        bench.end().await;
    });
}

#[test]
fn readiness_follows_kafka_down_and_up_again() {
    let cluster = mock();
    on_worker(async {
        let bench = Bench::open(&cluster.bootstrap_servers(), WAIT, &[]);
        bench.ready().await;
        cluster.broker_down(1).unwrap();
        bench.until("still ready", |bench| !bench.shared.health.troubles().is_empty()).await;
        cluster.broker_up(1).unwrap();
        bench.ready().await;
        assert_eq!(bench.store(trace(3, 10)).await, Verdict::Stored { rejected: None });
        bench.end().await;
    });
}

#[test]
fn missing_topics_are_created_and_their_limits_learned() {
    on_worker(async {
        let data = tempfile::tempdir().unwrap();
        let address = "127.0.0.1:0".parse().unwrap();
        let broker = dev_broker::Broker::start(dev_broker::Config::new(address, data.path())).await.unwrap();
        let bootstrap = broker.addr().to_string();
        let settings = [
            ("topic.creation.default.partitions", "3"),
            ("topic.creation.default.replication.factor", "1"),
            ("topic.creation.default.max.message.bytes", "100000"),
            ("otlp.message.format", "protobuf"),
        ];
        let bench = Bench::open(&bootstrap, WAIT, &settings);
        bench.ready().await;
        let report = bench.sink.check(WAIT).await;
        assert!(report.topics.iter().all(|topic| topic.partitions == Some(3)), "{report}");
        assert_eq!(bench.sink.core.topics.record_bytes_max(Signal::Traces), 100_000 - RECORD_OVERHEAD_BYTES);
        let verdict = bench.store(trace(1000, 1000)).await;
        assert_eq!(verdict, Verdict::Stored { rejected: None });
        let values = values(bootstrap, 11).await;
        assert!(values.iter().all(|value| value.len() <= 100_000));
        bench.end().await;
        broker.shutdown().await;
    });
}

#[test]
fn a_topic_that_takes_less_than_was_known_is_learned_from_its_refusal() {
    on_worker(async {
        let data = tempfile::tempdir().unwrap();
        let address = "127.0.0.1:0".parse().unwrap();
        let broker = dev_broker::Broker::start(dev_broker::Config::new(address, data.path())).await.unwrap();
        let bootstrap = broker.addr().to_string();
        let settings = [
            ("topic.creation.default.max.message.bytes", "100000"),
            ("otlp.message.format", "protobuf"),
            ("producer.linger.ms", "20"),
        ];
        let bench = Bench::open(&bootstrap, WAIT, &settings);
        bench.ready().await;
        bench.sink.core.topics.set_record_bytes_max(Signal::Traces, 1_000_000);
        assert_eq!(bench.store(trace(500, 1000)).await, Verdict::Stored { rejected: None });
        let learned = bench.sink.core.topics.record_bytes_max(Signal::Traces);
        assert!(learned < 90_000, "{learned}");
        // What cannot be split is the broker's to judge, and goes by itself.
        assert_eq!(bench.store(trace(1, 95_000)).await, Verdict::Stored { rejected: None });
        let verdict = bench.store(trace(1, 200_000)).await;
        let Verdict::Stored { rejected: Some(rejected) } = verdict else { panic!("{verdict:?}") };
        assert_eq!(rejected.items, 1);
        assert_eq!(bench.sink.core.topics.record_bytes_max(Signal::Traces), learned);
        bench.end().await;
        broker.shutdown().await;
    });
}

#[test]
fn a_limit_that_is_raised_is_obeyed_without_a_restart() {
    on_worker(async {
        let data = tempfile::tempdir().unwrap();
        let address = "127.0.0.1:0".parse().unwrap();
        let broker = dev_broker::Broker::start(dev_broker::Config::new(address, data.path())).await.unwrap();
        let settings = [
            ("topic.creation.default.max.message.bytes", "100000"),
            ("otlp.record.max.bytes", "5000000"),
            ("otlp.message.format", "protobuf"),
        ];
        let bench = Bench::open(&broker.addr().to_string(), WAIT, &settings);
        bench.ready().await;
        let verdict = bench.store(trace(1, 200_000)).await;
        let Verdict::Stored { rejected: Some(rejected) } = verdict else { panic!("{verdict:?}") };
        assert_eq!(rejected.items, 1);
        raise_limit(&bench, TOPICS[0], 300_000).await;
        let raised = |bench: &Bench| {
            bench.sink.core.topics.record_bytes_max(Signal::Traces) == 300_000 - RECORD_OVERHEAD_BYTES
        };
        bench.until("the limit is the old one", raised).await;
        assert_eq!(bench.store(trace(1, 200_000)).await, Verdict::Stored { rejected: None });
        bench.end().await;
        broker.shutdown().await;
    });
}

async fn raise_limit(bench: &Bench, topic: &str, bytes: usize) {
    let config = AlterableConfig {
        name: "max.message.bytes".into(),
        value: Some(bytes.to_string()),
        ..Default::default()
    };
    let resource = AlterConfigsResource {
        resource_type: TOPIC_RESOURCE,
        resource_name: topic.to_owned(),
        configs: vec![config],
    };
    let request = IncrementalAlterConfigsRequest { resources: vec![resource], ..Default::default() };
    let answer = bench.sink.watching.cluster.ask_any(&request).await.unwrap();
    assert!(answer.responses.iter().all(|it| it.error_code.is_none()), "{answer:?}");
}

#[test]
fn topics_that_may_not_be_created_are_named() {
    let cluster = MockCluster::new(1).unwrap();
    on_worker(async {
        // The mock would create topics by itself where a client lets it.
        let bench = Bench::open(&cluster.bootstrap_servers(), Duration::from_secs(2), &[]);
        bench
            .until("topics are not named", |bench| {
                bench.shared.health.troubles().iter().any(|(_, why)| why.contains("topics can't be created"))
            })
            .await;
        assert!(matches!(bench.store(trace(1, 1)).await, Verdict::Retry(_)));
        bench.end().await;
    });
}

#[test]
fn the_control_task_ends_with_the_drain() {
    on_worker(async {
        let bench = Bench::open("127.0.0.1:1", WAIT, &[]);
        let watching = tokio::task::spawn_local(Arc::clone(&bench.sink).watch());
        bench.switch.advance(Phase::Closing);
        tokio::time::timeout(WAIT, watching).await.unwrap().unwrap();
        bench.end().await;
    });
}
