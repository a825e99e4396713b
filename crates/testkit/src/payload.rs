//! Export requests in the shape of real traffic: what instrumented services send, with plausible sizes.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics,
    Sum, exemplar, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use otlp::Signal;
use prost::Message;

/// Stands in each request where [`stamp`] writes the request's own number, so that a reader of the
/// topic can tell which requests arrived.
pub const MARK: &str = "audit-0000000000000000";

const START_NANO: u64 = 1_760_000_000_000_000_000;
const SCOPES: usize = 3;

/// A request of `items` items on the wire; the same for the same seed.
///
/// # Panics
///
/// For profiles, which no SDK sends yet.
#[must_use]
pub fn wire(signal: Signal, items: usize, seed: u64) -> Vec<u8> {
    match signal {
        Signal::Traces => traces(items, seed).encode_to_vec(),
        Signal::Metrics => metrics(items, seed).encode_to_vec(),
        Signal::Logs => logs(items, seed).encode_to_vec(),
        Signal::Profiles => panic!("no profiles"),
    }
}

/// Writes `number` over the [`MARK`] at `at`, which [`mark_position`] has found.
pub fn stamp(wire: &mut [u8], at: usize, number: u64) {
    wire[at..at + MARK.len()].copy_from_slice(format!("audit-{number:016x}").as_bytes());
}

/// Where the [`MARK`] stands.
///
/// # Panics
///
/// When it does not.
#[must_use]
pub fn mark_position(wire: &[u8]) -> usize {
    wire.windows(MARK.len()).position(|window| window == MARK.as_bytes()).expect("each request has its mark")
}

/// The number of a stamped request, read from a record of any format that keeps strings.
#[must_use]
pub fn stamped(value: &[u8]) -> Option<u64> {
    let prefix = b"audit-";
    let at = value.windows(prefix.len()).position(|window| window == prefix)? + prefix.len();
    u64::from_str_radix(std::str::from_utf8(value.get(at..at + 16)?).ok()?, 16).ok()
}

fn any(value: Value) -> AnyValue {
    AnyValue { value: Some(value) }
}

fn pair(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.into(), value: Some(any(value)), ..Default::default() }
}

fn text(key: &str, value: impl Into<String>) -> KeyValue {
    pair(key, Value::StringValue(value.into()))
}

fn id(random: &mut fastrand::Rng, bytes: usize) -> Vec<u8> {
    (0..bytes).map(|_| random.u8(1..)).collect()
}

fn resource() -> Option<Resource> {
    let attributes = vec![
        text("service.name", "basket-service"),
        text("service.version", "3.8.1"),
        text("service.namespace", "store"),
        text("service.instance.id", MARK),
        text("host.name", "node-17.eu-central-1.example.internal"),
        text("k8s.pod.name", "basket-service-5d8c7b9f4-q7x2k"),
        text("k8s.namespace.name", "production"),
        text("telemetry.sdk.language", "java"),
        text("telemetry.sdk.version", "1.50.0"),
        pair("process.pid", Value::IntValue(4711)),
    ];
    Some(Resource { attributes, ..Default::default() })
}

fn scope(index: usize) -> Option<InstrumentationScope> {
    let name = ["io.example.web-server", "io.example.sql-client", "com.example.store.basket"][index % SCOPES];
    Some(InstrumentationScope { name: name.into(), version: "2.9.0".into(), ..Default::default() })
}

/// Shares `items` out among the scopes.
fn shares(items: usize) -> impl Iterator<Item = (usize, usize)> {
    let scopes = items.clamp(1, SCOPES);
    (0..scopes).map(move |index| (index, items / scopes + usize::from(index < items % scopes)))
}

/// Spans with some ten attributes, up to two events, and links on one in ten.
#[must_use]
pub fn traces(items: usize, seed: u64) -> ExportTraceServiceRequest {
    let mut random = fastrand::Rng::with_seed(seed);
    let scope_spans = shares(items)
        .map(|(index, share)| ScopeSpans {
            scope: scope(index),
            spans: (0..share).map(|_| span(&mut random)).collect(),
            ..Default::default()
        })
        .collect();
    let resource_spans = vec![ResourceSpans { resource: resource(), scope_spans, ..Default::default() }];
    ExportTraceServiceRequest { resource_spans }
}

