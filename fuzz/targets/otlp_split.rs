//! Fuzzing: the cutter. The parts of a request, put together, hold its items in their order, and each is no larger than
//! asked for, or holds one item that is.
//!
//! Beside the signal, the first byte holds the size of the parts, in units of 16 bytes.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use otlp::fuzzing::Request;
use otlp::split::Cutter;
use otlp::{Signal, scan};
use otlp2kafka_fuzz::{LIMITS, mutate_input, mutate_wire, parts, units};

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate_input(data, size, max_size, seed, |signal, wire, rng| mutate_wire(signal.root(), wire, rng))
});

fuzz_target!(|input: &[u8]| {
    let Some((signal, size, wire)) = parts(input) else { return };
    let counts = scan::scan(signal, wire, &LIMITS);
    // One run in four, so that the rest is fast.
    let prost = (size % 4 == 0).then(|| Request::decode(signal, wire));
    assert!(prost.as_ref().is_none_or(|prost| prost.is_ok() == counts.is_ok()), "{counts:?} {prost:?}");
    let Ok(counts) = counts else { return };
    let bytes_max = 16 * usize::from(size);
    let mut cutter = Cutter::new(signal, wire);
    let (mut part, mut items, mut together) = (Vec::new(), 0, Vec::new());
    while let Some(cut) = cutter.next(bytes_max, &mut part) {
        assert!(cut.single || part.len() <= bytes_max, "{} bytes of {bytes_max}", part.len());
        let inside = scan::scan(signal, &part, &LIMITS).expect("a part is valid");
        assert_eq!(cut.items, inside.items);
        items += cut.items;
        let before = together.len();
        units(&part, &mut together);
        assert!(together.len() > before && (!cut.single || together.len() == before + 1));
        part.clear();
    }
    let mut whole = Vec::new();
    units(wire, &mut whole);
    assert_eq!(items, counts.items, "{signal:?}");
    assert_eq!(together, whole);
    assert!(signal == Signal::Metrics || items == whole.len() as u64);
});
