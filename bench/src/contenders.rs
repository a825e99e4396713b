//! The rows of others: prost with `serde_json`, and views that borrow from the wire.

use std::hint::black_box;

use buffa::MessageView;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use otlp::Signal;
use serde::de::DeserializeOwned;

use crate::testdata::Request;
use crate::{Contender, Kind, Payload};

#[expect(clippy::all, clippy::pedantic, reason = "generated")]
mod views {
    include!(concat!(env!("OUT_DIR"), "/views.rs"));
}
use views::opentelemetry::proto::collector as view;

pub(crate) fn of(payload: &Payload) -> Vec<Contender<'_>> {
    if payload.large {
        return Vec::new();
    }
    vec![viewed(payload), serialized(payload), deserialized(payload)]
}

fn viewed(payload: &Payload) -> Contender<'_> {
    fn view<'a, V: MessageView<'a>>(wire: &'a [u8]) {
        black_box(V::decode_view(black_box(wire))).expect("a valid request");
    }
    Contender::new("buffa view", Kind::Scan, payload.wire.len(), || match payload.signal {
        Signal::Traces => view::<view::trace::v1::ExportTraceServiceRequestView<'_>>(&payload.wire),
        Signal::Metrics => view::<view::metrics::v1::ExportMetricsServiceRequestView<'_>>(&payload.wire),
        Signal::Logs => view::<view::logs::v1::ExportLogsServiceRequestView<'_>>(&payload.wire),
        Signal::Profiles => unreachable!("no payload has this signal"),
    })
}

fn serialized(payload: &Payload) -> Contender<'_> {
    let mut out = Vec::new();
    Contender::new("prost + serde_json", Kind::Write, payload.wire.len(), move || {
        out.clear();
        let request = Request::decode(payload.signal, black_box(&payload.wire)).expect("a valid request");
        match request {
            Request::Traces(request) => serde_json::to_writer(&mut out, &request),
            Request::Metrics(request) => serde_json::to_writer(&mut out, &request),
            Request::Logs(request) => serde_json::to_writer(&mut out, &request),
            Request::Profiles(_) => unreachable!("no payload has this signal"),
        }
        .expect("JSON");
        black_box(&out);
    })
    .base()
}

fn deserialized(payload: &Payload) -> Contender<'_> {
    let mut out = Vec::new();
    reencoded(payload, &mut out);
    let decoded = |wire: &[u8]| Request::decode(payload.signal, wire).expect("a valid request");
    let exact = decoded(&out) == decoded(&payload.wire);
    let name = if exact { "serde_json + prost" } else { "serde_json + prost (loses)" };
    Contender::new(name, Kind::Read, payload.json.len(), move || {
        out.clear();
        reencoded(payload, &mut out);
        black_box(&out);
    })
    .base()
}

fn reencoded(payload: &Payload, out: &mut Vec<u8>) {
    fn through<M: prost::Message + DeserializeOwned>(json: &[u8], out: &mut Vec<u8>) {
        let request: M = serde_json::from_slice(json).expect("OTLP/JSON");
        request.encode(out).expect("a buffer that grows");
    }
    let json = black_box(&payload.json);
    match payload.signal {
        Signal::Traces => through::<ExportTraceServiceRequest>(json, out),
        Signal::Metrics => through::<ExportMetricsServiceRequest>(json, out),
        Signal::Logs => through::<ExportLogsServiceRequest>(json, out),
        Signal::Profiles => unreachable!("no payload has this signal"),
    }
}
