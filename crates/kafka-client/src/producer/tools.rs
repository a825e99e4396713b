//! Hop 7: what a producer makes its batches with, kept from one to the next.
//!
//! Where memory is short the allocator gives pages back within milliseconds, and a batch of small records is about as old
//! when its answer comes: without its buffer the next one would pay for fresh pages.

use bytes::BytesMut;

use crate::compression::{Compression, Compressor};

/// Buffers that are kept: those of the batches that usually are in flight together.
const KEPT: usize = 4;
/// Larger ones are not kept. They are seldom: large values stay where they lie.
const KEPT_BYTES_MAX: usize = 512 << 10;

/// What a producer makes its batches with.
#[derive(Debug)]
pub(super) struct Tools {
    pub(super) compressor: Compressor,
    /// Those kept longest are last.
    kept: Vec<Buffer>,
}

/// Room to write to, free again when nothing that was written there is in use any more.
#[derive(Debug)]
pub(super) struct Buffer {
    pub(super) bytes: BytesMut,
    /// Of all of it, whatever is in use.
    capacity: usize,
}

impl Tools {
    pub(super) fn new(compression: Compression) -> Self {
        Self { compressor: Compressor::new(compression), kept: Vec::new() }
    }

    /// An empty buffer with room for so many bytes, all of it free.
    pub(super) fn buffer(&mut self, bytes: usize) -> Buffer {
        // All of it or nothing: one small batch that waits long must not hold more than its own.
        let free = |kept: &mut Buffer| kept.capacity >= bytes && kept.bytes.try_reclaim(kept.capacity);
        if let Some(place) = self.kept.iter_mut().rposition(free) {
            return self.kept.remove(place);
        }
        let capacity = if bytes > KEPT_BYTES_MAX { bytes } else { bytes.next_power_of_two() };
        Buffer { bytes: BytesMut::with_capacity(capacity), capacity }
    }

    /// Takes a buffer back, while what was written there is still in use.
    pub(super) fn keep(&mut self, buffer: Buffer) {
        if buffer.capacity > KEPT_BYTES_MAX {
            return;
        }
        self.kept.insert(0, buffer);
        self.kept.truncate(KEPT);
    }
}

#[cfg(test)]
mod tests {
    use bytes::{BufMut as _, Bytes};

    use super::*;

    fn write(tools: &mut Tools, bytes: usize) -> (Bytes, usize) {
        let mut buffer = tools.buffer(bytes);
        assert!(buffer.bytes.is_empty() && buffer.bytes.capacity() >= bytes);
        buffer.bytes.put_bytes(7, bytes);
        let written = buffer.bytes.split().freeze();
        let capacity = buffer.capacity;
        tools.keep(buffer);
        (written, capacity)
    }

    #[test]
    fn a_buffer_is_used_again_once_nothing_in_it_is_in_use() {
        let mut tools = Tools::new(Compression::default());
        let (first, capacity) = write(&mut tools, 1000);
        assert_eq!(capacity, 1024);
        let (part, place) = (first.slice(990..), first.as_ptr());
        drop(first);
        let (second, _) = write(&mut tools, 24);
        assert!(!std::ptr::eq(second.as_ptr(), place), "a part of it is in use");
        assert_eq!(part, [7; 10].as_slice());
        drop((part, second));
        let (third, _) = write(&mut tools, 1024);
        assert!(std::ptr::eq(third.as_ptr(), place));
    }

    #[test]
    fn few_buffers_are_kept_and_no_large_ones() {
        let mut tools = Tools::new(Compression::default());
        let in_use: Vec<Bytes> = (0..KEPT + 3).map(|_| write(&mut tools, 100).0).collect();
        assert_eq!(tools.kept.len(), KEPT);
        drop(in_use);
        assert_eq!(write(&mut tools, KEPT_BYTES_MAX + 1).1, KEPT_BYTES_MAX + 1);
        assert_eq!((tools.kept.len(), tools.kept.iter().map(|it| it.capacity).max()), (KEPT, Some(128)));
    }
}
