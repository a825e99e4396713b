//! What the codec asks the allocator for: nothing for an item, and no more for a result than the result and a little.

use allocation_counter::measure;
use fastrand::Rng;
use otlp::json::{Style, read, write};
use otlp::scan::scan;
use otlp::split::Cutter;
use otlp::{Counts, Limits, Signal};
use testdata::realistic;

#[expect(dead_code, unreachable_pub, reason = "shared with the unit tests, which use all of it")]
#[path = "../src/testdata"]
mod testdata {
    mod realistic;
    mod request;

    pub(crate) use realistic::realistic;
    pub(crate) use request::Request;
}

const LIMITS: Limits = Limits { elements: 1_000_000 };
const SIGNALS: [Signal; 4] = Signal::ALL;

/// What a buffer that starts empty and doubles may add while it grows a thousandfold.
const DOUBLINGS: u64 = 12;

/// Growths of the reader's list of members that are out of order.
const LISTS: u64 = 4;

/// What the reader may hold beside the result.
const READER_BYTES_MAX: u64 = 64 << 10;

fn request(signal: Signal, items: usize) -> Vec<u8> {
    realistic(signal, items, &mut Rng::with_seed(1))
}

fn json(signal: Signal, wire: &[u8]) -> Vec<u8> {
    let mut json = Vec::new();
    write(Style::OtlpJson, signal, wire, &LIMITS, usize::MAX, &mut json).expect("a valid request");
    json
}

/// Allocations in `work` with a request of one item and of a thousand.
fn one_and_a_thousand(signal: Signal, work: impl Fn(&[u8])) -> (u64, u64) {
    let of = |items| {
        let input = request(signal, items);
        // What is worked out at the first use is not the item's.
        work(&input);
        measure(|| work(&input)).count_total
    };
    (of(1), of(1000))
}

#[test]
fn a_scan_allocates_nothing() {
    for signal in SIGNALS {
        let counts = one_and_a_thousand(signal, |wire| {
            scan(signal, wire, &LIMITS).unwrap();
        });
        assert_eq!(counts, (0, 0), "{signal:?}");
    }
}

#[test]
fn writers_allocate_their_buffer_alone() {
    for signal in SIGNALS {
        for style in [Style::Json, Style::OtlpJson] {
            let written = |wire: &[u8], mut out: Vec<u8>| {
                write(style, signal, wire, &LIMITS, 64 << 20, &mut out).unwrap();
            };
            let (one, thousand) = one_and_a_thousand(signal, |wire| written(wire, Vec::new()));
            assert!(thousand <= one + DOUBLINGS, "{signal:?} {style:?}: {one}, then {thousand}");
            let room = || Vec::with_capacity(8 << 20);
            let counts = one_and_a_thousand(signal, |wire| written(wire, room()));
            assert_eq!(counts, (1, 1), "{signal:?} {style:?}");
        }
    }
}

#[test]
fn the_reader_allocates_its_buffer_alone() {
    for signal in SIGNALS {
        let of = |items, room: usize| {
            let json = json(signal, &request(signal, items));
            let work = || read(signal, &json, &LIMITS, &mut Vec::with_capacity(room));
            work().unwrap();
            measure(|| assert!(work().is_ok())).count_total
        };
        let (one, thousand) = (of(1, 0), of(1000, 0));
        assert!(thousand <= one + DOUBLINGS, "{signal:?}: {one}, then {thousand}");
        // Where members come out of order there is one list of them, as long as the longest that was needed.
        assert!(of(1000, 8 << 20) <= 1 + LISTS, "{signal:?}");
    }
}

#[test]
fn the_cutter_allocates_nothing_for_an_item() {
    for signal in SIGNALS {
        let of = |items, parts: usize| {
            let wire = request(signal, items);
            let mut out = Vec::with_capacity(wire.len());
            let work = |out: &mut Vec<u8>| {
                let mut cutter = Cutter::new(signal, &wire);
                while cutter.next(wire.len() / parts, out).is_some() {
                    out.clear();
                }
            };
            measure(|| work(&mut out)).count_total
        };
        // Each of the three scopes is opened, and what is its own kept, once.
        let (few, many) = (of(30, 10), of(3000, 10));
        assert!(many <= few, "{signal:?}: {few}, then {many}");
        assert!(of(3000, 1000) <= few, "{signal:?}: nor for a part");
    }
}

/// Bytes held at the same time while `json` is read into a buffer of its size and the slack that the reader names.
fn peak(signal: Signal, json: &[u8], expected: Option<Counts>) -> (u64, u64) {
    let mut wire = Vec::new();
    let counts = read(signal, json, &LIMITS, &mut wire).expect("OTLP/JSON");
    assert!(expected.is_none_or(|expected| expected == counts));
    let wire_bytes = wire.len();
    let info = measure(|| {
        let mut out = Vec::with_capacity(wire_bytes + otlp::json::READ_SLACK_BYTES);
        read(signal, json, &LIMITS, &mut out).expect("OTLP/JSON");
    });
    (info.bytes_max, wire_bytes as u64)
}

#[test]
fn the_reader_holds_its_result_and_64_kib() {
    for signal in SIGNALS {
        for items in [1, 100, 1000, 5000] {
            let wire = request(signal, items);
            let counts = scan(signal, &wire, &LIMITS).unwrap();
            let (peak, result) = peak(signal, &json(signal, &wire), Some(counts));
            assert!(peak <= result + READER_BYTES_MAX, "{signal:?} {items}: {peak} for {result}");
        }
    }
}

/// Members in the worst order at every level, names twice, escapes, spaces: nothing that is put right needs a copy.
#[test]
fn so_it_does_for_documents_of_the_unwilling() {
    let attribute = r#"{"value":{"stringValue":"v\n"},"key":"k"}"#;
    let attributes = vec![attribute; 20_000].join(" , ");
    let span = format!(
        r#"{{"status":{{"code":1,"message":"m"}},"attributes":[{attributes}],"name":"n","name":"m","spanId":"00"}}"#
    );
    let spans = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{span},{span}]}}]}}]}}"#);
    let deep = (0..48).fold("{}".to_owned(), |inner, _| {
        format!(r#"{{"arrayValue":{{"values":[{{"stringValue":"{}"}},{inner}]}}}}"#, "x".repeat(3000))
    });
    let logs =
        format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"flags":1,"body":{deep}}}]}}]}}]}}"#);
    for (signal, json) in [(Signal::Traces, spans), (Signal::Logs, logs)] {
        let (peak, result) = peak(signal, json.as_bytes(), None);
        assert!(peak <= result + READER_BYTES_MAX, "{signal:?}: {peak} for {result}");
    }
}
