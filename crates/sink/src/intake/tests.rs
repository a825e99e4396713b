//! Shaping, splitting and settling against a producer that keeps what it gets.

use std::future::Future;
use std::sync::Mutex;
use std::time::Duration;

use kafka_client::producer::Headers;
use otlp::Limits;
use otlp::json::Style;
use pipeline::{Ack, Budget, Carried, Deadline, Drain, Gate, Health, Metrics, Outcome, Switch, drain};

mod divided;
mod units;

use super::*;
use crate::config::Format;
use crate::converter::Converter;
use crate::producer::Partitions;

const MIB: usize = 1 << 20;

/// What the producer does with a record.
type Answer = Box<dyn Fn(&Record) -> Option<Outcome> + Send + Sync>;

/// Keeps what it gets; answers at once, or keeps the ack.
struct Keeper {
    answer: Answer,
    kept: Mutex<Vec<Kept>>,
    acks: Mutex<Vec<Ack>>,
    batch_limits: Mutex<Vec<usize>>,
}

struct Kept {
    partition: Option<i32>,
    key: Option<Bytes>,
    headers: Headers,
    charged: usize,
    value: Bytes,
    timestamp_ms: i64,
    stored: bool,
}

impl Producer for Keeper {
    fn send(&self, record: Record) {
        let outcome = (self.answer)(&record);
        let Record { partition, key, headers, value, timestamp_ms, ack, .. } = record;
        let charged = ack.charged();
        let stored = outcome == Some(Outcome::Stored);
        self.kept.lock().unwrap().push(Kept {
            partition,
            key,
            headers,
            charged,
            value,
            timestamp_ms,
            stored,
        });
        match outcome {
            Some(outcome) => ack.resolve(outcome),
            None => self.acks.lock().unwrap().push(ack),
        }
    }

    fn limit_batch(&self, _signal: Signal, bytes_max: usize) {
        self.batch_limits.lock().unwrap().push(bytes_max);
    }

    async fn warm(&self) {}

    async fn flush(&self) {}

    async fn give_up(&self) {}
}

struct Bench {
    worker: Worker<Keeper>,
    /// Its end would end every phase.
    _switch: Switch,
}

const JSON: Format = Format::Json(Style::Json);

#[derive(Clone, Copy)]
struct Setting {
    format: Format,
    record_bytes_max: usize,
    output_bytes_max: usize,
    budget: usize,
    hold: Duration,
}

const SETTING: Setting = Setting {
    format: JSON,
    record_bytes_max: 1_000_000,
    output_bytes_max: 256 * MIB,
    budget: 256 * MIB,
    hold: Duration::from_secs(60),
};

fn stores() -> Answer {
    Box::new(|_| Some(Outcome::Stored))
}

impl Bench {
    fn new(setting: Setting, answer: Answer) -> Self {
        Self::with(setting, Marks::default(), answer)
    }

    fn with(setting: Setting, marks: Marks, answer: Answer) -> Self {
        let (switch, drain): (Switch, Drain) = drain();
        let shared = Arc::new(Shared {
            budget: Budget::new(setting.budget, setting.budget / 2),
            gate: Arc::new(Gate::new(10)),
            metrics: Arc::new(Metrics::default()),
            health: Arc::new(Health::default()),
            drain,
        });
        let topics = Topics::new(setting.record_bytes_max);
        topics.set_partitions(Signal::ALL.map(|_| Partitions { count: 3, led: vec![0, 1, 2] }));
        let producer =
            Keeper { answer, kept: Mutex::default(), acks: Mutex::default(), batch_limits: Mutex::default() };
        let shape = Shape {
            format: setting.format,
            converter: Converter::default(),
            limits: Limits { elements: 1_000_000 },
        };
        let output_bytes_max = setting.output_bytes_max;
        let core = Core { shape, marks, keys_place: true, output_bytes_max, shared, topics };
        Self { worker: Worker::spawn(Arc::new(core), producer), _switch: switch }
    }

