//! Corner cases that are refused, each at its place and by what would have been right there.

use super::{LIMITS, body, histogram_point, log, point, read, read_checked, span};
use crate::testdata::Tree;
use crate::{Limits, MalformedKind, Signal};

const SPAN: &str = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"#;

/// Members of a span that are refused at `offset` among them.
fn refused_span(members: &str, offset: usize, expected: &str) {
    let json = format!("{SPAN}{members}}}]}}]}}]}}");
    let malformed = read_checked(Signal::Traces, json.as_bytes()).expect_err(members);
    assert_eq!(malformed.kind.to_string(), format!("expected {expected}"), "{members}");
    assert_eq!(malformed.offset, SPAN.len() + offset, "{members}");
}

#[test]
fn ids_that_are_no_hex() {
    for id in ["0", "000", "0g", "0x0a", "W47/95gDgQPSabYzgT/GDA==", "é", " 0a", "0a-1", "\\n0"] {
        refused_span(&format!(r#""traceId":"{id}""#), 10, "an even number of hex digits");
        assert!(log(&format!(r#""spanId":"{id}""#)).is_err());
        assert!(point(&format!(r#""exemplars":[{{"traceId":"{id}"}}]"#)).is_err());
    }
    for other in ["1", "true", "[]", "{}", "[1,2]"] {
        refused_span(&format!(r#""traceId":{other}"#), 10, "bytes in a string");
    }
    for broken in ["A", "AA=", "!!!!", "AAAA\\n", "+_AA"] {
        assert!(body(&format!(r#"{{"bytesValue":"{broken}"}}"#)).is_err(), "{broken}");
    }
}

#[test]
fn enums_that_are_none() {
    for kind in [
        "\"SPAN_KIND_OTHER\"",
        "\"server\"",
        "\"\"",
        "2.5",
        "2147483648",
        "-2147483649",
        "\"2147483648\"",
        "1e99",
    ] {
        refused_span(&format!(r#""kind":{kind}"#), 7, "a number or known name of an enum's value");
    }
    for kind in ["true", "[]", "{}", "SPAN_KIND_SERVER"] {
        refused_span(&format!(r#""kind":{kind}"#), 7, "a number or name of an enum's value");
    }
}

#[test]
fn numbers_that_are_no_integers() {
    let wanted = "a whole number of 64 bits without sign";
    let broken = [
        "1.5",
        "-1",
        "18446744073709551616",
        "\"\"",
        "\" 5\"",
        "\"5 \"",
        "\"+5\"",
        "1e20",
        "1e999999999",
        "\"1.5\"",
        "\"true\"",
        "\"null\"",
        "01",
        "1.",
        "1e",
        "-",
        "+5",
        ".5",
        "0x10",
        "1e+",
        "\"NaN\"",
        "--1",
    ];
    for number in broken {
        let bare_end = number.find('x').unwrap_or(0);
        if bare_end > 0 || number.starts_with('+') && !number.starts_with('"') && number.len() < 2 {
            assert!(span(&format!(r#""endTimeUnixNano":{number}"#)).is_err(), "{number}");
        } else {
            refused_span(&format!(r#""endTimeUnixNano":{number}"#), 18, wanted);
        }
    }
    for other in ["true", "[1]", "{}", "Infinity", "NaN", "'1'"] {
        refused_span(&format!(r#""endTimeUnixNano":{other}"#), 18, "a number");
    }
    for number in ["4294967296", "\"4294967296\"", "-1", "0.5"] {
        refused_span(&format!(r#""flags":{number}"#), 8, "a whole number of 32 bits without sign");
    }
    for number in ["1e+21", "9223372036854775808", "-9223372036854775809", "1.5", "\"0x1\""] {
        assert!(body(&format!(r#"{{"intValue":{number}}}"#)).is_err(), "{number}");
        assert!(point(&format!(r#""asInt":{number}"#)).is_err(), "{number}");
    }
    for number in ["2147483648", "\"-2147483649\"", "0.1"] {
        assert!(span(&format!(r#""attributes":[{{"keyStrindex":{number}}}]"#)).is_err(), "{number}");
    }
}

#[test]
fn numbers_that_are_no_doubles() {
    for number in [
        "1e400",
        "-1e400",
        "\"1e400\"",
        "NaN",
        "Infinity",
        "-Infinity",
        "\"nan\"",
        "\"Inf\"",
        "\"+Infinity\"",
        "\"\"",
        "\" 1\"",
        "01.5",
        ".5",
        "5.",
        "true",
        "[1]",
        "\"1.5f\"",
    ] {
        assert!(body(&format!(r#"{{"doubleValue":{number}}}"#)).is_err(), "{number}");
        assert!(histogram_point(&format!(r#""explicitBounds":[{number}]"#)).is_err(), "{number}");
        assert!(histogram_point(&format!(r#""sum":{number}"#)).is_err(), "{number}");
    }
}

#[test]
fn values_of_another_type() {
    for value in ["1", "true", "[\"x\"]", "{}"] {
        refused_span(&format!(r#""name":{value}"#), 7, "a string");
    }
    for value in ["\"true\"", "1", "0", "\"\"", "[true]", "truth", "True"] {
        assert!(body(&format!(r#"{{"boolValue":{value}}}"#)).is_err(), "{value}");
    }
    for value in ["{\"a\":\"b\"}", "\"x\"", "1", "false"] {
        refused_span(&format!(r#""attributes":{value}"#), 13, "an array");
    }
    for value in ["[]", "\"x\"", "1", "true"] {
        refused_span(&format!(r#""status":{value}"#), 9, "an object");
        refused_span(&format!(r#""attributes":[{value}]"#), 14, "an object");
    }
    assert!(histogram_point(r#""bucketCounts":5"#).is_err());
    assert!(histogram_point(r#""bucketCounts":[[5]]"#).is_err());
}

#[test]
fn null_in_a_list() {
    refused_span(r#""events":[null]"#, 10, "an object");
    refused_span(r#""attributes":[{},null]"#, 17, "an object");
    assert!(histogram_point(r#""bucketCounts":[1,null]"#).is_err());
    assert!(histogram_point(r#""explicitBounds":[null]"#).is_err());
    assert!(body(r#"{"arrayValue":{"values":[null]}}"#).is_err());
}

#[test]
fn two_spellings_of_one_name() {
    let wanted = "one spelling of a member's name, not both";
    refused_span(r#""traceId":"01","trace_id":"01""#, 15, wanted);
    refused_span(r#""trace_id":"01","name":"n","traceId":null"#, 27, wanted);
    refused_span(r#""trace_id":null,"traceId":"01""#, 16, wanted);
}

#[test]
fn two_members_of_a_oneof() {
    let second = r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"intValue":1,"#.len();
    let wanted = format!("at byte {second}: expected at most one member of a oneof");
    assert_eq!(body(r#"{"intValue":1,"stringValue":"a"}"#), Err(wanted));
    assert!(body(r#"{"boolValue":false,"arrayValue":{}}"#).is_err());
    assert!(point(r#""asInt":0,"asDouble":0"#).is_err());
    assert!(super::one_metric(r#""gauge":{},"name":"n","sum":{}"#).is_err());
}

#[test]
fn text_that_is_no_json() {
    for json in [
        "",
        " ",
        "null",
        "[]",
        "1",
        "\"{}\"",
        "true",
        "{}{}",
        "{} x",
        "{},",
        "{}\u{feff}",
        "\u{feff}\u{feff}{}",
        "{}]",
        "{",
        "{]",
        "[{}]",
        "{\"a\":1,}",
        "{,}",
        "{\"a\"}",
        "{\"a\" 1}",
        "{a:1}",
        "{'a':1}",
        "{\"a\"=1}",
        "{\"a\":1;\"b\":2}",
        "{\"a\":}",
        "{\"a\":1 \"b\":2}",
        "// c\n{}",
        "{}// c",
        "/* c */{}",
        "{\"a\":[1,]}",
        "{\"a\":[1 2]}",
        "{\"a\":[}",
        "{\"a\":{]}",
        "{\"a\":tru}",
        "{\"a\":nul}",
        "{\"a\":01}",
        "{\"a\":1.}",
        "{\"a\":-}",
        "{\"a\":+1}",
        "{\"a\":NaN}",
        "{\"a\":'x'}",
        "{\"a\":\"\n\"}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"",
        "{\"a\":\"\\ud800\"}",
        "{\"\\ud800\":1}",
        "{\"a\n\":1}",
        "{\"a\":1e}",
        "{1:2}",
        "{\"a\":truefalse}",
        "\0{}",
        "{}\0",
        "{\"a\":\u{b}1}",
        "{\"resourceSpans\":[}",
        "{\"resourceSpans\":[{},]}",
        "{\"resourceSpans\":[{}}",
        "{\"resourceSpans\":nullnull}",
        "{\"resourceSpans\":[{} {}]}",
        "{\"resourceSpans\":{}}",
        "\u{a0}{}",
    ] {
        assert!(read_checked(Signal::Traces, json.as_bytes()).is_err(), "{json}");
    }
}

/// Each part of some attributes cut out, whatever its length: what is left is refused unless it is JSON still. A quick
/// look at what comes next must not take a name for another one that stands behind it.
#[test]
fn text_with_a_part_cut_out() {
    let values = [
        r#""stringValue":"a b""#,
        r#""intValue":"5""#,
        r#""boolValue":true"#,
        r#""doubleValue" : 1.5"#,
        r#""bytesValue":"AA==""#,
    ];
    let (mut accepted, mut refused) = (0, 0);
    for (one, other) in values.iter().flat_map(|one| values.iter().map(move |other| (one, other))) {
        let json = format!(
            r#"{{"resource_spans":[{{"resource":{{"attributes":[{{"key":"k","value":{{{one},{other}}}}}]}}}}]}}"#
        );
        for (from, to) in (0..json.len()).flat_map(|from| (from + 1..json.len()).map(move |to| (from, to))) {
            let cut = [&json[..from], &json[to..]].concat();
            if read_checked(Signal::Traces, cut.as_bytes()).is_err() {
                refused += 1;
                continue;
            }
            assert!(Tree::parse(cut.as_bytes()).is_some(), "{cut}");
            accepted += 1;
        }
    }
    assert!(accepted > 1_000 && refused > 100_000, "{accepted} accepted, {refused} refused");
}

#[test]
fn text_that_is_no_utf8() {
    for broken in [&b"\xff"[..], b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82"] {
        for (before, after) in [
            ("{\"resourceSpans\":[{\"schemaUrl\":\"", "\"}]}"),
            ("{\"x\":\"", "\"}"),
            ("{\"", "\":1}"),
            ("{}", ""),
        ] {
            let json = [before.as_bytes(), broken, after.as_bytes()].concat();
            let malformed = read_checked(Signal::Traces, &json).expect_err(before);
            assert_eq!((malformed.kind, malformed.offset), (MalformedKind::Utf8, before.len()));
        }
    }
}

#[test]
fn lone_surrogates() {
    for text in [r"\ud800", r"\ud800x", r"\ud800\n", r"\udc00", r"\udc00\ud800", r"\ud800\ud800"] {
        assert!(body(&format!(r#"{{"stringValue":"{text}"}}"#)).is_err(), "{text}");
    }
}

#[test]
fn errors_say_where_and_echo_nothing() {
    refused_span(r#""name":"secret","kind":"secret""#, 23, "a number or known name of an enum's value");
    let long = "secret".repeat(1000);
    for members in [
        format!("\"{long}\""),
        format!("\"name\":{long}"),
        format!("\"traceId\":\"{long}\""),
        format!("\"kind\":\"{long}\""),
    ] {
        let text = span(&members).unwrap_err();
        assert!(text.len() <= 200 && !text.contains("secret"), "{text}");
    }
}

#[test]
fn elements_are_counted_as_they_come() {
    let three = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"events":[{}],"links":[{}]}]}]}]}"#;
    let mut out = Vec::new();
    for elements in 0..3 {
        let malformed = read(Signal::Traces, three.as_bytes(), &Limits { elements }, &mut out).unwrap_err();
        assert_eq!(malformed.kind, MalformedKind::TooManyElements { max: elements });
    }
    let counts = read(Signal::Traces, three.as_bytes(), &Limits { elements: 3 }, &mut out).unwrap();
    assert_eq!((counts.items, counts.elements), (1, 3));
    let refused_before_the_end =
        br#"{"resourceSpans":[{"scopeSpans":[{"spans":[{},{},{},this is not looked at"#;
    let malformed =
        read(Signal::Traces, refused_before_the_end, &Limits { elements: 2 }, &mut out).unwrap_err();
    assert_eq!(malformed.kind, MalformedKind::TooManyElements { max: 2 });
    let other = r#"{"resourceProfiles":[{"scopeProfiles":[{"profiles":[{},{}]}]}]}"#;
    assert_eq!(read(Signal::Profiles, other.as_bytes(), &LIMITS, &mut out).unwrap().items, 2);
}

#[test]
fn elements_that_are_taken_back_do_not_count() {
    let spans = r#""resourceSpans":[{"scopeSpans":[{"spans":[{"links":[{},{}],"events":[{}]},{}]}]}]"#;
    let json = format!("{{{spans},{spans},{spans}}}");
    let mut out = Vec::new();
    let counts = read(Signal::Traces, json.as_bytes(), &Limits { elements: 5 }, &mut out).unwrap();
    assert_eq!((counts.items, counts.elements), (2, 5));
    assert_eq!(read_checked(Signal::Traces, json.as_bytes()).unwrap().1, counts);
}

#[test]
fn an_error_leaves_what_was_there_before() {
    let mut out = b"kept".to_vec();
    assert!(read(Signal::Traces, br#"{"resourceSpans":[{"schemaUrl":"x"},"#, &LIMITS, &mut out).is_err());
    assert_eq!(out, b"kept");
}