fn span(random: &mut fastrand::Rng) -> Span {
    let start = START_NANO + random.u64(..10_000_000_000);
    let end = start + random.u64(1_000..250_000_000);
    let mut attributes = vec![
        text("http.request.method", ["GET", "POST", "PUT"][random.usize(..3)]),
        pair("http.response.status_code", Value::IntValue([200, 201, 404, 500][random.usize(..4)])),
        text("url.path", format!("/api/v2/customers/{}/baskets/{}", random.u32(..1_000_000), random.u32(..))),
        text("server.address", "basket.production.svc.cluster.local"),
        pair("server.port", Value::IntValue(8443)),
        text("user_agent.original", "Mozilla/5.0 (X11; Linux x86_64) ExampleBrowser/126.0 (compatible)"),
        text("client.address", format!("10.{}.{}.{}", random.u8(..), random.u8(..), random.u8(..))),
        pair("cache.hit", Value::BoolValue(random.bool())),
        pair("price.total", Value::DoubleValue(f64::from(random.u32(..100_000)) / 100.0)),
        text("customer.tier", if random.u8(..20) == 0 { "Größe \"XL\" – 金" } else { "standard" }),
    ];
    if random.u8(..10) == 0 {
        let values = ["a", "b"].map(|word| any(Value::StringValue(word.into()))).to_vec();
        attributes.push(pair("feature.flags", Value::ArrayValue(ArrayValue { values })));
    }
    let event = |at: u64| Event {
        time_unix_nano: at,
        name: "retry".into(),
        attributes: vec![pair("attempt", Value::IntValue(2)), text("cause", "connection reset by peer")],
        ..Default::default()
    };
    let link = Link { trace_id: id(random, 16), span_id: id(random, 8), ..Default::default() };
    Span {
        trace_id: id(random, 16),
        span_id: id(random, 8),
        parent_span_id: id(random, 8),
        flags: 0x101,
        name: "GET /api/v2/customers/{customer}/baskets/{basket}".into(),
        kind: 2,
        start_time_unix_nano: start,
        end_time_unix_nano: end,
        attributes,
        events: (0..random.u64(..3)).map(|n| event(start + n)).collect(),
        links: if random.u8(..10) == 0 { vec![link] } else { Vec::new() },
        status: Some(Status::default()),
        ..Default::default()
    }
}

/// Log records with a body of some 200 bytes and five attributes.
#[must_use]
pub fn logs(items: usize, seed: u64) -> ExportLogsServiceRequest {
    let mut random = fastrand::Rng::with_seed(seed);
    let scope_logs = shares(items)
        .map(|(index, share)| ScopeLogs {
            scope: scope(index),
            log_records: (0..share).map(|_| log_record(&mut random)).collect(),
            ..Default::default()
        })
        .collect();
    let resource_logs = vec![ResourceLogs { resource: resource(), scope_logs, ..Default::default() }];
    ExportLogsServiceRequest { resource_logs }
}

fn log_record(random: &mut fastrand::Rng) -> LogRecord {
    let time = START_NANO + random.u64(..10_000_000_000);
    let body = format!(
        "order {:08x} of customer {} accepted after {} ms: payment authorised by provider, stock reserved in \
         warehouse {}, confirmation queued for delivery to the customer's registered address, reference {:016x}",
        random.u32(..),
        random.u32(..1_000_000),
        random.u16(..),
        random.u8(..),
        random.u64(..)
    );
    LogRecord {
        time_unix_nano: time,
        observed_time_unix_nano: time + 1_000,
        severity_number: 9,
        severity_text: "INFO".into(),
        body: Some(any(Value::StringValue(body))),
        attributes: vec![
            text("logger.name", "com.example.store.basket.OrderService"),
            text("thread.name", format!("http-worker-{}", random.u8(..64))),
            pair("order.items", Value::IntValue(i64::from(random.u8(1..20)))),
            text("code.function.name", "acceptOrder"),
            pair("order.express", Value::BoolValue(random.bool())),
        ],
        trace_id: id(random, 16),
        span_id: id(random, 8),
        flags: 1,
        ..Default::default()
    }
}

