//! OTLP/JSON: what was written is read back to the same request, by our reader and by types that are not ours.

use fastrand::Rng;
use opentelemetry_proto::tonic::collector::{
    logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
    profiles::v1development::ExportProfilesServiceRequest, trace::v1::ExportTraceServiceRequest,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint,
    Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, exemplar, metric, number_data_point,
};
use opentelemetry_proto::tonic::profiles::v1development as profiles;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span};
use prost::Message;

use super::{Style, UNLIMITED, documents, is_same, parsed, written};
use crate::{Signal, json, testdata};

fn text(signal: Signal, request: &impl Message) -> String {
    String::from_utf8(written(Style::OtlpJson, signal, &request.encode_to_vec()).unwrap()).unwrap()
}

#[test]
fn our_reader_reads_it_back_to_the_same_request() {
    let check = |signal, wire: &[u8], what: String| {
        let text = written(Style::OtlpJson, signal, wire).unwrap();
        let mut read = Vec::new();
        let counts = json::read(signal, &text, &UNLIMITED, &mut read);
        let counts = counts.unwrap_or_else(|error| panic!("{what}: {error}: {wire:02x?}"));
        // The other style shows every field by its name.
        let [before, after] = [wire, &read].map(|wire| parsed(&written(Style::Json, signal, wire).unwrap()));
        assert!(is_same(&before, &after), "{what}\nbefore {before}\nafter  {after}");
        assert!(counts.items <= counts.elements);
    };
    for (seed, wild) in [(8, false), (9, true)] {
        documents(seed, wild, 4_000, |signal, wire, at| {
            check(signal, wire, format!("seed {seed}, document {at}, {signal:?}"));
        });
    }
    let mut rng = Rng::with_seed(10);
    for signal in Signal::ALL {
        let wire = testdata::realistic(signal, 50, &mut rng);
        check(signal, &wire, format!("realistic {signal:?}"));
    }
}

fn attribute(key: &str, value: Any) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..Default::default() }
}

fn resource() -> Option<Resource> {
    let attributes = vec![attribute("service.name", Any::StringValue("cart".to_owned()))];
    Some(Resource { attributes, ..Default::default() })
}

fn scope() -> Option<InstrumentationScope> {
    Some(InstrumentationScope { name: "shop".to_owned(), version: "2.1".to_owned(), ..Default::default() })
}

#[test]
fn golden_traces() {
    let event = span::Event {
        time_unix_nano: 1_760_000_000_000_000_250,
        name: "retry".to_owned(),
        attributes: vec![attribute("attempt", Any::IntValue(2)), attribute("last", Any::BoolValue(false))],
        dropped_attributes_count: 1,
    };
    let span = Span {
        trace_id: (0xa0..0xb0).collect(),
        span_id: (1..9).collect(),
        parent_span_id: vec![0xff; 8],
        name: "checkout \"a\"".to_owned(),
        kind: span::SpanKind::Server as i32,
        start_time_unix_nano: 1_760_000_000_000_000_000,
        end_time_unix_nano: u64::MAX,
        attributes: vec![
            attribute("ratio", Any::DoubleValue(0.5)),
            attribute("raw", Any::BytesValue(vec![0xfb, 0xff])),
            attribute("none", Any::StringValue(String::new())),
        ],
        events: vec![event],
        links: vec![span::Link { trace_id: vec![0; 16], span_id: vec![7; 3], ..Default::default() }],
        status: Some(Status::default()),
        flags: 257,
        ..Default::default()
    };
    let scope_spans = vec![ScopeSpans { scope: scope(), spans: vec![span], ..Default::default() }];
    let request = ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans { resource: resource(), scope_spans, ..Default::default() }],
    };
    let expected = concat!(
        r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"cart"}}]},"#,
        r#""scopeSpans":[{"scope":{"name":"shop","version":"2.1"},"spans":[{"#,
        r#""traceId":"a0a1a2a3a4a5a6a7a8a9aaabacadaeaf","spanId":"0102030405060708","#,
        r#""parentSpanId":"ffffffffffffffff","name":"checkout \"a\"","kind":2,"#,
        r#""startTimeUnixNano":"1760000000000000000","endTimeUnixNano":"18446744073709551615","#,
        r#""attributes":[{"key":"ratio","value":{"doubleValue":0.5}},{"key":"raw","value":{"bytesValue":"+/8="}},"#,
        r#"{"key":"none","value":{"stringValue":""}}],"events":[{"timeUnixNano":"1760000000000000250","#,
        r#""name":"retry","attributes":[{"key":"attempt","value":{"intValue":"2"}},{"key":"last","value":"#,
        r#"{"boolValue":false}}],"droppedAttributesCount":1}],"#,
        r#""links":[{"traceId":"00000000000000000000000000000000","spanId":"070707"}],"#,
        r#""status":{},"flags":257}]}]}]}"#,
    );
    assert_eq!(text(Signal::Traces, &request), expected);
}

