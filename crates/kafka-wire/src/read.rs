//! Reading the protocol's primitive types from one frame, with a bound on every length and on all memory taken.

use bytes::Bytes;
use uuid::Uuid;

use crate::wire::{Version, Wire};

/// Memory a decoder may take for each byte of its frame. The densest honest message needs about four (a list of small
/// structs whose strings are short).
const ALLOCATED_PER_BYTE: usize = 8;
/// Memory a decoder may take for a frame of any size.
const ALLOCATED_BASE_BYTES: usize = 4096;

/// Why bytes are not the message they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The frame ends inside a field.
    #[error("{needed_bytes} bytes needed, {left_bytes} left")]
    Truncated {
        /// What the field takes.
        needed_bytes: usize,
        /// What the frame still has.
        left_bytes: usize,
    },
    /// An array claims more elements than the frame can hold.
    #[error("array of {claimed} elements in {left_bytes} bytes")]
    CountTooLarge {
        /// The elements claimed.
        claimed: usize,
        /// What the frame still has.
        left_bytes: usize,
    },
    /// A length below -1, or -1 where null is not allowed.
    #[error("length {length} not allowed here")]
    Length {
        /// The length as sent.
        length: i32,
    },
    /// A varint longer than its type.
    #[error("varint too long")]
    VarintTooLong,
    /// A string that is not UTF-8.
    #[error("string is not UTF-8")]
    NotUtf8,
    /// The message would take much more memory than its bytes.
    #[error("message needs more than {allocated_bytes_max} bytes of memory")]
    TooMuchMemory {
        /// The most this frame may take.
        allocated_bytes_max: usize,
    },
    /// No such API key.
    #[error("unknown API key {api_key}")]
    UnknownApiKey {
        /// The key as sent.
        api_key: i16,
    },
    /// A version this message does not have.
    #[error("no version {api_version} of {api_key:?}")]
    UnknownVersion {
        /// The API.
        api_key: crate::ApiKey,
        /// The version asked for.
        api_version: i16,
    },
}

/// A cursor over one frame. Byte fields are slices of the frame, not copies.
#[derive(Debug)]
pub struct Reader {
    frame: Bytes,
    at: usize,
    end: usize,
    allocated_bytes: usize,
    allocated_bytes_max: usize,
}

impl Reader {
    /// Starts at the first byte of `frame`.
    ///
    /// Decoding takes at most 4 KiB plus eight times the frame's length in memory; [`Self::allocate_at_most`] lowers
    /// that.
    pub fn new(frame: Bytes) -> Self {
        let end = frame.len();
        let allocated_bytes_max = ALLOCATED_BASE_BYTES.saturating_add(end.saturating_mul(ALLOCATED_PER_BYTE));
        Self { frame, at: 0, end, allocated_bytes: 0, allocated_bytes_max }
    }

    /// Lowers the memory that decoding may take. Byte fields do not count: they share the frame.
    #[must_use]
    pub fn allocate_at_most(mut self, bytes_max: usize) -> Self {
        self.allocated_bytes_max = self.allocated_bytes_max.min(bytes_max);
        self
    }

    /// Bytes not yet read.
    pub fn remaining(&self) -> usize {
        self.end.saturating_sub(self.at)
    }

    /// Memory charged so far for strings and arrays.
    pub fn allocated_bytes(&self) -> usize {
        self.allocated_bytes
    }

    fn take(&mut self, len: usize) -> Result<&[u8], DecodeError> {
        let left_bytes = self.remaining();
        let truncated = DecodeError::Truncated { needed_bytes: len, left_bytes };
        if len > left_bytes {
            return Err(truncated);
        }
        let from = self.at;
        self.at = from.saturating_add(len);
        self.frame.get(from..self.at).ok_or(truncated)
    }

