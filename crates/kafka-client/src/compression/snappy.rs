//! Hop 7: snappy in the framing of `snappy-java`; raw snappy, as some other clients write it, is read as well.

use super::blocks::Blocks;
use super::{CUT, Fault};

/// What the framing begins with, before two versions. As raw snappy it would be no legal beginning.
const MAGIC: [u8; 8] = *b"\x82SNAPPY\0";
/// The framing's version, and the oldest version whose readers can read it.
const VERSIONS: [u8; 8] = [0, 0, 0, 1, 0, 0, 0, 1];
/// The block length of `snappy-java`.
const BLOCK_BYTES: usize = 32 << 10;
/// Snappy's densest element is three bytes for 64; an announced length beyond that is a lie.
const RATIO_MAX: usize = 22;

pub(super) struct Encoder {
    /// With its table inside, which is larger than all other encoders.
    snappy: Box<snap::raw::Encoder>,
    blocks: Blocks,
    compressed: Vec<u8>,
}

impl Encoder {
    pub(super) fn new() -> Self {
        Self {
            snappy: Box::new(snap::raw::Encoder::new()),
            blocks: Blocks::of(BLOCK_BYTES),
            compressed: vec![0; snap::raw::max_compress_len(BLOCK_BYTES)],
        }
    }

    pub(super) fn compress<'a>(
        &mut self,
        pieces: impl Iterator<Item = &'a [u8]>,
        out: &mut Vec<u8>,
    ) -> Result<(), &'static str> {
        let Self { snappy, blocks, compressed } = self;
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSIONS);
        blocks.each(pieces, |block| {
            let length = snappy.compress(block, compressed).map_err(|_| "a block is too long")?;
            let written = compressed.get(..length).ok_or("a block is too long")?;
            let length = u32::try_from(length).map_err(|_| "a block is too long")?;
            out.extend_from_slice(&length.to_be_bytes());
            out.extend_from_slice(written);
            Ok(())
        })
    }
}

pub(super) fn decompress(bytes: &[u8], bytes_max: usize) -> Result<Vec<u8>, Fault> {
    let mut out = Vec::new();
    let Some(mut rest) = bytes.strip_prefix(&MAGIC) else {
        block(bytes, bytes_max, &mut out)?;
        return Ok(out);
    };
    rest = rest.get(VERSIONS.len()..).ok_or(CUT)?;
    while !rest.is_empty() {
        // Two streams, one after the other, are one.
        if let Some(next) = rest.strip_prefix(&MAGIC) {
            rest = next.get(VERSIONS.len()..).ok_or(CUT)?;
            continue;
        }
        let (length, after) = rest.split_first_chunk().ok_or(CUT)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| CUT)?;
        let (compressed, after) = after.split_at_checked(length).ok_or(CUT)?;
        block(compressed, bytes_max, &mut out)?;
        rest = after;
    }
    Ok(out)
}

fn block(compressed: &[u8], bytes_max: usize, out: &mut Vec<u8>) -> Result<(), Fault> {
    if compressed.is_empty() {
        return Err(CUT);
    }
    let wrong = |_| Fault::Malformed("not snappy");
    let length = snap::raw::decompress_len(compressed).map_err(wrong)?;
    if length > compressed.len().saturating_mul(RATIO_MAX) {
        return Err(Fault::Malformed("a length that its bytes cannot have"));
    }
    let from = out.len();
    let end = from.checked_add(length).filter(|end| *end <= bytes_max).ok_or(Fault::TooLarge)?;
    super::grow(out, end, bytes_max);
    let place = out.get_mut(from..).unwrap_or_default();
    let written = snap::raw::Decoder::new().decompress(compressed, place).map_err(wrong)?;
    out.truncate(from + written);
    Ok(())
}