    async fn request(&self, signal: Signal, encoding: Encoding, body: Bytes, hold: Duration) -> Request {
        let shared = &self.worker.core.shared;
        let deadline = Deadline::after(hold, None);
        let mut charge = shared.budget.open();
        charge.grow(body.len(), deadline).await.unwrap();
        let permit = shared.gate.admit(signal, deadline).await.unwrap();
        let received = UNIX_EPOCH + Duration::from_millis(1_700_000_000_123);
        let carried = Carried::default();
        Request { signal, encoding, body, carried, charge, permit, deadline, received }
    }

    async fn store(&self, body: impl Into<Bytes>) -> Verdict {
        let request = self.request(Signal::Traces, Encoding::Protobuf, body.into(), SETTING.hold).await;
        self.worker.store(request).await
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Vec<Kept>> {
        self.worker.producer.kept.lock().unwrap()
    }

    fn used(&self) -> usize {
        self.worker.core.shared.budget.used_bytes()
    }
}

/// Runs on a runtime like a worker's.
fn on_worker<F: Future>(paused: bool, work: F) -> F::Output {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(paused).build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, work)
}

/// A field of wire type 2.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    let mut length = content.len();
    while length >= 0x80 {
        out.push(u8::try_from(length & 0x7F).unwrap() | 0x80);
        length >>= 7;
    }
    out.push(u8::try_from(length).unwrap());
    out.extend_from_slice(content);
    out
}

fn span(name: &[u8]) -> Vec<u8> {
    field(2, &[field(1, &[1; 16]), field(2, &[2; 8]), field(5, name)].concat())
}

/// A trace request of one resource and one scope.
fn trace(names: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let spans: Vec<u8> = names.into_iter().flat_map(|name| span(&name)).collect();
    field(1, &[field(1, &[]), field(2, &[field(1, &field(1, b"scope")), spans].concat())].concat())
}

fn names_in(value: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(value).unwrap();
    let mut names = Vec::new();
    for (at, key) in text.match_indices("\"name\":\"span-") {
        let name = &text[at + key.len()..];
        names.push(name[..name.find(['"', '-']).unwrap()].to_owned());
    }
    names
}

#[test]
fn a_small_request_becomes_one_record_and_leaves_no_memory_held() {
    on_worker(false, async {
        let bench = Bench::new(SETTING, stores());
        let body = trace([b"one".to_vec(), b"two".to_vec()]);
        assert_eq!(bench.store(body.clone()).await, Verdict::Stored { rejected: None });
        let kept = bench.kept();
        assert_eq!(kept.len(), 1);
        assert_eq!((kept[0].partition, kept[0].timestamp_ms), (None, 1_700_000_000_123));
        let mut expected = Vec::new();
        otlp::json::write(Style::Json, Signal::Traces, &body, &Limits { elements: 10 }, MIB, &mut expected)
            .unwrap();
        assert_eq!(kept[0].value, expected);
        assert_eq!(bench.worker.core.shared.metrics.signal(Signal::Traces).items_stored(), 2);
        drop(kept);
        assert_eq!(bench.used(), 0);
    });
}

#[test]
fn protobuf_is_forwarded_where_it_lies() {
    on_worker(false, async {
        let bench = Bench::new(Setting { format: Format::Protobuf, ..SETTING }, stores());
        let body = Bytes::from(trace([b"one".to_vec()]));
        bench.store(body.clone()).await;
        assert_eq!(bench.kept()[0].value.as_ptr(), body.as_ptr());
        assert_eq!(bench.kept()[0].value, body);
        assert_eq!(bench.used(), 0);
    });
}

#[test]
fn json_input_goes_the_same_way() {
    on_worker(false, async {
        let json = br#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"span-1"}]}]}]}"#;
        for format in [Format::Protobuf, JSON] {
            let bench = Bench::new(Setting { format, ..SETTING }, stores());
            let body = Bytes::from_static(json);
            let request = bench.request(Signal::Traces, Encoding::Json, body, SETTING.hold).await;
            assert_eq!(bench.worker.store(request).await, Verdict::Stored { rejected: None });
            let value = bench.kept()[0].value.clone();
            if format == JSON {
                assert_eq!(names_in(&value), ["1"]);
            } else {
                assert_eq!(value, field(1, &field(2, &field(2, &field(5, b"span-1")))));
            }
            assert_eq!(bench.used(), 0);
        }
    });
}

