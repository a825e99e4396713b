//! Writing the protocol's primitive types into one frame, in which large byte fields are held by reference.

use std::io::IoSlice;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use uuid::Uuid;

use crate::wire::{Version, Wire};

/// Byte fields from this size on are not copied into the frame. Below it a copy costs less than one more piece does.
const SPLICE_BYTES_MIN: usize = 2048;

/// Why a message cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// A string, array, byte field or the whole frame is longer than its length field can say.
    #[error("{length} is more than the length field can hold")]
    TooLong {
        /// The length in bytes or elements.
        length: usize,
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

/// Collects one frame. Errors are kept until [`Writer::finish`], so that fields can be written one after the other.
#[derive(Debug)]
pub struct Writer {
    inline: BytesMut,
    /// Byte fields held by reference, and where in `inline` they belong.
    spliced: Vec<(usize, Bytes)>,
    spliced_bytes: usize,
    fault: Option<EncodeError>,
}

impl Writer {
    /// An empty frame with its length field still open.
    pub fn frame() -> Self {
        let mut writer = Self::part(256);
        writer.int32(0);
        writer
    }

    /// A value that [`Self::tagged_fields`] puts into a frame.
    pub(crate) fn part(capacity: usize) -> Self {
        let inline = BytesMut::with_capacity(capacity);
        Self { inline, spliced: Vec::new(), spliced_bytes: 0, fault: None }
    }

    /// INT8.
    pub fn int8(&mut self, value: i8) {
        self.inline.put_i8(value);
    }

    /// INT16.
    pub fn int16(&mut self, value: i16) {
        self.inline.put_i16(value);
    }

    /// INT32.
    pub fn int32(&mut self, value: i32) {
        self.inline.put_i32(value);
    }

    /// INT64.
    pub fn int64(&mut self, value: i64) {
        self.inline.put_i64(value);
    }

    /// UUID.
    pub fn uuid(&mut self, value: Uuid) {
        self.inline.put_slice(value.as_bytes());
    }

    /// UNSIGNED_VARINT.
    pub fn unsigned_varint(&mut self, value: u32) {
        put_unsigned_varint(&mut self.inline, u64::from(value));
    }

    fn compact_length(&mut self, length: Option<usize>) {
        let wire = match length {
            None => Some(0),
            Some(length) => u32::try_from(length).ok().and_then(|length| length.checked_add(1)),
        };
        self.unsigned_varint(wire.unwrap_or_default());
        if wire.is_none() {
            self.too_long(length.unwrap_or_default());
        }
    }

    fn string_length(&mut self, length: Option<usize>, at: Version) {
        if at.flexible {
            return self.compact_length(length);
        }
        match length.map_or(Ok(-1), i16::try_from) {
            Ok(length) => self.int16(length),
            Err(_) => self.too_long(length.unwrap_or_default()),
        }
    }

    fn long_length(&mut self, length: Option<usize>, at: Version) {
        if at.flexible {
            return self.compact_length(length);
        }
        match length.map_or(Ok(-1), i32::try_from) {
            Ok(length) => self.int32(length),
            Err(_) => self.too_long(length.unwrap_or_default()),
        }
    }

    fn too_long(&mut self, length: usize) {
        self.fault.get_or_insert(EncodeError::TooLong { length });
    }

    /// NULLABLE_STRING or COMPACT_NULLABLE_STRING.
    pub fn string(&mut self, value: Option<&str>, at: Version) {
        self.string_length(value.map(str::len), at);
        self.inline.put_slice(value.unwrap_or_default().as_bytes());
    }

    /// NULLABLE_BYTES or COMPACT_NULLABLE_BYTES, given as pieces; large pieces are kept by reference.
    pub fn bytes(&mut self, pieces: Option<&[Bytes]>, at: Version) {
        let length = pieces.map(|pieces| pieces.iter().map(Bytes::len).sum());
        self.long_length(length, at);
        for piece in pieces.unwrap_or_default() {
            if piece.len() < SPLICE_BYTES_MIN {
                self.inline.put_slice(piece);
            } else {
                self.spliced.push((self.inline.len(), piece.clone()));
                self.spliced_bytes = self.spliced_bytes.saturating_add(piece.len());
            }
        }
    }

    /// ARRAY or COMPACT_ARRAY.
    pub fn array<T: Wire>(&mut self, elements: Option<&[T]>, at: Version) {
        self.long_length(elements.map(<[T]>::len), at);
        for element in elements.unwrap_or_default() {
            element.write(self, at);
        }
    }

    /// The tagged fields at the end of a struct of a flexible version (KIP-482), in ascending order of tag.
    pub fn tagged_fields(&mut self, fields: Vec<(u32, Self)>) {
        self.unsigned_varint(u32::try_from(fields.len()).unwrap_or_default());
        for (tag, value) in fields {
            self.unsigned_varint(tag);
            match u32::try_from(value.len()) {
                Ok(size) => self.unsigned_varint(size),
                Err(_) => self.too_long(value.len()),
            }
            let from = self.inline.len();
            self.inline.put_slice(&value.inline);
            self.spliced
                .extend(value.spliced.into_iter().map(|(at, piece)| (from.saturating_add(at), piece)));
            self.spliced_bytes = self.spliced_bytes.saturating_add(value.spliced_bytes);
            self.fault = self.fault.or(value.fault);
        }
    }

    /// Keeps an error for [`Writer::finish`].
    pub(crate) fn fail(&mut self, error: EncodeError) {
        self.fault.get_or_insert(error);
    }

    fn len(&self) -> usize {
        self.inline.len().saturating_add(self.spliced_bytes)
    }

    /// Sets the frame's length field and hands the frame over.
    pub fn finish(mut self) -> Result<Frame, EncodeError> {
        let length = self.len().saturating_sub(size_of::<i32>());
        let wire_length = i32::try_from(length).map_err(|_| EncodeError::TooLong { length })?;
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        if let Some(field) = self.inline.first_chunk_mut() {
            *field = wire_length.to_be_bytes();
        }
        let total = self.len();
        let mut inline = self.inline.freeze();
        let mut pieces = Vec::with_capacity(self.spliced.len().saturating_mul(2).saturating_add(1));
        let mut split = 0;
        for (at, piece) in self.spliced {
            if at > split {
                pieces.push(inline.split_to(at.saturating_sub(split)));
                split = at;
            }
            pieces.push(piece);
        }
        if !inline.is_empty() {
            pieces.push(inline);
        }
        pieces.reverse();
        Ok(Frame { pieces, remaining: total })
    }
}

/// One frame ready to be sent, length field included: a [`Buf`] of few pieces, made for vectored writes.
#[derive(Debug, Clone)]
pub struct Frame {
    /// In reverse order: the piece to send next is the last.
    pieces: Vec<Bytes>,
    remaining: usize,
}

impl Frame {
    /// Everything that was not yet sent, in one piece.
    pub fn into_bytes(mut self) -> Bytes {
        self.copy_to_bytes(self.remaining)
    }
}

impl Buf for Frame {
    fn remaining(&self) -> usize {
        self.remaining
    }

    fn chunk(&self) -> &[u8] {
        self.pieces.last().map_or(&[], |piece| piece)
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut filled = 0;
        for (slice, piece) in slices.iter_mut().zip(self.pieces.iter().rev()) {
            *slice = IoSlice::new(piece);
            filled += 1;
        }
        filled
    }

    fn advance(&mut self, mut count: usize) {
        assert!(count <= self.remaining, "advance past the end of a frame");
        self.remaining -= count;
        while let Some(piece) = self.pieces.last_mut() {
            if piece.len() > count {
                piece.advance(count);
                return;
            }
            count -= piece.len();
            self.pieces.pop();
        }
    }
}

/// UNSIGNED_VARINT or UNSIGNED_VARLONG: seven bits a byte, the lowest first.
pub(crate) fn put_unsigned_varint(buffer: &mut impl BufMut, mut value: u64) {
    while value >= 0x80 {
        buffer.put_u8((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    buffer.put_u8((value & 0x7f) as u8);
}
