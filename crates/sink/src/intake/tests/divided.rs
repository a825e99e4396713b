//! Records with keys, of single items, and with headers.

use otlp::divide::Rule;
use otlp::key::KeyBy;

use super::*;

const TRACE_A: [u8; 16] = [0xAA; 16];
const TRACE_B: [u8; 16] = [0xBB; 16];

/// A resource of this service with spans of these traces, each with its name.
fn service(service: &str, spans: &[([u8; 16], &str)]) -> Vec<u8> {
    let value = field(2, &field(1, service.as_bytes()));
    let attribute = field(1, &[field(1, b"service.name"), value].concat());
    let span = |(id, name): &([u8; 16], &str)| field(2, &[field(1, id), field(5, name.as_bytes())].concat());
    let spans: Vec<u8> = spans.iter().flat_map(span).collect();
    field(1, &[field(1, &attribute), field(2, &spans)].concat())
}

/// Two services, two traces across both, and a span without trace.
fn mixed() -> Vec<u8> {
    [
        service("cart", &[(TRACE_A, "span-1"), (TRACE_B, "span-2")]),
        service("pay", &[(TRACE_A, "span-3"), ([0; 16], "span-4")]),
        service("cart", &[(TRACE_B, "span-5")]),
    ]
    .concat()
}

fn marks(key: Option<KeyBy>, units: bool) -> Marks {
    Marks { rule: Rule { key, units }, ..Marks::default() }
}

/// Key and names of each record.
fn records(bench: &Bench) -> Vec<(Option<String>, String)> {
    let text = |key: &Bytes| String::from_utf8(key.to_vec()).unwrap();
    bench.kept().iter().map(|it| (it.key.as_ref().map(text), names_in(&it.value).concat())).collect()
}

fn expect(bench: &Bench, expected: &[(Option<&str>, &str)]) {
    let expected: Vec<_> =
        expected.iter().map(|(key, names)| (key.map(str::to_owned), (*names).to_owned())).collect();
    assert_eq!(records(bench), expected);
}

/// How to divide, and each record's key with the numbers of its spans.
type Case<'a> = (Option<KeyBy>, bool, &'a [(Option<&'a str>, &'a str)]);

#[test]
fn a_request_becomes_one_record_for_each_key() {
    let (a, b) = ("aa".repeat(16), "bb".repeat(16));
    let (a, b) = (Some(a.as_str()), Some(b.as_str()));
    let cases: [Case<'_>; 5] = [
        (Some(KeyBy::TraceId), false, &[(a, "13"), (b, "25"), (None, "4")]),
        (Some(KeyBy::TraceId), true, &[(a, "1"), (b, "2"), (a, "3"), (None, "4"), (b, "5")]),
        (Some(KeyBy::Service), false, &[(Some("cart"), "125"), (Some("pay"), "34")]),
        (
            Some(KeyBy::Service),
            true,
            &[
                (Some("cart"), "1"),
                (Some("cart"), "2"),
                (Some("pay"), "3"),
                (Some("pay"), "4"),
                (Some("cart"), "5"),
            ],
        ),
        (None, true, &[(None, "1"), (None, "2"), (None, "3"), (None, "4"), (None, "5")]),
    ];
    for (key, units, expected) in cases {
        on_worker(false, async {
            let bench = Bench::with(SETTING, marks(key, units), stores());
            assert_eq!(bench.store(mixed()).await, Verdict::Stored { rejected: None });
            expect(&bench, expected);
            let metrics = bench.worker.core.shared.metrics.signal(Signal::Traces);
            assert_eq!(metrics.items_stored(), 5);
            // Keys place their records; single items without key keep their order in one partition.
            let partitions: Vec<_> = bench.kept().iter().map(|it| it.partition).collect();
            let keyless: Vec<_> =
                bench.kept().iter().filter(|it| it.key.is_none()).map(|it| it.partition).collect();
            if units {
                assert!(keyless.iter().all(|it| it.is_some() && *it == keyless[0]), "{partitions:?}");
            }
            assert_eq!(partitions.iter().flatten().count(), if units { keyless.len() } else { 0 });
            assert!(bench.kept().iter().all(|it| it.charged >= it.value.len()));
            assert_eq!(bench.used(), 0);
        });
    }
}

#[test]
fn a_request_of_one_key_is_forwarded_where_it_lies() {
    on_worker(false, async {
        let setting = Setting { format: Format::Protobuf, ..SETTING };
        let bench = Bench::with(setting, marks(Some(KeyBy::Service), false), stores());
        let body = Bytes::from(service("cart", &[(TRACE_A, "span-1"), (TRACE_B, "span-2")]));
        assert_eq!(bench.store(body.clone()).await, Verdict::Stored { rejected: None });
        let kept = bench.kept();
        assert_eq!((kept.len(), kept[0].key.as_deref()), (1, Some(&b"cart"[..])));
        assert_eq!((kept[0].value.as_ptr(), kept[0].partition), (body.as_ptr(), None));
        drop(kept);
        assert_eq!(bench.used(), 0);
    });
}

