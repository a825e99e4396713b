//! The bounded text buffer of the JSON writer, with JSON strings and base64 (hop 6, "shape").
//!
//! Every method that writes says beforehand how much room it needs, so that the buffer grows by
//! plan: never past the caller's limit plus [`SLACK`].

use super::Stop;
use crate::schema::Text;

/// How far the buffer may grow past the limit before the writer gives up.
///
/// Larger than anything that is written between two checks, so that only a text that is truly
/// too long is refused; the exact comparison is made once, at the end.
const SLACK: usize = 4096;

/// Bytes looked at together in a string. Two 16-byte registers on every 64-bit target.
const BLOCK: usize = 32;

/// `KEEP[BLOCK - n..][..BLOCK]` keeps the first `n` bytes of a block.
static KEEP: [u8; 2 * BLOCK] = {
    let mut mask = [0; 2 * BLOCK];
    let mut i = 0;
    while i < BLOCK {
        mask[i] = 0xff;
        i += 1;
    }
    mask
};

/// What follows the backslash for each byte that needs one; `u` for `\u00XX`; 0 for none.
static ESCAPE: [u8; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 0x20 {
        table[i] = b'u';
        i += 1;
    }
    table[0x08] = b'b';
    table[0x09] = b't';
    table[0x0a] = b'n';
    table[0x0c] = b'f';
    table[0x0d] = b'r';
    table[b'"' as usize] = b'"';
    table[b'\\' as usize] = b'\\';
    table
};

/// The text written so far and the length it may have.
#[derive(Debug)]
pub(super) struct Output<'o> {
    out: &'o mut Vec<u8>,
    start: usize,
    limit: usize,
    /// Up to where the buffer may be filled without asking: its capacity, or the limit with slack.
    ceiling: usize,
}

impl<'o> Output<'o> {
    /// Text of at most `max` bytes, appended to what `out` holds.
    pub(super) fn new(out: &'o mut Vec<u8>, max: usize) -> Self {
        let start = out.len();
        let limit = start.saturating_add(max);
        let ceiling = out.capacity().min(limit.saturating_add(SLACK));
        Self { out, start, limit, ceiling }
    }

    /// Forgets what was written.
    pub(super) fn clear(&mut self) {
        self.out.truncate(self.start);
    }

    /// Makes room for `n` bytes, of which all but a few hundred are sure to be written.
    #[inline(always)]
    pub(super) fn room(&mut self, n: usize) -> Result<(), Stop> {
        if n <= self.ceiling.saturating_sub(self.out.len()) { Ok(()) } else { self.grow(n) }
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, n: usize) -> Result<(), Stop> {
        let needed = self.out.len().saturating_add(n);
        let hard = self.limit.saturating_add(SLACK);
        if needed > hard {
            return Err(Stop::Full);
        }
        let capacity = self.out.capacity().saturating_mul(2).clamp(needed, hard);
        self.out.reserve_exact(capacity - self.out.len());
        self.ceiling = self.out.capacity().min(hard);
        Ok(())
    }

    /// Appends `text`, for which there is room.
    #[inline(always)]
    pub(super) fn put(&mut self, text: &[u8]) {
        self.out.extend_from_slice(text);
    }

    /// Appends the first `n` bytes of `text`: one copy of a length known when compiling.
    #[inline(always)]
    pub(super) fn put_padded<const N: usize>(&mut self, text: &[u8; N], n: usize) {
        let len = self.out.len() + n;
        self.out.extend_from_slice(text);
        self.out.truncate(len);
    }

    /// Appends a text padded for copying with one move, for which there is room.
    #[inline(always)]
    pub(super) fn put_text<const N: usize>(&mut self, text: &Text<N>) {
        self.put_padded(text.padded(), text.len());
    }

