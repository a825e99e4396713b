//! Corner cases that are read, each with the value that the receiver gets.

use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, KeyValue, KeyValueList, any_value::Value,
};
use opentelemetry_proto::tonic::metrics::v1::{metric, number_data_point};
use opentelemetry_proto::tonic::trace::v1::Span;

use super::{body, histogram_point, log, one_metric, point, profile, request, span, wire};
use crate::Signal;

fn text(value: &str) -> Option<Value> {
    Some(Value::StringValue(value.to_owned()))
}

fn any(value: Option<Value>) -> AnyValue {
    AnyValue { value }
}

#[test]
fn ids_are_hex_of_any_case_and_any_even_length() {
    let id = [0x5b, 0x8e, 0xfd, 0xf7, 0x98, 0x03, 0x81, 0x03, 0xd2, 0x69, 0xb6, 0x33, 0x81, 0x3f, 0xc6, 0x0c];
    for written in [
        "5B8EFDF798038103D269B633813FC60C",
        "5b8efdf798038103d269b633813fc60c",
        "5b8EfDf798038103d269b633813fC60c",
    ] {
        let read = span(&format!(
            r#""traceId":"{written}","spanId":"{}","parentSpanId":"{}""#,
            &written[..16],
            &written[16..]
        ));
        let read = read.unwrap();
        assert_eq!(read.trace_id, id);
        assert_eq!(read.span_id, id[..8]);
        assert_eq!(read.parent_span_id, id[8..]);
        assert_eq!(log(&format!(r#""traceId":"{written}""#)).unwrap().trace_id, id);
        assert_eq!(
            span(&format!(r#""links":[{{"traceId":"{written}","spanId":"00"}}]"#)).unwrap().links[0].trace_id,
            id
        );
        let exemplar =
            point(&format!(r#""exemplars":[{{"traceId":"{written}"}}]"#)).unwrap().exemplars.remove(0);
        assert_eq!(exemplar.trace_id, id);
    }
    assert_eq!(
        span(r#""traceId":"abcd","spanId":"00""#).unwrap().trace_id,
        [0xab, 0xcd],
        "of a wrong length: kept"
    );
    assert_eq!(span(r#""traceId":"","spanId":null"#).unwrap(), Span::default());
    assert_eq!(span(r#""traceId":"\u0061B\u0063d""#).unwrap().trace_id, [0xab, 0xcd]);
}

#[test]
fn other_bytes_are_base64_in_four_alphabets() {
    let bytes = Some(Value::BytesValue(vec![0xfb, 0xff, 0xbf, 1]));
    for written in ["+/+/AQ==", "+/+/AQ", "-_-_AQ==", "-_-_AQ", r"+\/+\/AQ=="] {
        assert_eq!(body(&format!(r#"{{"bytesValue":"{written}"}}"#)).unwrap(), bytes, "{written}");
    }
    assert_eq!(body(r#"{"bytesValue":""}"#).unwrap(), Some(Value::BytesValue(vec![])));
    assert_eq!(profile(r#""originalPayload":"AAEC""#).unwrap().original_payload, [0, 1, 2]);
}

#[test]
fn a_profile_id_is_hex_with_32_digits_and_base64_otherwise() {
    let id = [0xab; 16];
    for written in [
        "abababababababababababababababab",
        "ABABABABABABABABABABABABABABABAB",
        "q6urq6urq6urq6urq6urqw==",
        "q6urq6urq6urq6urq6urqw",
    ] {
        assert_eq!(profile(&format!(r#""profileId":"{written}""#)).unwrap().profile_id, id, "{written}");
    }
    assert_eq!(profile(r#""profileId":"abcd""#).unwrap().profile_id, [0x69, 0xb7, 0x1d]);
    assert!(profile(r#""profileId":"abababababababababababababababa!""#).is_err());
}

#[test]
fn enums_as_numbers_and_names() {
    let kinds = [
        ("3", 3),
        ("0", 0),
        ("99", 99),
        ("-1", -1),
        ("2147483647", i32::MAX),
        ("-2147483648", i32::MIN),
        ("2.0", 2),
        ("\"2\"", 2),
        ("\"2.0\"", 2),
        ("\"-7\"", -7),
        ("\"SPAN_KIND_UNSPECIFIED\"", 0),
        ("\"SPAN_KIND_INTERNAL\"", 1),
        ("\"SPAN_KIND_SERVER\"", 2),
        ("\"SPAN_KIND_CLIENT\"", 3),
        ("\"SPAN_KIND_PRODUCER\"", 4),
        ("\"SPAN_KIND_CONSUMER\"", 5),
        ("\"SPAN_KIND_\\u0053ERVER\"", 2),
        ("null", 0),
    ];
    for (written, value) in kinds {
        assert_eq!(span(&format!(r#""kind":{written}"#)).unwrap().kind, value, "{written}");
    }
    assert_eq!(span(r#""status":{"code":"STATUS_CODE_ERROR"}"#).unwrap().status.unwrap().code, 2);
    assert_eq!(log(r#""severityNumber":"SEVERITY_NUMBER_FATAL4""#).unwrap().severity_number, 24);
    let sum = one_metric(
        r#""sum":{"aggregationTemporality":"AGGREGATION_TEMPORALITY_CUMULATIVE","isMonotonic":true}"#,
    );
    let Some(metric::Data::Sum(sum)) = sum.unwrap().data else { panic!("a sum") };
    assert_eq!((sum.aggregation_temporality, sum.is_monotonic), (2, true));
}

#[test]
fn integers_of_64_bits_are_exact_in_any_notation() {
    let unsigned = [
        ("18446744073709551615", u64::MAX),
        ("\"18446744073709551615\"", u64::MAX),
        ("9007199254740993", 9_007_199_254_740_993),
        ("\"9007199254740993\"", 9_007_199_254_740_993),
        ("1.5e18", 1_500_000_000_000_000_000),
        ("\"1.5e18\"", 1_500_000_000_000_000_000),
        ("10.0", 10),
        ("0", 0),
        ("-0", 0),
        ("\"0\"", 0),
        ("null", 0),
        ("1.8446744073709551615e19", u64::MAX),
        ("1\u{20}", 1),
    ];
    for (written, value) in unsigned {
        assert_eq!(
            span(&format!(r#""startTimeUnixNano":{written}"#)).unwrap().start_time_unix_nano,
            value,
            "{written}"
        );
        let point = histogram_point(&format!(
            r#""count":{written},"bucketCounts":[{}]"#,
            written.replace("null", "0")
        ));
        let point = point.unwrap();
        assert_eq!((point.count, point.bucket_counts), (value, vec![value]), "{written}");
    }
    let signed = [
        ("9223372036854775807", i64::MAX),
        ("\"-9223372036854775808\"", i64::MIN),
        ("-9223372036854775808", i64::MIN),
        ("-1", -1),
        ("-1.50e2", -150),
        ("-0.0", 0),
    ];
    for (written, value) in signed {
        assert_eq!(
            body(&format!(r#"{{"intValue":{written}}}"#)).unwrap(),
            Some(Value::IntValue(value)),
            "{written}"
        );
        let read = point(&format!(r#""asInt":{written}"#)).unwrap().value;
        assert_eq!(read, Some(number_data_point::Value::AsInt(value)), "{written}");
    }
}

#[test]
fn integers_of_32_bits() {
    for (written, value) in [
        ("4294967295", u32::MAX),
        ("\"4294967295\"", u32::MAX),
        ("\"7\"", 7),
        ("7.0", 7),
        ("4e9", 4_000_000_000),
    ] {
        let read = span(&format!(r#""droppedEventsCount":{written},"flags":{written}"#)).unwrap();
        assert_eq!((read.dropped_events_count, read.flags), (value, value), "{written}");
    }
    for (written, value) in
        [("-3", -3), ("\"-3\"", -3), ("2147483647", i32::MAX), ("-2147483648", i32::MIN), ("0", 0)]
    {
        let point = format!(
            r#""exponentialHistogram":{{"dataPoints":[{{"scale":{written},"positive":{{"offset":{written}}}}}]}}"#
        );
        let Some(metric::Data::ExponentialHistogram(read)) = one_metric(&point).unwrap().data else {
            panic!("a histogram")
        };
        assert_eq!(read.data_points[0].scale, value, "{written}");
        assert_eq!(read.data_points[0].positive.as_ref().unwrap().offset, value, "{written}");
        let strindex = body(&format!(r#"{{"stringValueStrindex":{written}}}"#)).unwrap();
        assert_eq!(strindex, Some(Value::StringValueStrindex(value)), "{written}");
    }
}

#[test]
fn doubles() {
    let values = [
        ("1.5", 1.5),
        ("\"1.5\"", 1.5),
        ("5", 5.0),
        ("\"5\"", 5.0),
        ("1E3", 1000.0),
        ("-0", -0.0),
        ("-0.0", -0.0),
        ("0", 0.0),
        ("1e-400", 0.0),
        ("\"Infinity\"", f64::INFINITY),
        ("\"-Infinity\"", f64::NEG_INFINITY),
        ("\"NaN\"", f64::NAN),
        ("1.7976931348623157e308", f64::MAX),
        ("5e-324", 5e-324),
        ("\"1e-7\"", 1e-7),
    ];
    for (written, value) in values {
        let bits = Some(value.to_bits());
        let read =
            histogram_point(&format!(r#""sum":{written},"min":{written},"explicitBounds":[{written},1]"#))
                .unwrap();
        assert_eq!(read.sum.map(f64::to_bits), bits, "{written}");
        assert_eq!(read.min.map(f64::to_bits), bits, "{written}");
        assert_eq!(read.explicit_bounds.first().copied().map(f64::to_bits), bits, "{written}");
        let Some(Value::DoubleValue(read)) = body(&format!(r#"{{"doubleValue":{written}}}"#)).unwrap() else {
            panic!("a double")
        };
        assert_eq!(Some(read.to_bits()), bits, "{written}");
        let Some(number_data_point::Value::AsDouble(read)) =
            point(&format!(r#""asDouble":{written}"#)).unwrap().value
        else {
            panic!("a double")
        };
        assert_eq!(Some(read.to_bits()), bits, "{written}");
    }
    let minus_zero =
        r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"summary":{"dataPoints":[{"sum":-0.0}]}}]}]}]}"#;
    let wire = wire(Signal::Metrics, minus_zero).unwrap();
    assert!(wire.ends_with(&(-0.0_f64).to_le_bytes()), "minus zero is not the default");
}

#[test]
fn null_is_absent() {
    let members = "traceId spanId traceState parentSpanId flags name kind startTimeUnixNano endTimeUnixNano attributes \
                   droppedAttributesCount events droppedEventsCount links droppedLinksCount status";
    let all: Vec<_> = members.split_whitespace().map(|name| format!("\"{name}\": null")).collect();
    assert_eq!(span(&all.join(",")).unwrap(), Span::default());
    assert_eq!(point(r#""asDouble":null,"exemplars":null"#).unwrap().value, None);
    let read = point(r#""asDouble":null,"asInt":"4""#).unwrap().value;
    assert_eq!(read, Some(number_data_point::Value::AsInt(4)), "a null member of a oneof is no choice");
    assert_eq!(body(r#"{"stringValue":null,"arrayValue":null}"#).unwrap(), None);
    assert_eq!(log(r#""body":null"#).unwrap().body, None);
    assert_eq!(wire(Signal::Traces, r#"{"resourceSpans":null}"#).unwrap(), b"");
    assert_eq!(one_metric(r#""gauge":null,"name":"n""#).unwrap().data, None);
}

#[test]
fn presence_survives_defaults() {
    let read = histogram_point(r#""sum":0,"min":0.0,"max":"0""#).unwrap();
    assert_eq!((read.sum, read.min, read.max), (Some(0.0), Some(0.0), Some(0.0)));
    for (written, value) in [
        (r#"{"stringValue":""}"#, text("")),
        (r#"{"boolValue":false}"#, Some(Value::BoolValue(false))),
        (r#"{"boolValue":true}"#, Some(Value::BoolValue(true))),
        (r#"{"intValue":0}"#, Some(Value::IntValue(0))),
        (r#"{"doubleValue":0}"#, Some(Value::DoubleValue(0.0))),
        (r#"{"arrayValue":{}}"#, Some(Value::ArrayValue(ArrayValue::default()))),
        (r#"{"arrayValue":{"values":[]}}"#, Some(Value::ArrayValue(ArrayValue::default()))),
        (r#"{"kvlistValue":{}}"#, Some(Value::KvlistValue(KeyValueList::default()))),
        ("{}", None),
        ("{ }", None),
    ] {
        assert_eq!(body(written).unwrap(), value, "{written}");
    }
    assert_eq!(one_metric(r#""gauge":{}"#).unwrap().data, Some(metric::Data::Gauge(Default::default())));
    let nothing =
        r#""traceId":"","name":"","kind":0,"startTimeUnixNano":"0","attributes":[],"flags":0.0,"status":{}"#;
    let json = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{{nothing}}}]}}]}}]}}"#);
    assert_eq!(
        wire(Signal::Traces, &json).unwrap(),
        [10, 6, 18, 4, 18, 2, 0x7a, 0],
        "defaults take no bytes"
    );
}

#[test]
fn key_values_without_key_or_value() {
    let attributes = span(r#""attributes":[{},{"key":"k"},{"value":{"intValue":1}},{"value":{},"key":""}]"#)
        .unwrap()
        .attributes;
    let entry = |key: &str, value| KeyValue { key: key.to_owned(), value, ..Default::default() };
    let expected = [
        entry("", None),
        entry("k", None),
        entry("", Some(any(Some(Value::IntValue(1))))),
        entry("", Some(any(None))),
    ];
    assert_eq!(attributes, expected);
}

#[test]
fn attribute_keys_may_repeat() {
    let one = |key: &str, value: &str| format!(r#"{{"key":"{key}","value":{{"stringValue":"{value}"}}}}"#);
    let list = format!("[{},{},{}]", one("a", "1"), one("b", "2"), one("a", "3"));
    let attributes = span(&format!(r#""attributes":{list}"#)).unwrap().attributes;
    let read: Vec<_> = attributes.into_iter().map(|entry| (entry.key, entry.value.unwrap().value)).collect();
    assert_eq!(read, [("a".into(), text("1")), ("b".into(), text("2")), ("a".into(), text("3"))]);
}

#[test]
fn snake_case_names() {
    let read = span(
        r#""trace_id":"0102","start_time_unix_nano":"5","dropped_events_count":1,"links":[{"span_id":"03","trace_state":"s"}]"#,
    )
    .unwrap();
    assert_eq!((read.trace_id, read.start_time_unix_nano, read.dropped_events_count), (vec![1, 2], 5, 1));
    assert_eq!((read.links[0].span_id.as_slice(), read.links[0].trace_state.as_str()), (&[3][..], "s"));
    let json = r#"{"resource_logs":[{"scope_logs":[{"log_records":[{"body":{"string_value":"b"}}],"schema_url":"u"}]}]}"#;
    let read: super::ExportLogsServiceRequest = request(Signal::Logs, json).unwrap();
    assert_eq!(read.resource_logs[0].scope_logs[0].log_records[0].body, Some(any(text("b"))));
    assert_eq!(read.resource_logs[0].scope_logs[0].schema_url, "u");
}

#[test]
fn names_may_be_written_with_escapes() {
    assert_eq!(span(r#""\u006eam\u0065":"n","\u0074raceId":"0a""#).unwrap().name, "n");
    assert_eq!(
        span(r#""\u0000name":1,"a very long name with an escape \n, longer than any we know":2"#).unwrap(),
        Span::default()
    );
}

#[test]
fn the_last_of_equal_names_wins() {
    let read = span(
        r#""name":"one","attributes":[{"key":"x"},{"key":"y"}],"status":{"message":"m","code":1},"kind":1,
           "traceId":"01","name":"two","status":{"code":2},"attributes":[{"key":"z"}],"kind":0"#,
    )
    .unwrap();
    let keys: Vec<_> = read.attributes.iter().map(|entry| entry.key.as_str()).collect();
    assert_eq!((read.name.as_str(), keys, read.kind), ("two", vec!["z"], 0));
    let status = read.status.unwrap();
    assert_eq!((status.message.as_str(), status.code), ("", 2), "messages are replaced, not merged");
    assert_eq!(span(r#""name":"one","name":null"#).unwrap().name, "");
    assert_eq!(body(r#"{"intValue":1,"intValue":2}"#).unwrap(), Some(Value::IntValue(2)));
    let taken_back = body(r#"{"stringValue":"a","intValue":2,"stringValue":null}"#).unwrap();
    assert_eq!(taken_back, Some(Value::IntValue(2)), "a choice that was taken back is none");
    let read = one_metric(r#""sum":{"dataPoints":[{}]},"sum":{"dataPoints":[{},{}]}"#).unwrap();
    assert!(matches!(read.data, Some(metric::Data::Sum(sum)) if sum.data_points.len() == 2));
}

#[test]
fn unknown_members_are_skipped_at_any_depth() {
    let unknown = r#""x":1,"y":{"a":[{"b":[]},"}]",null,true,-1.5e-3],"":{}},"z":[[[]]],"tRaceId":"no","ke":"\ud83d\ude00""#;
    let json = format!(
        r#"{{{unknown},"resourceSpans":[{{{unknown},"resource":{{{unknown}}},"scopeSpans":[{{{unknown},"spans":[{{
            {unknown},"name":"n","events":[{{{unknown}}}],"attributes":[{{{unknown},"value":{{{unknown}}}}}]}}]}}]}}]}}"#
    );
    let read: super::ExportTraceServiceRequest = request(Signal::Traces, &json).unwrap();
    let span = &read.resource_spans[0].scope_spans[0].spans[0];
    assert_eq!((span.name.as_str(), span.events.len(), span.attributes.len()), ("n", 1, 1));
}

#[test]
fn strings_keep_every_character() {
    for (written, value) in [
        (r"a\u0000b", "a\0b"),
        (r"\u00e9\u20ac\ud83d\ude00", "é€😀"),
        (r#"\"\\\/\b\f\n\r\t"#, "\"\\/\u{8}\u{c}\n\r\t"),
        ("é€😀\u{7f}\u{2028}\u{feff}", "é€😀\u{7f}\u{2028}\u{feff}"),
        (r"\ufffe\uffff", "\u{fffe}\u{ffff}"),
    ] {
        assert_eq!(body(&format!(r#"{{"stringValue":"{written}"}}"#)).unwrap(), text(value), "{written}");
    }
    let nul = r"\u0000".repeat(100_000);
    assert_eq!(body(&format!(r#"{{"stringValue":"{nul}"}}"#)).unwrap(), text(&"\0".repeat(100_000)));
}

#[test]
fn lengths_of_every_width() {
    for len in [0, 1, 126, 127, 128, 16_382, 16_383, 16_384, 2_097_151, 2_097_152] {
        let plain = "x".repeat(len);
        assert_eq!(body(&format!(r#"{{"stringValue":"{plain}"}}"#)).unwrap(), text(&plain));
        assert_eq!(body(&format!(r#"{{"stringValue":"{plain}\n"}}"#)).unwrap(), text(&format!("{plain}\n")));
        let bytes = Some(Value::BytesValue(vec![0; len / 4 * 3]));
        assert_eq!(body(&format!(r#"{{"bytesValue":"{}"}}"#, "A".repeat(len / 4 * 4))).unwrap(), bytes);
    }
}

#[test]
fn space_and_one_byte_order_mark_around_the_document() {
    for json in [
        "{}",
        "\u{feff}{}",
        " \t\r\n{ \n} \n\n",
        "\u{feff} {\"resourceSpans\" : [ ] }\n",
        r#"{"resourceSpans":[]}"#,
    ] {
        assert_eq!(wire(Signal::Traces, json).unwrap(), b"", "{json:?}");
    }
}