/// Scenario: each key has more than a record holds.
/// Guarantees: the parts of a key have the key and keep their order; parts without key go to one partition.
#[test]
fn parts_of_one_key_keep_it_and_their_order() {
    let name = |n: usize| format!("span-{n}-{}", "x".repeat(2000));
    let names: Vec<String> = (0..900).map(name).collect();
    let spans = |names: &[String]| {
        let ids = [TRACE_A, TRACE_B, [0; 16]];
        let all: Vec<([u8; 16], &str)> =
            names.iter().enumerate().map(|(n, name)| (ids[n % 3], name.as_str())).collect();
        service("cart", &all)
    };
    for format in [Format::Protobuf, Format::Json(Style::Json)] {
        on_worker(false, async {
            let setting = Setting { format, record_bytes_max: 100_000, ..SETTING };
            let bench = Bench::with(setting, marks(Some(KeyBy::TraceId), false), stores());
            assert_eq!(bench.store(spans(&names)).await, Verdict::Stored { rejected: None });
            let kept = bench.kept();
            assert!(kept.len() > 15, "{}", kept.len());
            let keyless = kept.iter().find(|it| it.key.is_none()).unwrap().partition;
            assert!(keyless.is_some());
            let mut found = 0;
            for record in kept.iter() {
                let key_bytes = record.key.as_ref().map_or(0, Bytes::len);
                assert!(record.value.len() + key_bytes <= 100_000);
                assert_eq!(record.partition, if record.key.is_some() { None } else { keyless });
                found += otlp::scan::scan(Signal::Traces, &record.value, &Limits { elements: 1000 })
                    .map_or_else(|_| names_in(&record.value).len() as u64, |counts| counts.items);
            }
            assert_eq!(found, 900);
            if format == Format::Json(Style::Json) {
                let of_a = kept.iter().filter(|it| it.key.as_ref().is_some_and(|key| key.starts_with(b"aa")));
                let order: Vec<usize> =
                    of_a.flat_map(|it| names_in(&it.value)).map(|name| name.parse().unwrap()).collect();
                assert!(order.iter().copied().eq((0..900).step_by(3)), "{order:?}");
            }
            drop(kept);
            assert_eq!(bench.used(), 0);
        });
    }
}

#[test]
fn an_item_that_fits_no_record_is_counted_out_and_the_others_are_stored() {
    let large = "x".repeat(200_000);
    let body = service("cart", &[(TRACE_A, "span-1"), (TRACE_A, &large), (TRACE_B, "span-2")]);
    for (key, units) in [(None, true), (Some(KeyBy::TraceId), false), (Some(KeyBy::TraceId), true)] {
        for format in [Format::Protobuf, Format::Json(Style::Json)] {
            on_worker(false, async {
                let setting = Setting { format, record_bytes_max: 100_000, ..SETTING };
                let bench = Bench::with(setting, marks(key, units), stores());
                let verdict = bench.store(body.clone()).await;
                let Verdict::Stored { rejected: Some(rejected) } = verdict else { panic!("{verdict:?}") };
                assert_eq!(rejected.items, 1);
                assert_eq!(bench.worker.core.shared.metrics.signal(Signal::Traces).items_stored(), 2);
                assert_eq!(bench.used(), 0);
            });
        }
    }
}

/// Scenario: more records than the budget holds at a time, each with its own charge.
#[test]
fn many_records_wait_for_memory_and_leave_none_held() {
    on_worker(false, async {
        let names: Vec<String> = (0..20_000).map(|n| format!("span-{n}")).collect();
        let spans: Vec<([u8; 16], &str)> =
            names.iter().zip(1_u128..).map(|(name, id)| (id.to_be_bytes(), name.as_str())).collect();
        let body = service("cart", &spans);
        for (key, units) in [(None, true), (Some(KeyBy::TraceId), false)] {
            let setting = Setting { budget: 8 * MIB, ..SETTING };
            let bench = Bench::with(setting, marks(key, units), stores());
            assert_eq!(bench.store(body.clone()).await, Verdict::Stored { rejected: None });
            let order: Vec<_> = bench.kept().iter().flat_map(|it| names_in(&it.value)).collect();
            assert!(order.iter().zip(0..20_000).all(|(name, n)| *name == n.to_string()));
            assert_eq!((order.len(), bench.kept().len()), (20_000, 20_000));
            assert_eq!(bench.used(), 0);
        }
    });
}

#[test]
fn what_would_exceed_the_output_limit_is_refused_before_any_of_it_is_sent() {
    on_worker(false, async {
        let names = vec!["span-1"; 10_000];
        let spans: Vec<_> = names.iter().zip(1_u128..).map(|(name, id)| (id.to_be_bytes(), *name)).collect();
        let body = service(&"s".repeat(2000), &spans);
        for (key, units) in [(None, true), (Some(KeyBy::TraceId), false)] {
            let setting = Setting { format: Format::Protobuf, output_bytes_max: 10 * MIB, ..SETTING };
            let bench = Bench::with(setting, marks(key, units), stores());
            let verdict = bench.store(body.clone()).await;
            let Verdict::Refused(Refusal::TooLarge(why)) = verdict else { panic!("{verdict:?}") };
            assert!(why.contains("otlp.request.output.max.bytes"), "{why}");
            assert!(bench.kept().is_empty());
            assert_eq!(bench.used(), 0);
        }
    });
}

