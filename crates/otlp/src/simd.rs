//! Hop 6, the one file of this crate that may hold `unsafe`: text written through a raw pointer, and looked at in
//! blocks of 32 bytes.
//!
//! All that is `pub(crate)` here is safe to call. The promises that make it so are few:
//!
//! 1. a [`Cursor`] is the only one that its [`Buffer`] has, since it borrows it, and only its own methods move it;
//! 2. `start <= at <= end`, all three in the one allocation of the buffer's `Vec`, and all before `at` is written;
//! 3. whatever writes asks for its room first, which is one comparison, and then writes no more than that.
//!
//! What does nothing but compute has a safe twin in `portable`, which is also what targets other than x86-64 run;
//! the tests compare the two, and the cursor with its twin, a `Vec`. They are few and short under Miri, so that it can
//! run them: `cargo +nightly miri test -p otlp2kafka-otlp --lib simd`.

#![expect(unsafe_code, reason = "the only file of this crate with any; see above")]

use std::marker::PhantomData;
use std::ptr::NonNull;

use crate::utf8;

/// Bytes that are looked at, or copied, at once.
pub(crate) const BLOCK: usize = 32;

/// How far the buffer may grow past the limit before the writer gives up: more than room is asked for without being
/// needed, so that only a text that is truly too long is refused. The exact comparison is made at the end.
pub(crate) const SLACK: usize = 4096;

/// The buffer that a text is appended to, and the length that the text may have.
#[derive(Debug)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    /// What the buffer held before.
    start_len: usize,
    /// Length that may not be exceeded, what was there before included.
    limit: usize,
    start: NonNull<u8>,
    /// End of the room that may be written to.
    end: NonNull<u8>,
}

/// Where the next byte of the text goes. Small enough to be handed on in two registers.
#[derive(Debug)]
pub(crate) struct Cursor<'o> {
    at: NonNull<u8>,
    buffer: NonNull<Buffer>,
    borrowed: PhantomData<&'o mut Buffer>,
}

/// The next bytes of a text.
#[derive(Debug)]
pub(crate) struct Slot<'c, 'o, const N: usize> {
    cursor: &'c mut Cursor<'o>,
}

/// What [`Cursor::plain_text`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plain {
    /// The text is written.
    Done,
    /// A byte needs an escape, or a check whether it is UTF-8; nothing was written.
    No,
    /// There is no room.
    Full,
}

/// What [`Cursor::escaped_text`] appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Escaped {
    Ascii,
    /// A text that may hold something else than ASCII.
    Wide,
    Nothing,
}

impl Buffer {
    /// Text of at most `max` bytes, appended to what `bytes` holds.
    pub(crate) fn new(bytes: Vec<u8>, max: usize) -> Self {
        let (start_len, limit) = (bytes.len(), bytes.len().saturating_add(max));
        let mut buffer =
            Self { bytes, start_len, limit, start: NonNull::dangling(), end: NonNull::dangling() };
        buffer.set_pointers();
        buffer
    }

    /// A cursor at the start of the text; what an earlier one wrote is forgotten.
    pub(crate) fn cursor(&mut self) -> Cursor<'_> {
        self.clear();
        Cursor { at: self.start, buffer: NonNull::from(self), borrowed: PhantomData }
    }

    /// As it was before.
    pub(crate) fn clear(&mut self) {
        self.bytes.truncate(self.start_len);
        self.set_pointers();
    }

    /// The buffer with the text that was finished, or else as it was.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn hard_limit(&self) -> usize {
        self.limit.saturating_add(SLACK)
    }

    fn set_pointers(&mut self) {
        let room = self.bytes.capacity().min(self.hard_limit());
        let base = self.bytes.as_mut_ptr();
        // SAFETY: `start_len` is at most the length, and `room` at most the capacity: both are in the allocation.
        // A `Vec`'s pointer is never null.
        unsafe {
            self.start = NonNull::new_unchecked(base.add(self.start_len));
            self.end = NonNull::new_unchecked(base.add(room.max(self.start_len)));
        }
    }
}

impl<'o> Cursor<'o> {
    /// The next N bytes, all 0, to be written to. `None`: there is no room.
    #[inline(always)]
    pub(crate) fn slot<const N: usize>(&mut self) -> Option<Slot<'_, 'o, N>> {
        self.room(N)?;
        // SAFETY: there is room for N bytes at `at`. What is optimised away is this write, where another follows.
        unsafe { self.at.as_ptr().cast::<[u8; N]>().write([0; N]) };
        Some(Slot { cursor: self })
    }

