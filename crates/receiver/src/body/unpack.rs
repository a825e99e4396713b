//! Hop 4: a packed body becomes the body, capped and charged while it grows.
//!
//! The only place with raw decompressors. gzip (RFC 1952) is read to its last member, every checksum and
//! length is compared, and nothing may follow: what is cut short or added to would otherwise be lost silently.

use std::cell::RefCell;

use bytes::Bytes;
use flate2::{Crc, Decompress, FlushDecompress, Status};
use pipeline::{Charge, Deadline, RetryReason};

use crate::reply::Answer;

/// Output of one step; between two steps the worker serves its other connections.
const STEP_BYTES: usize = 256 << 10;

/// Input of one call of the decompressor: a megabyte of empty blocks takes a few milliseconds.
const CALL_INPUT_BYTES_MAX: usize = 1 << 20;

/// Calls and members in one step, for bodies of many tiny members.
const STEP_ROUNDS_MAX: usize = 1024;

/// What a decompressor holds: its scratch space, and zlib's window and tables.
const INFLATER_BYTES: usize = STEP_BYTES + (64 << 10);

/// Decompressors that a worker keeps between requests.
const KEPT_MAX: usize = 4;

/// How a body is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    /// Not at all.
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 1950: what HTTP calls `deflate` (RFC 9110, 8.4.1.2).
    Zlib,
}

/// A worker's decompressors.
#[derive(Debug, Default)]
pub(crate) struct Inflaters(RefCell<Vec<Inflater>>);

#[derive(Debug)]
struct Inflater {
    state: Decompress,
    scratch: Vec<u8>,
}

impl Inflaters {
    fn take(&self) -> Inflater {
        let kept = self.0.borrow_mut().pop();
        kept.unwrap_or_else(|| Inflater {
            state: Decompress::new(false),
            scratch: Vec::with_capacity(STEP_BYTES),
        })
    }

    fn give_back(&self, inflater: Inflater) {
        let mut kept = self.0.borrow_mut();
        if kept.len() < KEPT_MAX {
            kept.push(inflater);
        }
    }
}

/// Unpacks `packed`, which `charge` covers; afterwards it covers what is returned.
///
/// # Errors
///
/// Too large: more than `bytes_max` come out. Malformed: not what `coding` says. Retry: no memory in time.
pub(crate) async fn unpack(
    packed: Bytes,
    coding: Coding,
    charge: &mut Charge,
    bytes_max: usize,
    deadline: Deadline,
    inflaters: &Inflaters,
) -> Result<Bytes, Answer> {
    // Charged before it is held: of many requests that wait for memory, each would hold one.
    let room = charge.grow(INFLATER_BYTES, deadline).await;
    room.map_err(|_| Answer::retry(RetryReason::Memory))?;
    let mut inflater = inflaters.take();
    let mut unpacking = Unpacking::new(&packed, coding);
    let mut unpacked: Vec<u8> = Vec::new();
    loop {
        let done = unpacking.step(&mut inflater).map_err(Answer::malformed)?;
        let step = inflater.scratch.as_slice();
        let need = unpacked.len() + step.len();
        if need > bytes_max {
            return Err(Answer::too_large(bytes_max));
        }
        if need > unpacked.capacity() {
            let capacity = if done { need } else { (need * 2).min(bytes_max) };
            let grown = charge.grow(capacity - unpacked.capacity(), deadline).await;
            grown.map_err(|_| Answer::retry(RetryReason::Memory))?;
            unpacked.reserve_exact(capacity - unpacked.len());
        }
        unpacked.extend_from_slice(step);
        if done {
            break;
        }
        tokio::task::yield_now().await;
    }
    inflaters.give_back(inflater);
    if unpacked.capacity() - unpacked.len() > unpacked.len() / 4 {
        unpacked.shrink_to_fit();
    }
    drop(packed);
    charge.shrink_to(unpacked.capacity());
    Ok(Bytes::from(unpacked))
}

/// Where in the packed body the next step goes on.
struct Unpacking<'a> {
    rest: &'a [u8],
    coding: Coding,
    part: Part,
    members: usize,
    crc: Crc,
}

#[derive(Clone, Copy)]
enum Part {
    Head,
    Data,
    Trailer,
}

impl<'a> Unpacking<'a> {
    fn new(packed: &'a [u8], coding: Coding) -> Self {
        Self { rest: packed, coding, part: Part::Head, members: 0, crc: Crc::new() }
    }

