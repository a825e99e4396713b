//! Fuzzing: the scan against prost. Both accept, or both refuse; what the scan counts, prost's tree has.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use otlp::fuzzing::Request;
use otlp::{Signal, scan};
use otlp2kafka_fuzz::{LIMITS, mutate_input, mutate_wire, parts};

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate_input(data, size, max_size, seed, |signal, wire, rng| mutate_wire(signal.root(), wire, rng))
});

fuzz_target!(|input: &[u8]| {
    let Some((signal, _, wire)) = parts(input) else { return };
    let ours = scan::scan(signal, wire, &LIMITS);
    match (ours, Request::decode(signal, wire)) {
        (Ok(counts), Ok(request)) => {
            let tree = request.counts();
            // A metric that has its data twice keeps the last; the scan has counted both.
            let is_more = counts.items >= tree.items && counts.elements >= tree.elements;
            assert!(counts == tree || signal == Signal::Metrics && is_more, "{counts:?} {tree:?}");
        }
        (Err(malformed), Err(_)) => assert!(malformed.offset <= wire.len()),
        (ours, theirs) => panic!("scan {ours:?}, prost {:?}", theirs.map(|_| "accepts")),
    }
});
