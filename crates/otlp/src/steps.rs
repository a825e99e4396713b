//! For tests that hold the work on any input to a multiple of its bytes: counts steps where a clock would only guess.
//!
//! A step is a field, token or number looked at, or a block of bytes that is read through, copied or moved. Outside of
//! this crate's own tests nothing is counted and nothing is compiled.

/// Bytes that count as one step when they are read through, copied or moved.
const BLOCK: usize = 16;

/// Notes one step.
#[inline(always)]
pub(crate) fn one() {
    note(1);
}

/// Notes that so many bytes were gone through.
#[inline(always)]
pub(crate) fn over(bytes: usize) {
    note(1 + bytes / BLOCK);
}

#[inline(always)]
fn note(_steps: usize) {
    #[cfg(test)]
    STEPS.set(STEPS.get() + _steps);
}

#[cfg(test)]
thread_local!(static STEPS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) });

/// Steps that this thread takes in `work`.
#[cfg(test)]
pub(crate) fn of(work: impl FnOnce()) -> usize {
    let before = STEPS.get();
    work();
    STEPS.get() - before
}
