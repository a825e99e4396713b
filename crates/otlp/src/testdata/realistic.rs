//! Requests as SDKs send them: attributes of the semantic conventions, ids, some events, links and exemplars.

use fastrand::Rng;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::profiles::v1development::ExportProfilesServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{self as metrics, exemplar, number_data_point};
use opentelemetry_proto::tonic::profiles::v1development::{
    Function, Line, Location, Profile, ProfilesDictionary, ResourceProfiles, Sample, ScopeProfiles, Stack,
    ValueType,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span};

use super::Request;
use crate::Signal;

const START_UNIX_NANO: u64 = 1_750_000_000_000_000_000;
const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.26.0";
const SCOPES: usize = 3;

/// A request of one resource, three scopes and `items` spans, data points, log records or profiles.
pub fn realistic(signal: Signal, items: usize, rng: &mut Rng) -> Vec<u8> {
    let request = match signal {
        Signal::Traces => Request::Traces(traces(items, rng)),
        Signal::Metrics => Request::Metrics(metrics(items, rng)),
        Signal::Logs => Request::Logs(logs(items, rng)),
        Signal::Profiles => Request::Profiles(profiles(items, rng)),
    };
    request.encode()
}

fn traces(items: usize, rng: &mut Rng) -> ExportTraceServiceRequest {
    let scope_spans = shares(items)
        .map(|(at, share)| ScopeSpans {
            scope: Some(scope(at)),
            spans: (0..share).map(|_| span(rng)).collect(),
            schema_url: SCHEMA_URL.to_owned(),
        })
        .collect();
    let resource = Some(resource(rng));
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans { resource, scope_spans, schema_url: String::new() }],
    }
}

fn span(rng: &mut Rng) -> Span {
    let start = START_UNIX_NANO + rng.u64(..10_000_000_000);
    let failed = rng.u8(..20) == 0;
    Span {
        trace_id: bytes(rng, 16),
        span_id: bytes(rng, 8),
        parent_span_id: if rng.u8(..8) == 0 { Vec::new() } else { bytes(rng, 8) },
        flags: 0x101,
        name: pick(rng, &["GET /api/v1/users/{id}", "POST /checkout", "SELECT shop.orders", "GET"]),
        kind: rng.i32(1..6),
        start_time_unix_nano: start,
        end_time_unix_nano: start + rng.u64(1_000..250_000_000),
        attributes: span_attributes(rng),
        events: (0..rng.usize(..10).saturating_sub(7)).map(|_| event(start, rng)).collect(),
        links: (0..usize::from(rng.u8(..10) == 0)).map(|_| link(rng)).collect(),
        status: Some(Status {
            message: if failed { "upstream returned 500".to_owned() } else { String::new() },
            code: if failed { 2 } else { 0 },
        }),
        ..Span::default()
    }
}

fn span_attributes(rng: &mut Rng) -> Vec<KeyValue> {
    let odd = match rng.u8(..10) {
        0 => {
            let values = vec![any(text("blue")), any(text("canary")), any(Value::IntValue(42))];
            attribute("app.tags", Value::ArrayValue(ArrayValue { values }))
        }
        1 => {
            let values = vec![attribute("region", text("eu-west-1")), attribute("zone", text("b"))];
            attribute("app.meta", Value::KvlistValue(KeyValueList { values }))
        }
        2 => attribute("app.raw", Value::BytesValue(bytes(rng, 24))),
        3 => attribute("app.note", text("caf\u{e9} \u{2014} na\u{ef}ve \u{65e5}\u{672c}\u{8a9e} ok")),
        4 => attribute("db.query.text", text("SELECT id FROM \"users\"\n  WHERE email = 'x' LIMIT 10")),
        _ => attribute("thread.name", text(format!("http-nio-8080-exec-{}", rng.u8(..)))),
    };
    vec![
        attribute("http.request.method", text(pick(rng, &["GET", "POST", "PUT", "DELETE"]))),
        attribute("http.response.status_code", Value::IntValue(rng.i64(200..505))),
        attribute("url.path", text(format!("/api/v1/users/{}/orders/{}", rng.u32(..), rng.u32(..)))),
        attribute("http.route", text(pick(rng, &["/api/v1/users/{id}", "/api/v1/orders", "/graphql"]))),
        attribute("server.address", text(pick(rng, &["cart.prod.svc.cluster.local", "api.example.com"]))),
        attribute("server.port", Value::IntValue(rng.i64(443..9000))),
        attribute(
            "user_agent.original",
            text(pick(rng, &["okhttp/4.12.0", "Mozilla/5.0 (X11; Linux x86_64)"])),
        ),
        attribute("app.cache.hit", Value::BoolValue(rng.bool())),
        attribute("app.cart.value", Value::DoubleValue((rng.f64() * 1e5).round() / 100.0)),
        odd,
    ]
}