#[test]
fn an_empty_request_is_stored_without_a_record() {
    on_worker(false, async {
        for format in [Format::Protobuf, JSON] {
            let bench = Bench::new(Setting { format, ..SETTING }, stores());
            assert_eq!(bench.store(Bytes::new()).await, Verdict::Stored { rejected: None });
            assert_eq!(bench.store(trace([])).await, Verdict::Stored { rejected: None });
            assert!(bench.kept().is_empty());
            assert_eq!(bench.used(), 0);
        }
    });
}

#[test]
fn thirty_mebibytes_become_records_in_order_within_the_limit_on_one_partition() {
    let name = |n: usize| format!("span-{n}-{}", "x".repeat(500)).into_bytes();
    let body = Bytes::from(trace((0..60_000).map(name)));
    assert!(body.len() > 30 * MIB);
    for format in [Format::Protobuf, JSON] {
        on_worker(false, async {
            // Far less than the records take together: each goes before the next is shaped.
            let bench = Bench::new(Setting { format, budget: 80 * MIB, ..SETTING }, stores());
            assert_eq!(bench.store(body.clone()).await, Verdict::Stored { rejected: None });
            let kept = bench.kept();
            assert!(kept.len() >= 30, "{}", kept.len());
            let mut next = 0;
            for record in kept.iter() {
                assert!(record.value.len() <= 1_000_000);
                assert_eq!(record.partition, kept[0].partition);
                assert!(record.partition.is_some());
                if format == Format::Protobuf {
                    next += otlp::scan::scan(Signal::Traces, &record.value, &Limits { elements: 1 << 20 })
                        .unwrap()
                        .items;
                    continue;
                }
                for name in names_in(&record.value) {
                    assert_eq!(name, next.to_string());
                    next += 1;
                }
            }
            assert_eq!(next, 60_000);
            drop(kept);
            assert_eq!(bench.used(), 0);
        });
    }
}

#[test]
fn a_span_that_fits_no_record_is_counted_out_and_the_others_are_stored() {
    let body = Bytes::from(trace([b"span-1".to_vec(), vec![b'x'; 2 * MIB], b"span-2".to_vec()]));
    for format in [Format::Protobuf, JSON] {
        on_worker(false, async {
            let bench = Bench::new(Setting { format, ..SETTING }, stores());
            let Verdict::Stored { rejected: Some(rejected) } = bench.store(body.clone()).await else {
                panic!()
            };
            assert_eq!(rejected.items, 1);
            assert!(rejected.why.contains("otlp.record.max.bytes"), "{}", rejected.why);
            assert_eq!(bench.worker.core.shared.metrics.signal(Signal::Traces).items_stored(), 2);
            assert_eq!(bench.used(), 0);
        });
    }
}

#[test]
fn text_that_grows_sixfold_still_fits() {
    on_worker(false, async {
        let bench = Bench::new(SETTING, stores());
        // The first, plain half teaches a ratio that is far too low for the second.
        let plain = (0..2000).map(|_| vec![b'x'; 1000]);
        let zeros = (0..2000).map(|_| vec![0; 1000]);
        assert_eq!(bench.store(trace(plain.chain(zeros))).await, Verdict::Stored { rejected: None });
        assert!(bench.kept().iter().all(|record| record.value.len() <= 1_000_000));
        assert_eq!(bench.worker.core.shared.metrics.signal(Signal::Traces).items_stored(), 4000);
        assert_eq!(bench.used(), 0);
    });
}

