//! OTLP/gRPC: framing, compression, limits, and the shape of answers on the wire.

use bytes::Bytes;
use otlp::Signal;
use pipeline::{Encoding, Refusal, Rejected, RetryReason, Verdict};

use super::client::{DATA, END_STREAM, HEADERS, TRACES, Wire, call, called, framed, head, http2};
use super::{Server, Setup, exchange, gzip, within};

#[tokio::test]
async fn each_signal_has_its_method() {
    let server = Server::start(Setup::default()).await;
    let sender = http2(server.grpc).await;
    for signal in Signal::ALL {
        let called = call(&sender, signal.grpc_path(), &[], framed(0, b"body")).await;
        assert_eq!((called.http_status, called.status()), (200, Some(0)));
        assert!(!called.trailers_only, "a success has a message");
        assert_eq!(called.data[..], [0; 5]);
        assert_eq!(called.header("content-type"), Some("application/grpc"));
    }
    let got = server.got();
    assert_eq!(got.iter().map(|got| got.signal).collect::<Vec<_>>(), Signal::ALL);
    assert!(got.iter().all(|got| got.body == "body" && got.encoding == Encoding::Protobuf));
    drop(sender);
    server.stop().await;
}

#[tokio::test]
async fn a_request_is_exactly_one_message() {
    let server = Server::start(Setup::default()).await;
    let sender = http2(server.grpc).await;
    let two = [framed(0, b"one"), framed(0, b"two")].concat();
    let large = [framed(0, &[7; 100_000]), framed(0, b"two")].concat();
    for body in
        [Bytes::new(), two.into(), large.into(), Bytes::from_static(&[0, 0, 0]), framed(0, b"abc").slice(..6)]
    {
        let called = call(&sender, TRACES, &[], body.clone()).await;
        assert_eq!(called.status(), Some(3), "{} bytes", body.len());
        assert!(called.trailers_only);
    }
    assert_eq!(server.got(), [], "nothing of it went on");
    // An empty message is one: a request without items.
    assert_eq!(call(&sender, TRACES, &[], framed(0, b"")).await.status(), Some(0));
    assert_eq!(server.got()[0].body, "");
    server.at_rest().await;
    drop(sender);
    server.stop().await;
}

#[tokio::test]
async fn success_is_headers_data_trailers_and_an_error_is_one_headers_frame() {
    let server = Server::start(Setup::default()).await;
    let mut wire = Wire::open(server.grpc).await;
    wire.call(1, TRACES).await;
    wire.send(DATA, END_STREAM, 1, &framed(0, b"x")).await;
    let frames = wire.frames_of(1).await;
    let shape: Vec<(u8, bool)> =
        frames.iter().map(|frame| (frame.kind, frame.flags & END_STREAM != 0)).collect();
    assert_eq!(shape, [(HEADERS, false), (DATA, false), (HEADERS, true)]);
    assert_eq!(frames[1].length, 5);

    let verdicts = [
        Verdict::Retry(RetryReason::Kafka("NOT_ENOUGH_REPLICAS")),
        Verdict::Refused(Refusal::Malformed("at byte 3".into())),
        Verdict::Refused(Refusal::TooLarge("too many".into())),
    ];
    let mut stream = 1;
    for verdict in verdicts {
        server.answer(verdict.clone());
        stream += 2;
        wire.call(stream, TRACES).await;
        wire.send(DATA, END_STREAM, stream, &framed(0, b"x")).await;
        let frames = wire.frames_of(stream).await;
        let shape: Vec<(u8, bool)> =
            frames.iter().map(|frame| (frame.kind, frame.flags & END_STREAM != 0)).collect();
        assert_eq!(shape, [(HEADERS, true)], "{verdict:?}");
    }
    // Unknown method.
    wire.call(99, "/a.B/C").await;
    assert_eq!(wire.frames_of(99).await.len(), 1);
    drop(wire);
    server.stop().await;
}

