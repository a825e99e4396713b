//! Hop 7: gzip (RFC 1952): written as one member, read as any number of them.

use std::ops::RangeInclusive;

use flate2::{Compress, Decompress, FlushCompress, FlushDecompress, Status};

use super::{CUT, Fault};

/// What `compression.gzip.level` may be, beside -1 for the default.
pub(super) const LEVELS: RangeInclusive<i32> = 1..=9;
/// The default of zlib, and so of Java's clients.
pub(super) const LEVEL: i32 = 6;

/// 32 KiB, the largest window there is.
const WINDOW_BITS: u8 = 15;
/// Room for output that is made at least at a time.
const STEP_BYTES: usize = 16 << 10;

pub(super) struct Encoder(Compress);

impl Encoder {
    pub(super) fn new(level: i32) -> Self {
        let level = flate2::Compression::new(level.unsigned_abs());
        Self(Compress::new_gzip(level, WINDOW_BITS))
    }

    pub(super) fn compress<'a>(
        &mut self,
        pieces: impl Iterator<Item = &'a [u8]>,
        out: &mut Vec<u8>,
    ) -> Result<(), &'static str> {
        self.0.reset();
        for mut rest in pieces {
            while !rest.is_empty() {
                let (used, _) = self.step(rest, out, FlushCompress::None)?;
                rest = rest.get(used..).unwrap_or_default();
            }
        }
        while self.step(&[], out, FlushCompress::Finish)?.1 != Status::StreamEnd {}
        Ok(())
    }

    /// Bytes taken, and whether that was the end.
    fn step(
        &mut self,
        rest: &[u8],
        out: &mut Vec<u8>,
        flush: FlushCompress,
    ) -> Result<(usize, Status), &'static str> {
        if out.capacity() - out.len() < STEP_BYTES {
            out.reserve(STEP_BYTES);
        }
        let (before, from) = (self.0.total_in(), out.len());
        let status = self.0.compress_vec(rest, out, flush).map_err(|_| "the state is broken")?;
        let used = usize::try_from(self.0.total_in() - before).map_err(|_| "too long")?;
        if used == 0 && out.len() == from && status != Status::StreamEnd {
            return Err("no progress");
        }
        Ok((used, status))
    }
}

pub(super) fn decompress(bytes: &[u8], bytes_max: usize) -> Result<Vec<u8>, Fault> {
    let mut member = Decompress::new_gzip(WINDOW_BITS);
    let mut out = Vec::new();
    let mut rest = bytes;
    loop {
        let before = member.total_in();
        // A byte more than is allowed tells what is too long from what just fits.
        if out.len() == out.capacity() {
            let more = out.len().max(STEP_BYTES).min(bytes_max.saturating_add(1) - out.len());
            out.reserve_exact(more);
        }
        let from = out.len();
        let status = member
            .decompress_vec(rest, &mut out, FlushDecompress::None)
            .map_err(|_| Fault::Malformed("not gzip, or with wrong checksums"))?;
        if out.len() > bytes_max {
            return Err(Fault::TooLarge);
        }
        let used = usize::try_from(member.total_in() - before).map_err(|_| CUT)?;
        rest = rest.get(used..).unwrap_or_default();
        match status {
            Status::StreamEnd if rest.is_empty() => return Ok(out),
            Status::StreamEnd => member = Decompress::new_gzip(WINDOW_BITS),
            Status::Ok | Status::BufError if used == 0 && out.len() == from => return Err(CUT),
            Status::Ok | Status::BufError => {}
        }
    }
}
