//! JSON strings and base64, into the writer's buffer (hop 6, "shape").

use super::Stop;
use super::output::{Output, Pen};

/// Bytes looked at together in a string. Two 16-byte registers on every 64-bit target.
const BLOCK: usize = 32;

/// Bytes that [`Pen::base64_short`] and [`Pen::hex_short`] take: the ids of traces, spans and profiles.
pub(super) const SHORT_BYTES: usize = 16;

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

impl Output {
    /// Writes `body[from..to]` as a JSON string that was opened, and `ending`, which starts with the closing quote.
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
        let mut at = from;
        while let Some(block) = body[at..].first_chunk::<BLOCK>() {
            let n = to - at;
            if n <= BLOCK {
                if is_special(block, n) {
                    return self.escaped(&body[at..to], ending);
                }
                self.put_padded(block, n);
                self.put(ending);
                return Ok(true);
            }
            if is_special(block, BLOCK) {
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
                    let [high, low] = hex_digits(byte);
                    self.put(&[b'\\', b'u', b'0', b'0', high, low]);
                }
                letter => self.put(&[b'\\', letter]),
            }
        }
        self.put(ending);
        Ok(true)
    }

    /// Writes `bytes` as a string of hex digits, in lower case, and a comma.
    pub(super) fn hex(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        self.room(bytes.len().saturating_mul(2).saturating_add(BLOCK))?;
        self.push(b'"');
        for byte in bytes {
            self.put(&hex_digits(*byte));
        }
        self.put(b"\",");
        Ok(())
    }

    /// Writes `bytes` as a string of padded base64 (RFC 4648 section 4) and a comma.
    pub(super) fn base64(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        self.room((bytes.len() / 3 + 1).saturating_mul(4).saturating_add(BLOCK))?;
        self.push(b'"');
        let len = base64_simd::STANDARD.encoded_length(bytes.len());
        if let Some(slot) = self.slot(len) {
            let written = base64_simd::STANDARD.encode(bytes, base64_simd::Out::from_slice(slot)).len();
            debug_assert_eq!(written, len);
        }
        self.advance(len);
        self.put(b"\",");
        Ok(())
    }
}

impl Pen<'_> {
    /// Writes at most [`SHORT_BYTES`] as [`Output::hex`] does.
    #[inline(always)]
    pub(super) fn hex_short(&mut self, bytes: &[u8]) {
        self.put(b"\"");
        for byte in bytes {
            self.put(&hex_digits(*byte));
        }
        self.put(b"\",");
    }

    /// Writes at most [`SHORT_BYTES`] as [`Output::base64`] does. Ids: a vectorised routine does not pay for its call.
    #[inline(always)]
    pub(super) fn base64_short(&mut self, bytes: &[u8]) {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let digit = |bits: u8| ALPHABET[usize::from(bits & 63)];
        self.put(b"\"");
        let (groups, rest) = bytes.as_chunks::<3>();
        for &[a, b, c] in groups {
            self.put(&[digit(a >> 2), digit(a << 4 | b >> 4), digit(b << 2 | c >> 6), digit(c)]);
        }
        match *rest {
            [a] => self.put(&[digit(a >> 2), digit(a << 4), b'=', b'=']),
            [a, b] => self.put(&[digit(a >> 2), digit(a << 4 | b >> 4), digit(b << 2), b'=']),
            _ => {}
        }
        self.put(b"\",");
    }

    /// Writes `text`, fewer than 128 bytes of `body`, as [`Output::string`] does, if they need no escape, are
    /// ASCII, and do not end too near the end of the body. `false`: they are none of these, and nothing counts.
    #[inline(always)]
    pub(super) fn short_string<const N: usize>(
        &mut self,
        body: &[u8],
        text: &[u8],
        ending: &[u8; N],
    ) -> bool {
        let mut at = text.as_ptr().addr() - body.as_ptr().addr();
        let to = at + text.len();
        while let Some(block) = body.get(at..).and_then(|rest| rest.first_chunk::<BLOCK>()) {
            let n = (to - at).min(BLOCK);
            self.put_padded(block, n);
            if is_special(block, n) {
                return false;
            }
            at += n;
            if at == to {
                self.put(ending);
                return true;
            }
        }
        false
    }
}

#[inline(always)]
fn hex_digits(byte: u8) -> [u8; 2] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]
}

/// Whether one of the first `n` bytes of `block` must be escaped, or is not ASCII.
#[inline(always)]
fn is_special(block: &[u8; BLOCK], n: usize) -> bool {
    let keep = KEEP[BLOCK - n..].first_chunk::<BLOCK>().unwrap_or(&[0xff; BLOCK]);
    // As a signed number, a byte from 0x80 on lies below 0x20 as well.
    any(block, keep, |byte| (byte.cast_signed() < 0x20) | (byte == b'"') | (byte == b'\\'))
}

/// Whether a byte of `block` must be escaped.
#[inline(always)]
fn has_escape(block: &[u8; BLOCK]) -> bool {
    any(block, &[0xff; BLOCK], |byte| (byte < 0x20) | (byte == b'"') | (byte == b'\\'))
}

/// Whether `hit` holds for a byte of `block` that `keep` keeps. In this form it compiles to a handful of vector
/// instructions on any target that has them.
#[inline(always)]
fn any(block: &[u8; BLOCK], keep: &[u8; BLOCK], hit: impl Fn(u8) -> bool) -> bool {
    let mut hits = [0; BLOCK];
    for at in 0..BLOCK {
        hits[at] = u8::from(hit(block[at])).wrapping_neg() & keep[at];
    }
    hits.as_chunks::<16>().0.iter().fold(0, |all, half| all | u128::from_le_bytes(*half)) != 0
}

/// How many bytes from the start of `bytes` need no escape.
fn plain_run(bytes: &[u8]) -> usize {
    let (blocks, _) = bytes.as_chunks::<BLOCK>();
    let whole = blocks.iter().take_while(|block| !has_escape(block)).count() * BLOCK;
    let tail = &bytes[whole..];
    whole + tail.iter().position(|&b| ESCAPE[usize::from(b)] != 0).unwrap_or(tail.len())
}
