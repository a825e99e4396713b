//! Java's own classes as a measure: what its consumer reads, which errors the protocol has.

use kafka_wire::ErrorCode;
use testkit::kafka::Kafka;
use testkit::{consume, http, java};

use crate::{TEST_SPAN, server};

#[test]
fn javas_consumer_reads_with_checksums_what_we_wrote() {
    const RECORDS: usize = 20;
    let kafka = Kafka::shared();
    let server = server().kafka(&kafka.bootstrap).option("kafka.topic.traces", "read-by-java").start();
    server.wait_until_ready();
    for _ in 0..RECORDS {
        let answer = http::post(server.http, "/v1/traces", "application/json", TEST_SPAN.as_bytes()).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let ours = consume::all(&kafka.bootstrap, "read-by-java");
    let theirs = java::consume(&kafka.bootstrap, "read-by-java");
    assert_eq!((ours.len(), theirs.len()), (RECORDS, RECORDS));
    for (one, other) in ours.iter().zip(&theirs) {
        assert_eq!((one.partition, one.offset), (other.partition, other.offset));
        assert_eq!((&one.key, Some(&one.value)), (&other.key, other.value.as_ref()));
        assert_eq!(one.timestamp_ms, other.timestamp_ms);
    }
}

#[test]
fn the_table_of_error_codes_is_the_protocols() {
    let known = java::errors();
    assert!(known.len() > 130, "{}", known.len());
    for error in known {
        let ours = ErrorCode(error.code);
        let expected = (Some(error.name.as_str()), error.retriable);
        assert_eq!((ours.name(), ours.is_retriable()), expected, "code {}", error.code);
    }
}
