//! Produce and fetch: waiting and waking, ranges, limits, old versions.

use std::time::{Duration, Instant};

use kafka_wire::ErrorCode;
use kafka_wire::messages::*;

use crate::client::{Client, Running, batch, fetch_request, produce_request, records};

#[test]
fn a_waiting_fetch_wakes_on_append() {
    let running = Running::start();
    let mut producer = Client::connect(running.addr);
    producer.create("t", 1);
    let mut consumer = Client::connect(running.addr);
    for offset in 0..50 {
        consumer.send(12, &fetch_request("t", offset, 60_000));
        let began = Instant::now();
        producer.produce("t", batch(&[b"x"]));
        let response = consumer.receive::<FetchRequest>(12);
        assert_eq!(records(&response.responses[0].partitions[0]), [(offset, b"x".to_vec())]);
        assert!(began.elapsed() < Duration::from_secs(10), "woken by the append, not by a timer");
    }
}

#[test]
fn a_fetch_that_finds_nothing_answers_when_its_time_is_up() {
    let running = Running::start();
    let mut client = Client::connect(running.addr);
    client.create("t", 1);
    let began = Instant::now();
    let data = client.fetch("t", 0, 100);
    assert!(began.elapsed() >= Duration::from_millis(100));
    assert_eq!((data.error_code, data.high_watermark, records(&data).len()), (ErrorCode::NONE, 0, 0));
}

#[test]
fn out_of_range_is_said() {
    let running = Running::start();
    let mut client = Client::connect(running.addr);
    client.create("t", 1);
    client.produce("t", batch(&[b"a", b"b", b"c"]));
    for offset in [-1, 4, i64::MAX] {
        let data = client.fetch("t", offset, 60_000);
        assert_eq!(data.error_code, ErrorCode::OFFSET_OUT_OF_RANGE, "{offset}");
    }
    assert_eq!(client.fetch("missing", 0, 60_000).error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    assert_eq!(records(&client.fetch("t", 2, 0)).len(), 3, "the whole batch, from which the client skips");
}

#[test]
fn topic_ids() {
    let running = Running::start();
    let mut client = Client::connect(running.addr);
    client.create("t", 1);
    client.produce("t", batch(&[b"a"]));
    let topic_id =
        client.call(12, &MetadataRequest { topics: None, ..Default::default() }).topics[0].topic_id;
    let mut request = fetch_request("", 0, 0);
    request.topics[0].topic_id = topic_id;
    let response = client.call(16, &request);
    assert_eq!(response.responses[0].topic_id, topic_id);
    assert_eq!(records(&response.responses[0].partitions[0]).len(), 1);
    request.topics[0].topic_id = uuid::Uuid::from_u128(1);
    let response = client.call(16, &request);
    assert_eq!(response.responses[0].partitions[0].error_code, ErrorCode::UNKNOWN_TOPIC_ID);
}

#[test]
fn limits_hold_except_for_the_first_batch() {
    let running = Running::start();
    let mut client = Client::connect(running.addr);
    client.create("t", 1);
    let value = vec![7; 100_000];
    for _ in 0..5 {
        client.produce("t", batch(&[&value]));
    }
    let mut fetched = |max_bytes, partition_max_bytes| {
        let mut request = fetch_request("t", 0, 0);
        request.max_bytes = max_bytes;
        request.topics[0].partitions[0].partition_max_bytes = partition_max_bytes;
        records(&client.call(12, &request).responses[0].partitions[0]).len()
    };
    assert_eq!(fetched(1, 1), 1);
    assert_eq!(fetched(250_000, 1 << 20), 2);
    assert_eq!(fetched(1 << 20, 350_000), 3);
    assert_eq!(fetched(i32::MAX, i32::MAX), 5);
}

#[test]
fn produce_of_before_record_batches_is_answered() {
    let running = Running::start();
    let mut client = Client::connect(running.addr);
    client.create("t", 1);
    for version in 0..=11 {
        let response = client.call(version, &produce_request("t", batch(&[b"a"]), 1));
        let expected = if version < 3 { ErrorCode::UNSUPPORTED_VERSION } else { ErrorCode::NONE };
        assert_eq!(response.responses[0].partition_responses[0].error_code, expected, "v{version}");
    }
    assert_eq!(client.end("t"), 9);
}

#[test]
fn acknowledgements() {
    let running = Running::start();
    let mut client = Client::connect(running.addr);
    client.create("t", 1);
    // No answer: what comes next is the answer to the next request.
    client.send(9, &produce_request("t", batch(&[b"a"]), 0));
    assert_eq!(client.end("t"), 1);
    let response = client.call(9, &produce_request("t", batch(&[b"a"]), 7));
    assert_eq!(response.responses[0].partition_responses[0].error_code, ErrorCode::INVALID_REQUIRED_ACKS);
    // A failure without an answer closes the connection: there is no other way to tell.
    client.send(9, &produce_request("missing", batch(&[b"a"]), 0));
    assert!(client.is_closed());
}

#[test]
fn requests_sent_ahead_are_answered_in_order() {
    let running = Running::start();
    let mut client = Client::connect(running.addr);
    client.create("t", 1);
    for _ in 0..100 {
        client.send(9, &produce_request("t", batch(&[&[1; 500]]), -1));
    }
    for offset in 0..100 {
        let response = client.receive::<ProduceRequest>(9);
        assert_eq!(response.responses[0].partition_responses[0].base_offset, offset);
    }
}

#[test]
fn a_broken_batch_is_refused_and_leaves_no_trace() {
    let running = Running::start();
    let mut client = Client::connect(running.addr);
    client.create("t", 1);
    let mut broken = batch(&[b"a"]);
    *broken.last_mut().unwrap() ^= 1;
    assert_eq!(client.produce("t", broken).error_code, ErrorCode::CORRUPT_MESSAGE);
    assert_eq!(client.end("t"), 0);
}

#[test]
fn transactions_are_refused_at_once() {
    let running = Running::start();
    let mut client = Client::connect(running.addr);
    let code = ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
    let request = FindCoordinatorRequest {
        key_type: TRANSACTION_KEY_TYPE,
        coordinator_keys: vec!["t".into()],
        ..Default::default()
    };
    assert_eq!(client.call(4, &request).coordinators[0].error_code, code);
    let request = InitProducerIdRequest { transactional_id: Some("t".into()), ..Default::default() };
    assert_eq!(client.call(4, &request).error_code, code);
    let ids: Vec<_> = (0..3).map(|_| client.call(4, &InitProducerIdRequest::default()).producer_id).collect();
    assert!(ids[0] < ids[1] && ids[1] < ids[2], "{ids:?}");
}

/// KIP-511: a client from the future gets an answer it can read, and asks again.
#[test]
fn an_unknown_version_of_api_versions() {
    use std::io::Write;
    let running = Running::start();
    let mut client = Client::connect(running.addr);
    client.stream.write_all(&[0, 0, 0, 11, 0, 18, 0, 99, 0, 0, 0, 5, 0, 0, 0]).unwrap();
    let (id, response) = kafka_wire::decode_response::<ApiVersionsResponse>(client.frame(), 0).unwrap();
    assert_eq!((id, response.error_code), (5, ErrorCode::UNSUPPORTED_VERSION));
    assert!(response.api_keys.iter().any(|api| api.api_key == 18 && api.max_version == 4));
    assert_eq!(client.call(4, &ApiVersionsRequest::default()).error_code, ErrorCode::NONE);
}