#[test]
fn golden_metrics() {
    let exemplar = Exemplar {
        time_unix_nano: 5,
        span_id: vec![1; 8],
        trace_id: vec![2; 16],
        value: Some(exemplar::Value::AsInt(-7)),
        ..Default::default()
    };
    let number = NumberDataPoint {
        value: Some(number_data_point::Value::AsDouble(f64::NAN)),
        exemplars: vec![exemplar],
        ..Default::default()
    };
    let zero = NumberDataPoint { value: Some(number_data_point::Value::AsInt(0)), ..Default::default() };
    let histogram = HistogramDataPoint {
        count: 3,
        sum: Some(0.0),
        bucket_counts: vec![3, 0],
        explicit_bounds: vec![1e7, f64::INFINITY],
        min: Some(-0.0),
        ..Default::default()
    };
    let exponential = ExponentialHistogramDataPoint {
        scale: -5,
        positive: Some(Buckets { offset: -3, bucket_counts: vec![u64::MAX] }),
        negative: Some(Buckets::default()),
        zero_threshold: f64::NEG_INFINITY,
        ..Default::default()
    };
    let metric = |name: &str, data| Metric { name: name.to_owned(), data: Some(data), ..Default::default() };
    let metrics = vec![
        metric("g", metric::Data::Gauge(Gauge { data_points: vec![number, zero] })),
        metric(
            "h",
            metric::Data::Histogram(Histogram { data_points: vec![histogram], aggregation_temporality: 2 }),
        ),
        metric(
            "e",
            metric::Data::ExponentialHistogram(ExponentialHistogram {
                data_points: vec![exponential],
                aggregation_temporality: 9,
            }),
        ),
        Metric::default(),
    ];
    let scope_metrics = vec![ScopeMetrics { metrics, schema_url: "x".to_owned(), ..Default::default() }];
    let request = ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics { scope_metrics, ..Default::default() }],
    };
    let expected = concat!(
        r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"g","gauge":{"dataPoints":["#,
        r#"{"asDouble":"NaN","exemplars":[{"timeUnixNano":"5","asInt":"-7","spanId":"0101010101010101","#,
        r#""traceId":"02020202020202020202020202020202"}]},{"asInt":"0"}]}},"#,
        r#"{"name":"h","histogram":{"dataPoints":[{"count":"3","sum":0.0,"bucketCounts":["3","0"],"#,
        r#""explicitBounds":[10000000.0,"Infinity"],"min":-0.0}],"aggregationTemporality":2}},"#,
        r#"{"name":"e","exponentialHistogram":{"dataPoints":[{"scale":-5,"#,
        r#""positive":{"offset":-3,"bucketCounts":["18446744073709551615"]},"negative":{},"#,
        r#""zeroThreshold":"-Infinity"}],"aggregationTemporality":9}},{}],"schemaUrl":"x"}]}]}"#,
    );
    assert_eq!(text(Signal::Metrics, &request), expected);
}

#[test]
fn golden_logs() {
    let list = Any::KvlistValue(KeyValueList {
        values: vec![
            KeyValue { key: "empty".to_owned(), ..Default::default() },
            attribute("list", Any::ArrayValue(ArrayValue { values: vec![AnyValue::default()] })),
        ],
    });
    let record = LogRecord {
        time_unix_nano: 1,
        observed_time_unix_nano: 1_760_000_000_000_000_000,
        severity_number: 17,
        severity_text: "ERROR".to_owned(),
        body: Some(AnyValue { value: Some(list) }),
        flags: u32::MAX,
        trace_id: vec![0xab; 16],
        event_name: "0".to_owned(),
        ..Default::default()
    };
    let log_records = vec![record, LogRecord::default()];
    let scope_logs = vec![ScopeLogs { log_records, ..Default::default() }];
    let request =
        ExportLogsServiceRequest { resource_logs: vec![ResourceLogs { scope_logs, ..Default::default() }] };
    let expected = concat!(
        r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"1","severityNumber":17,"#,
        r#""severityText":"ERROR","body":{"kvlistValue":{"values":[{"key":"empty"},{"key":"list","value":"#,
        r#"{"arrayValue":{"values":[{}]}}}]}},"flags":4294967295,"#,
        r#""traceId":"abababababababababababababababab","observedTimeUnixNano":"1760000000000000000","#,
        r#""eventName":"0"},{}]}]}]}"#,
    );
    assert_eq!(text(Signal::Logs, &request), expected);
}

#[test]
fn golden_profiles() {
    let profile = |id: Vec<u8>| profiles::Profile {
        samples: vec![profiles::Sample {
            stack_index: 1,
            values: vec![-4],
            attribute_indices: vec![0, 2],
            ..Default::default()
        }],
        profile_id: id,
        original_payload: vec![1],
        ..Default::default()
    };
    let scope_profiles = vec![profiles::ScopeProfiles {
        profiles: vec![profile(vec![0x3c; 16]), profile(vec![9])],
        ..Default::default()
    }];
    let dictionary = profiles::ProfilesDictionary {
        string_table: vec![String::new(), "main".to_owned()],
        link_table: vec![profiles::Link { trace_id: vec![0xcd; 16], span_id: vec![] }],
        ..Default::default()
    };
    let request = ExportProfilesServiceRequest {
        resource_profiles: vec![profiles::ResourceProfiles { scope_profiles, ..Default::default() }],
        dictionary: Some(dictionary),
    };
    let expected = concat!(
        r#"{"resourceProfiles":[{"scopeProfiles":[{"profiles":["#,
        r#"{"samples":[{"stackIndex":1,"values":["-4"],"attributeIndices":[0,2]}],"#,
        r#""profileId":"3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c","originalPayload":"AQ=="},"#,
        r#"{"samples":[{"stackIndex":1,"values":["-4"],"attributeIndices":[0,2]}],"#,
        r#""profileId":"CQ==","originalPayload":"AQ=="}]}]}],"#,
        r#""dictionary":{"linkTable":[{"traceId":"cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"}],"stringTable":["","main"]}}"#,
    );
    let found = parsed(text(Signal::Profiles, &request).as_bytes());
    assert!(is_same(&found, &parsed(expected.as_bytes())), "{found}");
}