    /// Appends the first `len` bytes of `text`: one move of a length known when compiling.
    #[inline(always)]
    pub(crate) fn padded<const N: usize>(&mut self, text: &[u8; N], len: usize) -> Option<()> {
        let mut slot = self.slot::<N>()?;
        *slot.bytes() = *text;
        slot.keep(len);
        Some(())
    }

    /// Appends `text` between `before` and `after`, of which the first bytes count, if all of `text` is ASCII that
    /// JSON needs not escape. `text` is best a part of `body`: only then it is read in whole blocks.
    #[inline(always)]
    pub(crate) fn plain_text<const B: usize>(
        &mut self,
        body: &[u8],
        text: &[u8],
        (before, before_len): (&[u8; B], usize),
        (after, after_len): (&[u8; 4], usize),
    ) -> Plain {
        if self.room(B + text.len() + 2 * BLOCK).is_none() {
            return Plain::Full;
        }
        let Some(read) = in_body(body, text, BLOCK) else {
            return self.plain_text_near_the_end(
                text,
                &before[..before_len.min(B)],
                &after[..after_len.min(4)],
            );
        };
        // SAFETY: room was asked for B bytes, for the text in whole blocks and for `after`; the blocks lie in the
        // body. What is stepped over is written: `before_len` is cut to B.
        unsafe {
            let at = self.at.as_ptr();
            at.cast::<[u8; B]>().write(*before);
            let Some(at) = copy_plain(at.add(before_len.min(B)), read, text.len()) else { return Plain::No };
            at.cast::<[u8; 4]>().write(*after);
            self.at = NonNull::new_unchecked(at.add(after_len.min(4)));
        }
        Plain::Done
    }

    /// Appends two texts as [`Cursor::plain_text`] does, with `between` between them, of which the first bytes count:
    /// an attribute. Nothing is appended when there is no room, when either needs more than a copy, or when they are
    /// near the end of the body.
    #[inline(always)]
    pub(crate) fn plain_pair(
        &mut self,
        body: &[u8],
        [first, second]: [&[u8]; 2],
        before: &[u8; 8],
        (between, between_len): (&[u8; BLOCK], usize),
        after: &[u8; 4],
    ) -> bool {
        if self.room(first.len() + second.len() + 4 * BLOCK).is_none() {
            return false;
        }
        let (Some(read_first), Some(read_second)) =
            (in_body(body, first, BLOCK), in_body(body, second, BLOCK))
        else {
            return false;
        };
        // SAFETY: room was asked for both texts in whole blocks and for what stands around them, 44 bytes; the
        // blocks lie in the body. What is stepped over is written: `between_len` is cut to a block.
        unsafe {
            let at = self.at.as_ptr();
            at.cast::<[u8; 8]>().write(*before);
            let Some(at) = copy_plain(at.add(8), read_first, first.len()) else { return false };
            at.cast::<[u8; BLOCK]>().write(*between);
            let at = at.add(between_len.min(BLOCK));
            let Some(at) = copy_plain(at, read_second, second.len()) else { return false };
            at.cast::<[u8; 4]>().write(*after);
            self.at = NonNull::new_unchecked(at.add(4));
        }
        true
    }

