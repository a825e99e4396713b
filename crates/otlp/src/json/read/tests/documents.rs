//! Whole documents in the shape of the specification's examples, with the counts that they hold: read, and written again.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::metrics::v1::{metric, number_data_point};

use super::{
    ExportLogsServiceRequest, ExportMetricsServiceRequest, ExportTraceServiceRequest, LIMITS, read_checked,
    request,
};
use crate::Signal;
use crate::json::{Style, write};
use crate::testdata::Tree;

const RESOURCE: &str = r#""resource": {
  "attributes": [{ "key": "service.name", "value": { "stringValue": "checkout" } }]
}"#;
const SCOPE: &str = r#""scope": {
  "name": "shop.orders", "version": "2.1.0",
  "attributes": [{ "key": "shop.team", "value": { "stringValue": "payments" } }]
}"#;

fn counts(signal: Signal, json: &str) -> (u64, u64) {
    let (wire, counts) = read_checked(signal, json.as_bytes()).unwrap();
    let mut back = Vec::new();
    write(Style::OtlpJson, signal, &wire, &LIMITS, usize::MAX, &mut back).unwrap();
    let (document, written) = (Tree::parse(json.as_bytes()).unwrap(), Tree::parse(&back).unwrap());
    assert!(says_the_same(&document, &written), "{}", String::from_utf8_lossy(&back));
    assert_eq!(read_checked(signal, &back), Ok((wire, counts)), "what was read, written and read again");
    (counts.items, counts.elements)
}

/// Whether both are the same but for the case of ids, zeros left out, and numbers in quotes.
fn says_the_same(document: &Tree<'_>, written: &Tree<'_>) -> bool {
    match (document, written) {
        (Tree::Object(document), Tree::Object(written)) => {
            let of = |members: &[_], wanted: &(_, _)| members.iter().position(|(name, _)| *name == wanted.0);
            written.iter().all(|member| of(document, member).is_some())
                && document.iter().all(|member| match of(written, member) {
                    Some(at) => says_the_same(&member.1, &written[at].1),
                    None => matches!(member.1, Tree::Number("0")),
                })
        }
        (Tree::List(document), Tree::List(written)) => {
            document.len() == written.len()
                && document.iter().zip(written).all(|(document, written)| says_the_same(document, written))
        }
        (Tree::Text(document), Tree::Text(written)) => document.eq_ignore_ascii_case(written),
        (Tree::Number(document), Tree::Text(written)) => document == written,
        (Tree::Number(document), Tree::Number(written)) => {
            document.parse::<f64>().unwrap() == written.parse::<f64>().unwrap()
        }
        (Tree::Bool(document), Tree::Bool(written)) => document == written,
        _ => false,
    }
}

#[test]
fn traces() {
    let json = format!(
        r#"{{ "resourceSpans": [ {{ {RESOURCE}, "scopeSpans": [ {{ {SCOPE}, "spans": [ {{
            "traceId": "0AF7651916CD43DD8448EB211C80319C", "spanId": "B7AD6B7169203331",
            "parentSpanId": "00F067AA0BA902B7", "name": "place order",
            "startTimeUnixNano": "1735689600000000000", "endTimeUnixNano": "1735689600250000000", "kind": 2,
            "attributes": [ {{ "key": "order.id", "value": {{ "stringValue": "A-17" }} }} ],
            "events": [ {{ "timeUnixNano": "1735689600100000000", "name": "paid" }} ]
        }} ] }} ] }} ] }}"#
    );
    assert_eq!(counts(Signal::Traces, &json), (1, 2));
    let read: ExportTraceServiceRequest = request(Signal::Traces, &json).unwrap();
    let scope = &read.resource_spans[0].scope_spans[0];
    assert_eq!(scope.scope.as_ref().unwrap().version, "2.1.0");
    let span = &scope.spans[0];
    assert_eq!((span.kind, span.end_time_unix_nano - span.start_time_unix_nano), (2, 250_000_000));
    assert_eq!(span.parent_span_id, [0, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7]);
}

