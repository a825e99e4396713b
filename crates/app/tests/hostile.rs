//! Hostile requests get their refusal at once, cost bounded memory, and leave the other clients alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use otlp::Signal;
use testkit::grpc::{Answer, Client, Options, gzip};
use testkit::{consume, http, payload, process};

use crate::{block_on, server};

const BUDGET_BYTES: u64 = 256 << 20;
const OVERHEAD_BYTES: u64 = 64 << 20;

fn call(server: &testkit::server::Server, frame: Bytes, options: &Options) -> Answer {
    block_on(async {
        let client = Client::connect(server.grpc).await.unwrap();
        client.call_raw(Signal::Traces.grpc_path(), frame, options).await.unwrap()
    })
}

fn framed(flag: u8, length: u32, body: &[u8]) -> Bytes {
    let mut frame = vec![flag];
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(body);
    frame.into()
}

/// A request of `bytes` bytes that holds nothing but empty spans.
fn empty_spans(bytes: usize) -> Vec<u8> {
    let spans = b"\x12\x00".repeat(bytes / 2);
    let scope = nest(0x12, &spans);
    nest(0x0a, &scope)
}

fn nest(tag: u8, inner: &[u8]) -> Vec<u8> {
    let mut outer = vec![tag];
    let mut length = inner.len();
    while length >= 0x80 {
        outer.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
        length >>= 7;
    }
    outer.push(u8::try_from(length).unwrap());
    outer.extend_from_slice(inner);
    outer
}

#[test]
fn bombs_are_refused_while_others_go_on() {
    let server = server().option("otlp.memory.max.bytes", BUDGET_BYTES).start();
    server.wait_until_ready();
    let (stop, exported) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let other = {
        let (stop, exported, addr) = (Arc::clone(&stop), Arc::clone(&exported), server.grpc);
        std::thread::spawn(move || {
            block_on(async {
                let client = Client::connect(addr).await.unwrap();
                let wire = payload::wire(Signal::Logs, 10, 1);
                while !stop.load(Ordering::Relaxed) {
                    let answer =
                        client.call(Signal::Logs.grpc_path(), &wire, &Options::default()).await.unwrap();
                    assert_eq!(answer.status, Some(0), "{:?}", answer.trailers);
                    exported.fetch_add(1, Ordering::Relaxed);
                }
            });
        })
    };
    let spans = empty_spans((64 << 20) - 64);
    let bomb = gzip(&vec![0; 256 << 20]);
    let packed = Options { headers: vec![("grpc-encoding", "gzip".into())], gzip: false };
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap();
    let cases = [
        ("64 MiB of empty spans", framed(0, length(&spans), &spans), Options::default(), 3),
        ("a gzip bomb", framed(1, length(&bomb), &bomb), packed, 8),
        ("a prefix of 4 GiB", framed(0, u32::MAX, b""), Options::default(), 8),
    ];
    for (what, frame, options, status) in cases {
        let before = exported.load(Ordering::Relaxed);
        let start = Instant::now();
        let answer = call(&server, frame, &options);
        assert_eq!(answer.status, Some(status), "{what}: {:?}", answer.trailers);
        assert!(answer.trailers_only, "{what}");
        println!(
            "{what}: refused after {:?}, resident {:?}",
            start.elapsed(),
            process::resident(server.pid())
        );
        let more = || exported.load(Ordering::Relaxed) > before;
        process::wait_for("the other client goes on", Duration::from_secs(10), more);
    }
    stop.store(true, Ordering::Relaxed);
    other.join().unwrap();
    let (_, peak) = process::resident(server.pid());
    assert!(peak < BUDGET_BYTES + OVERHEAD_BYTES, "{} MiB", peak >> 20);
    assert!(consume::all(&server.bootstrap, "otlp-traces").is_empty());
}

#[test]
fn malformed_requests_are_refused_by_the_letter_and_leave_no_record() {
    let server = server().start();
    server.wait_until_ready();
    let deep = "[".repeat(1_000_000);
    let cases: [(&str, &str, &[u8], u16); 9] = [
        ("/v1/traces", "application/json", b"{", 400),
        ("/v1/traces", "application/json", b"", 400),
        ("/v1/traces", "application/json", b"{} trailing", 400),
        ("/v1/traces", "application/json", deep.as_bytes(), 400),
        ("/v1/traces", "application/x-protobuf", b"\x0a\xff", 400),
        ("/v1/traces", "application/x-protobuf", b"\x0b", 400),
        ("/v1/traces", "text/plain", b"{}", 415),
        ("/v1/nothing", "application/json", b"{}", 404),
        ("/v1/logs", "application/x-protobuf", b"\x0a\x05\x12\x03\x12\x01\x08", 400),
    ];
    for (path, content_type, body, status) in cases {
        let answer = http::post(server.http, path, content_type, body).unwrap();
        assert_eq!(
            answer.status,
            status,
            "{path} {content_type} {:?}: {}",
            &body[..body.len().min(20)],
            answer.text()
        );
        assert!(answer.body.len() <= 4096);
    }
    for topic in ["otlp-traces", "otlp-logs"] {
        assert!(consume::all(&server.bootstrap, topic).is_empty());
    }
}

#[test]
fn a_full_budget_holds_memory_down_and_recovers() {
    // Nobody answers there, so that everything stays held until the hold time is over.
    let server = server()
        .kafka("127.0.0.1:1")
        .option("otlp.memory.max.bytes", 160 << 20)
        .option("otlp.request.max.bytes", 16 << 20)
        .option("otlp.request.hold.ms", 2000)
        .start();
    let clients: Vec<_> = (0..32)
        .map(|seed| {
            let addr = server.grpc;
            std::thread::spawn(move || {
                block_on(async {
                    let wire = payload::wire(Signal::Logs, 20_000, seed);
                    let client = Client::connect(addr).await.unwrap();
                    client.call(Signal::Logs.grpc_path(), &wire, &Options::default()).await.unwrap().status
                })
            })
        })
        .collect();
    for client in clients {
        assert_eq!(client.join().unwrap(), Some(14));
    }
    let (_, peak) = process::resident(server.pid());
    println!("32 clients with 8 MiB each against 160 MiB: peak {} MiB", peak >> 20);
    assert!(peak < (160 << 20) + OVERHEAD_BYTES + (32 << 15), "{} MiB", peak >> 20);
    process::wait_for("the budget is free again", Duration::from_secs(20), || {
        http::get(server.rest, "/metrics").unwrap().text().contains("otlp2kafka_memory_used_bytes 0")
    });
    process::wait_for("freed pages are given back", Duration::from_secs(20), || {
        process::resident(server.pid()).0 < 2 * OVERHEAD_BYTES
    });
}
