//! OTLP/HTTP: routes, media types, encodings, early refusals, and the shape of answers.

use otlp::Signal;
use pipeline::{Carried, Encoding, Refusal, Rejected, RetryReason, Verdict};
use tokio::io::AsyncWriteExt as _;

use super::client::{answer, call, called, framed, head, http2, post};
use super::{Server, Setup, connect, exchange, gzip, within};

const PROTOBUF: &str = "Content-Type: application/x-protobuf\r\n";
const JSON: &str = "Content-Type: application/json\r\n";

#[tokio::test]
async fn each_signal_has_its_path() {
    let server = Server::start(Setup::default()).await;
    for signal in Signal::ALL {
        let reply = post(server.http, signal.http_path(), PROTOBUF, b"body").await;
        assert_eq!((reply.status, reply.text()), (200, ""));
        assert_eq!(reply.header("content-type"), Some("application/x-protobuf"));
        let reply = post(server.http, &format!("{}/?a=b", signal.http_path()), JSON, b"{ }").await;
        assert_eq!((reply.status, reply.text()), (200, "{}"));
        assert_eq!(reply.header("content-type"), Some("application/json"));
    }
    let got = server.got();
    assert_eq!(got.len(), 8);
    assert_eq!((got[0].encoding, &got[0].body[..]), (Encoding::Protobuf, &b"body"[..]));
    assert_eq!((got[1].encoding, &got[1].body[..]), (Encoding::Json, &b"{ }"[..]));
    assert_eq!(got[7].signal, Signal::Profiles);
    server.stop().await;
}

/// Of both transports; the first of a name, whatever its case, and no other header.
#[tokio::test]
async fn a_request_takes_along_the_headers_that_were_named() {
    let carried: &[&str] = &["x-tenant", "x-region"];
    let server = Server::start(Setup { carried, ..Setup::default() }).await;
    let given = format!("{PROTOBUF}X-Tenant: blue\r\nx-tenant: red\r\nx-other: 1\r\n");
    post(server.http, "/v1/logs", &given, b"body").await;
    let long = "x".repeat(Carried::VALUE_BYTES_MAX + 1);
    let sender = http2(server.grpc).await;
    let headers = [("x-region", "eu"), ("x-tenant", &long)];
    call(&sender, Signal::Logs.grpc_path(), &headers, framed(0, b"body")).await;
    let got = server.got();
    let values: Vec<_> = got.iter().map(|got| (got.carried.get(0), got.carried.get(1))).collect();
    assert_eq!(values, [(Some(&b"blue"[..]), None), (None, Some(&b"eu"[..]))]);
    assert!(got.iter().all(|got| got.charged >= got.body.len() + got.carried.bytes()));
    drop(sender);
    server.stop().await;
}