    /// Appends `text` with JSON's escapes, bytes that are not ASCII as they are. It is best a part of `body`: near
    /// the body's end nothing is appended. Of a text for which there is no room, a part can be.
    #[inline(never)]
    pub(crate) fn escaped_text(&mut self, body: &[u8], text: &[u8]) -> Option<Escaped> {
        let Some(mut read) = in_body(body, text, 2 * BLOCK) else { return Some(Escaped::Nothing) };
        let mut left = text.len();
        let mut is_ascii = true;
        while left > 0 {
            // Each byte can become six, and behind the last one a block is written.
            self.room(7 * BLOCK)?;
            let len = left.min(BLOCK);
            // SAFETY: `read` and what is left lie in the body with two blocks from each of its bytes on. At most
            // `len` bytes and escapes are stepped over, all of them written, and room was asked for them.
            unsafe {
                let mut at = self.at.as_ptr();
                let block = read.cast::<[u8; BLOCK]>().read();
                at.cast::<[u8; BLOCK]>().write(block);
                // The bit behind the last byte ends the loop.
                let mut hits = u64::from(escapes(&block)) & ((1 << len) - 1) | 1 << len;
                is_ascii &= utf8::is_ascii(&block);
                let mut from = 0;
                loop {
                    let hit = hits.trailing_zeros() as usize;
                    at = at.add(hit - from);
                    if hit == len {
                        break;
                    }
                    let (escape, escape_len) = escape_of(read.add(hit).read());
                    at.cast::<[u8; 8]>().write(escape);
                    at = at.add(escape_len);
                    hits &= hits - 1;
                    from = hit + 1;
                    let behind = read.add(from).cast::<[u8; BLOCK]>().read();
                    at.cast::<[u8; BLOCK]>().write(behind);
                }
                self.at = NonNull::new_unchecked(at);
                read = read.add(len);
            }
            left -= len;
        }
        Some(if is_ascii { Escaped::Ascii } else { Escaped::Wide })
    }

    #[cold]
    #[inline(never)]
    fn plain_text_near_the_end(&mut self, text: &[u8], before: &[u8], after: &[u8]) -> Plain {
        for block in text.chunks(BLOCK) {
            let mut padded = [b' '; BLOCK];
            padded[..block.len()].copy_from_slice(block);
            if specials(&padded) != 0 {
                return Plain::No;
            }
        }
        let written = self.copy(before).and_then(|()| self.copy(text)).and_then(|()| self.copy(after));
        if written.is_some() { Plain::Done } else { Plain::Full }
    }

    /// Appends `bytes`.
    pub(crate) fn copy(&mut self, bytes: &[u8]) -> Option<()> {
        self.room(bytes.len())?;
        // SAFETY: there is room for them, and no slice lies in it: the buffer is borrowed.
        unsafe {
            self.at.as_ptr().copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            self.at = self.at.add(bytes.len());
        }
        Some(())
    }

    /// Takes back the last `n` bytes, of no more than there are.
    #[inline(always)]
    pub(crate) fn back(&mut self, n: usize) {
        let written = self.at.addr().get() - self.buffer().start.addr().get();
        // SAFETY: no further back than the start.
        self.at = unsafe { self.at.sub(n.min(written)) };
    }

    /// Whether `byte` was written last.
    #[inline(always)]
    pub(crate) fn ends_with(&self, byte: u8) -> bool {
        // SAFETY: something was written, so the byte before `at` is a written one.
        self.at > self.buffer().start && unsafe { self.at.sub(1).read() } == byte
    }

    /// Whether there is room for `n` bytes, once the buffer has grown. All but [`SLACK`] / 2 of them are sure to be
    /// written.
    #[inline(always)]
    pub(crate) fn room(&mut self, n: usize) -> Option<()> {
        if self.buffer().end.addr().get() - self.at.addr().get() >= n { Some(()) } else { self.grow(n) }
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, n: usize) -> Option<()> {
        let at = self.at;
        // SAFETY: the buffer is borrowed by this cursor alone, and no other reference to it lives here.
        let buffer = unsafe { self.buffer.as_mut() };
        let hard = buffer.hard_limit();
        let len = buffer.start_len + (at.addr().get() - buffer.start.addr().get());
        let needed = len.saturating_add(n);
        if needed > hard {
            return None;
        }
        if needed > buffer.bytes.capacity() {
            let capacity = buffer.bytes.capacity().saturating_mul(2).clamp(needed, hard);
            // SAFETY: all `len` bytes are written, and within the capacity.
            unsafe { buffer.bytes.set_len(len) };
            buffer.bytes.reserve_exact(capacity - len);
        }
        buffer.set_pointers();
        // SAFETY: as far behind the start as before, which is less than the capacity.
        self.at = unsafe { buffer.start.add(len - buffer.start_len) };
        Some(())
    }

    /// Leaves the text in the buffer. False when it is longer than it may be; then nothing is left.
    pub(crate) fn finish(mut self) -> bool {
        let at = self.at;
        // SAFETY: the buffer is borrowed by this cursor alone, which ends here.
        let buffer = unsafe { self.buffer.as_mut() };
        let len = buffer.start_len + (at.addr().get() - buffer.start.addr().get());
        let fits = len <= buffer.limit;
        // SAFETY: all bytes up to `at` are written, and within the capacity.
        unsafe { buffer.bytes.set_len(if fits { len } else { buffer.start_len }) };
        fits
    }

