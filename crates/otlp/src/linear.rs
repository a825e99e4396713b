//! Tests over all paths: work grows as the input does, whatever the input, by [`crate::steps`] and not by the clock.

use crate::json::{Style, read, write};
use crate::scan::scan;
use crate::schema::wire_type;
use crate::split::Cutter;
use crate::{Limits, Signal, steps, varint};

const LIMITS: Limits = Limits { elements: u64::MAX };

/// Pieces of the smaller input, and how many times as many the larger one has.
const PIECES: usize = 500;
const TIMES: usize = 16;

/// Runs `work` on a small and on a large input. Work that grows with the square would take sixteen times more for each
/// byte of the large one; three times more, a part that needs longer lengths can take.
fn assert_linear(name: &str, input: impl Fn(usize) -> Vec<u8>, work: impl Fn(&[u8])) {
    /// Steps that an input of no pieces may take, tables and retries included.
    const CONSTANT: usize = 2000;
    /// Steps for each byte: a request of the shortest fields is walked by few functions, each a few times.
    const STEPS_OF_A_BYTE_MAX: usize = 40;
    let taken = |input: &[u8]| {
        let taken = steps::of(|| work(input));
        let max = CONSTANT + STEPS_OF_A_BYTE_MAX * input.len();
        assert!(taken <= max, "{name}: {taken} steps for {} bytes", input.len());
        taken
    };
    let (small, large) = (taken(&input(PIECES)), taken(&input(TIMES * PIECES)));
    assert!(
        large <= 3 * TIMES * small + CONSTANT,
        "{name}: {small} steps, then {large} for {TIMES} times the input"
    );
}

#[test]
#[should_panic(expected = "for 16 times the input")]
fn quadratic_work_is_found() {
    let work = |input: &[u8]| (0..input.len() / 100).for_each(|_| steps::over(input.len() / 10));
    assert_linear("quadratic", |n| vec![0; 10 * n], work);
}

fn field(number: u64, body: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    varint::put(&mut wire, number << 3 | u64::from(wire_type::LEN));
    varint::put(&mut wire, body.len() as u64);
    wire.extend_from_slice(body);
    wire
}

/// A request of one span.
fn in_span(fields: &[u8]) -> Vec<u8> {
    field(1, &field(2, &field(2, fields)))
}

fn attribute(key: &[u8], value: &[u8]) -> Vec<u8> {
    field(9, &[field(1, key), field(2, value)].concat())
}

fn groups(levels: usize) -> Vec<u8> {
    const BEGIN: [u8; 2] = [0xfb, 0x07];
    const END: [u8; 2] = [0xfc, 0x07];
    [BEGIN.repeat(levels), END.repeat(levels)].concat()
}