#[test]
fn what_is_malformed_is_refused_before_any_part_of_it_is_sent() {
    on_worker(false, async {
        let large: Vec<u8> = [trace((0..4000).map(|_| vec![b'x'; 1000])), vec![0x0A, 0x05, 0x01]].concat();
        for format in [Format::Protobuf, JSON] {
            let bench = Bench::new(Setting { format, ..SETTING }, stores());
            for body in [vec![0x0A, 0x05, 0x01], large.clone()] {
                let verdict = bench.store(body).await;
                assert!(matches!(verdict, Verdict::Refused(Refusal::Malformed(_))), "{verdict:?}");
            }
            assert!(bench.kept().is_empty());
            assert_eq!(bench.used(), 0);
        }
    });
}

#[test]
fn limits_are_named_in_refusals() {
    on_worker(false, async {
        let bench = Bench::new(Setting { output_bytes_max: 3 * MIB, ..SETTING }, stores());
        let Verdict::Refused(Refusal::TooLarge(why)) =
            bench.store(trace((0..4000).map(|_| vec![b'x'; 1000]))).await
        else {
            panic!()
        };
        assert!(why.contains("otlp.request.output.max.bytes"), "{why}");
        let many = trace((0..1_000_001).map(|_| Vec::new()));
        let verdict = bench.store(many).await;
        let Verdict::Refused(Refusal::Malformed(why)) = verdict else { panic!("{verdict:?}") };
        assert!(why.contains("otlp.request.max.elements"), "{why}");
        assert_eq!(bench.used(), 0);
    });
}

#[test]
fn a_resource_larger_than_a_record_does_not_make_endless_work() {
    on_worker(false, async {
        let spans: Vec<u8> = (0..50_000).flat_map(|_| span(b"x")).collect();
        let resource = field(1, &field(1, &field(1, &vec![b'k'; 2 * MIB])));
        let body = field(1, &[resource, field(2, &spans)].concat());
        let bench = Bench::new(SETTING, stores());
        let verdict = bench.store(body).await;
        assert!(matches!(verdict, Verdict::Refused(Refusal::TooLarge(_))), "{verdict:?}");
        assert_eq!(bench.used(), 0);
    });
}

#[test]
fn a_record_that_its_topic_refuses_is_split_smaller_until_it_fits() {
    for format in [Format::Protobuf, JSON] {
        on_worker(false, async {
            let picky = |record: &Record| {
                Some(if record.value.len() > 300_000 { Outcome::TooLarge } else { Outcome::Stored })
            };
            let bench = Bench::new(Setting { format, ..SETTING }, Box::new(picky));
            let body = trace((0..700).map(|n| format!("span-{n}-{}", "x".repeat(1000)).into_bytes()));
            assert_eq!(bench.store(body).await, Verdict::Stored { rejected: None });
            let limits = bench.worker.producer.batch_limits.lock().unwrap().clone();
            assert_eq!(limits, [500_000, 250_000]);
            assert_eq!(bench.worker.core.topics.record_bytes_max(Signal::Traces), 250_000);
            let kept = bench.kept();
            let last: u64 = kept
                .iter()
                .rev()
                .take_while(|record| record.stored)
                .map(|record| match format {
                    Format::Json(_) => names_in(&record.value).len() as u64,
                    Format::Protobuf => {
                        otlp::scan::scan(Signal::Traces, &record.value, &Limits { elements: 1 << 20 })
                            .unwrap()
                            .items
                    }
                })
                .sum();
            assert!(last >= 700, "{last}");
            drop(kept);
            assert_eq!(bench.used(), 0);
        });
    }
}

#[test]
fn a_topic_that_refuses_even_small_records_is_a_retry() {
    on_worker(false, async {
        let bench = Bench::new(SETTING, Box::new(|_| Some(Outcome::TooLarge)));
        let verdict = bench.store(trace([b"one".to_vec()])).await;
        assert_eq!(verdict, Verdict::Retry(RetryReason::Kafka("MESSAGE_TOO_LARGE")));
        assert_eq!(bench.used(), 0);
    });
}