fn event(start: u64, rng: &mut Rng) -> span::Event {
    span::Event {
        time_unix_nano: start + rng.u64(..1_000_000),
        name: pick(rng, &["exception", "message", "cache.miss"]),
        attributes: vec![
            attribute("exception.type", text("java.lang.IllegalStateException")),
            attribute("exception.message", text("Timed out waiting for connection from pool \"main\"")),
        ],
        dropped_attributes_count: 0,
    }
}

fn link(rng: &mut Rng) -> span::Link {
    span::Link {
        trace_id: bytes(rng, 16),
        span_id: bytes(rng, 8),
        attributes: vec![attribute("link.kind", text("follows_from"))],
        flags: 1,
        ..span::Link::default()
    }
}

fn metrics(items: usize, rng: &mut Rng) -> ExportMetricsServiceRequest {
    let scope_metrics = shares(items)
        .map(|(at, share)| metrics::ScopeMetrics {
            scope: Some(scope(at)),
            // Ten points a metric, as far as they go.
            metrics: (0..share.div_ceil(10))
                .map(|nth| metric(nth, (share - nth * 10).min(10), rng))
                .collect(),
            schema_url: String::new(),
        })
        .collect();
    let resource = Some(resource(rng));
    ExportMetricsServiceRequest {
        resource_metrics: vec![metrics::ResourceMetrics {
            resource,
            scope_metrics,
            schema_url: SCHEMA_URL.to_owned(),
        }],
    }
}

fn metric(nth: usize, points: usize, rng: &mut Rng) -> metrics::Metric {
    const CUMULATIVE: i32 = 2;
    let data = match nth % 5 {
        0 => Data::Gauge(metrics::Gauge { data_points: (0..points).map(|_| number(false, rng)).collect() }),
        1 => Data::Sum(metrics::Sum {
            data_points: (0..points).map(|_| number(true, rng)).collect(),
            aggregation_temporality: CUMULATIVE,
            is_monotonic: true,
        }),
        2 => Data::Histogram(metrics::Histogram {
            data_points: (0..points).map(|_| histogram(rng)).collect(),
            aggregation_temporality: CUMULATIVE,
        }),
        3 => Data::ExponentialHistogram(metrics::ExponentialHistogram {
            data_points: (0..points).map(|_| exponential_histogram(rng)).collect(),
            aggregation_temporality: CUMULATIVE,
        }),
        _ => Data::Summary(metrics::Summary { data_points: (0..points).map(|_| summary(rng)).collect() }),
    };
    metrics::Metric {
        name: pick(rng, &["http.server.request.duration", "jvm.memory.used", "process.cpu.utilization"]),
        description: "Duration of HTTP server requests.".to_owned(),
        unit: pick(rng, &["s", "By", "1", "{connection}"]),
        metadata: Vec::new(),
        data: Some(data),
    }
}

fn number(integer: bool, rng: &mut Rng) -> metrics::NumberDataPoint {
    let value = if integer {
        number_data_point::Value::AsInt(rng.i64(..10_000_000))
    } else {
        number_data_point::Value::AsDouble(rng.f64() * 1e3)
    };
    metrics::NumberDataPoint {
        attributes: point_attributes(rng),
        start_time_unix_nano: START_UNIX_NANO,
        time_unix_nano: START_UNIX_NANO + 60_000_000_000,
        exemplars: (0..usize::from(rng.u8(..8) == 0)).map(|_| exemplar(rng)).collect(),
        flags: 0,
        value: Some(value),
    }
}

fn exemplar(rng: &mut Rng) -> metrics::Exemplar {
    metrics::Exemplar {
        filtered_attributes: Vec::new(),
        time_unix_nano: START_UNIX_NANO,
        span_id: bytes(rng, 8),
        trace_id: bytes(rng, 16),
        value: Some(exemplar::Value::AsDouble(rng.f64())),
    }
}