    #[inline(always)]
    fn buffer(&self) -> &Buffer {
        // SAFETY: it lives as long as the cursor, which alone may change it, and does so in `&mut self` only.
        unsafe { self.buffer.as_ref() }
    }
}

impl<const N: usize> Slot<'_, '_, N> {
    /// The bytes.
    #[inline(always)]
    pub(crate) fn bytes(&mut self) -> &mut [u8; N] {
        // SAFETY: `Cursor::slot` found room for them and wrote them all, and until this slot ends its cursor, and so
        // whatever else could point to them, is borrowed.
        unsafe { self.cursor.at.cast::<[u8; N]>().as_mut() }
    }

    /// Appends the first `len` of them to the text.
    #[inline(always)]
    pub(crate) fn keep(self, len: usize) {
        // SAFETY: at most N bytes, which are in the room and written.
        self.cursor.at = unsafe { self.cursor.at.add(len.min(N)) };
    }
}

/// Where to read `text`, if from each of its bytes on `beyond` bytes lie in `body`, of which it is a part.
#[inline(always)]
fn in_body(body: &[u8], text: &[u8], beyond: usize) -> Option<*const u8> {
    let from = text.as_ptr().addr().wrapping_sub(body.as_ptr().addr());
    if from < body.len() && body.len() - from >= text.len() + beyond {
        // SAFETY: less than the body's length.
        Some(unsafe { body.as_ptr().add(from) })
    } else {
        None
    }
}

/// Copies `left` bytes in whole blocks, if all are ASCII that JSON needs not escape; gives where their copy ends.
///
/// # Safety
///
/// From each of the bytes on a block can be read, and where each goes a block can be written.
#[inline(always)]
unsafe fn copy_plain(mut at: *mut u8, mut read: *const u8, mut left: usize) -> Option<*mut u8> {
    // SAFETY: as above; a block is read and written only where a byte of the text is, or, of an empty text, was.
    unsafe {
        while left > BLOCK {
            let block = read.cast::<[u8; BLOCK]>().read();
            at.cast::<[u8; BLOCK]>().write(block);
            if specials(&block) != 0 {
                return None;
            }
            (read, at, left) = (read.add(BLOCK), at.add(BLOCK), left - BLOCK);
        }
        let block = read.cast::<[u8; BLOCK]>().read();
        at.cast::<[u8; BLOCK]>().write(block);
        if u64::from(specials(&block)) & ((1 << left) - 1) != 0 { None } else { Some(at.add(left)) }
    }
}

/// JSON's escape of a byte that needs one, and its length, 2 or 6.
pub(crate) fn escape_of(byte: u8) -> ([u8; 8], usize) {
    static ESCAPES: [[u8; 8]; 0x60] = {
        let digits = b"0123456789abcdef";
        let mut table = [[0; 8]; 0x60];
        let mut byte = 0;
        while byte < 0x60 {
            table[byte] = [b'\\', b'u', b'0', b'0', digits[byte >> 4], digits[byte & 15], 0, 0];
            byte += 1;
        }
        table[0x08][1] = b'b';
        table[0x09][1] = b't';
        table[0x0a][1] = b'n';
        table[0x0c][1] = b'f';
        table[0x0d][1] = b'r';
        table[b'"' as usize][1] = b'"';
        table[b'\\' as usize][1] = b'\\';
        table
    };
    let escape = ESCAPES[usize::from(byte).min(ESCAPES.len() - 1)];
    (escape, if escape[1] == b'u' { 6 } else { 2 })
}

/// A bit for each byte that JSON has to escape, or that is not ASCII.
#[inline(always)]
pub(crate) fn specials(block: &[u8; BLOCK]) -> u32 {
    #[cfg(target_arch = "x86_64")]
    {
        sse2::specials(block)
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        portable::specials(block)
    }
}

/// A bit for each byte that JSON has to escape.
#[inline(always)]
pub(crate) fn escapes(block: &[u8; BLOCK]) -> u32 {
    #[cfg(target_arch = "x86_64")]
    {
        sse2::escapes(block)
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        portable::escapes(block)
    }
}

