//! What holds under load and against slow or absent peers: places, bytes, connections, times.

use std::time::Duration;

use bytes::Bytes;
use otlp::Signal;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::client::{
    DATA, END_STREAM, HEADERS, TRACES, Wire, answer, call, called, framed, head, http2, post,
};
use super::{Server, Setup, connect, until, within};

const PROTOBUF: &str = "Content-Type: application/x-protobuf\r\n";

#[tokio::test]
async fn a_full_line_is_answered_at_the_deadline() {
    let keys = &[("otlp.request.hold.ms", "300")];
    let server = Server::start(Setup { keys, places: 1, ..Setup::default() }).await;
    server.hold();
    let sender = http2(server.grpc).await;
    let first = tokio::spawn({
        let sender = sender.clone();
        async move { call(&sender, TRACES, &[("grpc-timeout", "1H")], framed(0, b"first")).await }
    });
    server.got_many(1).await;
    let second = call(&sender, TRACES, &[("grpc-timeout", "200m")], framed(0, b"second")).await;
    assert_eq!(second.status(), Some(14));
    assert_eq!(second.header("grpc-message"), Some("too many unacknowledged requests"));
    // Other signals have lines of their own.
    let http = post(server.http, "/v1/logs", PROTOBUF, b"x").await;
    assert_eq!(http.status, 503);
    assert_eq!(within(first).await.unwrap().status(), Some(14));
    assert_eq!(server.got().len(), 2);
    server.at_rest().await;
    drop(sender);
    server.stop().await;
}

#[tokio::test]
async fn a_full_budget_is_answered_at_the_deadline() {
    let keys = &[("otlp.request.hold.ms", "300"), ("otlp.request.max.bytes", "1000000")];
    let server = Server::start(Setup { keys, budget_bytes: 8 << 20, ..Setup::default() }).await;
    let mut all = server.shared.budget.open();
    while all.try_grow(1024) {}
    // The reserve as well.
    let far = pipeline::Deadline::after(Duration::from_secs(60), None);
    all.grow(4 << 20, far).await.unwrap();
    let reply = post(server.http, "/v1/logs", PROTOBUF, &[0; 1000]).await;
    assert_eq!(reply.status, 503);
    assert!(reply.body.ends_with(b"memory for requests is in use"), "{:?}", reply.body);
    drop(all);
    assert_eq!(post(server.http, "/v1/logs", PROTOBUF, &[0; 1000]).await.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_goes_away_frees_what_it_held() {
    let server = Server::start(Setup { places: 2, ..Setup::default() }).await;
    server.hold();
    // One reset stream while the request waits for Kafka, one closed connection.
    let sender = http2(server.grpc).await;
    let mut ready = within(sender.clone().ready()).await.unwrap();
    let (_response, mut stream) = ready.send_request(head(TRACES, &[]), false).unwrap();
    stream.send_data(framed(0, &[1; 100_000]), true).unwrap();
    let mut socket = connect(server.http).await;
    let request = format!("POST /v1/traces HTTP/1.1\r\nHost: x\r\n{PROTOBUF}Content-Length: 4\r\n\r\nbody");
    socket.write_all(request.as_bytes()).await.unwrap();
    server.got_many(2).await;
    assert_eq!(server.shared.gate.taken(Signal::Traces), 2);
    stream.send_reset(h2::Reason::CANCEL);
    drop(socket);
    server.at_rest().await;
    // In the middle of a body.
    let (_response, mut stream) = ready.send_request(head(TRACES, &[]), false).unwrap();
    stream.send_data(framed(0, &[1; 100_000]).slice(..50_000), false).unwrap();
    until("the request is admitted", || server.shared.gate.taken(Signal::Traces) == 1).await;
    stream.send_reset(h2::Reason::CANCEL);
    server.at_rest().await;
    assert_eq!(server.got().len(), 2);
    drop((sender, ready, stream));
    server.stop().await;
}

#[tokio::test]
async fn a_body_that_stops_is_answered_retryably() {
    let server = Server::start(Setup { keys: &[("otlp.body.timeout.ms", "150")], ..Setup::default() }).await;
    let mut socket = connect(server.http).await;
    let request = format!("POST /v1/traces HTTP/1.1\r\nHost: x\r\n{PROTOBUF}Content-Length: 100\r\n\r\nbody");
    socket.write_all(request.as_bytes()).await.unwrap();
    let reply = answer(&mut socket).await;
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("2")));
    assert_eq!(within(socket.read_to_end(&mut Vec::new())).await.unwrap(), 0, "closed");
    drop(socket);

    let sender = http2(server.grpc).await;
    let mut ready = within(sender.clone().ready()).await.unwrap();
    let (response, mut stream) = ready.send_request(head(TRACES, &[]), false).unwrap();
    stream.send_data(Bytes::from_static(&[0, 0, 0, 1, 0, 7]), false).unwrap();
    assert_eq!(called(response).await.status(), Some(14));
    server.at_rest().await;
    drop((sender, ready, stream));
    server.stop().await;
}