#[tokio::test]
async fn refusals_name_their_codes() {
    let server = Server::start(Setup::default()).await;
    let sender = http2(server.grpc).await;
    let ok = framed(0, b"x");
    for path in
        ["/a.B/C", "/opentelemetry.proto.collector.trace.v1experimental.TraceService/Export", "/v1/traces"]
    {
        let called = call(&sender, path, &[], ok.clone()).await;
        assert_eq!((called.http_status, called.status()), (200, Some(12)), "{path}");
    }
    for (content_type, status) in [
        ("application/grpc+proto", 200),
        ("application/grpc; x=y", 200),
        ("application/json", 415),
        ("application/grpc-web", 415),
    ] {
        let called = call(&sender, TRACES, &[("content-type", content_type)], ok.clone()).await;
        assert_eq!(called.http_status, status, "{content_type}");
    }
    let called = call(&sender, TRACES, &[("grpc-encoding", "zstd")], ok.clone()).await;
    assert_eq!(called.status(), Some(12));
    assert_eq!(called.header("grpc-accept-encoding"), Some("identity,gzip"));
    for (flag, encoding, status) in
        [(1, "identity", 13), (2, "identity", 13), (255, "gzip", 13), (0, "gzip", 0), (0, "identity", 0)]
    {
        let called = call(&sender, TRACES, &[("grpc-encoding", encoding)], framed(flag, b"x")).await;
        assert_eq!(called.status(), Some(status), "flag {flag} under {encoding}");
    }
    let (metrics, traces) = (&server.shared.metrics, server.shared.metrics.signal(Signal::Traces));
    assert_eq!((metrics.strays_refused(), traces.requests(), traces.requests_refused()), (3, 10, 6));
    drop(sender);
    server.stop().await;
}

#[tokio::test]
async fn gzip_is_read_whole_or_refused() {
    let server = Server::start(Setup::default()).await;
    let sender = http2(server.grpc).await;
    let plain = "telemetry ".repeat(10_000);
    let packed = gzip(plain.as_bytes());
    let members = [gzip(b"first "), gzip(b""), gzip(b"second")].concat();
    let gzipped = [("grpc-encoding", "gzip")];
    assert_eq!(call(&sender, TRACES, &gzipped, framed(1, &packed)).await.status(), Some(0));
    assert_eq!(call(&sender, TRACES, &gzipped, framed(1, &members)).await.status(), Some(0));
    let got = server.got();
    assert_eq!(got[0].body, plain);
    assert_eq!(got[1].body, "first second");
    assert!(got[0].charged >= plain.len());

    let mut wrong_crc = packed.clone();
    let at = wrong_crc.len() - 8;
    wrong_crc[at] ^= 1;
    let garbage = [packed.clone(), b"more".to_vec()].concat();
    for bad in [&packed[..packed.len() - 1], &packed[..packed.len() / 2], &wrong_crc, &garbage, b"", b"plain"]
    {
        let called = call(&sender, TRACES, &gzipped, framed(1, bad)).await;
        assert_eq!(called.status(), Some(3), "{} bytes", bad.len());
    }
    assert_eq!(server.got().len(), 2);
    server.at_rest().await;
    drop(sender);
    server.stop().await;
}

#[tokio::test]
async fn the_limit_counts_bytes_as_sent_and_as_unpacked() {
    let server =
        Server::start(Setup { keys: &[("otlp.request.max.bytes", "2000000")], ..Setup::default() }).await;
    let sender = http2(server.grpc).await;
    let gzipped = [("grpc-encoding", "gzip")];
    let (at, over) = (vec![0; 2_000_000], vec![0; 2_000_001]);
    assert_eq!(call(&sender, TRACES, &[], framed(0, &at)).await.status(), Some(0));
    assert_eq!(call(&sender, TRACES, &gzipped, framed(1, &gzip(&at))).await.status(), Some(0));
    for called in [
        call(&sender, TRACES, &[], framed(0, &over)).await,
        call(&sender, TRACES, &gzipped, framed(1, &gzip(&over))).await,
        // A bomb: 100 MB in 100 KB.
        call(&sender, TRACES, &gzipped, framed(1, &gzip(&vec![0; 100_000_000]))).await,
    ] {
        assert_eq!(called.status(), Some(8));
        assert!(called.trailers_only);
        assert_eq!(called.header("grpc-status-details-bin"), None, "nothing that says: come again");
        assert_eq!(called.header("google.rpc.retryinfo-bin"), None);
    }
    assert_eq!(server.got().len(), 2);
    server.at_rest().await;
    drop(sender);
    server.stop().await;
}

#[tokio::test]
async fn a_prefix_of_four_gib_is_refused_before_anything_is_held() {
    let server = Server::start(Setup::default()).await;
    let mut sender = within(http2(server.grpc).await.ready()).await.unwrap();
    let (response, mut stream) = sender.send_request(head(TRACES, &[]), false).unwrap();
    stream.send_data(Bytes::from_static(&[0, 0xff, 0xff, 0xff, 0xff]), false).unwrap();
    let called = called(response).await;
    assert_eq!(called.status(), Some(8));
    // RFC 9113, 8.1: the rest of the body is not wanted, and nothing is wrong.
    let reset = within(std::future::poll_fn(|context| stream.poll_reset(context))).await.unwrap();
    assert_eq!(reset, h2::Reason::NO_ERROR);
    // The connection goes on.
    assert_eq!(call(&sender, TRACES, &[], framed(0, b"x")).await.status(), Some(0));
    drop((sender, stream));
    server.stop().await;
}