#[tokio::test]
async fn paths_and_methods_that_are_not_served() {
    let server = Server::start(Setup::default()).await;
    for path in
        ["/", "/v1/tracesX", "/v1/traces/x", "//v1/traces", "/v1%2Ftraces", "/V1/traces", "/v1/traces//"]
    {
        let reply = post(server.http, path, JSON, b"{}").await;
        assert_eq!(reply.status, 404, "{path}");
        assert!(reply.text().contains("/v1/traces, /v1/metrics"), "{}", reply.text());
    }
    // The absolute form of a target (RFC 9112, 3.2.2) is served.
    assert_eq!(post(server.http, "http://x/v1/traces", JSON, b"{}").await.status, 200);
    for method in ["GET", "PUT", "OPTIONS"] {
        let mut socket = connect(server.http).await;
        let request = format!("{method} /v1/traces HTTP/1.1\r\nHost: x\r\n\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        let reply = answer(&mut socket).await;
        assert_eq!((reply.status, reply.header("allow")), (405, Some("POST")), "{method}");
        assert!(reply.text().starts_with("{\"code\":12"));
    }
    let (metrics, traces) = (&server.shared.metrics, server.shared.metrics.signal(Signal::Traces));
    assert_eq!((metrics.strays_refused(), traces.requests(), traces.requests_refused()), (7, 4, 3));
    server.stop().await;
}

#[tokio::test]
async fn errors_are_in_the_encoding_of_the_request() {
    let server = Server::start(Setup::default()).await;
    server.answer(Verdict::Refused(Refusal::Malformed("expected a \"tag\" at byte 3".into())));
    let reply = post(server.http, "/v1/logs", JSON, b"{}").await;
    assert_eq!((reply.status, reply.header("content-type")), (400, Some("application/json")));
    assert!(reply.text().starts_with(r#"{"code":3,"message":"expected a \"tag\" at byte 3","details":[{"#));
    let reply = post(server.http, "/v1/logs", PROTOBUF, b"x").await;
    assert_eq!((reply.status, reply.header("content-type")), (400, Some("application/x-protobuf")));
    assert!(reply.body.starts_with(b"\x08\x03\x12\x1aexpected a \"tag\" at byte 3\x1a"), "{:?}", reply.body);
    for (headers, status) in [
        ("Content-Type: text/plain\r\n", 415),
        ("", 415),
        ("Content-Type: application/json; charset=latin1\r\n", 415),
    ] {
        let reply = post(server.http, "/v1/logs", headers, b"{}").await;
        assert_eq!((reply.status, reply.header("content-type")), (status, Some("application/json")));
    }
    let reply = post(server.http, "/v1/nowhere", PROTOBUF, b"x").await;
    assert_eq!((reply.status, reply.header("content-type")), (404, Some("application/x-protobuf")));
    server.stop().await;
}

#[tokio::test]
async fn encodings_of_the_content() {
    let server = Server::start(Setup::default()).await;
    let zlib = {
        use std::io::Write as _;
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(b"body").unwrap();
        encoder.finish().unwrap()
    };
    let packed = gzip(b"body");
    for (coding, body) in
        [("gzip", &packed), ("X-GZIP", &packed), ("identity", &b"body".to_vec()), ("deflate", &zlib)]
    {
        let headers = format!("{PROTOBUF}Content-Encoding: {coding}\r\n");
        assert_eq!(post(server.http, "/v1/traces", &headers, body).await.status, 200, "{coding}");
        assert_eq!(server.got().last().unwrap().body, "body", "{coding}");
    }
    for coding in ["zstd", "gzip, gzip"] {
        let headers = format!("{PROTOBUF}Content-Encoding: {coding}\r\n");
        let reply = post(server.http, "/v1/traces", &headers, &packed).await;
        assert_eq!(reply.status, 415);
        assert_eq!(reply.header("accept-encoding"), Some("gzip, x-gzip, deflate, identity"));
    }
    let headers = format!("{PROTOBUF}Content-Encoding: deflate\r\n");
    let garbage = [zlib.clone(), b"x".to_vec()].concat();
    for bad in [&garbage[..], &zlib[..zlib.len() - 1]] {
        assert_eq!(post(server.http, "/v1/traces", &headers, bad).await.status, 400);
    }
    server.stop().await;
}

#[tokio::test]
async fn an_empty_body_is_a_protobuf_message_and_no_json() {
    let server = Server::start(Setup::default()).await;
    assert_eq!(post(server.http, "/v1/traces", PROTOBUF, b"").await.status, 200);
    assert_eq!(post(server.http, "/v1/traces", JSON, b"").await.status, 400);
    let headers = format!("{PROTOBUF}Content-Encoding: gzip\r\n");
    assert_eq!(post(server.http, "/v1/traces", &headers, b"").await.status, 400);
    assert_eq!(post(server.http, "/v1/traces", &headers, &gzip(b"")).await.status, 200);
    assert_eq!(server.got().len(), 2);
    server.stop().await;
}

#[tokio::test]
async fn the_limit_is_answered_before_the_body_is_read() {
    let server =
        Server::start(Setup { keys: &[("otlp.request.max.bytes", "100000")], ..Setup::default() }).await;
    let mut socket = connect(server.http).await;
    let head = format!("POST /v1/traces HTTP/1.1\r\nHost: x\r\n{PROTOBUF}Content-Length: 1000000000\r\n\r\n");
    socket.write_all(head.as_bytes()).await.unwrap();
    let reply = answer(&mut socket).await;
    assert_eq!((reply.status, reply.header("connection")), (413, Some("close")));
    assert_eq!(post(server.http, "/v1/traces", PROTOBUF, &[0; 100_000]).await.status, 200);
    assert_eq!(post(server.http, "/v1/traces", PROTOBUF, &[0; 100_001]).await.status, 413);
    // Undeclared.
    let mut socket = connect(server.http).await;
    let head = format!("POST /v1/traces HTTP/1.1\r\nHost: x\r\n{PROTOBUF}Transfer-Encoding: chunked\r\n\r\n");
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(&[b"186A1\r\n".as_slice(), &[0; 100_001], b"\r\n0\r\n\r\n"].concat()).await.unwrap();
    assert_eq!(answer(&mut socket).await.status, 413);
    // Unpacked.
    let headers = format!("{PROTOBUF}Content-Encoding: gzip\r\n");
    assert_eq!(post(server.http, "/v1/traces", &headers, &gzip(&[0; 100_000])).await.status, 200);
    assert_eq!(post(server.http, "/v1/traces", &headers, &gzip(&[0; 10_000_000])).await.status, 413);
    server.at_rest().await;
    server.stop().await;
}

#[tokio::test]
async fn a_refusal_reaches_a_client_that_first_sends_its_whole_body() {
    let keys = &[("otlp.request.max.bytes", "10000000")];
    let server = Server::start(Setup { keys, ..Setup::default() }).await;
    // More than the sockets' buffers hold, in one blocking piece.
    let body = vec![b'x'; 9_000_000];
    for (path, headers, status) in [("/nowhere", JSON, 404), ("/v1/traces", "", 415)] {
        let mut socket = connect(server.http).await;
        let head =
            format!("POST {path} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
        within(socket.write_all(head.as_bytes())).await.unwrap();
        within(socket.write_all(&body)).await.expect("the server reads on");
        assert_eq!(answer(&mut socket).await.status, status);
    }
    server.stop().await;
}

#[tokio::test]
async fn expect_continue() {
    let server =
        Server::start(Setup { keys: &[("otlp.request.max.bytes", "1024")], ..Setup::default() }).await;
    let ask = |path: &str, length: usize| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\n{PROTOBUF}Expect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
        )
    };
    let mut socket = connect(server.http).await;
    socket.write_all(ask("/v1/traces", 4).as_bytes()).await.unwrap();
    assert_eq!(answer(&mut socket).await.status, 100);
    socket.write_all(b"body").await.unwrap();
    assert_eq!(answer(&mut socket).await.status, 200);
    // A refusal comes instead.
    for (path, length, status) in [("/v1/traces", 2000, 413), ("/nowhere", 4, 404)] {
        let mut socket = connect(server.http).await;
        socket.write_all(ask(path, length).as_bytes()).await.unwrap();
        assert_eq!(answer(&mut socket).await.status, status);
    }
    server.stop().await;
}

#[tokio::test]
async fn a_body_that_ends_early_goes_nowhere() {
    let server = Server::start(Setup::default()).await;
    for head in ["Content-Length: 10\r\n\r\nbody", "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n"] {
        let mut socket = connect(server.http).await;
        let request = format!("POST /v1/traces HTTP/1.1\r\nHost: x\r\n{PROTOBUF}{head}");
        socket.write_all(request.as_bytes()).await.unwrap();
        socket.shutdown().await.unwrap();
        let mut text = Vec::new();
        use tokio::io::AsyncReadExt as _;
        let _reset = within(socket.read_to_end(&mut text)).await;
    }
    // The same, whole.
    let chunked = format!(
        "POST /v1/traces HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{PROTOBUF}Transfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n"
    );
    assert!(exchange(server.http, chunked.as_bytes()).await.starts_with("HTTP/1.1 200 "));
    assert_eq!(server.got().len(), 1);
    assert_eq!(server.got()[0].body, "body");
    server.at_rest().await;
    server.stop().await;
}

#[tokio::test]
async fn overload_is_503_with_whole_seconds() {
    let server = Server::start(Setup { keys: &[("otlp.retry.delay.ms", "1600")], ..Setup::default() }).await;
    server.answer(Verdict::Retry(RetryReason::HoldTime));
    let reply = post(server.http, "/v1/traces", JSON, b"{}").await;
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("2")));
    assert_eq!(reply.text(), r#"{"code":14,"message":"Kafka did not acknowledge in time"}"#);
    server.stop().await;
}

#[tokio::test]
async fn partial_success() {
    let server = Server::start(Setup::default()).await;
    server.answer(Verdict::Stored { rejected: Some(Rejected { items: 3, why: "too large".into() }) });
    let reply = post(server.http, "/v1/logs", JSON, b"{}").await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.text(), r#"{"partialSuccess":{"rejectedLogRecords":"3","errorMessage":"too large"}}"#);
    let reply = post(server.http, "/v1/logs", PROTOBUF, b"x").await;
    assert_eq!(reply.body, b"\x0a\x0d\x08\x03\x12\x09too large");
    server.stop().await;
}

#[tokio::test]
async fn http1_connections() {
    let server = Server::start(Setup::default()).await;
    // Two requests at once on one connection, the second asking to close.
    let one = format!("POST /v1/traces HTTP/1.1\r\nHost: x\r\n{JSON}Content-Length: 2\r\n\r\n{{}}");
    let last = one.replace("Host: x", "Host: x\r\nConnection: close");
    let text = exchange(server.http, format!("{one}{last}").as_bytes()).await;
    assert_eq!(text.matches("HTTP/1.1 200 OK").count(), 2, "{text}");
    let old = one.replace("HTTP/1.1", "HTTP/1.0");
    assert!(exchange(server.http, old.as_bytes()).await.starts_with("HTTP/1.0 200 "));
    // The JDK's client asks to upgrade; it is answered as if it had not.
    let upgrade = one.replace(
        "Host: x",
        "Host: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__",
    );
    let text = exchange(server.http, format!("{upgrade}{last}").as_bytes()).await;
    assert_eq!(text.matches("HTTP/1.1 200 OK").count(), 2, "{text}");
    server.stop().await;
}

#[tokio::test]
async fn smuggling_is_refused() {
    let server = Server::start(Setup::default()).await;
    for bad in [
        "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        "Content-Length: x\r\n\r\n{}",
        "Content-Length: +2\r\n\r\n{}",
        "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    ] {
        let request = format!("POST /v1/traces HTTP/1.1\r\nHost: x\r\n{JSON}{bad}");
        let text = exchange(server.http, request.as_bytes()).await;
        assert!(text.starts_with("HTTP/1.1 400 "), "{bad:?}: {text}");
    }
    let long = format!("POST /v1/traces HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(20_000));
    let text = exchange(server.http, long.as_bytes()).await;
    assert!(text.starts_with("HTTP/1.1 431 "), "{text}");
    assert_eq!(server.got(), []);
    server.stop().await;
}

#[tokio::test]
async fn http2_on_the_http_port() {
    let server = Server::start(Setup::default()).await;
    let mut sender = within(http2(server.http).await.ready()).await.unwrap();
    let (response, mut stream) =
        sender.send_request(head("/v1/metrics", &[("content-type", "application/json")]), false).unwrap();
    stream.send_data("{}".into(), true).unwrap();
    let reply = called(response).await;
    assert_eq!((reply.http_status, &reply.data[..]), (200, &b"{}"[..]));
    assert_eq!(server.got()[0].signal, Signal::Metrics);
    drop((sender, stream));
    server.stop().await;
}