    /// Fills the scratch space; true when the body is at its end.
    fn step(&mut self, inflater: &mut Inflater) -> Result<bool, &'static str> {
        let Inflater { state, scratch } = inflater;
        scratch.clear();
        for _ in 0..STEP_ROUNDS_MAX {
            if scratch.len() >= STEP_BYTES {
                break;
            }
            match self.part {
                Part::Head if self.members > 0 && self.rest.is_empty() => return Ok(true),
                Part::Head if self.members > 0 && self.coding == Coding::Zlib => {
                    return Err("bytes after the end of the zlib stream");
                }
                Part::Head => {
                    if self.coding == Coding::Gzip {
                        self.rest = after_gzip_head(self.rest)?;
                    }
                    state.reset(self.coding == Coding::Zlib);
                    self.crc.reset();
                    self.part = Part::Data;
                }
                Part::Data => self.inflate(state, scratch)?,
                Part::Trailer => {
                    if self.coding == Coding::Gzip {
                        self.rest = after_gzip_trailer(self.rest, &self.crc)?;
                    }
                    self.members += 1;
                    self.part = Part::Head;
                }
            }
        }
        Ok(false)
    }

    fn inflate(&mut self, state: &mut Decompress, scratch: &mut Vec<u8>) -> Result<(), &'static str> {
        let input = &self.rest[..self.rest.len().min(CALL_INPUT_BYTES_MAX)];
        let (from, before) = (scratch.len(), state.total_in());
        let status = state
            .decompress_vec(input, scratch, FlushDecompress::None)
            .map_err(|_| "the compressed body is corrupt")?;
        let used = usize::try_from(state.total_in() - before).unwrap_or(input.len());
        self.rest = &self.rest[used..];
        self.crc.update(&scratch[from..]);
        match status {
            Status::StreamEnd => self.part = Part::Trailer,
            Status::Ok | Status::BufError if used == 0 && scratch.len() == from => {
                return Err("the compressed body is cut short");
            }
            Status::Ok | Status::BufError => {}
        }
        Ok(())
    }
}

const CUT: &str = "the compressed body is cut short";

/// RFC 1952, 2.3: ten bytes, then what the flags announce.
fn after_gzip_head(input: &[u8]) -> Result<&[u8], &'static str> {
    const HEAD_CRC: u8 = 1 << 1;
    const EXTRA: u8 = 1 << 2;
    const NAME: u8 = 1 << 3;
    const COMMENT: u8 = 1 << 4;
    const RESERVED: u8 = 0xe0;
    let (fixed, mut rest) = input.split_first_chunk::<10>().ok_or(CUT)?;
    let flags = fixed[3];
    if fixed[..3] != [0x1f, 0x8b, 8] || flags & RESERVED != 0 {
        return Err("not a gzip body");
    }
    if flags & EXTRA != 0 {
        let (length, after) = rest.split_first_chunk::<2>().ok_or(CUT)?;
        rest = after.get(usize::from(u16::from_le_bytes(*length))..).ok_or(CUT)?;
    }
    for flag in [NAME, COMMENT] {
        if flags & flag != 0 {
            let end = rest.iter().position(|byte| *byte == 0).ok_or(CUT)?;
            rest = &rest[end + 1..];
        }
    }
    if flags & HEAD_CRC != 0 {
        let (expected, after) = rest.split_first_chunk::<2>().ok_or(CUT)?;
        let mut crc = Crc::new();
        crc.update(&input[..input.len() - rest.len()]);
        if crc.sum().to_le_bytes()[..2] != *expected {
            return Err("the checksum of the gzip head is wrong");
        }
        rest = after;
    }
    Ok(rest)
}

/// RFC 1952, 2.3.1: checksum and length of what came out.
fn after_gzip_trailer<'a>(input: &'a [u8], crc: &Crc) -> Result<&'a [u8], &'static str> {
    let (sum, rest) = input.split_first_chunk::<4>().ok_or(CUT)?;
    let (length, rest) = rest.split_first_chunk::<4>().ok_or(CUT)?;
    if u32::from_le_bytes(*sum) != crc.sum() || u32::from_le_bytes(*length) != crc.amount() {
        return Err("the checksum of the gzip body is wrong");
    }
    Ok(rest)
}

#[cfg(test)]
mod tests;
