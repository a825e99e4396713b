//! Fuzzing: the writer of `json`. It accepts, refuses and counts as the scan does, and keeps to its limit to the byte; what
//! it writes is what a walk over prost's tree writes, and no name comes twice.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use otlp::fuzzing::{Tree, print};
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
    // One run in four beside prost's tree, another one cut short: both take longer than all the rest.
    if bits % 4 == 1 {
        match (print(json::Style::Json, signal, wire), &written) {
            (Some(expected), Ok(_)) => {
                let expected = expected.to_string();
                let (ours, expected) = (Tree::parse(&text), Tree::parse(expected.as_bytes()));
                let (ours, expected) = (ours.expect("it is JSON"), expected.expect("it is JSON too"));
                assert_eq!(ours.difference(&expected), None);
            }
            (expected, _) => {
                assert!(expected.is_none() && written.is_err(), "prost refuses or accepts alone")
            }
        }
    }
    if written.is_err() {
        assert!(text.is_empty());
    } else if bits % 4 == 0 {
        let mut short = Vec::new();
        let cut = json::write(json::Style::Json, signal, wire, &LIMITS, text.len() - 1, &mut short);
        assert_eq!((cut, short.len()), (Err(json::WriteError::Full), 0));
        let whole = json::write(json::Style::Json, signal, wire, &LIMITS, text.len(), &mut short);
        assert!(whole.is_ok() && short == text);
    }
});