#[test]
fn metrics() {
    let point = r#""startTimeUnixNano": "1735689600000000000", "timeUnixNano": "1735689660000000000",
        "attributes": [{ "key": "queue", "value": { "stringValue": "orders" } }]"#;
    let json = format!(
        r#"{{ "resourceMetrics": [ {{ {RESOURCE}, "scopeMetrics": [ {{ {SCOPE}, "metrics": [
            {{ "name": "orders", "unit": "1", "description": "placed", "sum": {{
                "aggregationTemporality": 1, "isMonotonic": true, "dataPoints": [ {{ "asDouble": 5, {point} }} ] }} }},
            {{ "name": "waiting", "unit": "1", "gauge": {{ "dataPoints": [ {{ "asInt": "10", {point} }} ] }} }},
            {{ "name": "duration", "unit": "ms", "histogram": {{ "aggregationTemporality": 1, "dataPoints": [ {{
                "count": 2, "sum": 2, "bucketCounts": [ 1, "1" ], "explicitBounds": [ 1 ], "min": 0, "max": 2, {point} }} ] }} }},
            {{ "name": "size", "unit": "By", "exponentialHistogram": {{ "aggregationTemporality": 1, "dataPoints": [ {{
                "count": 3, "sum": 10, "scale": 0, "zeroCount": 1,
                "positive": {{ "offset": 1, "bucketCounts": [ 0, 2 ] }}, "min": 0, "max": 5, "zeroThreshold": 0, {point} }} ] }} }}
        ] }} ] }} ] }}"#
    );
    assert_eq!(counts(Signal::Metrics, &json), (4, 4));
    let read: ExportMetricsServiceRequest = request(Signal::Metrics, &json).unwrap();
    let metrics = &read.resource_metrics[0].scope_metrics[0].metrics;
    let Some(metric::Data::Sum(sum)) = &metrics[0].data else { panic!("a sum") };
    assert_eq!(sum.data_points[0].value, Some(number_data_point::Value::AsDouble(5.0)));
    let Some(metric::Data::Gauge(gauge)) = &metrics[1].data else { panic!("a gauge") };
    assert_eq!(gauge.data_points[0].value, Some(number_data_point::Value::AsInt(10)));
    let Some(metric::Data::Histogram(histogram)) = &metrics[2].data else { panic!("a histogram") };
    assert_eq!(
        (histogram.data_points[0].bucket_counts.as_slice(), histogram.data_points[0].min),
        (&[1, 1][..], Some(0.0))
    );
    let Some(metric::Data::ExponentialHistogram(histogram)) = &metrics[3].data else { panic!("a histogram") };
    assert_eq!(histogram.data_points[0].positive.as_ref().unwrap().bucket_counts, [0, 2]);
}

#[test]
fn logs() {
    let attributes = r#"[
        { "key": "text", "value": { "stringValue": "some" } }, { "key": "flag", "value": { "boolValue": true } },
        { "key": "whole", "value": { "intValue": "10" } }, { "key": "real", "value": { "doubleValue": 637.704 } },
        { "key": "list", "value": { "arrayValue": { "values": [ { "stringValue": "many" }, { "stringValue": "values" } ] } } },
        { "key": "map", "value": { "kvlistValue": { "values": [ { "key": "k", "value": { "stringValue": "v" } } ] } } }
    ]"#;
    let json = format!(
        r#"{{ "resourceLogs": [ {{ {RESOURCE}, "scopeLogs": [ {{ {SCOPE}, "logRecords": [ {{
            "timeUnixNano": "1735689600300000000", "observedTimeUnixNano": "1735689600300000001", "severityNumber": 10,
            "severityText": "Information", "traceId": "0AF7651916CD43DD8448EB211C80319C", "spanId": "B7AD6B7169203331",
            "body": {{ "stringValue": "order placed" }}, "attributes": {attributes}
        }} ] }} ] }} ] }}"#
    );
    assert_eq!(counts(Signal::Logs, &json), (1, 1));
    let read: ExportLogsServiceRequest = request(Signal::Logs, &json).unwrap();
    let record = &read.resource_logs[0].scope_logs[0].log_records[0];
    assert_eq!((record.attributes.len(), record.severity_number), (6, 10));
    assert_eq!(record.attributes[3].value.as_ref().unwrap().value, Some(Value::DoubleValue(637.704)));
}

#[test]
fn events() {
    let json = format!(
        r#"{{ "resourceLogs": [ {{ {RESOURCE}, "scopeLogs": [ {{ {SCOPE}, "logRecords": [ {{
            "timeUnixNano": "1735689600300000000", "eventName": "browser.page_view",
            "body": {{ "kvlistValue": {{ "values": [
                {{ "key": "type", "value": {{ "intValue": "0" }} }}, {{ "key": "url", "value": {{ "stringValue": "https://shop.example/" }} }}
            ] }} }}
        }} ] }} ] }} ] }}"#
    );
    assert_eq!(counts(Signal::Logs, &json), (1, 1));
    let read: ExportLogsServiceRequest = request(Signal::Logs, &json).unwrap();
    let record = &read.resource_logs[0].scope_logs[0].log_records[0];
    assert_eq!(record.event_name, "browser.page_view");
    let Some(Value::KvlistValue(map)) = &record.body.as_ref().unwrap().value else { panic!("a map") };
    assert_eq!(map.values.len(), 2);
}

/// What somebody who tries the product first sends with curl.
#[test]
fn the_first_span() {
    let json = r#"{
      "resourceSpans": [{
        "resource": { "attributes": [{ "key": "service.name", "value": { "stringValue": "my-test-service" } }] },
        "scopeSpans": [{
          "spans": [{
            "traceId": "5b8aa5a2d2c872e8321cf37308d69df2", "spanId": "051581bf3cb55c13", "name": "test-operation",
            "kind": 1, "startTimeUnixNano": "1640000000000000000", "endTimeUnixNano": "1640000001000000000"
          }]
        }]
      }]
    }"#;
    assert_eq!(counts(Signal::Traces, json), (1, 1));
    let read: ExportTraceServiceRequest = request(Signal::Traces, json).unwrap();
    let resource = read.resource_spans[0].resource.as_ref().unwrap();
    assert_eq!(
        resource.attributes[0].value.as_ref().unwrap().value,
        Some(Value::StringValue("my-test-service".into()))
    );
    let span = &read.resource_spans[0].scope_spans[0].spans[0];
    assert_eq!((span.name.as_str(), span.trace_id.len(), span.span_id.len()), ("test-operation", 16, 8));
    assert_eq!(span.span_id, [0x05, 0x15, 0x81, 0xbf, 0x3c, 0xb5, 0x5c, 0x13]);
}
