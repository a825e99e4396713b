//! Fuzzing: the writer of `json`. It accepts, refuses and counts as the scan does, and keeps to its limit to the byte; what
//! it writes is JSON, without a name that comes twice.
//!
//! One run in eight cuts the text short.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use otlp::fuzzing::Tree;
use otlp::{json, scan};
use otlp2kafka_fuzz::{LIMITS, mutate_input, mutate_wire, parts};

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate_input(data, size, max_size, seed, |signal, wire, rng| mutate_wire(signal.root(), wire, rng))
});

fuzz_target!(|input: &[u8]| {
    let Some((signal, bits, wire)) = parts(input) else { return };
    let mut text = Vec::new();
    let written = json::write(json::Style::Json, signal, wire, &LIMITS, usize::MAX, &mut text);
    assert_eq!(written, scan::scan(signal, wire, &LIMITS).map_err(json::WriteError::from));
    if written.is_err() {
        assert!(text.is_empty());
        return;
    }
    assert_no_name_twice(&Tree::parse(&text).expect("it is JSON"));
    if bits % 8 == 0 {
        let mut short = Vec::new();
        let cut = json::write(json::Style::Json, signal, wire, &LIMITS, text.len() - 1, &mut short);
        assert_eq!((cut, short.len()), (Err(json::WriteError::Full), 0));
        let whole = json::write(json::Style::Json, signal, wire, &LIMITS, text.len(), &mut short);
        assert!(whole.is_ok() && short == text);
    }
});

fn assert_no_name_twice(tree: &Tree<'_>) {
    match tree {
        Tree::List(values) => values.iter().for_each(assert_no_name_twice),
        Tree::Object(members) => {
            for (at, (name, value)) in members.iter().enumerate() {
                assert!(members[..at].iter().all(|(other, _)| other != name), "{name} comes twice");
                assert_no_name_twice(value);
            }
        }
        _ => {}
    }
}