/// Wire bytes of every kind in F6 to F18 of the conformance notes: valid ones and others.
type Shape = (&'static str, fn(usize) -> Vec<u8>);

const WIRE: &[Shape] = &[
    ("cut off at the end", |n| {
        in_span(&field(5, b"name").repeat(n)).split_last().map_or(vec![], |(_, cut)| cut.to_vec())
    }),
    ("a length beyond the end", |n| {
        [in_span(&field(5, b"name").repeat(n)), vec![0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]].concat()
    }),
    ("varints longer than needed", |n| in_span(&b"\x30\x81\x80\x80\x80\x80\x80\x80\x00".repeat(n))),
    ("a varint without end", |n| in_span(&[b"\x30\x01".repeat(n), vec![0x30], vec![0xff; n]].concat())),
    ("balanced groups", |n| in_span(&groups(20).repeat(n / 10))),
    ("groups in groups", |n| in_span(&groups(n))),
    ("groups that begin", |n| in_span(&b"\xfb\x07".repeat(n))),
    ("scalars packed and not", |n| {
        let counts =
            [b"\x31\x01\0\0\0\0\0\0\0".repeat(n), field(6, &b"\x01\0\0\0\0\0\0\0".repeat(n))].concat();
        field(1, &field(2, &field(2, &field(9, &field(1, &counts)))))
    }),
    ("scalars in many runs", |n| {
        let counts = [&b"\x31\x01\0\0\0\0\0\0\0"[..], &field(6, &[0; 16]), b"\x39\0\0\0\0\0\0\0\0"].concat();
        field(1, &field(2, &field(2, &field(9, &field(1, &counts.repeat(n))))))
    }),
    ("messages in messages", |n| {
        let value = (0..n).fold(vec![], |inner, _| field(5, &field(1, &inner)));
        in_span(&attribute(b"k", &value))
    }),
    ("empty resources", |n| field(1, b"").repeat(n)),
    ("empty scopes", |n| field(1, &field(2, b"").repeat(n))),
    ("empty spans", |n| field(1, &field(2, &field(2, b"").repeat(n)))),
    ("unknown fields", |n| in_span(&b"\xa0\x01\x01\xf8\x07\x01".repeat(n))),
    ("attributes of one span", |n| in_span(&attribute(b"k", b"\x10\x01").repeat(n))),
    ("a long key", |n| in_span(&attribute(&b"key!".repeat(n), b"\x10\x01"))),
    ("a message many times", |n| in_span(&field(15, &field(2, b"text")).repeat(n))),
    ("messages in one another, many times", |n| {
        let twice = |inner: &[u8]| field(6, &field(1, &field(2, inner)).repeat(2));
        let value = (0..8).fold(b"\x10\x01".repeat(n / 64), |inner, _| twice(&inner));
        in_span(&attribute(b"k", &value))
    }),
    ("lists in many runs", |n| {
        in_span(&[attribute(b"k", b"\x10\x01"), field(5, b"n"), field(11, b"")].concat().repeat(n))
    }),
    ("members of a oneof in turn", |n| {
        in_span(&attribute(
            b"k",
            &[&b"\x10\x01\x18\x02"[..], &field(1, b"t"), &field(5, b"")].concat().repeat(n),
        ))
    }),
    ("text that is not UTF-8 at its end", |n| {
        in_span(&field(5, &[&"é".repeat(n).into_bytes()[..], b"\xff"].concat()))
    }),
    ("text of wide characters", |n| in_span(&field(5, "日本".repeat(n).as_bytes()).repeat(2))),
    ("text to escape", |n| in_span(&field(5, &b"\"\n\x01".repeat(n)))),
    ("long ids", |n| in_span(&field(1, &[7; 16].repeat(n)))),
];

#[test]
fn scanning_is_linear() {
    for (name, input) in WIRE {
        assert_linear(name, input, |wire| {
            let _said = scan(Signal::Traces, wire, &LIMITS);
        });
        assert_linear(name, input, |wire| {
            let _said = scan(Signal::Metrics, wire, &LIMITS);
        });
    }
}

#[test]
fn writing_is_linear() {
    for (name, input) in WIRE {
        for (signal, style) in [(Signal::Traces, Style::Json), (Signal::Metrics, Style::OtlpJson)] {
            // What is written goes through no counted function, so that it counts by its length.
            assert_linear(name, input, |wire| {
                let mut out = Vec::new();
                let _said = write(style, signal, wire, &LIMITS, 1 << 30, &mut out);
                steps::over(out.len());
            });
        }
    }
}

#[test]
fn splitting_is_linear() {
    for (name, input) in WIRE {
        for part_bytes_max in [1, 20, 200] {
            // Own fields are repeated in each part, as whoever asks for the parts has to reckon with: they stay few here.
            let input = |n: usize| if name.contains("unknown") { input(n.min(1)) } else { input(n) };
            assert_linear(name, input, |wire| {
                let (mut cutter, mut out) = (Cutter::new(Signal::Traces, wire), Vec::new());
                while cutter.next(part_bytes_max, &mut out).is_some() {
                    out.clear();
                }
            });
        }
    }
}

fn json_in_span(members: &str) -> Vec<u8> {
    format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{{members}}}]}}]}}]}}"#).into_bytes()
}

fn numbered(n: usize, member: impl Fn(usize) -> String) -> String {
    (0..n).map(member).collect::<Vec<_>>().join(",")
}