fn histogram(rng: &mut Rng) -> metrics::HistogramDataPoint {
    let bucket_counts: Vec<u64> = (0..16).map(|_| rng.u64(..1000)).collect();
    metrics::HistogramDataPoint {
        attributes: point_attributes(rng),
        start_time_unix_nano: START_UNIX_NANO,
        time_unix_nano: START_UNIX_NANO + 60_000_000_000,
        count: bucket_counts.iter().sum(),
        sum: Some(rng.f64() * 1e5),
        bucket_counts,
        explicit_bounds: (0..15u32).map(|nth| f64::from(nth * nth) * 2.5).collect(),
        min: Some(rng.f64()),
        max: Some(rng.f64() * 1e4),
        ..metrics::HistogramDataPoint::default()
    }
}

fn exponential_histogram(rng: &mut Rng) -> metrics::ExponentialHistogramDataPoint {
    let bucket_counts: Vec<u64> = (0..40).map(|_| rng.u64(..300)).collect();
    metrics::ExponentialHistogramDataPoint {
        attributes: point_attributes(rng),
        start_time_unix_nano: START_UNIX_NANO,
        time_unix_nano: START_UNIX_NANO + 60_000_000_000,
        count: bucket_counts.iter().sum(),
        sum: Some(rng.f64() * 1e5),
        scale: 3,
        zero_count: 2,
        positive: Some(Buckets { offset: -12, bucket_counts }),
        ..metrics::ExponentialHistogramDataPoint::default()
    }
}

fn summary(rng: &mut Rng) -> metrics::SummaryDataPoint {
    let quantile = |quantile, value| metrics::summary_data_point::ValueAtQuantile { quantile, value };
    metrics::SummaryDataPoint {
        attributes: point_attributes(rng),
        start_time_unix_nano: START_UNIX_NANO,
        time_unix_nano: START_UNIX_NANO + 60_000_000_000,
        count: rng.u64(..1000),
        sum: rng.f64(),
        quantile_values: vec![quantile(0.5, rng.f64()), quantile(0.99, rng.f64())],
        flags: 0,
    }
}

fn point_attributes(rng: &mut Rng) -> Vec<KeyValue> {
    vec![
        attribute("http.request.method", text(pick(rng, &["GET", "POST"]))),
        attribute("http.response.status_code", Value::IntValue(rng.i64(200..505))),
        attribute("http.route", text(pick(rng, &["/api/v1/users/{id}", "/api/v1/orders"]))),
        attribute("server.address", text("api.example.com")),
        attribute("app.canary", Value::BoolValue(rng.bool())),
    ]
}

fn logs(items: usize, rng: &mut Rng) -> ExportLogsServiceRequest {
    let scope_logs = shares(items)
        .map(|(at, share)| ScopeLogs {
            scope: Some(scope(at)),
            log_records: (0..share).map(|_| log_record(rng)).collect(),
            schema_url: String::new(),
        })
        .collect();
    let resource = Some(resource(rng));
    ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs { resource, scope_logs, schema_url: String::new() }],
    }
}

/// Words of a log body: one in twenty needs an escape, as in logs that quote a name now and then.
const LOG_WORDS: [&str; 20] = [
    "accepted",
    "order",
    "payment",
    "for",
    "customer",
    "after",
    "retry",
    "in",
    "queue",
    "warehouse",
    "of",
    "shard",
    "status=202",
    "attempt=3",
    "took",
    "ms,",
    "upstream",
    "/api/v2/orders",
    "closed",
    "\"express\"",
];

