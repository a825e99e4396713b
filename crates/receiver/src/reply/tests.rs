//! The table from answer to status, row by row.

use pipeline::Verdict;

use super::*;

/// Answer, grpc-status or none, HTTP status, whether the sender is told when to come again, label.
type Line = (Answer, Option<u8>, u16, bool, Option<&'static str>);

#[rustfmt::skip]
fn table() -> Vec<Line> {
    let refused = |refusal| Answer::Verdict(Verdict::Refused(refusal));
    vec![
        (Answer::Verdict(Verdict::Stored { rejected: None }),                             Some(0),  200, false, None),
        (Answer::Verdict(Verdict::Stored { rejected: Some(Rejected { items: 1, why: "x".into() }) }), Some(0), 200, false, None),
        (Answer::retry(RetryReason::HoldTime),                                            Some(14), 503, true,  Some("hold_time")),
        (Answer::retry(RetryReason::Line),                                                Some(14), 503, true,  Some("line")),
        (Answer::retry(RetryReason::Memory),                                              Some(14), 503, true,  Some("memory")),
        (Answer::retry(RetryReason::Draining),                                            Some(14), 503, true,  Some("draining")),
        (Answer::retry(RetryReason::Kafka("UNKNOWN_TOPIC_OR_PARTITION")),                 Some(14), 503, true,  Some("kafka")),
        (Answer::retry(RetryReason::Internal),                                            Some(14), 503, true,  Some("internal")),
        (Answer::SlowBody,                                                                Some(14), 503, true,  Some("slow_body")),
        (refused(Refusal::Malformed("x".into())),                                         Some(3),  400, false, Some("malformed")),
        (refused(Refusal::TooLarge("x".into())),                                          Some(8),  413, false, Some("too_large")),
        (Answer::UnknownPath,                                                             Some(12), 404, false, Some("unknown_path")),
        (Answer::Coding,                                                                  Some(12), 415, false, Some("content_encoding")),
        (Answer::Framing("x"),                                                            Some(13), 400, false, Some("framing")),
        (Answer::Panicked,                                                                Some(13), 500, false, Some("panic")),
        (Answer::Method,                                                                  None,     405, false, Some("method")),
        (Answer::MediaType,                                                               None,     415, false, Some("content_type")),
        (Answer::NotHttp2,                                                                None,     400, false, Some("not_http2")),
    ]
}

#[test]
fn row_by_row() {
    let delay = Duration::from_secs(2);
    for (answer, grpc_status, http_status, again, label) in table() {
        assert_eq!(answer.label(), label, "{answer:?}");
        let reply = http(&answer, Some(Signal::Traces), JSON, delay);
        assert_eq!(reply.status(), http_status, "{answer:?}");
        assert!(!reply.status().is_redirection());
        let after = reply.headers().get("retry-after").map(|value| value.to_str().unwrap());
        assert_eq!(after, again.then_some("2"), "{answer:?}");
        assert_eq!(reply.headers()["content-type"], "application/json");

        let reply = grpc(&answer, delay);
        let Some(code) = grpc_status else {
            assert_eq!(reply.status(), http_status, "{answer:?}");
            continue;
        };
        assert_eq!(reply.status(), 200, "{answer:?}");
        assert_eq!(reply.headers()["content-type"], "application/grpc");
        if code == 0 {
            assert!(!reply.headers().contains_key("grpc-status"), "a success says so in its trailers");
            assert!(!reply.body().is_end_stream());
            continue;
        }
        assert_eq!(reply.headers()["grpc-status"], code.to_string(), "{answer:?}");
        assert!(!reply.headers()["grpc-message"].is_empty(), "{answer:?}");
        assert!(reply.body().is_end_stream(), "trailers-only: {answer:?}");
        assert_eq!(reply.headers().contains_key("google.rpc.retryinfo-bin"), again, "{answer:?}");
        let details = reply.headers().contains_key("grpc-status-details-bin");
        assert_eq!(details, again || code == 3, "{answer:?}");
    }
}

#[test]
fn nothing_that_passes_is_told_not_to_come_again() {
    for (answer, grpc_status, http_status, again, _) in table() {
        if matches!(answer, Answer::Verdict(Verdict::Retry(_))) {
            assert_eq!((grpc_status, http_status, again), (Some(14), 503, true), "{answer:?}");
        }
    }
}

#[test]
fn headers_stay_small_whatever_the_message() {
    let answer = Answer::malformed("\u{1f600}".repeat(10_000));
    let reply = grpc(&answer, Duration::from_secs(2));
    let bytes: usize =
        reply.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum();
    assert!(bytes < 8 << 10, "{bytes} bytes, grpc-java takes 8 KiB");
    let reply = http(&answer, None, JSON, Duration::from_secs(2));
    assert!(reply.body().size_hint().exact().unwrap() < 4 << 10);
}

#[test]
fn details_are_google_rpc_status() {
    let reply = grpc(&Answer::retry(RetryReason::Line), Duration::from_secs(2));
    // RetryInfo { retry_delay { seconds: 2 } }
    assert_eq!(reply.headers()["google.rpc.retryinfo-bin"], "CgIIAg");
    let message = "too many unacknowledged requests";
    let mut expected = vec![0x08, 14, 0x12, 32];
    expected.extend_from_slice(message.as_bytes());
    let url = "type.googleapis.com/google.rpc.RetryInfo";
    expected.extend_from_slice(&[0x1a, 48, 0x0a, 40]);
    expected.extend_from_slice(url.as_bytes());
    expected.extend_from_slice(&[0x12, 4, 0x0a, 2, 0x08, 2]);
    assert_eq!(reply.headers()["grpc-status-details-bin"], status::base64(&expected).as_str());
}