#[test]
fn metrics_without_data_points_are_bounded_too() {
    on_worker(false, async {
        let point = field(5, &field(1, b""));
        let metrics = [field(2, &point), field(2, &[]).repeat(1_000_001)].concat();
        let body = Bytes::from(field(1, &field(2, &metrics)));
        let bench = Bench::with(SETTING, marks(None, true), stores());
        let request = bench.request(Signal::Metrics, Encoding::Protobuf, body, SETTING.hold).await;
        let verdict = bench.worker.store(request).await;
        let Verdict::Refused(Refusal::Malformed(why)) = verdict else { panic!("{verdict:?}") };
        assert!(why.contains("otlp.request.max.elements"), "{why}");
        assert_eq!(bench.used(), 0);
    });
}

#[test]
fn what_is_malformed_or_empty_leaves_no_record() {
    on_worker(false, async {
        let bench = Bench::with(SETTING, marks(Some(KeyBy::TraceId), true), stores());
        let broken = [mixed(), vec![0x0A, 0x05, 0x01]].concat();
        assert!(matches!(bench.store(broken).await, Verdict::Refused(Refusal::Malformed(_))));
        assert_eq!(bench.store(trace([])).await, Verdict::Stored { rejected: None });
        assert!(bench.kept().is_empty());
        assert_eq!(bench.used(), 0);
    });
}

#[test]
fn one_record_that_is_not_stored_makes_the_request_a_retry() {
    on_worker(false, async {
        let answer = |record: &Record| {
            let is_cart = record.key.as_deref() == Some(b"cart");
            Some(if is_cart { Outcome::Stored } else { Outcome::Retry(RetryReason::Kafka("NOT_LEADER")) })
        };
        let bench = Bench::with(SETTING, marks(Some(KeyBy::Service), false), Box::new(answer));
        assert_eq!(bench.store(mixed()).await, Verdict::Retry(RetryReason::Kafka("NOT_LEADER")));
        assert_eq!(bench.used(), 0);
    });
}

#[test]
fn records_carry_headers_within_their_limit() {
    let fixed = Signal::ALL.map(|signal| Headers::new(&[("signal", Some(signal.name().as_bytes()))]));
    let carried = vec!["x-tenant".to_owned()];
    let all =
        |rule| Marks { rule, fixed: fixed.clone(), carried: carried.clone(), items: true, key_json: None };
    for (rule, items) in [
        (Rule::default(), vec!["5"]),
        (Rule { key: Some(KeyBy::Service), units: false }, vec!["3", "2"]),
        (Rule { key: None, units: true }, vec!["1"; 5]),
    ] {
        on_worker(false, async {
            let bench = Bench::with(SETTING, all(rule), stores());
            let mut request =
                bench.request(Signal::Traces, Encoding::Protobuf, mixed().into(), SETTING.hold).await;
            request.carried = Carried::new([Some(&b"blue"[..])].into_iter());
            assert_eq!(bench.worker.store(request).await, Verdict::Stored { rejected: None });
            let kept = bench.kept();
            assert_eq!(kept.len(), items.len());
            for (record, items) in kept.iter().zip(items) {
                let expected = [("signal", "traces"), ("x-tenant", "blue"), ("items", items)];
                let expected = expected.map(|(name, value)| (name, Some(value.as_bytes())));
                assert!(record.headers.iter().eq(expected), "{:?}", record.headers);
                assert!(record.charged >= record.value.len() + record.headers.bytes());
            }
            drop(kept);
            assert_eq!(bench.used(), 0);
        });
    }
    // What key and headers take, the value cannot have.
    on_worker(false, async {
        let setting = Setting { record_bytes_max: 5000, ..SETTING };
        let bench = Bench::with(setting, all(Rule { key: Some(KeyBy::Service), units: false }), stores());
        let names: Vec<String> = (0..100).map(|n| format!("span-{n}-{}", "x".repeat(700))).collect();
        let spans: Vec<_> = names.iter().map(|name| (TRACE_A, name.as_str())).collect();
        let body = service(&"s".repeat(500), &spans);
        let mut request = bench.request(Signal::Traces, Encoding::Protobuf, body.into(), SETTING.hold).await;
        request.carried = Carried::new([Some(&[b't'; 1000][..])].into_iter());
        assert_eq!(bench.worker.store(request).await, Verdict::Stored { rejected: None });
        for record in bench.kept().iter() {
            let key = record.key.as_ref().map_or(0, Bytes::len);
            assert!(key == 500 && record.value.len() + key + record.headers.bytes() <= 5000);
        }
        assert_eq!(bench.worker.core.shared.metrics.signal(Signal::Traces).items_stored(), 100);
        assert_eq!(bench.used(), 0);
    });
}
