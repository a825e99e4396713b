//! The rows of this repository's codec, of memcpy, the floor, and of prost, which the payloads need in any case.

use std::hint::black_box;

use otlp::json::Style;
use otlp::scan::scan;
use otlp::split::Cutter;

use crate::payload::LIMITS;
use crate::testdata::Request;
use crate::{Contender, Kind, Payload};

/// Most bytes of a JSON text.
const TEXT_BYTES_MAX: usize = 256 << 20;

pub(crate) fn of(payload: &Payload) -> Vec<Contender<'_>> {
    let mut all = vec![copied(payload), scanned(payload, "scan", Kind::Scan)];
    if payload.large {
        all.push(scanned(payload, "scan (for split)", Kind::Split).base());
    } else {
        all.push(decoded(payload));
        all.push(written(payload, "json::write json", Style::Json));
        all.push(written(payload, "json::write otlp_json", Style::OtlpJson));
        all.push(read(payload));
    }
    all.push(split(payload));
    all
}

fn copied(payload: &Payload) -> Contender<'_> {
    let mut out = Vec::new();
    Contender::new("memcpy", Kind::Scan, payload.wire.len(), move || {
        out.clear();
        out.extend_from_slice(black_box(&payload.wire));
        black_box(&out);
    })
}

fn scanned<'a>(payload: &'a Payload, name: &'static str, kind: Kind) -> Contender<'a> {
    Contender::new(name, kind, payload.wire.len(), || {
        black_box(scan(payload.signal, black_box(&payload.wire), &LIMITS)).expect("a valid request");
    })
}

fn decoded(payload: &Payload) -> Contender<'_> {
    Contender::new("prost decode", Kind::Scan, payload.wire.len(), || {
        black_box(Request::decode(payload.signal, black_box(&payload.wire))).expect("a valid request");
    })
    .base()
}

fn written<'a>(payload: &'a Payload, name: &'static str, style: Style) -> Contender<'a> {
    let mut out = Vec::new();
    Contender::new(name, Kind::Write, payload.wire.len(), move || {
        out.clear();
        let wire = black_box(&payload.wire);
        otlp::json::write(style, payload.signal, wire, &LIMITS, TEXT_BYTES_MAX, &mut out)
            .expect("a valid request");
        black_box(&out);
    })
}

fn read(payload: &Payload) -> Contender<'_> {
    let mut out = Vec::new();
    Contender::new("json::read", Kind::Read, payload.json.len(), move || {
        out.clear();
        otlp::json::read(payload.signal, black_box(&payload.json), &LIMITS, &mut out)
            .expect("a valid request");
        black_box(&out);
    })
}

fn split(payload: &Payload) -> Contender<'_> {
    let mut out = Vec::new();
    Contender::new("split", Kind::Split, payload.wire.len(), move || {
        let mut cutter = Cutter::new(payload.signal, black_box(&payload.wire));
        out.clear();
        while let Some(part) = cutter.next(payload.part_bytes_max, &mut out) {
            black_box((part, &out));
            out.clear();
        }
    })
}
