//! Input made to be expensive: refused or read in linear time, little memory and little stack.

use opentelemetry_proto::tonic::common::v1::any_value::Value;

use super::{LIMITS, body, read, read_checked, span};
use crate::json::read::order::moved;
use crate::{MalformedKind, Signal};

/// A log's body of lists (or maps) inside one another.
fn nested(levels: usize, open: &str, close: &str) -> String {
    format!(
        r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{}{{}}{}}}]}}]}}]}}"#,
        open.repeat(levels),
        close.repeat(levels)
    )
}

const ARRAY: (&str, &str) = (r#"{"arrayValue":{"values":["#, "]}}");
const MAP: (&str, &str) = (r#"{"kvlistValue":{"values":[{"value":"#, "}]}}");

/// Runs with as little stack as a worker thread may have left.
fn on_small_stack(run: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(256 << 10).spawn(run).unwrap().join().unwrap();
}

#[test]
fn messages_nest_as_deeply_as_in_protobuf() {
    on_small_stack(|| {
        // Below the request: resource, scope, record and body, then two messages a list and three a map.
        for (levels, (open, close)) in [(48, ARRAY), (32, MAP)] {
            assert!(read_checked(Signal::Logs, nested(levels, open, close).as_bytes()).is_ok());
            for too_many in [levels + 1, 100_000] {
                let malformed =
                    read_checked(Signal::Logs, nested(too_many, open, close).as_bytes()).unwrap_err();
                assert_eq!(malformed.kind, MalformedKind::TooDeep);
            }
        }
    });
}

#[test]
fn a_million_brackets_in_an_unknown_member() {
    on_small_stack(|| {
        for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[{\"\":", "}]")] {
            for times in [100_000, 1_000_000] {
                let json = format!("{{\"x\":{}1{}}}", open.repeat(times), close.repeat(times));
                let malformed = read_checked(Signal::Traces, json.as_bytes()).unwrap_err();
                assert_eq!(malformed.kind.to_string(), "expected brackets nested less deeply");
                let unclosed = format!("{{\"x\":{}", open.repeat(times));
                assert!(read_checked(Signal::Traces, unclosed.as_bytes()).is_err());
            }
            let json = format!("{{\"x\":{}1{}}}", open.repeat(500), close.repeat(500));
            assert_eq!(read_checked(Signal::Traces, json.as_bytes()).unwrap().0, b"");
        }
    });
}

/// Quadratic work on ten million digits would not end within anybody's patience.
#[test]
fn numbers_of_ten_million_digits() {
    let nines = "9".repeat(10 << 20);
    let zeros = "0".repeat(10 << 20);
    let time = |number: &str| {
        span(&format!(r#""startTimeUnixNano":{number}"#)).map(|span| span.start_time_unix_nano)
    };
    assert_eq!(time(&format!("15{zeros}e-{}", 10 << 20)), Ok(15));
    assert_eq!(time(&format!("1.5{zeros}e1")), Ok(15));
    assert_eq!(time(&format!("\"{zeros}7\"")), Ok(7));
    assert_eq!(time(&format!("0.{zeros}7e{}", (10 << 20) + 1)), Ok(7));
    assert_eq!(time(&format!("0e{nines}")), Ok(0));
    for number in [
        nines.clone(),
        format!("-{nines}"),
        format!("\"{nines}\""),
        format!("1{zeros}"),
        format!("1e{nines}"),
        format!("1e-{nines}"),
        format!("1.{nines}"),
        format!("{nines}e-{}", 10 << 20),
        format!("0.{zeros}7"),
        "1e999999999".into(),
        "1e20000000".into(),
    ] {
        assert!(time(&number).is_err(), "{}", &number[..30.min(number.len())]);
    }
    let double = |number: &str| body(&format!(r#"{{"doubleValue":{number}}}"#));
    assert!(double(&nines).is_err() && double(&format!("1e{nines}")).is_err());
    assert!(double(&format!("{nines}e-{}", 10 << 20)).is_err(), "a number in range, but no honest one");
    assert!(double(&format!("0.{zeros}1e{}", 10 << 20)).is_err());
    for (number, value) in [
        (format!("0.{nines}"), 1.0),
        (format!("1{zeros}.5e-{}", 11 << 20), 0.0),
        (format!("1e-{nines}"), 0.0),
        (format!("-1e-{nines}"), -0.0),
        (format!("0e{nines}"), 0.0),
        (format!("\"0.{zeros}1\""), 0.0),
        (format!("1.25{zeros}"), 1.25),
        (format!("\"{zeros}1.25\""), 1.25),
    ] {
        let read = double(&number);
        assert!(
            matches!(read, Ok(Some(Value::DoubleValue(read))) if read.to_bits() == f64::to_bits(value)),
            "{}",
            &number[..30]
        );
    }
    assert_eq!(span(&format!(r#""x":{nines},"y":{nines}.{nines}e{nines},"name":"n""#)).unwrap().name, "n");
}

/// Bytes that are moved to make room, to close gaps and to sort, for each byte of the document.
fn moved_per_byte(signal: Signal, json: &str) -> f64 {
    let before = moved();
    let mut out = Vec::new();
    read(signal, json.as_bytes(), &LIMITS, &mut out).unwrap();
    let room = (json.len() / 8 * 5).max(2 * out.len());
    assert!(out.capacity() <= room + 64, "{} bytes for {} of JSON", out.capacity(), json.len());
    #[expect(clippy::cast_precision_loss, reason = "a ratio")]
    let ratio = (moved() - before) as f64 / json.len() as f64;
    ratio
}

fn in_span(members: &str) -> String {
    format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{{members}}}]}}]}}]}}"#)
}

