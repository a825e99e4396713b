//! Bytes that are no requests: their connection ends, everything else goes on.

use std::io::Write;
use std::time::{Duration, Instant};

use bytes::Buf;
use fastrand::Rng;
use kafka_wire::messages::*;
use kafka_wire::{ApiKey, encode_request};

use crate::client::{Client, PATIENCE, Running, batch, fetch_request, produce_request};

const SEED: u64 = 0x6b61_666b;

fn closes(running: &Running, bytes: &[u8]) {
    let mut client = Client::connect(running.addr);
    // The broker may close before all was sent; that is what is tested.
    drop(client.stream.write_all(bytes));
    assert!(client.is_closed(), "{bytes:02x?}");
    let mut other = Client::connect(running.addr);
    other.call(4, &ApiVersionsRequest::default());
}

#[test]
fn what_is_no_request_closes_its_connection() {
    let running = Running::start();
    for bytes in [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".as_slice(),
        &[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3], // a TLS hello
        &[0xff, 0xff, 0xff, 0xff],                // a negative length
        &[0, 0, 0, 0],                            // an empty frame
        &[0, 0, 0, 10, 3, 0xe7, 0, 0, 0, 0, 0, 1, 0xff, 0xff], // an unknown API
        &[0, 0, 0, 10, 0, 1, 0, 99, 0, 0, 0, 1, 0xff, 0xff], // an unknown version of Fetch
        &[0, 0, 0, 10, 0, 3, 0, 8, 0, 0, 0, 1, 0x7f, 0xff], // a client id longer than the frame
        // Metadata v8 with 2^31 - 1 topics
        &[0, 0, 0, 16, 0, 3, 0, 8, 0, 0, 0, 1, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 0, 0],
    ] {
        closes(&running, bytes);
    }
}

/// Random bodies under sound headers, and sound requests with changed bytes, on many connections.
#[test]
fn random_frames() {
    let running = Running::start();
    let mut rng = Rng::with_seed(SEED);
    let mut sound = Vec::new();
    let mut keep = |frame: kafka_wire::Frame| sound.push(frame.into_bytes().slice(4..).to_vec());
    keep(encode_request(1, Some("c"), 9, &produce_request("t", batch(&[b"a", b"b"]), -1)).unwrap());
    keep(encode_request(1, Some("c"), 12, &fetch_request("t", 0, 0)).unwrap());
    let topics = vec![CreatableTopic { name: "t".into(), num_partitions: 2, ..Default::default() }];
    keep(encode_request(1, Some("c"), 7, &CreateTopicsRequest { topics, ..Default::default() }).unwrap());
    let protocols = vec![JoinGroupRequestProtocol { name: "range".into(), metadata: vec![1; 30].into() }];
    let join = JoinGroupRequest {
        group_id: "g".into(),
        session_timeout_ms: 6000,
        protocol_type: "consumer".into(),
        protocols,
        ..Default::default()
    };
    keep(encode_request(1, Some("c"), 9, &join).unwrap());

    let began = Instant::now();
    let mut frames = 0;
    while frames < 3000 && began.elapsed() < PATIENCE {
        let mut client = Client::connect(running.addr);
        client.stream.set_read_timeout(Some(Duration::from_millis(2))).unwrap();
        for _ in 0..20 {
            let body = if rng.bool() { mutated(&mut rng, &sound) } else { random_body(&mut rng) };
            let length = u32::try_from(body.len()).unwrap();
            frames += 1;
            if client.stream.write_all(&[&length.to_be_bytes(), body.as_slice()].concat()).is_err() {
                break;
            }
        }
    }
    assert_eq!(frames / 3000, 1, "seed {SEED:#x}: {frames} frames in {:?}", began.elapsed());
    let mut client = Client::connect(running.addr);
    client.create("after", 1);
    assert_eq!(client.produce("after", batch(&[b"x"])).base_offset, 0, "seed {SEED:#x}");
}

fn mutated(rng: &mut Rng, sound: &[Vec<u8>]) -> Vec<u8> {
    let mut body = rng.choice(sound).cloned().unwrap();
    for _ in 0..rng.usize(1..4) {
        let at = rng.usize(8..body.len());
        body[at] = rng.u8(..);
    }
    body
}

fn random_body(rng: &mut Rng) -> Vec<u8> {
    let key = rng.choice(ApiKey::ALL).unwrap().code();
    let version = rng.i16(0..14);
    let head = [&key.to_be_bytes()[..], &version.to_be_bytes(), &[0, 0, 0, 9, 0xff, 0xff]].concat();
    head.into_iter().chain((0..rng.usize(..120)).map(|_| rng.u8(..))).collect()
}

#[test]
fn a_frame_over_the_limit() {
    let running = Running::with(|config| config.frame_bytes_max = 10_000);
    closes(&running, &10_001u32.to_be_bytes());
    let mut client = Client::connect(running.addr);
    client.create("t", 1);
    client.produce("t", batch(&[&[0; 9000]]));
}

#[test]
fn connections_over_the_limit_are_closed() {
    let running = Running::with(|config| config.connections_max = 3);
    let mut clients: Vec<_> = (0..3).map(|_| Client::connect(running.addr)).collect();
    for client in &mut clients {
        client.call(4, &ApiVersionsRequest::default());
    }
    assert!(Client::connect(running.addr).is_closed());
    drop(clients.pop());
    // The broker learns of the closed connection in its own time.
    let began = Instant::now();
    loop {
        let mut client = Client::connect(running.addr);
        let request = encode_request(1, None, 4, &ApiVersionsRequest::default()).unwrap().into_bytes();
        if client.stream.write_all(request.chunk()).is_ok() && !client.is_closed() {
            break;
        }
        assert!(began.elapsed() < PATIENCE);
    }
}

#[test]
fn an_idle_connection_is_closed() {
    let running = Running::with(|config| config.idle_wait = Duration::from_millis(50));
    let mut client = Client::connect(running.addr);
    client.call(4, &ApiVersionsRequest::default());
    assert!(client.is_closed());
}

/// Many clients that claim large frames and never send them do not keep the others from theirs.
#[test]
fn large_frames_wait_for_memory_and_small_ones_do_not() {
    let running = Running::with(|config| {
        config.frame_bytes_max = 1 << 20;
        config.requests_bytes_max = 2 << 20;
    });
    let mut claims = Vec::new();
    for _ in 0..20 {
        let mut client = Client::connect(running.addr);
        client.stream.write_all(&(1u32 << 20).to_be_bytes()).unwrap();
        claims.push(client);
    }
    let mut client = Client::connect(running.addr);
    client.create("t", 1);
    for offset in 0..10 {
        assert_eq!(client.produce("t", batch(&[&[1; 1000]])).base_offset, offset);
    }
    // Once the claims are gone there is room for large ones again.
    drop(claims);
    assert_eq!(client.produce("t", batch(&[&vec![1; 500_000]])).base_offset, 10);
}
