//! Shutdown: who is still answered, and how.

use std::time::Duration;

use otlp::Signal;
use pipeline::Phase;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::client::{TRACES, answer, call, framed, http2};
use super::{LONG, Server, Setup, connect, until, within};

const REQUEST: &str =
    "POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";

#[tokio::test]
async fn draining_finishes_what_is_in_flight() {
    let server = Server::start(Setup::default()).await;
    server.hold();
    let sender = http2(server.grpc).await;
    let first = tokio::spawn({
        let sender = sender.clone();
        async move { call(&sender, TRACES, &[], framed(0, b"x")).await }
    });
    let mut busy = connect(server.http).await;
    busy.write_all(REQUEST.as_bytes()).await.unwrap();
    server.got_many(2).await;
    // One for each worker, and an answer from each, so that they are accepted: when both are closed, both workers know.
    let mut idle = [connect(server.http).await, connect(server.http).await];
    for idle in &mut idle {
        idle.write_all(b"GET /nothing HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        assert_eq!(answer(idle).await.status, 404);
    }
    server.switch.advance(Phase::Leaving);
    // Still accepting.
    drop(connect(server.http).await);
    server.switch.advance(Phase::Draining);
    for idle in &mut idle {
        assert!(matches!(within(idle.read_to_end(&mut Vec::new())).await, Ok(0) | Err(_)));
    }
    // Nobody accepts any more.
    let refused = async {
        while TcpStream::connect(server.http).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    within(refused).await;
    assert!(!server.finished.is_finished());
    server.let_go();
    let reply = answer(&mut busy).await;
    assert_eq!((reply.status, reply.header("connection")), (200, Some("close")));
    assert_eq!(within(first).await.unwrap().status(), Some(0));
    let refused = within(sender.ready()).await.map(|_| ());
    assert!(refused.is_err(), "GOAWAY came");
    let finished = tokio::time::timeout(LONG, server.finished).await.expect("finishes by itself");
    finished.unwrap().unwrap();
}

#[tokio::test]
async fn closing_answers_what_waits_retryably() {
    let server = Server::start(Setup::default()).await;
    server.hold();
    let sender = http2(server.grpc).await;
    let first = tokio::spawn({
        let sender = sender.clone();
        async move { call(&sender, TRACES, &[], framed(0, b"x")).await }
    });
    let mut busy = connect(server.http).await;
    busy.write_all(REQUEST.as_bytes()).await.unwrap();
    server.got_many(2).await;
    server.switch.advance(Phase::Closing);
    let reply = answer(&mut busy).await;
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("2")));
    assert!(reply.text().contains("shutting down"));
    let called = within(first).await.unwrap();
    assert_eq!(called.status(), Some(14));
    drop(sender);
    server.stop().await;
}

#[tokio::test]
async fn closing_does_not_wait_for_peers_that_do_not_read() {
    let server = Server::start(Setup::default()).await;
    let mut silent = connect(server.grpc).await;
    silent.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    let mut half = connect(server.http).await;
    half.write_all(&REQUEST.as_bytes()[..REQUEST.len() - 1]).await.unwrap();
    until("the request is admitted", || server.shared.gate.taken(Signal::Traces) == 1).await;
    server.stop().await;
}

#[tokio::test]
async fn a_worker_that_panics_ends_the_receivers() {
    struct Never;
    impl pipeline::Intake for Never {
        async fn store(&self, _: pipeline::Request) -> pipeline::Verdict {
            unreachable!("no request is sent")
        }
    }
    let (_switch, drain) = pipeline::drain();
    let shared = std::sync::Arc::new(pipeline::Shared {
        budget: pipeline::Budget::new(1 << 20, 0),
        gate: std::sync::Arc::new(pipeline::Gate::new(1)),
        metrics: std::sync::Arc::default(),
        health: std::sync::Arc::default(),
        drain,
    });
    let make = || -> Never { panic!("the test wants a panic") };
    let (workers, ended) = crate::Workers::start(1).unwrap();
    let config = super::config(&[]).unwrap();
    let windows = crate::Windows::new(&shared.budget);
    workers.station().prepare(crate::Generation::new(&config, shared, windows, make)).await;
    let ended = within(ended.finished()).await.unwrap_err();
    assert_eq!(ended.to_string(), "thread otlp-worker-0 ended by a panic");
}
