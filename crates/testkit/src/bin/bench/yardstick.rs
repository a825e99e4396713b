//! What CPU times are measured against: how long prost takes to decode a request of the same load.

use std::hint::black_box;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use otlp::Signal;
use prost::Message;
use testkit::load::Load;
use testkit::{payload, process};

const TIME: Duration = Duration::from_millis(300);

/// CPU microseconds in which prost decodes one request of this load, on this thread, with the system's allocator.
pub(crate) fn micros(load: &Load) -> f64 {
    let bodies: Vec<Vec<u8>> = (0..16).map(|seed| payload::wire(load.signal, load.items, seed)).collect();
    let (start, cpu) = (Instant::now(), process::cpu(std::process::id()));
    let mut decoded = 0_u32;
    while start.elapsed() < TIME {
        for body in &bodies {
            decode(load.signal, body);
            decoded += 1;
        }
    }
    let spent = process::cpu(std::process::id()).saturating_sub(cpu).as_secs_f64();
    spent * 1e6 / f64::from(decoded)
}

fn decode(signal: Signal, body: &[u8]) {
    match signal {
        Signal::Traces => drop(black_box(ExportTraceServiceRequest::decode(body))),
        Signal::Metrics => drop(black_box(ExportMetricsServiceRequest::decode(body))),
        Signal::Logs | Signal::Profiles => drop(black_box(ExportLogsServiceRequest::decode(body))),
    }
}