#[tokio::test]
async fn back_pressure_carries_both_forms_of_the_delay() {
    let server = Server::start(Setup::default()).await;
    server.answer(Verdict::Retry(RetryReason::Kafka("NOT_LEADER_OR_FOLLOWER")));
    let sender = http2(server.grpc).await;
    let called = call(&sender, TRACES, &[], framed(0, b"x")).await;
    assert_eq!(called.status(), Some(14));
    assert!(called.trailers_only);
    assert_eq!(called.header("grpc-message"), Some("Kafka answered NOT_LEADER_OR_FOLLOWER"));
    let info = called.header("google.rpc.retryinfo-bin").unwrap();
    assert!(called.header("grpc-status-details-bin").unwrap().len() > info.len());
    drop(sender);
    server.stop().await;
}

#[tokio::test]
async fn partial_success_counts_in_the_message() {
    let server = Server::start(Setup::default()).await;
    server.answer(Verdict::Stored { rejected: Some(Rejected { items: 300, why: "too large".into() }) });
    let sender = http2(server.grpc).await;
    let called = call(&sender, TRACES, &[], framed(0, b"x")).await;
    assert_eq!(called.status(), Some(0));
    assert_eq!(called.data, framed(0, b"\x0a\x0e\x08\xac\x02\x12\x09too large"));
    drop(sender);
    server.stop().await;
}

#[tokio::test]
async fn http1_on_the_grpc_port_is_told_so_at_once() {
    let server = Server::start(Setup::default()).await;
    let post = "POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
    for request in ["GET / HTTP/1.1\r\nHost: x\r\n\r\n", post] {
        let text = exchange(server.grpc, request.as_bytes()).await;
        assert!(text.starts_with("HTTP/1.1 400 "), "{text}");
        assert!(text.contains("4318"), "{text}");
    }
    // The first bytes of a TLS handshake on a plain port.
    let text = exchange(server.grpc, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03").await;
    assert!(text.is_empty() || text.starts_with("HTTP/1.1 400 "), "{text}");
    server.stop().await;
}

#[tokio::test]
async fn the_senders_timeout_is_kept() {
    let server = Server::start(Setup::default()).await;
    server.hold();
    let sender = http2(server.grpc).await;
    let start = tokio::time::Instant::now();
    let called = call(&sender, TRACES, &[("grpc-timeout", "400m")], framed(0, b"x")).await;
    assert_eq!(called.status(), Some(14));
    assert!(start.elapsed() < std::time::Duration::from_secs(5));
    server.let_go();
    for garbage in ["99999999H", "-1S", "soon"] {
        let called = call(&sender, TRACES, &[("grpc-timeout", garbage)], framed(0, b"x")).await;
        assert_eq!(called.status(), Some(0), "{garbage}");
    }
    drop(sender);
    server.stop().await;
}

#[tokio::test]
async fn a_body_in_many_frames_arrives_whole() {
    let server = Server::start(Setup::default()).await;
    let seed = fastrand::u64(..);
    let mut random = fastrand::Rng::with_seed(seed);
    let mut sender = within(http2(server.grpc).await.ready()).await.unwrap();
    for round in 0..20 {
        let length = random.usize(..300_000);
        let body: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(length).collect();
        let mut rest = framed(0, &body);
        let (response, mut stream) = sender.send_request(head(TRACES, &[]), false).unwrap();
        while !rest.is_empty() {
            let most = if random.bool() { 10 } else { 70_000 };
            stream.send_data(rest.split_to(random.usize(1..=rest.len().min(most))), false).unwrap();
        }
        stream.send_data(Bytes::new(), true).unwrap();
        assert_eq!(called(response).await.status(), Some(0), "seed {seed} round {round}");
        assert_eq!(server.got().last().unwrap().body, body, "seed {seed} round {round}");
        assert!(server.got().last().unwrap().charged >= body.len());
    }
    server.at_rest().await;
    drop(sender);
    server.stop().await;
}

#[tokio::test]
async fn a_panic_is_the_answer_to_its_own_request() {
    let server = Server::start(Setup::default()).await;
    let sender = http2(server.grpc).await;
    server.told.panic.store(true, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(call(&sender, TRACES, &[], framed(0, b"x")).await.status(), Some(13));
    server.told.panic.store(false, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(call(&sender, TRACES, &[], framed(0, b"x")).await.status(), Some(0));
    server.at_rest().await;
    drop(sender);
    server.stop().await;
}
