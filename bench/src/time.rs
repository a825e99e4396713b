//! CPU time of this thread, contender after contender in each round.

use rustix::time::{ClockId, clock_gettime};

use crate::Contender;

/// Of one contender's one turn in a round: long enough that the clock's own cost does not count.
const TURN_NANOS: f64 = 2e6;

/// Nanoseconds of one call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Time {
    pub(crate) min: f64,
    pub(crate) median: f64,
}

/// Each contender's time in the order given.
pub(crate) fn measure(contenders: &mut [Contender<'_>], rounds: usize) -> Vec<Time> {
    let calls: Vec<u32> = contenders.iter_mut().map(calls_of_a_turn).collect();
    let mut nanos = vec![Vec::with_capacity(rounds); contenders.len()];
    for _ in 0..rounds {
        for ((contender, calls), nanos) in contenders.iter_mut().zip(&calls).zip(&mut nanos) {
            nanos.push(turn(contender, *calls) / f64::from(*calls));
        }
    }
    nanos.into_iter().map(summary).collect()
}

/// Warms up, too.
fn calls_of_a_turn(contender: &mut Contender<'_>) -> u32 {
    let mut calls = 1;
    loop {
        let nanos = turn(contender, calls);
        if nanos >= TURN_NANOS || calls > 1 << 20 {
            return calls;
        }
        calls *= 2;
    }
}

fn turn(contender: &mut Contender<'_>, calls: u32) -> f64 {
    let start = thread_nanos();
    for _ in 0..calls {
        (contender.run)();
    }
    thread_nanos() - start
}

#[expect(clippy::cast_precision_loss, reason = "differences of milliseconds")]
fn thread_nanos() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

fn summary(mut nanos: Vec<f64>) -> Time {
    nanos.sort_by(f64::total_cmp);
    Time { min: nanos[0], median: nanos[nanos.len() / 2] }
}