#[test]
fn memory_stays_held_until_the_report_even_when_the_answer_was_given() {
    on_worker(true, async {
        let bench = Bench::new(SETTING, Box::new(|_| None));
        assert_eq!(bench.store(trace([b"one".to_vec()])).await, Verdict::Retry(RetryReason::HoldTime));
        assert!(bench.used() > 0);
        assert_eq!(bench.worker.core.shared.gate.taken(Signal::Traces), 1);
        drop(std::mem::take(&mut *bench.worker.producer.acks.lock().unwrap()));
        assert_eq!(bench.used(), 0);
        // The place in line goes with the request's entry among the returns, on the worker's next turn.
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
        assert_eq!(bench.worker.core.shared.gate.taken(Signal::Traces), 0);
    });
}

#[test]
fn a_sender_that_goes_away_takes_nothing_back() {
    on_worker(true, async {
        let bench = Bench::new(SETTING, Box::new(|_| None));
        let gone = tokio::time::timeout(Duration::from_secs(1), bench.store(trace([b"one".to_vec()]))).await;
        assert!(gone.is_err());
        assert_eq!(bench.kept().len(), 1);
        assert!(bench.used() > 0);
        bench.worker.producer.acks.lock().unwrap().pop().unwrap().resolve(Outcome::Stored);
        assert_eq!(bench.used(), 0);
        assert_eq!(bench.worker.core.shared.metrics.signal(Signal::Traces).items_stored(), 1);
    });
}

/// Runs on a runtime like a worker's, whose only thread for large bodies does something else until the returned end is
/// dropped.
fn while_the_pool_is_taken<F: Future>(work: impl FnOnce(std::sync::mpsc::SyncSender<()>) -> F) -> F::Output {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().max_blocking_threads(1).build().unwrap();
    let (end, ended) = std::sync::mpsc::sync_channel::<()>(1);
    runtime.spawn_blocking(move || ended.recv());
    tokio::task::LocalSet::new().block_on(&runtime, work(end))
}