/// The same without vectors.
#[cfg(any(test, not(target_arch = "x86_64")))]
mod portable {
    use super::BLOCK;

    pub(super) fn specials(block: &[u8; BLOCK]) -> u32 {
        bits(block, |byte| !matches!(byte, 0x20..=0x7f) || matches!(byte, b'"' | b'\\'))
    }

    pub(super) fn escapes(block: &[u8; BLOCK]) -> u32 {
        bits(block, |byte| byte < 0x20 || matches!(byte, b'"' | b'\\'))
    }

    fn bits(block: &[u8; BLOCK], is_hit: impl Fn(u8) -> bool) -> u32 {
        block.iter().rev().fold(0, |bits, byte| bits << 1 | u32::from(is_hit(*byte)))
    }
}

/// SSE2, which every x86-64 has.
#[cfg(target_arch = "x86_64")]
mod sse2 {
    use std::arch::x86_64::{
        __m128i, _mm_cmpeq_epi8, _mm_cmplt_epi8, _mm_loadu_si128, _mm_min_epu8, _mm_movemask_epi8,
        _mm_or_si128, _mm_set1_epi8,
    };

    use super::BLOCK;

    #[inline(always)]
    pub(super) fn specials(block: &[u8; BLOCK]) -> u32 {
        // As a signed number, a byte from 0x80 on lies below 0x20 as well.
        bits(block, |half| {
            // SAFETY: SSE2 is there.
            unsafe { _mm_cmplt_epi8(half, _mm_set1_epi8(0x20)) }
        })
    }

    #[inline(always)]
    pub(super) fn escapes(block: &[u8; BLOCK]) -> u32 {
        bits(block, |half| {
            // SAFETY: SSE2 is there.
            unsafe { _mm_cmpeq_epi8(_mm_min_epu8(half, _mm_set1_epi8(0x1f)), half) }
        })
    }

    #[inline(always)]
    fn bits(block: &[u8; BLOCK], is_low: impl Fn(__m128i) -> __m128i) -> u32 {
        let half_bits = |from: usize| {
            // SAFETY: SSE2 is there, and 16 bytes from 0 or from 16 on are in the block.
            unsafe {
                let half = _mm_loadu_si128(block.as_ptr().add(from).cast());
                let quoted = _mm_or_si128(
                    _mm_cmpeq_epi8(half, _mm_set1_epi8(0x22)),
                    _mm_cmpeq_epi8(half, _mm_set1_epi8(0x5c)),
                );
                _mm_movemask_epi8(_mm_or_si128(quoted, is_low(half))).cast_unsigned()
            }
        };
        half_bits(0) | half_bits(16) << 16
    }
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;

    use super::*;

    /// Fewer under Miri, which is a thousand times slower.
    const ROUNDS: usize = if cfg!(miri) { 30 } else { 5_000 };

    /// The cursor's safe twin.
    #[derive(Default)]
    struct Twin(Vec<u8>);

    impl Twin {
        fn is_plain(text: &[u8]) -> bool {
            text.iter().all(|byte| matches!(byte, 0x20..=0x7f) && !matches!(byte, b'"' | b'\\'))
        }

        fn push(&mut self, parts: &[&[u8]]) {
            self.0.extend(parts.concat());
        }

        fn push_escaped(&mut self, text: &[u8]) {
            for byte in text {
                match byte {
                    b'"' | b'\\' => self.push(&[b"\\", &[*byte]]),
                    0x08 => self.push(&[b"\\b"]),
                    b'\t' => self.push(&[b"\\t"]),
                    b'\n' => self.push(&[b"\\n"]),
                    0x0c => self.push(&[b"\\f"]),
                    b'\r' => self.push(&[b"\\r"]),
                    0..0x20 => self.push(&[format!("\\u{byte:04x}").as_bytes()]),
                    _ => self.push(&[&[*byte]]),
                }
            }
        }
    }