#[tokio::test]
async fn a_head_that_does_not_come_ends_the_connection() {
    let keys = &[("otlp.header.timeout.ms", "150"), ("otlp.idle.timeout.ms", "60000")];
    let server = Server::start(Setup { keys, ..Setup::default() }).await;
    let whole = format!("POST /v1/traces HTTP/1.1\r\nHost: x\r\n{PROTOBUF}Content-Length: 4\r\n\r\nbody");
    for beginning in ["", "PRI * HT", "POST /v1/traces HTTP/1.1\r\nHost"] {
        let mut socket = connect(server.http).await;
        socket.write_all(beginning.as_bytes()).await.unwrap();
        let _reset = within(socket.read_to_end(&mut Vec::new())).await;
    }
    // Idle between two requests is not the same: let more than the timeout go by.
    let mut socket = connect(server.http).await;
    socket.write_all(whole.as_bytes()).await.unwrap();
    assert_eq!(answer(&mut socket).await.status, 200);
    tokio::time::sleep(Duration::from_millis(400)).await;
    socket.write_all(whole.as_bytes()).await.unwrap();
    assert_eq!(answer(&mut socket).await.status, 200);
    socket.write_all(b"POST ").await.unwrap();
    let _reset = within(socket.read_to_end(&mut Vec::new())).await;
    server.stop().await;
}

#[tokio::test]
async fn an_idle_connection_ends() {
    let server = Server::start(Setup { keys: &[("otlp.idle.timeout.ms", "1000")], ..Setup::default() }).await;
    let sender = http2(server.grpc).await;
    assert_eq!(call(&sender, TRACES, &[], framed(0, b"x")).await.status(), Some(0));
    let mut socket = connect(server.http).await;
    let whole = format!("POST /v1/traces HTTP/1.1\r\nHost: x\r\n{PROTOBUF}Content-Length: 4\r\n\r\nbody");
    socket.write_all(whole.as_bytes()).await.unwrap();
    assert_eq!(answer(&mut socket).await.status, 200);
    assert_eq!(within(socket.read_to_end(&mut Vec::new())).await.unwrap(), 0);
    until("both are closed", || server.shared.metrics.connections().get() == 0).await;
    server.stop().await;
}

/// A request that was under way when its connection was told that it had been idle for too long.
#[tokio::test]
async fn a_request_that_crosses_the_end_of_an_idle_connection_is_answered() {
    const GOAWAY: u8 = 7;
    let server = Server::start(Setup { keys: &[("otlp.idle.timeout.ms", "1000")], ..Setup::default() }).await;
    let mut wire = Wire::open(server.grpc).await;
    while wire.frame().await.kind != GOAWAY {}
    server.hold();
    wire.call(1, TRACES).await;
    wire.send(DATA, END_STREAM, 1, &framed(0, b"x")).await;
    server.got_many(1).await;
    // Longer than answers may take to leave a connection that ends.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    server.let_go();
    let frames = wire.frames_of(1).await;
    assert_eq!(frames.iter().map(|frame| frame.kind).collect::<Vec<_>>(), [HEADERS, DATA, HEADERS]);
    until("it ends", || server.shared.metrics.connections().get() == 0).await;
    server.stop().await;
}