#[test]
fn what_is_shaped_for_a_sender_that_went_away_stays_charged() {
    let body = Bytes::from(trace((0..4000).map(|_| vec![b'x'; 1000])));
    let json = format!(r#"{{"resourceSpans":[{{"schemaUrl":"{}"}}]}}"#, "x".repeat(MIB));
    let divided =
        Marks { rule: otlp::divide::Rule { units: true, ..Default::default() }, ..Marks::default() };
    for (encoding, body, format, marks) in [
        (Encoding::Json, Bytes::from(json), JSON, Marks::default()),
        (Encoding::Protobuf, body.clone(), JSON, Marks::default()),
        (Encoding::Protobuf, body.clone(), Format::Protobuf, Marks::default()),
        (Encoding::Protobuf, body.clone(), JSON, divided),
    ] {
        while_the_pool_is_taken(|end| async move {
            let bench = Bench::with(Setting { format, ..SETTING }, marks, stores());
            let bytes = body.len();
            let request = bench.request(Signal::Traces, encoding, body, SETTING.hold).await;
            // Its first turn takes it to the pool; then its sender is gone.
            tokio::select! {
                biased;
                _ = bench.worker.store(request) => panic!("the pool is taken"),
                () = std::future::ready(()) => {}
            }
            assert!(bench.used() >= bytes, "{}", bench.used());
            drop(end);
            // The pool's only thread has come to it once it comes to this.
            tokio::task::spawn_blocking(|| ()).await.unwrap();
            assert_eq!(bench.used(), 0);
            assert!(bench.kept().is_empty());
        });
    }
}

#[test]
fn parts_wait_for_memory_and_give_up_at_the_deadline() {
    on_worker(true, async {
        let setting = Setting { budget: 9 * MIB, ..SETTING };
        let bench = Bench::new(setting, Box::new(|_| None));
        let body = trace((0..4000).map(|_| vec![b'x'; 1000]));
        assert_eq!(bench.store(body).await, Verdict::Retry(RetryReason::Memory));
        drop(std::mem::take(&mut *bench.worker.producer.acks.lock().unwrap()));
        assert_eq!(bench.used(), 0);
    });
}

/// Metrics and attributes as dense as JSON can say them.
fn dense_json() -> Vec<(Signal, String)> {
    let list = |entry: &str| vec![entry; 1000].join(",");
    let point = |members: String| {
        let histogram = format!(r#"{{"histogram":{{"dataPoints":[{{{members}}}]}}}}"#);
        (
            Signal::Metrics,
            format!(r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{histogram}]}}]}}]}}"#),
        )
    };
    let value = |value: &str| {
        let body = format!(r#"{{"arrayValue":{{"values":[{}]}}}}"#, list(value));
        (
            Signal::Logs,
            format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{body}}}]}}]}}]}}"#),
        )
    };
    let profile =
        |members: String| (Signal::Profiles, format!(r#"{{"dictionary":{{"stackTable":[{{{members}}}]}}}}"#));
    vec![
        point(format!(r#""bucketCounts":[{}],"explicitBounds":[{}]"#, list("1"), list("2"))),
        point(format!(r#""bucketCounts":[{}]"#, list("\"1\""))),
        profile(format!(r#""locationIndices":[{}]"#, list("-1"))),
        value("{}"),
        value(r#"{"intValue":-1}"#),
        value(r#"{"doubleValue":1}"#),
        value(r#"{"boolValue":true}"#),
        value(r#"{"arrayValue":{}}"#),
        value(r#"{"kvlistValue":{"values":[{},{"key":"","value":{}}]}}"#),
        (Signal::Traces, format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{}]}}]}}]}}"#, list("{}"))),
        (Signal::Traces, format!(r#"{{"resourceSpans":[{}]}}"#, list("{}"))),
    ]
}

#[test]
fn wire_bytes_of_dense_json_stay_within_the_charge() {
    let mut longer = 0;
    for (signal, json) in dense_json() {
        let mut wire = Vec::new();
        otlp::json::read(signal, json.as_bytes(), &Limits { elements: 10_000 }, &mut wire)
            .expect(&json[..80]);
        longer += u32::from(wire.len() > json.len());
        let (quick, close) = (json::by_commas(json.as_bytes()), json::by_tokens(json.as_bytes()));
        // Without what it has for other needs.
        assert!(
            wire.len() <= close - 4096 && close <= quick,
            "{} of {close}, {quick}: {}",
            wire.len(),
            &json[..80]
        );
    }
    assert!(longer >= 2, "{longer}");
    let text = r#"{"a":"1,2,3,\",4,","b":7}"#;
    assert_eq!(json::by_tokens(text.as_bytes()), text.len() + 9 + 4096);
}

/// Texts full of commas, and numbers, in a budget that is just large enough for requests of this size.
#[test]
fn json_that_looks_large_is_read_and_json_that_is_too_large_is_refused_for_good() {
    on_worker(false, async {
        let setting =
            Setting { format: Format::Protobuf, budget: 10 * MIB, record_bytes_max: 4 * MIB, ..SETTING };
        let bench = Bench::new(setting, stores());
        let request = |signal, json: String| bench.request(signal, Encoding::Json, json.into(), SETTING.hold);
        let commas = format!(
            r#"{{"resourceSpans":[{{"schemaUrl":"{}","scopeSpans":[{{"spans":[{{}}]}}]}}]}}"#,
            ",".repeat(2 * MIB)
        );
        let verdict = bench.worker.store(request(Signal::Traces, commas).await).await;
        assert_eq!(verdict, Verdict::Stored { rejected: None });
        assert_eq!(bench.kept().len(), 1);
        let counts = vec!["1"; MIB].join(",");
        let histogram = format!(r#"{{"histogram":{{"dataPoints":[{{"bucketCounts":[{counts}]}}]}}}}"#);
        let json = format!(r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{histogram}]}}]}}]}}"#);
        let verdict = bench.worker.store(request(Signal::Metrics, json).await).await;
        let Verdict::Refused(Refusal::TooLarge(why)) = verdict else { panic!("{verdict:?}") };
        assert!(why.contains("otlp.memory.max.bytes"), "{why}");
        assert_eq!(bench.used(), 0);
    });
}