    /// Bytes in the buffer.
    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        self.out.len()
    }

    /// Cuts the text back to `len` if what is behind `from` is one of `texts`.
    pub(super) fn drop_if(&mut self, len: usize, from: usize, texts: &[&[u8]]) {
        if texts.contains(&&self.out[from..]) {
            self.out.truncate(len);
        }
    }

    /// Appends one byte, for which there is room.
    #[inline(always)]
    pub(super) fn push(&mut self, byte: u8) {
        self.out.push(byte);
    }

    /// Ends a list or object: `close` takes the place of the comma after its last element, or
    /// follows the bracket that opened it, and is itself followed by a comma.
    #[inline(always)]
    pub(super) fn close(&mut self, close: u8) {
        if let Some(last) = self.out.last_mut() {
            if *last == b',' {
                *last = close;
            } else {
                self.out.push(close);
            }
        }
        self.out.push(b',');
    }

    /// Takes back the comma after the outermost object; whether the text then keeps to its limit.
    pub(super) fn finish(&mut self) -> bool {
        self.out.pop();
        self.out.len() <= self.limit
    }

    /// Writes `body[from..to]` as a JSON string, and `ending`, which starts with the closing quote.
    ///
    /// `false`: the bytes are not UTF-8. What lies behind `to` is read, never kept.
    #[inline(always)]
    pub(super) fn string<const N: usize>(
        &mut self,
        body: &[u8],
        from: usize,
        to: usize,
        ending: &[u8; N],
    ) -> Result<bool, Stop> {
        self.room((to - from).saturating_add(2 * BLOCK))?;
        self.push(b'"');
        let mut at = from;
        while let Some(block) = body[at..].first_chunk::<BLOCK>() {
            let n = to - at;
            if n <= BLOCK {
                if special::<false>(block, n) {
                    return self.escaped(&body[at..to], ending);
                }
                self.put_padded(block, n);
                self.put(ending);
                return Ok(true);
            }
            if special::<false>(block, BLOCK) {
                return self.escaped(&body[at..to], ending);
            }
            self.put(block);
            at += BLOCK;
        }
        self.tail(&body[at..to], ending)
    }

    /// The last bytes of a string near the end of the body, where no whole block is left.
    #[inline(never)]
    fn tail(&mut self, bytes: &[u8], ending: &[u8]) -> Result<bool, Stop> {
        if bytes.iter().any(|&b| b >= 0x80 || ESCAPE[usize::from(b)] != 0) {
            return self.escaped(bytes, ending);
        }
        self.put(bytes);
        self.put(ending);
        Ok(true)
    }

    /// The rest of a string that holds something to escape, or something that is not ASCII.
    #[inline(never)]
    fn escaped(&mut self, bytes: &[u8], ending: &[u8]) -> Result<bool, Stop> {
        if simdutf8::basic::from_utf8(bytes).is_err() {
            return Ok(false);
        }
        let mut rest = bytes;
        loop {
            let run = plain_run(rest);
            // Room for all that is left, so that the buffer need not grow once for each escape.
            self.room(rest.len().saturating_add(BLOCK))?;
            self.put(&rest[..run]);
            let Some((&byte, after)) = rest[run..].split_first() else { break };
            rest = after;
            match ESCAPE[usize::from(byte)] {
                b'u' => {
                    const HEX: &[u8; 16] = b"0123456789abcdef";
                    let (high, low) = (usize::from(byte >> 4), usize::from(byte & 15));
                    self.put(&[b'\\', b'u', b'0', b'0', HEX[high], HEX[low]]);
                }
                letter => self.put(&[b'\\', letter]),
            }
        }
        self.put(ending);
        Ok(true)
    }

    /// Writes `bytes` as a string of padded base64 (RFC 4648 section 4) and a comma.
    #[inline(always)]
    pub(super) fn base64(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        self.room((bytes.len() / 3 + 1).saturating_mul(4).saturating_add(8))?;
        self.push(b'"');
        if bytes.len() <= 16 {
            self.base64_short(bytes);
        } else {
            base64_simd::STANDARD.encode_append(bytes, &mut *self.out);
        }
        self.put(b"\",");
        Ok(())
    }

    /// Ids: too short for a vectorised routine to pay for its call.
    #[inline(always)]
    fn base64_short(&mut self, bytes: &[u8]) {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let digit = |bits: u8| ALPHABET[usize::from(bits & 63)];
        let (groups, rest) = bytes.as_chunks::<3>();
        for &[a, b, c] in groups {
            let digits = [digit(a >> 2), digit(a << 4 | b >> 4), digit(b << 2 | c >> 6), digit(c)];
            self.put(&digits);
        }
        match *rest {
            [a] => self.put(&[digit(a >> 2), digit(a << 4), b'=', b'=']),
            [a, b] => self.put(&[digit(a >> 2), digit(a << 4 | b >> 4), digit(b << 2), b'=']),
            _ => {}
        }
    }
}

/// Whether one of the first `n` bytes of `block` must be escaped, or is not ASCII while
/// `NON_ASCII` is not welcome. Without branches, so that it compiles to vector instructions.
#[inline(always)]
fn special<const NON_ASCII: bool>(block: &[u8; BLOCK], n: usize) -> bool {
    let keep = KEEP[BLOCK - n..].first_chunk::<BLOCK>().unwrap_or(&[0xff; BLOCK]);
    let mut found = 0;
    for (&byte, &keep) in block.iter().zip(keep) {
        // As a signed number a byte from 0x80 on lies below 0x20 as well.
        let low = if NON_ASCII { byte < 0x20 } else { byte.cast_signed() < 0x20 };
        let hit = low | (byte == b'"') | (byte == b'\\');
        found |= if hit { keep } else { 0 };
    }
    found != 0
}

/// How many bytes from the start of `bytes` need no escape.
fn plain_run(bytes: &[u8]) -> usize {
    let (blocks, _) = bytes.as_chunks::<BLOCK>();
    let whole = blocks.iter().take_while(|block| !special::<true>(block, BLOCK)).count() * BLOCK;
    let tail = &bytes[whole..];
    whole + tail.iter().position(|&b| ESCAPE[usize::from(b)] != 0).unwrap_or(tail.len())
}
