//! Hop 7: LZ4's frame format: written in independent blocks of 64 KiB, the only ones that Java's clients read.

use lz4_flex::block::{self, CompressTable};
use twox_hash::XxHash32;

use super::blocks::Blocks;
use super::{CUT, Fault};

const MAGIC: [u8; 4] = 0x184d_2204_u32.to_le_bytes();
/// Version 1, independent blocks; blocks of 64 KiB at most; the second byte of the xxHash32 of these two.
const DESCRIPTOR: [u8; 3] = [0x60, 0x40, 0x82];
/// A block of no bytes ends a frame.
const END: [u8; 4] = [0; 4];
const BLOCK_BYTES: usize = 64 << 10;
/// In a block's length: it is not compressed.
const STORED: u32 = 1 << 31;
/// How far back a block can refer.
const WINDOW_BYTES: usize = 64 << 10;
/// A byte more of a run's length stands for 255 bytes.
const RATIO_MAX: usize = 255;

pub(super) struct Encoder {
    table: CompressTable,
    blocks: Blocks,
    compressed: Vec<u8>,
}

impl Encoder {
    pub(super) fn new() -> Self {
        Self {
            table: CompressTable::default(),
            blocks: Blocks::of(BLOCK_BYTES),
            compressed: vec![0; block::get_maximum_output_size(BLOCK_BYTES)],
        }
    }

    pub(super) fn compress<'a>(
        &mut self,
        pieces: impl Iterator<Item = &'a [u8]>,
        out: &mut Vec<u8>,
    ) -> Result<(), &'static str> {
        let Self { table, blocks, compressed } = self;
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&DESCRIPTOR);
        blocks.each(pieces, |plain| {
            let length = block::compress_into_with_table(plain, compressed, table)
                .map_err(|_| "a block is too long")?;
            let smaller = compressed.get(..length).filter(|_| length < plain.len());
            let (written, flag) = smaller.map_or((plain, STORED), |smaller| (smaller, 0));
            let length = u32::try_from(written.len()).map_err(|_| "a block is too long")?;
            out.extend_from_slice(&(length | flag).to_le_bytes());
            out.extend_from_slice(written);
            Ok(())
        })?;
        out.extend_from_slice(&END);
        Ok(())
    }
}

pub(super) fn decompress(bytes: &[u8], bytes_max: usize) -> Result<Vec<u8>, Fault> {
    let mut out = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        rest = frame(rest, bytes_max, &mut out)?;
    }
    Ok(out)
}

/// What a frame's descriptor says.
struct Descriptor {
    independent: bool,
    block_checksums: bool,
    content_checksum: bool,
    content_bytes: Option<u64>,
    block_bytes_max: usize,
}

impl Descriptor {
    /// Reads it, and checks its checksum.
    fn read(bytes: &[u8]) -> Result<(Self, &[u8]), Fault> {
        let after_magic = bytes.strip_prefix(&MAGIC).ok_or(if bytes.len() < 4 {
            CUT
        } else {
            Fault::Malformed("no frame")
        })?;
        let ([flags, sizes], mut rest) = after_magic.split_first_chunk::<2>().ok_or(CUT)?;
        let flag = |bit: u8| flags & (1 << bit) != 0;
        // Version 1; a reserved bit; a dictionary, which nobody could have told us.
        if flags >> 6 != 1 || flag(1) || flag(0) || sizes & 0x8f != 0 || sizes >> 4 < 4 {
            return Err(Fault::Malformed("a descriptor of no version that is known"));
        }
        let mut content_bytes = None;
        if flag(3) {
            let (length, after) = rest.split_first_chunk().ok_or(CUT)?;
            content_bytes = Some(u64::from_le_bytes(*length));
            rest = after;
        }
        let described = &after_magic[..after_magic.len() - rest.len()];
        let ([checksum], rest) = rest.split_first_chunk::<1>().ok_or(CUT)?;
        if XxHash32::oneshot(0, described).to_le_bytes()[1] != *checksum {
            return Err(Fault::Malformed("the checksum of the descriptor is wrong"));
        }
        let descriptor = Self {
            independent: flag(5),
            block_checksums: flag(4),
            content_checksum: flag(2),
            content_bytes,
            // 64 KiB, 256 KiB, 1 MiB, 4 MiB.
            block_bytes_max: BLOCK_BYTES << (2 * ((sizes >> 4) - 4)),
        };
        Ok((descriptor, rest))
    }
}

/// Appends a frame's content to `out`; gives what comes after the frame.
fn frame<'a>(bytes: &'a [u8], bytes_max: usize, out: &mut Vec<u8>) -> Result<&'a [u8], Fault> {
    let (descriptor, mut rest) = Descriptor::read(bytes)?;
    let start = out.len();
    loop {
        let (length, after) = rest.split_first_chunk().ok_or(CUT)?;
        rest = after;
        if *length == END {
            break;
        }
        let length = u32::from_le_bytes(*length);
        let stored = length & STORED != 0;
        let length = usize::try_from(length & !STORED).map_err(|_| CUT)?;
        if length > descriptor.block_bytes_max {
            return Err(Fault::Malformed("a block longer than its frame allows"));
        }
        let (written, after) = rest.split_at_checked(length).ok_or(CUT)?;
        rest = after;
        if descriptor.block_checksums {
            rest = checked(written, rest)?;
        }
        append(written, stored, &descriptor, start, bytes_max, out)?;
    }
    let content = out.get(start..).unwrap_or_default();
    if descriptor.content_bytes.is_some_and(|announced| usize::try_from(announced) != Ok(content.len())) {
        return Err(Fault::Malformed("not as long as announced"));
    }
    if descriptor.content_checksum {
        rest = checked(content, rest)?;
    }
    Ok(rest)
}

/// Compares the checksum that `rest` begins with; gives what comes after it.
fn checked<'a>(bytes: &[u8], rest: &'a [u8]) -> Result<&'a [u8], Fault> {
    let (checksum, after) = rest.split_first_chunk().ok_or(CUT)?;
    if u32::from_le_bytes(*checksum) == XxHash32::oneshot(0, bytes) {
        Ok(after)
    } else {
        Err(Fault::Malformed("a checksum is wrong"))
    }
}

fn append(
    written: &[u8],
    stored: bool,
    descriptor: &Descriptor,
    start: usize,
    bytes_max: usize,
    out: &mut Vec<u8>,
) -> Result<(), Fault> {
    let from = out.len();
    let room = bytes_max - from;
    if stored {
        if written.len() > room {
            return Err(Fault::TooLarge);
        }
        super::grow(out, from + written.len(), bytes_max);
        out.truncate(from);
        out.extend_from_slice(written);
        return Ok(());
    }
    let most = descriptor.block_bytes_max.min(written.len().saturating_mul(RATIO_MAX));
    super::grow(out, from + most.min(room), bytes_max);
    let window = if descriptor.independent { from } else { start.max(from.saturating_sub(WINDOW_BYTES)) };
    let (before, place) = out.split_at_mut(from);
    let dictionary = before.get(window..).unwrap_or_default();
    let decompressed = block::decompress_into_with_dict(written, place, dictionary);
    let length = decompressed.map_err(|error| match error {
        block::DecompressError::OutputTooSmall { .. } if most > room => Fault::TooLarge,
        _ => Fault::Malformed("a block is corrupt"),
    })?;
    out.truncate(from + length);
    Ok(())
}
