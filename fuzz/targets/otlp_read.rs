//! Fuzzing: the reader of OTLP/JSON. What it gives is a request by the scan and by prost, counted right and in prost's
//! canonical form; written as `otlp_json` and read again it is the same. What it refuses leaves nothing behind. A second
//! reader, which makes a tree first, accepts and refuses the same, and gives the same request.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use otlp::fuzzing::{Request, canonical};
use otlp::{json, scan};
use otlp2kafka_fuzz::{LIMITS, Opinion, mutate_input, mutate_json, parts, second_opinion};

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate_input(data, size, max_size, seed, |_, text, rng| mutate_json(text, rng))
});

fuzz_target!(|input: &[u8]| {
    let Some((signal, _, text)) = parts(input) else { return };
    let mut wire = Vec::new();
    let read = json::read(signal, text, &LIMITS, &mut wire);
    match (second_opinion(signal, text), &read) {
        (Opinion::None, _) | (Opinion::Refuses, Err(_)) => {}
        (Opinion::Accepts(other), Ok(_)) => assert_eq!(other, wire, "{}", String::from_utf8_lossy(text)),
        (other, read) => panic!("{read:?}, the second reader {other:?}: {}", String::from_utf8_lossy(text)),
    }
    let counts = match read {
        Ok(counts) => counts,
        Err(malformed) => {
            assert!(wire.is_empty() && malformed.offset <= text.len() && malformed.to_string().len() <= 200);
            return;
        }
    };
    assert_eq!(scan::scan(signal, &wire, &LIMITS), Ok(counts));
    let request = Request::decode(signal, &wire).expect("it is a request");
    if canonical(signal.root(), &request.encode()) != wire {
        // prost leaves out a -0.0 of a field without presence; protobuf-java and the reader do not.
        assert!(format!("{request:?}").contains("-0.0"), "{}", String::from_utf8_lossy(text));
        assert_eq!(canonical(signal.root(), &wire), wire);
    }
    let (mut again, mut back) = (Vec::new(), Vec::new());
    json::write(json::Style::OtlpJson, signal, &wire, &LIMITS, usize::MAX, &mut again).expect("it is valid");
    assert_eq!(
        json::read(signal, &again, &LIMITS, &mut back),
        Ok(counts),
        "{}",
        String::from_utf8_lossy(&again)
    );
    assert_eq!(back, wire, "{}", String::from_utf8_lossy(&again));
});
