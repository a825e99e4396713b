//! Updates in place: which requests are whose, and which connections stay.

use otlp::Signal;
use pipeline::RetryReason;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::client::{TRACES, answer, call, framed, http2, post};
use super::{Door, LONG, Server, Setup, config, connect, within};

const JSON: &str = "Content-Type: application/json\r\n";
const REQUEST: &str =
    "POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";

#[tokio::test]
async fn requests_in_flight_finish_under_the_old_and_new_ones_get_the_new() {
    let server = Server::start(Setup::default()).await;
    server.hold();
    let sender = http2(server.grpc).await;
    let first = tokio::spawn({
        let sender = sender.clone();
        async move { call(&sender, TRACES, &[], framed(0, b"old")).await }
    });
    let mut socket = connect(server.http).await;
    socket.write_all(REQUEST.as_bytes()).await.unwrap();
    server.got_many(2).await;

    let (told, retired) = server.update(&[("otlp.request.max.bytes", "1024")]).await;
    // The same connection, and the limit and the intake of now.
    assert_eq!(within(call(&sender, TRACES, &[], framed(0, b"new"))).await.status(), Some(0));
    assert_eq!(within(call(&sender, TRACES, &[], framed(0, &[0; 1025]))).await.status(), Some(8));
    assert_eq!(told.got.borrow().len(), 1);
    let retired = tokio::spawn(retired.done());
    assert!(!retired.is_finished());

    server.let_go();
    assert_eq!(within(first).await.unwrap().status(), Some(0));
    assert_eq!(answer(&mut socket).await.status, 200);
    within(retired).await.unwrap();
    assert_eq!(server.got().len(), 2);
    socket.write_all(REQUEST.as_bytes()).await.unwrap();
    assert_eq!(answer(&mut socket).await.status, 200);
    assert_eq!(told.got.borrow().len(), 2);
    drop(sender);
    server.stop().await;
}

#[tokio::test]
async fn many_updates_leave_nothing_behind() {
    let server = Server::start(Setup::default()).await;
    let sender = http2(server.grpc).await;
    for _ in 0..50 {
        let (told, retired) = server.update(&[]).await;
        assert_eq!(within(call(&sender, TRACES, &[], framed(0, b"x"))).await.status(), Some(0));
        assert_eq!(told.got.borrow().len(), 1);
        within(retired.done()).await;
    }
    drop(sender);
    server.stop().await;
}

#[tokio::test]
async fn a_paused_connector_refuses_retryably_and_keeps_its_connections() {
    let server = Server::start(Setup::default()).await;
    let sender = http2(server.grpc).await;
    assert_eq!(call(&sender, TRACES, &[], framed(0, b"x")).await.status(), Some(0));
    let station = server.station.upgrade().unwrap();
    station.pause(true).await;
    assert_eq!(call(&sender, TRACES, &[], framed(0, b"x")).await.status(), Some(14));
    let refused = post(server.http, "/v1/logs", JSON, b"{}").await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("2")));
    assert!(refused.text().contains(&RetryReason::Paused.to_string()), "{}", refused.text());
    // An update does not resume.
    let (told, _) = server.update(&[]).await;
    assert_eq!(call(&sender, TRACES, &[], framed(0, b"x")).await.status(), Some(14));
    station.pause(false).await;
    assert_eq!(call(&sender, TRACES, &[], framed(0, b"x")).await.status(), Some(0));
    assert_eq!((server.got().len(), told.got.borrow().len()), (1, 1));
    assert_eq!(server.shared.gate.taken(Signal::Traces), 0);
    drop((sender, station));
    server.stop().await;
}

#[tokio::test]
async fn a_port_that_closes_is_free_and_its_connections_leave() {
    let server = Server::start(Setup::default()).await;
    server.hold();
    let station = server.station.upgrade().unwrap();
    let config = config(&[]).unwrap();
    let open =
        |bound| station.listen(bound, Door::Http, None, config.connections_max, &server.shared.metrics);
    let mut listening = open(crate::bind(config.address(Door::Http).unwrap()).unwrap());
    let addr = listening.addr();
    let mut busy = connect(addr).await;
    busy.write_all(REQUEST.as_bytes()).await.unwrap();
    server.got_many(1).await;

    // Other TLS settings: the port stays open, and what is open leaves.
    let leaving = station.renew(&mut listening, Door::Http, None);
    let mut second = connect(addr).await;
    second.write_all(REQUEST.as_bytes()).await.unwrap();
    server.got_many(2).await;
    assert!(tokio::time::timeout(std::time::Duration::ZERO, leaving.finished()).await.is_err());

    let also_leaving = listening.close().await;
    assert!(tokio::net::TcpStream::connect(addr).await.is_err());
    let again =
        crate::bind(&crate::Address { port: addr.port(), ..config.address(Door::Http).unwrap().clone() });
    drop(again.expect("the port is free"));
    server.let_go();
    for mut socket in [busy, second] {
        let reply = answer(&mut socket).await;
        assert_eq!((reply.status, reply.header("connection")), (200, Some("close")));
        assert_eq!(within(socket.read_to_end(&mut Vec::new())).await.unwrap(), 0);
    }
    let both = async { tokio::join!(leaving.finished(), also_leaving.finished()) };
    tokio::time::timeout(LONG, both).await.expect("they have left");
    drop(station);
    server.stop().await;
}