/// Data points of gauges, sums and histograms, with five attributes each.
#[must_use]
pub fn metrics(items: usize, seed: u64) -> ExportMetricsServiceRequest {
    let mut random = fastrand::Rng::with_seed(seed);
    let scope_metrics = shares(items)
        .map(|(index, share)| ScopeMetrics {
            scope: scope(index),
            metrics: metrics_of(share, &mut random),
            ..Default::default()
        })
        .collect();
    let resource_metrics =
        vec![ResourceMetrics { resource: resource(), scope_metrics, ..Default::default() }];
    ExportMetricsServiceRequest { resource_metrics }
}

/// Metrics of up to five data points, `points` points in all.
fn metrics_of(points: usize, random: &mut fastrand::Rng) -> Vec<Metric> {
    const POINTS_EACH: usize = 5;
    let mut metrics = Vec::new();
    let mut left = points;
    while left > 0 {
        let count = left.min(POINTS_EACH);
        left -= count;
        let data = match metrics.len() % 3 {
            0 => Data::Gauge(Gauge { data_points: (0..count).map(|_| number(random)).collect() }),
            1 => Data::Sum(Sum {
                data_points: (0..count).map(|_| number(random)).collect(),
                aggregation_temporality: 2,
                is_monotonic: true,
            }),
            _ => Data::Histogram(Histogram {
                data_points: (0..count).map(|_| histogram(random)).collect(),
                aggregation_temporality: 2,
            }),
        };
        metrics.push(Metric {
            name: format!("http.server.request.duration.{}", metrics.len()),
            description: "Duration of HTTP server requests.".into(),
            unit: "s".into(),
            data: Some(data),
            ..Default::default()
        });
    }
    metrics
}

fn point_attributes(random: &mut fastrand::Rng) -> Vec<KeyValue> {
    vec![
        text("http.request.method", "GET"),
        text("http.route", "/api/v2/customers/{customer}"),
        pair("http.response.status_code", Value::IntValue(200)),
        text("server.address", format!("pod-{}", random.u8(..))),
        text("url.scheme", "https"),
    ]
}

fn number(random: &mut fastrand::Rng) -> NumberDataPoint {
    let value = if random.bool() {
        number_data_point::Value::AsDouble(random.f64() * 1000.0)
    } else {
        number_data_point::Value::AsInt(random.i64(..1_000_000))
    };
    NumberDataPoint {
        attributes: point_attributes(random),
        start_time_unix_nano: START_NANO,
        time_unix_nano: START_NANO + random.u64(..10_000_000_000),
        value: Some(value),
        ..Default::default()
    }
}

fn histogram(random: &mut fastrand::Rng) -> HistogramDataPoint {
    let bucket_counts: Vec<u64> = (0..16).map(|_| random.u64(..1000)).collect();
    let exemplar = Exemplar {
        time_unix_nano: START_NANO,
        span_id: id(random, 8),
        trace_id: id(random, 16),
        value: Some(exemplar::Value::AsDouble(0.042)),
        ..Default::default()
    };
    HistogramDataPoint {
        attributes: point_attributes(random),
        start_time_unix_nano: START_NANO,
        time_unix_nano: START_NANO + random.u64(..10_000_000_000),
        count: bucket_counts.iter().sum(),
        sum: Some(random.f64() * 100.0),
        explicit_bounds: (1..16).map(|n| f64::from(n) * 0.05).collect(),
        bucket_counts,
        exemplars: vec![exemplar],
        min: Some(0.001),
        max: Some(2.5),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use otlp::{Limits, scan};

    use super::*;

    #[test]
    fn requests_have_the_items_asked_for_and_their_mark() {
        for signal in [Signal::Traces, Signal::Metrics, Signal::Logs] {
            for items in [1_u16, 2, 100] {
                let mut wire = wire(signal, usize::from(items), 7);
                let counts = scan::scan(signal, &wire, &Limits { elements: 1_000_000 }).unwrap();
                assert_eq!(counts.items, u64::from(items), "{signal:?}");
                let at = mark_position(&wire);
                stamp(&mut wire, at, 0xfeed);
                assert_eq!(stamped(&wire), Some(0xfeed));
            }
        }
    }
}