#[tokio::test]
async fn connections_over_the_limit_are_closed_at_once() {
    let server = Server::start(Setup { keys: &[("otlp.connections.max", "2")], ..Setup::default() }).await;
    let whole = format!("POST /v1/traces HTTP/1.1\r\nHost: x\r\n{PROTOBUF}Content-Length: 4\r\n\r\nbody");
    let mut kept = Vec::new();
    for _ in 0..2 {
        let mut socket = connect(server.http).await;
        socket.write_all(whole.as_bytes()).await.unwrap();
        assert_eq!(answer(&mut socket).await.status, 200);
        kept.push(socket);
    }
    let mut socket = connect(server.grpc).await;
    assert!(matches!(within(socket.read_to_end(&mut Vec::new())).await, Ok(0) | Err(_)));
    assert_eq!(server.shared.metrics.connections_refused(), 1);
    assert_eq!(server.shared.metrics.connections().get(), 2);
    drop(kept.pop());
    until("a place is free", || server.shared.metrics.connections().get() == 1).await;
    let mut socket = connect(server.http).await;
    socket.write_all(whole.as_bytes()).await.unwrap();
    assert_eq!(answer(&mut socket).await.status, 200);
    drop((socket, kept));
    server.stop().await;
}

#[tokio::test]
async fn a_stalled_stream_does_not_stall_the_others() {
    let server = Server::start(Setup::default()).await;
    let sender = http2(server.grpc).await;
    let mut ready = within(sender.clone().ready()).await.unwrap();
    let (_response, mut stream) = ready.send_request(head(TRACES, &[]), false).unwrap();
    stream.send_data(framed(0, &[1; 1000]).slice(..10), false).unwrap();
    for _ in 0..10 {
        assert_eq!(call(&sender, TRACES, &[], framed(0, b"x")).await.status(), Some(0));
    }
    drop((stream, sender, ready));
    server.stop().await;
}

#[tokio::test]
async fn a_connection_without_a_window_still_works() {
    // A quarter of this is less than the smallest window.
    let server = Server::start(Setup { budget_bytes: 900 << 10, ..Setup::default() }).await;
    let sender = http2(server.grpc).await;
    for _ in 0..3 {
        assert_eq!(call(&sender, TRACES, &[], framed(0, &[7; 300_000])).await.status(), Some(0));
        assert_eq!(server.got().last().unwrap().charged, 300_000);
    }
    assert_eq!(server.shared.budget.used_bytes(), 0);
    assert_eq!(post(server.http, "/v1/logs", PROTOBUF, &[7; 300_000]).await.status, 200);
    drop(sender);
    server.stop().await;
}

#[tokio::test]
async fn unread_bytes_of_many_connections_are_charged_or_few() {
    let server = Server::start(Setup { places: 1, ..Setup::default() }).await;
    server.hold();
    // One request takes the only place; the others send what their windows let them, and nobody reads it.
    let first = http2(server.grpc).await;
    let mut ready = within(first.clone().ready()).await.unwrap();
    let (_held, mut stream) = ready.send_request(head(TRACES, &[]), false).unwrap();
    stream.send_data(framed(0, b"x"), true).unwrap();
    server.got_many(1).await;
    let mut kept = Vec::new();
    for _ in 0..20 {
        let sender = http2(server.grpc).await;
        let mut ready = within(sender.clone().ready()).await.unwrap();
        let (response, mut stream) = ready.send_request(head(TRACES, &[]), false).unwrap();
        stream.send_data(framed(0, &vec![7; 2 << 20]), true).unwrap();
        kept.push((sender, response, stream));
    }
    until("all windows are given", || server.shared.metrics.connections().get() == 21).await;
    let quarter = server.shared.budget.total_bytes() / 4;
    until("all windows are charged", || server.shared.budget.used_bytes() >= 8 * (4 << 20) + 13 * (1 << 20))
        .await;
    assert!(server.shared.budget.used_bytes() <= quarter + (1 << 20));
    server.let_go();
    for (_, response, _) in kept {
        assert_eq!(called(response).await.status(), Some(0));
    }
    drop((first, ready, stream));
    server.stop().await;
}

#[tokio::test]
async fn a_message_of_the_largest_size_on_a_fresh_connection() {
    let server = Server::start(Setup::default()).await;
    let sender = http2(server.grpc).await;
    let body = vec![7; 64 << 20];
    assert_eq!(call(&sender, TRACES, &[], framed(0, &body)).await.status(), Some(0));
    assert_eq!(server.got()[0].body.len(), 64 << 20);
    assert_eq!(server.got()[0].charged, 64 << 20);
    server.at_rest().await;
    drop(sender);
    server.stop().await;
}
