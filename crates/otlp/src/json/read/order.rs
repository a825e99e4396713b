//! Hop 5, OTLP/JSON in: puts the fields of one message in order after members came out of order or twice.
//!
//! It works on the bytes already written, in place. Messages whose members come in order, as most writers
//! send them, never get here: the runs of a message are only listed once its order is broken.

use crate::schema::wire_type;
use crate::steps;

/// What one member wrote: the bytes from `start` up to the next run's start, or to the end of the message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    /// Number of the field.
    pub(super) number: u32,
    /// Offset in the output.
    pub(super) start: usize,
}

/// Lists the runs of the fields that `out` holds from `start` on. The bytes are ours and well-formed.
pub(super) fn list(out: &[u8], start: usize, runs: &mut Vec<Run>) {
    let first = runs.len();
    let mut at = start;
    while at < out.len() {
        let field_start = at;
        steps::one();
        let tag = varint(out, &mut at);
        let number = u32::try_from(tag >> 3).unwrap_or(0);
        if runs[first..].last().is_none_or(|run| run.number != number) {
            runs.push(Run { number, start: field_start });
        }
        skip(out, &mut at, tag);
    }
}

/// Takes the run of field `number` out of the message that `runs` lists; what it held comes back as a range
/// before the cut.
pub(super) fn find(out: &[u8], runs: &[Run], number: u32) -> Option<(usize, std::ops::Range<usize>)> {
    steps::over(size_of_val(runs));
    let index = runs.iter().position(|run| run.number == number)?;
    let end = runs.get(index + 1).map_or(out.len(), |next| next.start);
    Some((index, runs[index].start..end))
}

/// Cuts the run at `index` of the message whose runs begin at `first` out of the output.
///
/// A byte is moved at most once for each field of its message that was written before it, so that a million
/// repeated members still take linear time.
pub(super) fn remove(out: &mut Vec<u8>, runs: &mut Vec<Run>, index: usize, range: std::ops::Range<usize>) {
    let len = range.len();
    note_moved(out.len() - range.end);
    out.copy_within(range.end.., range.start);
    out.truncate(out.len() - len);
    runs.remove(index);
    for run in &mut runs[index..] {
        run.start -= len;
    }
}

/// Puts the runs of a message, which ends where `out` ends, in the order of their numbers.
///
/// Insertion sort of ascending blocks by rotation: one rotation for each descent, no memory beside the
/// message.
pub(super) fn sort(out: &mut [u8], runs: &mut [Run]) {
    let mut sorted = 1;
    while sorted < runs.len() {
        steps::one();
        let number = runs[sorted].number;
        if runs[sorted - 1].number <= number {
            sorted += 1;
            continue;
        }
        let to = runs[..sorted].partition_point(|run| run.number <= number);
        let limit = runs[to].number;
        let tail = runs[sorted..]
            .windows(2)
            .take_while(|pair| pair[0].number <= pair[1].number && pair[1].number < limit);
        let block_end = sorted + 1 + tail.count();
        let end = runs.get(block_end).map_or(out.len(), |next| next.start);
        let (overtaken, block) = (runs[sorted].start - runs[to].start, end - runs[sorted].start);
        note_moved(overtaken + block);
        out[runs[to].start..end].rotate_left(overtaken);
        runs[to..block_end].rotate_left(sorted - to);
        let (moved_down, moved_up) = runs[to..block_end].split_at_mut(block_end - sorted);
        moved_down.iter_mut().for_each(|run| run.start -= overtaken);
        moved_up.iter_mut().for_each(|run| run.start += block);
        sorted = block_end;
    }
}

/// Steps over the value behind `tag`; returns what a length-delimited one holds.
pub(super) fn skip(out: &[u8], at: &mut usize, tag: u64) -> std::ops::Range<usize> {
    let wire_type = u8::try_from(tag & 7).unwrap_or(wire_type::VARINT);
    let len = match wire_type {
        wire_type::I64 => 8,
        wire_type::I32 => 4,
        wire_type::LEN => usize::try_from(varint(out, at)).unwrap_or(usize::MAX),
        _ => {
            varint(out, at);
            0
        }
    };
    let start = *at;
    *at = start.saturating_add(len);
    start..*at
}

/// Reads a varint of our own writing.
pub(super) fn varint(out: &[u8], at: &mut usize) -> u64 {
    steps::one();
    let mut value = 0;
    let mut shift = 0;
    while let Some(&byte) = out.get(*at) {
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 || shift == 63 {
            break;
        }
        shift += 7;
    }
    value
}

/// For the tests that hold the work to a multiple of the document's size.
#[inline]
pub(super) fn note_moved(_bytes: usize) {
    steps::over(_bytes);
    #[cfg(test)]
    MOVED.set(MOVED.get() + _bytes);
}

#[cfg(test)]
thread_local!(static MOVED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) });

/// Bytes moved by this thread so far.
#[cfg(test)]
pub(super) fn moved() -> usize {
    MOVED.get()
}
