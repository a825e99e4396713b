//! What the contenders are given: requests in the shape of real traffic, and shapes that are chosen to hurt.

use fastrand::Rng;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    Histogram, HistogramDataPoint, Metric, ResourceMetrics, ScopeMetrics,
};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use otlp::json::Style;
use otlp::{Limits, Signal};
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};

use crate::testdata::{Request, realistic};

/// Of what every row does.
pub(crate) const LIMITS: Limits = Limits { elements: 1_000_000 };

/// One request.
#[derive(Debug)]
pub(crate) struct Payload {
    pub(crate) name: &'static str,
    pub(crate) signal: Signal,
    pub(crate) wire: Vec<u8>,
    /// The same as OTLP/JSON; empty where it is not needed.
    pub(crate) json: Vec<u8>,
    /// Most bytes of a part when it is split.
    pub(crate) part_bytes_max: usize,
    /// Only to be scanned and split: too large for all else.
    pub(crate) large: bool,
}

/// Those whose name contains one of `filters`, or all.
pub(crate) fn all(filters: &[String]) -> Vec<Payload> {
    const LARGE_ITEMS: usize = 57_000;
    let traffic = |signal, items| move || realistic(signal, items, &mut Rng::with_seed(1));
    let payloads: [(_, _, &dyn Fn() -> Vec<u8>); 17] = [
        ("traces-1", Signal::Traces, &traffic(Signal::Traces, 1)),
        ("traces-100", Signal::Traces, &traffic(Signal::Traces, 100)),
        ("traces-1000", Signal::Traces, &traffic(Signal::Traces, 1000)),
        ("metrics-1", Signal::Metrics, &traffic(Signal::Metrics, 1)),
        ("metrics-100", Signal::Metrics, &traffic(Signal::Metrics, 100)),
        ("metrics-1000", Signal::Metrics, &traffic(Signal::Metrics, 1000)),
        ("logs-1", Signal::Logs, &traffic(Signal::Logs, 1)),
        ("logs-100", Signal::Logs, &traffic(Signal::Logs, 100)),
        ("logs-1000", Signal::Logs, &traffic(Signal::Logs, 1000)),
        ("tiny-attributes", Signal::Traces, &tiny_attributes),
        ("deep-nesting", Signal::Logs, &deep_nesting),
        ("wide-text", Signal::Logs, &|| bodies("Приветствие 日本語テキスト naïve 😀 ")),
        ("escaped-text", Signal::Logs, &|| bodies("say \"hi\"\n\tC:\\temp\\new \u{1}")),
        ("many-digits", Signal::Metrics, &many_digits),
        ("two-runs", Signal::Traces, &two_runs),
        ("split-30MiB-traces", Signal::Traces, &traffic(Signal::Traces, LARGE_ITEMS)),
        ("split-30MiB-logs", Signal::Logs, &traffic(Signal::Logs, LARGE_ITEMS + LARGE_ITEMS / 5)),
    ];
    let wanted =
        |name: &str| filters.is_empty() || filters.iter().any(|filter| name.contains(filter.as_str()));
    let wanted = payloads.into_iter().filter(|(name, _, _)| wanted(name));
    wanted.map(|(name, signal, wire)| payload(name, signal, wire())).collect()
}

fn payload(name: &'static str, signal: Signal, wire: Vec<u8>) -> Payload {
    const RECORD_BYTES_MAX: usize = 1_000_000;
    let large = wire.len() > 16 * RECORD_BYTES_MAX;
    let counts = Request::decode(signal, &wire).expect("a request").counts();
    assert_eq!(otlp::scan::scan(signal, &wire, &LIMITS), Ok(counts), "{name}");
    let part_bytes_max = RECORD_BYTES_MAX.min(wire.len() / 4);
    let json = if large { Vec::new() } else { json(signal, &wire) };
    Payload { name, signal, wire, json, part_bytes_max, large }
}