/// JSON of every kind in F6 to F21: valid and other.
const JSON: &[Shape] = &[
    ("digits", |n| json_in_span(&format!(r#""startTimeUnixNano":{}"#, "9".repeat(16 * n)))),
    ("digits in quotes", |n| json_in_span(&format!(r#""startTimeUnixNano":"{}7""#, "0".repeat(16 * n)))),
    ("a fraction", |n| json_in_span(&format!(r#""startTimeUnixNano":1.5{}e1"#, "0".repeat(16 * n)))),
    ("an exponent", |n| json_in_span(&format!(r#""startTimeUnixNano":1e{}"#, "9".repeat(16 * n)))),
    ("a double of many digits", |n| {
        let value = format!("0.{}", "9".repeat(16 * n));
        json_in_span(&format!(r#""attributes":[{{"key":"k","value":{{"doubleValue":{value}}}}}]"#))
    }),
    ("many numbers", |n| json_in_span(&vec![r#""flags":12345.0e0"#; n].join(","))),
    ("a name twice", |n| json_in_span(&vec![r#""name":"n""#; n].join(","))),
    ("a name twice behind a long one", |n| {
        json_in_span(&format!(
            r#""traceState":"{}",{}"#,
            "x".repeat(16 * n),
            vec![r#""name":"n""#; n].join(",")
        ))
    }),
    ("members out of order, twice", |n| {
        json_in_span(
            &vec![r#""status":{"code":1},"kind":1,"name":"n","traceId":"00","attributes":[{},{}]"#; n]
                .join(","),
        )
    }),
    ("lists twice, nested", |n| {
        let spans = vec![r#""spans":[{"events":[{}]},{}]"#; n].join(",");
        format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{{spans}}}]}}]}}"#).into_bytes()
    }),
    ("attributes whose value comes first", |n| {
        let attribute = r#"{"value":{"stringValue":"v"},"key":"k"}"#;
        json_in_span(&format!(r#""attributes":[{}]"#, vec![attribute; n].join(",")))
    }),
    ("attributes that are nearly plain", |n| {
        let attribute = r#"{"key":"k","value":{"stringValue":"vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv"} , "x":1}"#;
        json_in_span(&format!(r#""attributes":[{}]"#, vec![attribute; n].join(",")))
    }),
    ("unknown members", |n| json_in_span(&numbered(n, |nth| format!(r#""k{nth}":[{nth},{{"a":null}}]"#)))),
    ("names that are nearly known", |n| {
        json_in_span(&vec![r#""namf":1,"mane":2,"startTimeUnixNanp":3"#; n].join(","))
    }),
    ("a deep unknown value", |n| json_in_span(&format!(r#""x":{}1{}"#, "[".repeat(n), "]".repeat(n)))),
    ("unknown values nested as far as allowed", |n| {
        json_in_span(&vec![format!(r#""x":{}1{}"#, "[".repeat(50), "]".repeat(50)); n / 10].join(","))
    }),
    ("brackets that open", |n| json_in_span(&format!(r#""x":{}"#, "[".repeat(n)))),
    ("messages in messages", |n| {
        let deep = format!("{}{{}}{}", r#"{"arrayValue":{"values":["#.repeat(n), "]}}".repeat(n));
        json_in_span(&format!(r#""attributes":[{{"key":"k","value":{deep}}}]"#))
    }),
    ("empty messages", |n| json_in_span(&format!(r#""events":[{}]"#, vec!["{}"; n].join(",")))),
    ("a long string", |n| json_in_span(&format!(r#""name":"{}""#, "x".repeat(16 * n)))),
    ("a long name", |n| json_in_span(&format!(r#""{}":1"#, "x".repeat(16 * n)))),
    ("escapes", |n| json_in_span(&format!(r#""name":"{}""#, r#"\n\"\u0041\ud83d\ude00"#.repeat(n)))),
    ("escapes in a name", |n| json_in_span(&format!(r#""{}":1"#, r"\n\u0041".repeat(n)))),
    ("escapes in an id", |n| json_in_span(&format!(r#""traceId":"{}""#, r"\u0030\u0031".repeat(n)))),
    ("escapes in attributes", |n| {
        let attribute = r#"{"key":"k","value":{"stringValue":"a\nb\nc"}}"#;
        json_in_span(&format!(r#""attributes":[{}]"#, vec![attribute; n].join(",")))
    }),
    ("hex", |n| json_in_span(&format!(r#""traceId":"{}""#, "0aF9".repeat(n)))),
    ("white space", |n| json_in_span(&format!(r#""name" : {}"n""#, " \n\t\r".repeat(n)))),
    ("not UTF-8 at the end", |n| {
        [json_in_span(&format!(r#""name":"{}""#, "é".repeat(n))), vec![0xff]].concat()
    }),
];

#[test]
fn reading_json_is_linear() {
    for (name, input) in JSON {
        assert_linear(name, input, |json| {
            let _said = read(Signal::Traces, json, &LIMITS, &mut Vec::new());
        });
    }
}