/// A body of about 200 bytes and five attributes.
fn log_record(rng: &mut Rng) -> LogRecord {
    let mut body = String::new();
    while body.len() < 195 {
        body.push_str(&pick(rng, &LOG_WORDS));
        body.push(' ');
        if rng.u8(..6) == 0 {
            body.push_str(&format!("{} ", rng.u32(..100_000)));
        }
    }
    let time_unix_nano = START_UNIX_NANO + rng.u64(..10_000_000_000);
    LogRecord {
        time_unix_nano,
        observed_time_unix_nano: time_unix_nano + 12_345,
        severity_number: 9,
        severity_text: "INFO".to_owned(),
        body: Some(any(text(body))),
        attributes: vec![
            attribute("log.logger", text("com.example.shop.CheckoutController")),
            attribute("thread.name", text(format!("http-nio-8080-exec-{}", rng.u8(..)))),
            attribute("thread.id", Value::IntValue(rng.i64(..500))),
            attribute("code.line.number", Value::IntValue(rng.i64(1..900))),
            attribute("app.cache.hit", Value::BoolValue(true)),
        ],
        flags: 1,
        trace_id: bytes(rng, 16),
        span_id: bytes(rng, 8),
        ..LogRecord::default()
    }
}

fn profiles(items: usize, rng: &mut Rng) -> ExportProfilesServiceRequest {
    let scope_profiles = shares(items)
        .map(|(at, share)| ScopeProfiles {
            scope: Some(scope(at)),
            profiles: (0..share).map(|_| profile(rng)).collect(),
            schema_url: String::new(),
        })
        .collect();
    let resource = Some(resource(rng));
    let line = |function_index| Line { function_index, line: 17, column: 0 };
    let dictionary = ProfilesDictionary {
        location_table: vec![
            Location::default(),
            Location { address: 0x40_1000, lines: vec![line(1)], ..Location::default() },
        ],
        function_table: vec![Function::default(), Function { name_strindex: 1, ..Function::default() }],
        string_table: ["", "main.checkout", "cpu", "nanoseconds"].map(str::to_owned).to_vec(),
        stack_table: vec![Stack::default(), Stack { location_indices: vec![1] }],
        ..ProfilesDictionary::default()
    };
    ExportProfilesServiceRequest {
        resource_profiles: vec![ResourceProfiles { resource, scope_profiles, schema_url: String::new() }],
        dictionary: Some(dictionary),
    }
}

fn profile(rng: &mut Rng) -> Profile {
    let sample = |rng: &mut Rng| Sample {
        stack_index: 1,
        values: vec![rng.i64(..1_000_000)],
        timestamps_unix_nano: vec![START_UNIX_NANO],
        ..Sample::default()
    };
    Profile {
        sample_type: Some(ValueType { type_strindex: 2, unit_strindex: 3 }),
        samples: (0..20).map(|_| sample(rng)).collect(),
        time_unix_nano: START_UNIX_NANO,
        duration_nano: 10_000_000_000,
        period: 10_000_000,
        profile_id: bytes(rng, 16),
        ..Profile::default()
    }
}

fn resource(rng: &mut Rng) -> Resource {
    Resource {
        attributes: vec![
            attribute("service.name", text("checkout-service")),
            attribute("service.version", text("2.14.7")),
            attribute("service.namespace", text("shop")),
            attribute("service.instance.id", text(format!("{:032x}", rng.u128(..)))),
            attribute("host.name", text("ip-10-0-12-217.eu-west-1.compute.internal")),
            attribute("k8s.pod.name", text("checkout-service-7c9d8f6b5-x2v9k")),
            attribute("telemetry.sdk.language", text("java")),
            attribute("process.pid", Value::IntValue(17_342)),
        ],
        ..Resource::default()
    }
}

fn scope(at: usize) -> InstrumentationScope {
    let names = ["io.opentelemetry.spring-webmvc-6.0", "io.opentelemetry.jdbc", "com.example.shop.checkout"];
    InstrumentationScope {
        name: names[at % names.len()].to_owned(),
        version: "2.6.0-alpha".to_owned(),
        ..InstrumentationScope::default()
    }
}

/// How many of `items` each scope gets; scopes that would get none are left out.
fn shares(items: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..SCOPES).map(move |at| (at, (items + SCOPES - 1 - at) / SCOPES)).filter(|(_, share)| *share > 0)
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(any(value)), ..KeyValue::default() }
}

fn any(value: Value) -> AnyValue {
    AnyValue { value: Some(value) }
}

fn text(text: impl Into<String>) -> Value {
    Value::StringValue(text.into())
}

fn pick(rng: &mut Rng, texts: &[&str]) -> String {
    texts[rng.usize(..texts.len())].to_owned()
}

fn bytes(rng: &mut Rng, len: usize) -> Vec<u8> {
    (0..len).map(|_| rng.u8(..)).collect()
}
