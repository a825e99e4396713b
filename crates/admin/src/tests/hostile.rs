//! Bodies and names of anyone: each gets an answer, and nothing is half done.

use std::time::Duration;

use pipeline::Phase;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{call, call_with, create, exchange, send, start, start_with};
use crate::Serves;

#[tokio::test]
async fn a_body_over_the_limit_is_refused() {
    let server = start().await;
    let body = |bytes: usize| {
        let filler = "x".repeat(bytes - r#"{"connector.class":"SomeSource","x":""}"#.len());
        format!(r#"{{"connector.class":"SomeSource","x":"{filler}"}}"#)
    };
    assert_eq!(send(server.addr, "PUT", "/connectors/a/config", &body(64 << 10)).await.status, 201);
    let answer = send(server.addr, "PUT", "/connectors/b/config", &body((64 << 10) + 1)).await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (413, r#"{"error_code":413,"message":"HTTP 413 Payload Too Large"}"#)
    );
    let chunk = format!("10001\r\n{}\r\n0\r\n\r\n", body(0x10001));
    let request = format!(
        "PUT /connectors/b/config HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Transfer-Encoding: chunked\r\n\r\n{chunk}"
    );
    assert_eq!(exchange(server.addr, &request).await.status, 413);
    assert_eq!(call(server.addr, "GET", "/connectors").await.body, r#"["a"]"#);
}

#[tokio::test]
async fn bodies_of_other_types_are_refused() {
    let server = start().await;
    for (line, status) in [
        ("Content-Type: text/plain\r\n", 415),
        ("Content-Type: application/x-www-form-urlencoded\r\n", 415),
        ("Content-Type: application/json;charset=utf-8\r\n", 201),
        ("", 415),
    ] {
        let body = r#"{"connector.class":"SomeSource"}"#;
        let lines = format!("{line}Content-Length: {}\r\n\r\n{body}", body.len());
        let answer = call_with(server.addr, "PUT", "/connectors/a/config", &lines).await;
        assert_eq!(answer.status, status, "{line}");
    }
}

#[tokio::test]
async fn hostile_names_go_through_or_are_refused_whole() {
    let server = start().await;
    let long = "n".repeat(10 << 10);
    let names = ["..", "../../etc", "a/b", "a b", "ü→", "%2e", "?x#y", "'\";--", "con", long.as_str()];
    for name in names {
        let json = serde_json::json!({"name": name, "config": {"connector.class": "SomeSource"}}).to_string();
        let answer = send(server.addr, "POST", "/connectors", &json).await;
        assert_eq!(answer.status, 201, "{name}: {}", answer.body);
        let location = answer.head.split("location: http://rest.example").nth(1).unwrap();
        let path = location.split("\r\n").next().unwrap();
        let answer = call(server.addr, "GET", &format!("{path}/config")).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.body.contains(&serde_json::to_string(name).unwrap()), "{}", answer.body);
        assert_eq!(call(server.addr, "DELETE", path).await.status, 204, "{path}");
    }
    assert_eq!(call(server.addr, "GET", "/connectors").await.body, "[]");
}

#[tokio::test]
async fn of_many_creations_of_one_name_one_succeeds() {
    let server = start().await;
    let attempt = async || {
        let body = r#"{"name":"a","config":{"connector.class":"SomeSource"}}"#;
        send(server.addr, "POST", "/connectors", body).await.status
    };
    let (a, b, c, d) = tokio::join!(attempt(), attempt(), attempt(), attempt());
    let mut all = [a, b, c, d];
    all.sort_unstable();
    assert_eq!(all, [201, 409, 409, 409]);
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_answered() {
    let server = start_with(&[("rest.request.timeout.ms", "1000")], Serves::All, None).await;
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    let head = "PUT /connectors/a/config HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
                Content-Type: application/json\r\nContent-Length: 10\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    tokio::time::timeout(Duration::from_secs(10), stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 500"), "{answer}");
    assert!(answer.ends_with(r#"{"error_code":500,"message":"Request timed out"}"#), "{answer}");
}

#[tokio::test]
async fn a_peer_that_does_not_read_gives_its_place_back() {
    let keys = [("rest.connections.max", "1"), ("rest.write.timeout.ms", "100")];
    let server = start_with(&keys, Serves::All, None).await;
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    let calls = "GET /connector-plugins/SomeSource/config HTTP/1.1\r\nHost: x\r\n\r\n".repeat(64);
    let cut_off = async { while stream.write_all(calls.as_bytes()).await.is_ok() {} };
    tokio::time::timeout(Duration::from_secs(10), cut_off).await.expect("the connection is closed");
    // It is still open on this side, and the one place that there is has become free.
    assert_eq!(call(server.addr, "GET", "/connectors").await.status, 200);
}

#[tokio::test]
async fn a_call_does_not_hold_up_the_end() {
    let server = start_with(&[("rest.write.timeout.ms", "100")], Serves::All, None).await;
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    let head = "PUT /connectors/a/config HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\
                Content-Type: application/json\r\nContent-Length: 10\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 100");
    server.switch.advance(Phase::Closing);
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut rest)).await;
    ended.expect("the connection is closed").unwrap();
    assert_eq!(rest, b" Continue\r\n\r\n");
}

/// Whatever a body is, the answer is one of the calls' own, with a body of JSON, and nothing else is disturbed.
#[tokio::test]
async fn mutated_bodies_get_an_answer_of_the_call() {
    let server = start().await;
    create(server.addr, "a").await;
    let calls = [
        (
            "POST",
            "/connectors",
            r#"{"name":"b","config":{"connector.class":"SomeSource","some.tls.port":1}}"#,
        ),
        ("PUT", "/connectors/a/config", r#"{"connector.class":"SomeSource","some.tls.enabled":true}"#),
        ("PATCH", "/connectors/a/config", r#"{"some.tls.port":"1","x":null}"#),
        ("PATCH", "/connectors/a/offsets", r#"{"offsets":[{"partition":{"p":1},"offset":{"o":[1.5]}}]}"#),
        (
            "PUT",
            "/connector-plugins/SomeSource/config/validate",
            r#"{"connector.class":"SomeSource","name":"n"}"#,
        ),
        ("PUT", "/admin/loggers/sink", r#"{"level":"INFO"}"#),
    ];
    const CHARACTERS: &str = "{}[]\":,\\0129.-e tfnü\u{1}\u{7f}";
    let characters: Vec<char> = CHARACTERS.chars().collect();
    let mut rng = fastrand::Rng::with_seed(11);
    for round in 0..600 {
        let (method, path, seed) = calls[round % calls.len()];
        let mut body: Vec<char> = seed.chars().collect();
        for _ in 0..rng.usize(1..4) {
            let at = rng.usize(..body.len());
            let character = characters[rng.usize(..characters.len())];
            if rng.bool() { body[at] = character } else { body.insert(at, character) }
        }
        let body: String = body.into_iter().collect();
        let answer = send(server.addr, method, path, &body).await;
        assert!(
            [200, 201, 204, 400, 404, 409].contains(&answer.status),
            "{method} {path} {body}: {}",
            answer.body
        );
        let json = serde_json::from_str::<serde_json::Value>(&answer.body);
        assert!(json.is_ok() || answer.status == 204, "{method} {path} {body}: {}", answer.body);
    }
    assert_eq!(call(server.addr, "GET", "/connectors/a/status").await.status, 200);
}