#[test]
fn a_million_equal_names() {
    let big = format!(r#""traceState":"{}""#, "x".repeat(100_000));
    let list = r#""attributes":[{"key":"a","value":{"arrayValue":{"values":[{},{}]}}},{}]"#;
    for cycle in [
        r#""name":"n""#.to_owned(),
        r#""name":"n","kind":1"#.to_owned(),
        r#""kind":1,"name":"nn","traceId":"00","flags":7,"spanId":"01","status":{}"#.to_owned(),
        list.to_owned(),
        format!("{list},\"name\":\"n\""),
        r#""unknown":[1],"name":null"#.to_owned(),
    ] {
        for first in ["\"endTimeUnixNano\":9", &big] {
            let of = |times: usize| in_span(&format!("{first},{}", vec![cycle.as_str(); times].join(",")));
            for times in [1_000, 1_000_000 / cycle.matches(':').count()] {
                let ratio = moved_per_byte(Signal::Traces, &of(times));
                assert!(ratio < 6.0, "{times} times {cycle}: {ratio}");
            }
        }
    }
    let spans = vec![r#""resourceSpans":[{"scopeSpans":[{"spans":[{},{}]}]}]"#; 100_000].join(",");
    assert!(moved_per_byte(Signal::Traces, &format!("{{{spans}}}")) < 6.0);
}

/// The worst order at every level: what lies deep is moved once for each level around it, not more.
#[test]
fn members_in_reverse_order() {
    let attribute = r#"{"value":{"stringValue":"v"},"key":"k"}"#;
    let attributes = vec![attribute; 50_000].join(",");
    let json = in_span(&format!(
        r#""status":{{"code":1,"message":"m"}},"attributes":[{attributes}],"name":"n","spanId":"00","traceId":"00""#
    ));
    assert!(moved_per_byte(Signal::Traces, &json) < 6.0);
    let wide = format!(r#"{{"stringValue":"{}"}}"#, "x".repeat(100_000));
    let deep = (0..30)
        .fold(wide, |inner, _| format!(r#"{{"kvlistValue":{{"values":[{{"value":{inner},"key":"k"}}]}}}}"#));
    let json = format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{deep}}}]}}]}}]}}"#);
    // Each of 30 levels may sort, and widen the lengths of three messages.
    assert!(moved_per_byte(Signal::Logs, &json) < 4.0 * 30.0 + 6.0);
}

#[test]
fn long_strings_and_many_escapes() {
    let long = "x".repeat(50 << 20);
    for json in [
        in_span(&format!(r#""name":"{long}""#)),
        in_span(&format!(r#""{long}":1"#)),
        in_span(&format!(r#""x":"{long}""#)),
    ] {
        assert!(moved_per_byte(Signal::Traces, &json) < 6.0);
    }
    for escape in [r"\n", r"\u0000", r"\ud83d\ude00", r#"\"x"#] {
        let escaped = escape.repeat(1_000_000);
        for name in ["name", "x", "y\\n"] {
            assert!(moved_per_byte(Signal::Traces, &in_span(&format!(r#""{name}":"{escaped}""#))) < 6.0);
        }
        assert!(span(&format!(r#""kind":"{escaped}""#)).is_err());
        assert!(span(&format!(r#""traceId":"{escaped}""#)).is_err());
        assert_eq!(span(&format!(r#""{escaped}":1"#)).unwrap().name, "");
    }
}

#[test]
fn a_million_unknown_members() {
    let unknown: Vec<_> = (0..1_000_000).map(|number| format!("\"k{number}\":{number}")).collect();
    let json = in_span(&unknown.join(","));
    assert!(moved_per_byte(Signal::Traces, &json) < 1.0);
}
