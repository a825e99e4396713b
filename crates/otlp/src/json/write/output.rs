//! The buffer that the JSON writer fills, and the bound it keeps to (hop 6, "shape").
//!
//! Every method of the writer says beforehand how much room it needs, so that the buffer grows by plan: never past
//! the caller's limit plus [`SLACK`].

use super::Stop;
use crate::schema::Text;

/// How far the buffer may grow past the limit before the writer gives up.
///
/// Larger than anything that room is asked for without being needed, so that only a text that is truly too long is
/// refused; the exact comparison is made once, at the end.
pub(super) const SLACK: usize = 4096;

/// Bytes that a [`Pen`] has before it: more than a key with a number, or an attribute of two short texts, can take.
pub(super) const WINDOW: usize = 512;

/// The text written so far and the length it may have.
///
/// What lies behind `at` is zeros, written before the text as the buffer grows. This costs a few percent, and in
/// return a write is one comparison and one copy: there is no path on which it would move the buffer, and the
/// position stays in a register from one write to the next.
#[derive(Debug)]
pub(super) struct Output {
    buffer: Vec<u8>,
    at: usize,
    start: usize,
    limit: usize,
}

impl Output {
    /// Text of at most `max` bytes, appended to what `buffer` holds.
    pub(super) fn new(buffer: Vec<u8>, max: usize) -> Self {
        let start = buffer.len();
        Self { buffer, at: start, start, limit: start.saturating_add(max) }
    }

    /// The buffer, with what it held before, and the text behind it.
    pub(super) fn into_buffer(mut self) -> Vec<u8> {
        self.buffer.truncate(self.at);
        self.buffer
    }

    /// Forgets what was written.
    pub(super) fn clear(&mut self) {
        self.at = self.start;
    }

    /// Takes back the comma after the outermost object; whether the text then keeps to its limit.
    pub(super) fn finish(&mut self) -> bool {
        self.pop_comma();
        self.at <= self.limit.min(self.buffer.len())
    }

    /// Makes room for `n` bytes, of which all but [`SLACK`] / 2 are sure to be written.
    #[inline(always)]
    pub(super) fn room(&mut self, n: usize) -> Result<(), Stop> {
        if self.at.wrapping_add(n) <= self.buffer.len() { Ok(()) } else { self.grow(n) }
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, n: usize) -> Result<(), Stop> {
        let hard = self.limit.saturating_add(SLACK);
        let needed = self.at.saturating_add(n);
        if needed > hard || self.at > self.buffer.len() {
            return Err(Stop::Full);
        }
        if needed > self.buffer.capacity() {
            let capacity = self.buffer.capacity().saturating_mul(2).clamp(needed, hard);
            self.buffer.reserve_exact(capacity - self.buffer.len());
        }
        let written = self.at - self.start;
        let filled = needed.saturating_add(written).saturating_add(SLACK);
        self.buffer.resize(filled.min(hard).min(self.buffer.capacity()), 0);
        Ok(())
    }

    /// The next `n` bytes, if there is room; there is, as long as writers ask for it.
    #[inline(always)]
    pub(super) fn slot(&mut self, n: usize) -> Option<&mut [u8]> {
        self.buffer.get_mut(self.at..)?.get_mut(..n)
    }

    /// Moves behind `n` bytes written to their [`Output::slot`].
    #[inline(always)]
    pub(super) fn advance(&mut self, n: usize) {
        debug_assert!(self.at + n <= self.buffer.len(), "room was asked for");
        self.at += n;
    }

    /// Appends `text`, for which there is room.
    #[inline(always)]
    pub(super) fn put(&mut self, text: &[u8]) {
        if let Some(slot) = self.slot(text.len()) {
            slot.copy_from_slice(text);
        }
        self.advance(text.len());
    }

    /// Appends the first `n` bytes of `text`: one copy of a length known when compiling.
    #[inline(always)]
    pub(super) fn put_padded<const N: usize>(&mut self, text: &[u8; N], n: usize) {
        if let Some(slot) = self.buffer.get_mut(self.at..).and_then(|rest| rest.first_chunk_mut::<N>()) {
            *slot = *text;
        }
        self.advance(n);
    }

    /// Appends a text padded for copying with one move, for which there is room.
    #[inline(always)]
    pub(super) fn put_text<const N: usize>(&mut self, text: &Text<N>) {
        self.put_padded(text.padded(), text.len());
    }

    /// Appends one byte, for which there is room.
    #[inline(always)]
    pub(super) fn push(&mut self, byte: u8) {
        self.put(&[byte]);
    }

    /// Where the next byte goes.
    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        self.at
    }

    /// Cuts the text back to `len` if what is behind `from` is `value`.
    #[inline]
    pub(super) fn drop_value(&mut self, len: usize, from: usize, value: &Text<8>) {
        if self.buffer.get(from..self.at) == Some(value.as_bytes()) {
            self.at = len;
        }
    }

    /// Cuts the text back to `len`.
    #[inline(always)]
    pub(super) fn cut(&mut self, len: usize) {
        self.at = len;
    }

    /// Ends a list or object whose bracket ends at `opened`: `close` takes the place of the comma after its last
    /// element, if there is one, and is itself followed by a comma.
    #[inline(always)]
    pub(super) fn close(&mut self, opened: usize, close: u8) {
        self.at -= usize::from(self.at > opened);
        self.put(&[close, b',']);
    }

    /// Takes back the comma that was written last.
    #[inline(always)]
    pub(super) fn pop_comma(&mut self) {
        self.at = self.at.saturating_sub(1);
    }
}

/// Writes a few short texts into a window of known size: its position need not be kept in memory, and a write costs
/// one comparison with a constant.
pub(super) struct Pen<'w> {
    window: &'w mut [u8; WINDOW],
    at: usize,
}

impl Output {
    /// A pen for the next [`WINDOW`] bytes. What it wrote counts when its length is handed to [`Output::advance`].
    #[inline(always)]
    pub(super) fn pen(&mut self) -> Result<Pen<'_>, Stop> {
        self.room(WINDOW)?;
        match self.buffer.get_mut(self.at..).and_then(|rest| rest.first_chunk_mut()) {
            Some(window) => Ok(Pen { window, at: 0 }),
            None => Err(Stop::Full),
        }
    }
}

impl Pen<'_> {
    /// Bytes written.
    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        self.at
    }

    /// Appends the first `n` bytes of `text`.
    #[inline(always)]
    pub(super) fn put_padded<const N: usize>(&mut self, text: &[u8; N], n: usize) {
        if let Some(slot) = self.window.get_mut(self.at..).and_then(|rest| rest.first_chunk_mut::<N>()) {
            *slot = *text;
        }
        self.at += n;
    }

    /// Appends a text of a length known when compiling.
    #[inline(always)]
    pub(super) fn put<const N: usize>(&mut self, text: &[u8; N]) {
        self.put_padded(text, N);
    }

    /// Appends a text of any length that the window has room for.
    #[inline(always)]
    pub(super) fn put_slice(&mut self, text: &[u8]) {
        if let Some(slot) = self.window.get_mut(self.at..).and_then(|rest| rest.get_mut(..text.len())) {
            slot.copy_from_slice(text);
        }
        self.at += text.len();
    }

    /// Takes back the last `n` bytes.
    #[inline(always)]
    pub(super) fn take_back(&mut self, n: usize) {
        self.at = self.at.saturating_sub(n);
    }
}