    /// A part of a body, mostly plain.
    fn part<'b>(body: &'b [u8], rng: &mut Rng) -> &'b [u8] {
        let from = rng.usize(..=body.len());
        let len = if rng.u8(..4) == 0 { rng.usize(..200) } else { rng.usize(..40) };
        &body[from..(from + len).min(body.len())]
    }

    fn body(rng: &mut Rng) -> Vec<u8> {
        let special = *rng.choice(&[0, 1, 20]).unwrap();
        (0..rng.usize(1..400))
            .map(|_| if rng.u8(..) < special { rng.u8(..) } else { rng.u8(b'a'..=b'z') })
            .collect()
    }

    /// One random call of the cursor, and of its twin. False: there was no room.
    fn step(cursor: &mut Cursor<'_>, twin: &mut Twin, body: &[u8], rng: &mut Rng) -> bool {
        let (first, second) = (part(body, rng), part(body, rng));
        match rng.u8(..6) {
            0 => match cursor.plain_text(body, first, (b"<<<<<", 3), (b">>>>", 2)) {
                Plain::Done => {
                    assert!(Twin::is_plain(first));
                    twin.push(&[b"<<<", first, b">>"]);
                }
                Plain::No => assert!(!Twin::is_plain(first)),
                Plain::Full => return false,
            },
            1 => {
                if cursor.plain_pair(body, [first, second], b"12345678", (&[b'-'; BLOCK], 5), b"abcd") {
                    assert!(Twin::is_plain(first) && Twin::is_plain(second));
                    twin.push(&[b"12345678", first, b"-----", second, b"abcd"]);
                }
            }
            2 => match cursor.escaped_text(body, first) {
                Some(Escaped::Nothing) => {}
                Some(found) => {
                    assert!(found == Escaped::Wide || first.is_ascii());
                    twin.push_escaped(first);
                }
                None => return false,
            },
            3 => {
                if cursor.copy(first).is_none() {
                    return false;
                }
                twin.push(&[first]);
            }
            4 => {
                let Some(mut slot) = cursor.slot::<20>() else { return false };
                assert_eq!(slot.bytes(), &[0; 20]);
                slot.bytes()[1..3].copy_from_slice(b"xy");
                slot.keep(4);
                twin.push(&[b"\0xy\0"]);
            }
            _ => {
                let n = rng.usize(..5);
                cursor.back(n);
                twin.0.truncate(twin.0.len().saturating_sub(n));
            }
        }
        assert_eq!(cursor.ends_with(b'a'), twin.0.last() == Some(&b'a'));
        true
    }

    #[test]
    fn the_cursor_writes_what_its_twin_does() {
        let mut rng = Rng::with_seed(1);
        let (mut done, mut full) = (0, 0);
        for _ in 0..ROUNDS {
            let body = body(&mut rng);
            let max = if rng.bool() { rng.usize(..2_000) } else { usize::MAX };
            let mut buffer = Buffer::new(b"before".to_vec(), max);
            let mut cursor = buffer.cursor();
            let mut twin = Twin::default();
            if (0..rng.usize(..300)).all(|_| step(&mut cursor, &mut twin, &body, &mut rng)) {
                let fits = cursor.finish();
                assert_eq!(fits, twin.0.len() <= max);
                let expected = if fits { [b"before", &twin.0[..]].concat() } else { b"before".to_vec() };
                assert_eq!(buffer.into_bytes(), expected);
                done += 1;
            } else {
                assert!(twin.0.len() + SLACK / 2 > max, "{} of {max}", twin.0.len());
                buffer.clear();
                let bytes = buffer.into_bytes();
                assert_eq!(bytes, b"before");
                assert!(bytes.capacity() <= 6 + max + SLACK);
                full += 1;
            }
        }
        assert!(done > 0 && (full > 0 || cfg!(miri)), "{done} done, {full} full");
    }

    #[test]
    fn blocks_are_seen_as_without_vectors() {
        let bytes = (0..=255).filter(|byte| !cfg!(miri) || byte % 16 < 3);
        for byte in bytes {
            for at in 0..BLOCK {
                let mut block = [b'a'; BLOCK];
                block[at] = byte;
                block[(at + 7) % BLOCK] = byte.wrapping_mul(31);
                assert_eq!(specials(&block), portable::specials(&block), "{block:?}");
                assert_eq!(escapes(&block), portable::escapes(&block), "{block:?}");
            }
        }
    }

    #[test]
    fn a_cursor_starts_anew() {
        let mut buffer = Buffer::new(b"before".to_vec(), 100_000);
        for text in [&[b'x'; 50_000][..], b"short"] {
            let mut cursor = buffer.cursor();
            cursor.copy(text).unwrap();
            assert!(cursor.finish());
            assert_eq!(buffer.bytes, [b"before", text].concat());
        }
    }
}