/// OTLP/JSON as senders write it: what is absent is left out. That it is the same request, prost says.
fn json(signal: Signal, wire: &[u8]) -> Vec<u8> {
    let mut json = Vec::new();
    otlp::json::write(Style::OtlpJson, signal, wire, &LIMITS, usize::MAX, &mut json)
        .expect("a valid request");
    let mut back = Vec::new();
    otlp::json::read(signal, &json, &LIMITS, &mut back).expect("OTLP/JSON");
    let decoded = |wire: &[u8]| Request::decode(signal, wire).expect("a request");
    assert_eq!(decoded(&back), decoded(wire));
    json
}

fn any(value: Value) -> Option<AnyValue> {
    Some(AnyValue { value: Some(value) })
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: any(value), ..KeyValue::default() }
}

fn spans(spans: Vec<Span>) -> Vec<u8> {
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }.encode_to_vec()
}

fn logs(log_records: Vec<LogRecord>) -> Vec<u8> {
    let scope_logs = vec![ScopeLogs { log_records, ..ScopeLogs::default() }];
    let resource_logs = vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }];
    ExportLogsServiceRequest { resource_logs }.encode_to_vec()
}

/// Nothing but the cost of each attribute.
fn tiny_attributes() -> Vec<u8> {
    let values = [Value::BoolValue(true), Value::StringValue(String::new()), Value::IntValue(1)];
    let attributes: Vec<_> =
        values.into_iter().cycle().take(300).map(|value| attribute("k", value)).collect();
    spans(vec![Span { attributes, ..Span::default() }; 30])
}

/// Close to what prost and `serde_json` refuse to follow.
fn deep_nesting() -> Vec<u8> {
    const LEVELS: usize = 30;
    let nested = (0..LEVELS).fold(Value::BoolValue(true), |inner, _| {
        Value::ArrayValue(ArrayValue { values: vec![AnyValue { value: Some(inner) }] })
    });
    logs(vec![LogRecord { body: any(nested), ..LogRecord::default() }; 100])
}

fn bodies(text: &str) -> Vec<u8> {
    let body = any(Value::StringValue(text.repeat(40)));
    logs(vec![LogRecord { body, ..LogRecord::default() }; 100])
}

/// Numbers whose text is as long as it gets.
fn many_digits() -> Vec<u8> {
    let mut rng = Rng::with_seed(1);
    let mut double = || f64::from_bits(rng.u64(..0x7fe0_0000_0000_0000));
    let mut point = || HistogramDataPoint {
        time_unix_nano: u64::MAX,
        count: u64::MAX,
        sum: Some(double()),
        bucket_counts: vec![u64::MAX - 1; 40],
        explicit_bounds: (0..39).map(|_| double()).collect(),
        ..HistogramDataPoint::default()
    };
    let data_points = (0..100).map(|_| point()).collect();
    let data = Some(Data::Histogram(Histogram { data_points, aggregation_temporality: 1 }));
    let scope_metrics =
        vec![ScopeMetrics { metrics: vec![Metric { data, ..Metric::default() }], ..ScopeMetrics::default() }];
    let resource_metrics = vec![ResourceMetrics { scope_metrics, ..ResourceMetrics::default() }];
    ExportMetricsServiceRequest { resource_metrics }.encode_to_vec()
}

/// Spans whose attributes come in two runs, with a name in each: legal, and in no order that JSON could be written in.
fn two_runs() -> Vec<u8> {
    let half = |name: &str| {
        let value = || Value::StringValue("some text of a usual length".to_owned());
        let attributes = (0..5).map(|nth| attribute(&format!("{name}.attribute.{nth}"), value())).collect();
        Span { name: name.to_owned(), attributes, ..Span::default() }.encode_to_vec()
    };
    let span = [half("first"), half("second")].concat();
    let mut scope = Vec::new();
    (0..100).for_each(|_| push_field(2, &span, &mut scope));
    let (mut resource, mut request) = (Vec::new(), Vec::new());
    push_field(2, &scope, &mut resource);
    push_field(1, &resource, &mut request);
    request
}

fn push_field(number: u32, body: &[u8], out: &mut Vec<u8>) {
    encode_key(number, WireType::LengthDelimited, out);
    encode_varint(body.len() as u64, out);
    out.extend_from_slice(body);
}
