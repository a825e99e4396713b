//! What is valid, by prost: damaged requests are refused exactly where prost refuses them, and counted as its tree counts.

use fastrand::Rng;

use super::{SHARE, hex, seed};
use crate::scan::scan;
use crate::testdata::{Request, Style, Used, mutate, random_noting, realistic};
use crate::{Limits, Signal};

const CASES: usize = 1_056_000 / SHARE;
/// Damaged forms of one request.
const OF_ONE: usize = 22;
const LIMITS: Limits = Limits { elements: u64::MAX };

/// Both accept, or both refuse. What the scan counts, the tree has, unless a oneof replaced counted messages.
pub(crate) fn compare(signal: Signal, wire: &[u8], what: &dyn std::fmt::Display) -> bool {
    let ours = scan(signal, wire, &LIMITS);
    let theirs = Request::decode(signal, wire);
    match (&ours, &theirs) {
        (Ok(counts), Ok(request)) => {
            let tree = request.counts();
            let is_same = if signal == Signal::Metrics {
                counts.items >= tree.items && counts.elements >= tree.elements
            } else {
                *counts == tree
            };
            assert!(is_same, "{what}: scan counts {counts:?}, prost {tree:?}: {signal:?} {}", hex(wire));
        }
        (Err(malformed), Err(_)) => {
            assert!(malformed.offset <= wire.len(), "{what}: {malformed}");
            assert!(malformed.to_string().len() <= 200, "{malformed}");
        }
        _ => {
            let theirs = theirs.as_ref().map(|_| "accepts");
            panic!("{what}: scan {ours:?}, prost {theirs:?}: {signal:?} {}", hex(wire));
        }
    }
    ours.is_ok()
}

/// Scenario: requests of all kinds with a few bytes changed. Guarantees: refused exactly where prost refuses, whose limit
/// of depth is ours.
#[test]
fn damaged_requests_are_refused_as_by_prost() {
    let seed = seed(4317);
    let mut rng = Rng::with_seed(seed);
    let (mut cases, mut accepted, mut used) = (0, 0, Used::default());
    for round in 0..CASES / OF_ONE / 12 {
        for signal in Signal::ALL {
            for base in [
                realistic(signal, 1 + round % 2, &mut rng),
                random_noting(signal, Style::Canonical, &mut rng, &mut used),
                random_noting(signal, Style::Odd, &mut rng, &mut used),
            ] {
                for _ in 0..OF_ONE {
                    let mut wire = base.clone();
                    mutate(&mut wire, &mut rng);
                    accepted +=
                        usize::from(compare(signal, &wire, &format_args!("seed {seed} case {cases}")));
                    cases += 1;
                }
            }
        }
    }
    println!("prost: seed {seed}, {cases} damaged requests, {accepted} of them still valid, 0 differences");
    assert_eq!((cases, used.missing()), (CASES, Vec::new()));
    assert!(accepted > cases / 10 && accepted < cases / 10 * 9, "the damage is too little or too much");
}
