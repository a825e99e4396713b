//! Requests larger than a record: split, in order, complete; what fits no record is counted out.

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::trace::v1::Span;
use otlp::Signal;
use prost::Message;
use serde_json::Value;
use testkit::grpc::{Client, Options};
use testkit::kafka::Kafka;
use testkit::{consume, payload};

use crate::{block_on, server};

const RECORD_BYTES_MAX: usize = 1_000_000;

/// A request of about 30 MiB whose spans are numbered by their start time.
fn large_request() -> (ExportTraceServiceRequest, u64) {
    let mut request = payload::traces(60_000, 3);
    let mut count = 0;
    for span in request.resource_spans.iter_mut().flat_map(spans_mut) {
        span.start_time_unix_nano = count;
        count += 1;
    }
    (request, count)
}

fn spans_mut(
    group: &mut opentelemetry_proto::tonic::trace::v1::ResourceSpans,
) -> impl Iterator<Item = &mut Span> {
    group.scope_spans.iter_mut().flat_map(|scope| scope.spans.iter_mut())
}

#[test]
fn a_30_mib_request_arrives_complete_in_order_as_several_records() {
    let kafka = Kafka::shared();
    let (request, count) = large_request();
    let wire = request.encode_to_vec();
    assert!(wire.len() > 30 << 20, "{} bytes", wire.len());
    for format in ["protobuf", "json"] {
        let topic = format!("large-{format}");
        let server = server()
            .kafka(&kafka.bootstrap)
            .option("otlp.message.format", format)
            .option("kafka.topic.traces", &topic)
            .start();
        server.wait_until_ready();
        let answer = block_on(async {
            let client = Client::connect(server.grpc).await.unwrap();
            client.call(Signal::Traces.grpc_path(), &wire, &Options::default()).await.unwrap()
        });
        assert_eq!(answer.status, Some(0), "{format}: {:?}\n{}", answer.trailers, server.log());
        let records = consume::all(&kafka.bootstrap, &topic);
        assert!(records.len() > 30, "{format}: {} records", records.len());
        assert!(records.iter().all(|record| record.partition == records[0].partition));
        let largest = records.iter().map(|record| record.value.len()).max().unwrap();
        assert!(largest <= RECORD_BYTES_MAX, "{format}: {largest} bytes");
        let starts: Vec<u64> = records.iter().flat_map(|record| starts(format, &record.value)).collect();
        assert!(
            starts.iter().copied().eq(0..count),
            "{format}: {} of {count} spans, or out of order",
            starts.len()
        );
    }
}

fn starts(format: &str, value: &[u8]) -> Vec<u64> {
    if format == "protobuf" {
        let mut request = ExportTraceServiceRequest::decode(value).unwrap();
        return request
            .resource_spans
            .iter_mut()
            .flat_map(spans_mut)
            .map(|span| span.start_time_unix_nano)
            .collect();
    }
    let record: Value = serde_json::from_slice(value).unwrap();
    let lists = |value: &Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
    lists(&record, "resource_spans")
        .iter()
        .flat_map(|resource| lists(resource, "scope_spans"))
        .flat_map(|scope| lists(&scope, "spans"))
        .map(|span| span["start_time_unix_nano"].as_str().unwrap().parse().unwrap())
        .collect()
}

#[test]
fn a_span_larger_than_a_record_is_counted_out_and_the_others_arrive() {
    let server = server().option("otlp.message.format", "protobuf").start();
    server.wait_until_ready();
    let mut request = payload::traces(9, 3);
    request.resource_spans[0].scope_spans[1].spans[1].name = "x".repeat(2_000_000);
    let answer = block_on(async {
        let client = Client::connect(server.grpc).await.unwrap();
        client.call(Signal::Traces.grpc_path(), &request.encode_to_vec(), &Options::default()).await.unwrap()
    });
    assert_eq!(answer.status, Some(0), "{:?}", answer.trailers);
    let response = ExportTraceServiceResponse::decode(&answer.body[5..]).unwrap();
    let partial = response.partial_success.expect("one span is left out");
    assert_eq!(partial.rejected_spans, 1);
    assert!(!partial.error_message.is_empty());
    let spans: usize = consume::all(&server.bootstrap, "otlp-traces")
        .iter()
        .map(|record| starts("protobuf", &record.value).len())
        .sum();
    assert_eq!(spans, 8);
}
