//! Tests of the OTLP/JSON reader: each corner case of the encoding, by what the receiver gets.

mod accepted;
mod documents;
mod hostile;
mod print;
mod printer;
mod refused;
mod round_trip;
mod tokens;

use opentelemetry_proto::tonic::collector::{
    logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
    profiles::v1development::ExportProfilesServiceRequest, trace::v1::ExportTraceServiceRequest,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::{Metric, metric};
use opentelemetry_proto::tonic::profiles::v1development::Profile;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

use super::read;
use crate::scan::scan;
use crate::{Counts, Limits, Malformed, Signal};

const LIMITS: Limits = Limits { elements: 1_000_000 };

/// Reads, and holds what came out against the checker of wire bytes.
fn read_checked(signal: Signal, json: &[u8]) -> Result<(Vec<u8>, Counts), Malformed> {
    let mut out = b"before".to_vec();
    let counts = read(signal, json, &LIMITS, &mut out);
    assert_eq!(&out[..6], b"before");
    let wire = out.split_off(6);
    match counts {
        Ok(counts) => {
            assert_eq!(scan(signal, &wire, &LIMITS), Ok(counts), "{}", String::from_utf8_lossy(json));
            Ok((wire, counts))
        }
        Err(malformed) => {
            assert!(wire.is_empty(), "nothing is left behind after an error");
            assert!(malformed.offset <= json.len());
            assert!(malformed.to_string().len() <= 200);
            Err(malformed)
        }
    }
}

fn wire(signal: Signal, json: &str) -> Result<Vec<u8>, String> {
    read_checked(signal, json.as_bytes()).map(|(wire, _)| wire).map_err(|malformed| malformed.to_string())
}

/// Reads a request and holds its bytes against prost's.
fn request<M: Message + Default>(signal: Signal, json: &str) -> Result<M, String> {
    let wire = wire(signal, json)?;
    let message = M::decode(wire.as_slice()).expect("prost reads what was written");
    Ok(message)
}

fn span(members: &str) -> Result<Span, String> {
    let json = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{{members}}}]}}]}}]}}"#);
    let mut request: ExportTraceServiceRequest = request(Signal::Traces, &json)?;
    Ok(request.resource_spans.remove(0).scope_spans.remove(0).spans.remove(0))
}

fn one_metric(members: &str) -> Result<Metric, String> {
    let json = format!(r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{{{members}}}]}}]}}]}}"#);
    let mut request: ExportMetricsServiceRequest = request(Signal::Metrics, &json)?;
    Ok(request.resource_metrics.remove(0).scope_metrics.remove(0).metrics.remove(0))
}

fn log(members: &str) -> Result<LogRecord, String> {
    let json = format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{{members}}}]}}]}}]}}"#);
    let mut request: ExportLogsServiceRequest = request(Signal::Logs, &json)?;
    Ok(request.resource_logs.remove(0).scope_logs.remove(0).log_records.remove(0))
}

fn profile(members: &str) -> Result<Profile, String> {
    let json = format!(r#"{{"resourceProfiles":[{{"scopeProfiles":[{{"profiles":[{{{members}}}]}}]}}]}}"#);
    let mut request: ExportProfilesServiceRequest = request(Signal::Profiles, &json)?;
    Ok(request.resource_profiles.remove(0).scope_profiles.remove(0).profiles.remove(0))
}

/// The value of a log's body; `None` for an `AnyValue` that holds nothing.
fn body(any_value: &str) -> Result<Option<Value>, String> {
    let record = log(&format!(r#""body":{any_value}"#))?;
    Ok(record.body.expect("there is a body").value)
}

fn point(members: &str) -> Result<opentelemetry_proto::tonic::metrics::v1::NumberDataPoint, String> {
    match one_metric(&format!(r#""gauge":{{"dataPoints":[{{{members}}}]}}"#))?.data {
        Some(metric::Data::Gauge(mut gauge)) => Ok(gauge.data_points.remove(0)),
        other => panic!("a gauge, not {other:?}"),
    }
}

fn histogram_point(
    members: &str,
) -> Result<opentelemetry_proto::tonic::metrics::v1::HistogramDataPoint, String> {
    match one_metric(&format!(r#""histogram":{{"dataPoints":[{{{members}}}]}}"#))?.data {
        Some(metric::Data::Histogram(mut histogram)) => Ok(histogram.data_points.remove(0)),
        other => panic!("a histogram, not {other:?}"),
    }
}
