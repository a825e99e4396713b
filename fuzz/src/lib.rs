//! Fuzzing: what targets share. An input of those of OTLP is a byte that names the signal, and a request.

mod json;
mod mended;
mod second;
mod units;
mod wire;

use fastrand::Rng;
use otlp::{Limits, Signal};

pub use json::mutate_json;
pub use mended::mended;
pub use second::{Opinion, second_opinion};
pub use units::{Unit, units};
pub use wire::mutate_wire;

/// No limit: the limit has tests of its own.
pub const LIMITS: Limits = Limits { elements: u64::MAX };

/// The signal of an input, the rest of its first byte, and its request.
pub fn parts(input: &[u8]) -> Option<(Signal, u8, &[u8])> {
    let (&first, request) = input.split_first()?;
    Some((Signal::ALL[usize::from(first & 3)], first >> 2, request))
}

/// Changes the request of an input by `change` or, one time in four, its bytes as libFuzzer does; gives its new length.
pub fn mutate_input(
    data: &mut [u8],
    size: usize,
    max_size: usize,
    seed: u32,
    change: impl FnOnce(Signal, &mut Vec<u8>, &mut Rng),
) -> usize {
    let mut rng = Rng::with_seed(seed.into());
    let (true, Some((signal, _, request))) = (rng.u8(..4) > 0, parts(&data[..size])) else {
        return libfuzzer_sys::fuzzer_mutate(data, size, max_size);
    };
    let mut request = request.to_vec();
    change(signal, &mut request, &mut rng);
    request.truncate(max_size.min(data.len()) - 1);
    data[1..=request.len()].copy_from_slice(&request);
    request.len() + 1
}
