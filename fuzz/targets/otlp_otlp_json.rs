//! Fuzzing: the writer of `otlp_json`, and the reader after it. It accepts, refuses and counts as the scan does; what it
//! writes reads back as the canonical form of the request, the one that prost gives; numbers in lists that say nothing
//! are left out, as are NaNs' payloads.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use otlp::fuzzing::{Request, canonical};
use otlp::{json, scan};
use otlp2kafka_fuzz::{LIMITS, mutate_input, mutate_wire, parts};

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate_input(data, size, max_size, seed, |signal, wire, rng| mutate_wire(signal.root(), wire, rng))
});

fuzz_target!(|input: &[u8]| {
    let Some((signal, _, wire)) = parts(input) else { return };
    let mut text = Vec::new();
    let written = json::write(json::Style::OtlpJson, signal, wire, &LIMITS, usize::MAX, &mut text);
    assert_eq!(written, scan::scan(signal, wire, &LIMITS).map_err(json::WriteError::from));
    if written.is_err() {
        assert!(text.is_empty());
        return;
    }
    let mut back = Vec::new();
    let read = json::read(signal, &text, &LIMITS, &mut back);
    let request = Request::decode(signal, wire).expect("prost accepts what the scan accepts");
    assert_eq!(read, Ok(request.counts()), "{}", String::from_utf8_lossy(&text));
    let expected = canonical(signal.root(), &request.encode());
    // JSON has one NaN; and prost's tree shows it as one.
    assert!(
        back == expected
            || Request::decode(signal, &back).is_ok_and(|back| format!("{back:?}") == format!("{request:?}"))
    );
});