    fn array_of<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let left_bytes = self.remaining();
        self.take(N)?
            .first_chunk::<N>()
            .copied()
            .ok_or(DecodeError::Truncated { needed_bytes: N, left_bytes })
    }

    /// INT8.
    pub fn int8(&mut self) -> Result<i8, DecodeError> {
        self.array_of().map(i8::from_be_bytes)
    }

    /// INT16.
    pub fn int16(&mut self) -> Result<i16, DecodeError> {
        self.array_of().map(i16::from_be_bytes)
    }

    /// INT32.
    pub fn int32(&mut self) -> Result<i32, DecodeError> {
        self.array_of().map(i32::from_be_bytes)
    }

    /// INT64.
    pub fn int64(&mut self) -> Result<i64, DecodeError> {
        self.array_of().map(i64::from_be_bytes)
    }

    /// UUID.
    pub fn uuid(&mut self) -> Result<Uuid, DecodeError> {
        self.array_of().map(Uuid::from_bytes)
    }

    /// UNSIGNED_VARINT, at most five bytes.
    pub fn unsigned_varint(&mut self) -> Result<u32, DecodeError> {
        let mut value = 0u32;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.array_of::<1>()?;
            let bits = u32::from(byte & 0x7f);
            if shift == 28 && bits > 0x0f {
                break;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(DecodeError::VarintTooLong)
    }

    /// The length of a string: INT16, or in flexible versions a varint of length + 1. `None` is null.
    fn string_length(&mut self, at: Version) -> Result<Option<usize>, DecodeError> {
        if at.flexible { self.compact_length() } else { length(i32::from(self.int16()?)) }
    }

    /// The length of bytes or of an array: INT32, or in flexible versions a varint of length + 1. `None` is null.
    fn long_length(&mut self, at: Version) -> Result<Option<usize>, DecodeError> {
        if at.flexible { self.compact_length() } else { length(self.int32()?) }
    }

    fn compact_length(&mut self) -> Result<Option<usize>, DecodeError> {
        match self.unsigned_varint()?.checked_sub(1) {
            None => Ok(None),
            Some(len) => usize::try_from(len).map(Some).map_err(|_| DecodeError::VarintTooLong),
        }
    }

    fn charge(&mut self, bytes: usize) -> Result<(), DecodeError> {
        let total = self.allocated_bytes.saturating_add(bytes);
        if total > self.allocated_bytes_max {
            return Err(DecodeError::TooMuchMemory { allocated_bytes_max: self.allocated_bytes_max });
        }
        self.allocated_bytes = total;
        Ok(())
    }

    /// NULLABLE_STRING or COMPACT_NULLABLE_STRING.
    pub fn string(&mut self, at: Version) -> Result<Option<String>, DecodeError> {
        let Some(len) = self.string_length(at)? else { return Ok(None) };
        self.charge(len.min(self.remaining()))?;
        let text = std::str::from_utf8(self.take(len)?).map_err(|_| DecodeError::NotUtf8)?;
        Ok(Some(text.to_owned()))
    }

    /// NULLABLE_BYTES or COMPACT_NULLABLE_BYTES, as a slice of the frame.
    pub fn bytes(&mut self, at: Version) -> Result<Option<Bytes>, DecodeError> {
        let Some(len) = self.long_length(at)? else { return Ok(None) };
        let from = self.at;
        self.take(len)?;
        Ok(Some(self.frame.slice(from..self.at)))
    }

    /// ARRAY or COMPACT_ARRAY.
    ///
    /// Every element takes at least a byte, so a count above the bytes left is refused before memory is taken.
    pub fn array<T: Wire>(&mut self, at: Version) -> Result<Option<Vec<T>>, DecodeError> {
        let Some(count) = self.long_length(at)? else { return Ok(None) };
        if count > self.remaining() {
            return Err(DecodeError::CountTooLarge { claimed: count, left_bytes: self.remaining() });
        }
        self.charge(count.saturating_mul(size_of::<T>()))?;
        let mut elements = Vec::with_capacity(count);
        for _ in 0..count {
            elements.push(T::read(self, at)?);
        }
        Ok(Some(elements))
    }

    /// The tagged fields at the end of a struct of a flexible version (KIP-482). `field` gets each tag and reads its
    /// value; what it leaves unread is skipped.
    pub fn tagged_fields(
        &mut self,
        mut field: impl FnMut(&mut Self, u32) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        for _ in 0..self.unsigned_varint()? {
            let tag = self.unsigned_varint()?;
            let size = usize::try_from(self.unsigned_varint()?).map_err(|_| DecodeError::VarintTooLong)?;
            let left_bytes = self.remaining();
            if size > left_bytes {
                return Err(DecodeError::Truncated { needed_bytes: size, left_bytes });
            }
            let outer_end = self.end;
            let value_end = self.at.saturating_add(size);
            self.end = value_end;
            field(self, tag)?;
            self.at = value_end;
            self.end = outer_end;
        }
        Ok(())
    }
}

fn length(length: i32) -> Result<Option<usize>, DecodeError> {
    if length == -1 {
        return Ok(None);
    }
    usize::try_from(length).map(Some).map_err(|_| DecodeError::Length { length })
}
