//! What a field of a message can be, and how messages are told apart by API and version.

use std::fmt::Debug;
use std::ops::RangeInclusive;

use bytes::{Buf, Bytes};
use uuid::Uuid;

use crate::ApiKey;
use crate::read::{DecodeError, Reader};
use crate::write::{EncodeError, Writer};

/// The version a message is read or written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    /// The API version.
    pub number: i16,
    /// Compact lengths and tagged fields (KIP-482).
    pub flexible: bool,
}

/// A value with a place on the wire.
///
/// The two `_present` functions are for fields that are nullable only from some version on: before it null is refused
/// when read, and written as the empty value.
pub trait Wire: Sized {
    /// Reads a value.
    fn read(reader: &mut Reader, at: Version) -> Result<Self, DecodeError>;
    /// Writes the value.
    fn write(&self, writer: &mut Writer, at: Version);

    /// Reads a value that must not be null.
    fn read_present(reader: &mut Reader, at: Version) -> Result<Self, DecodeError> {
        Self::read(reader, at)
    }
    /// Writes the value so that it is not null.
    fn write_present(&self, writer: &mut Writer, at: Version) {
        self.write(writer, at);
    }
}

/// A request or an answer.
pub trait Message: Wire + Default + Clone + PartialEq + Debug {
    /// The API it belongs to.
    const KEY: ApiKey;
    /// The versions that can be read and written. What a peer is offered can be less.
    const VERSIONS: RangeInclusive<i16>;
    /// The first flexible version.
    const FLEXIBLE_SINCE: i16;

    /// Reads the message in a version. Bytes after its end are left to the caller.
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(DecodeError::UnknownVersion { api_key: Self::KEY, api_version: version });
        }
        Self::read(reader, Self::at(version))
    }

    /// Writes the message in a version. Fields which that version does not have are left out, whatever they hold.
    fn encode(&self, writer: &mut Writer, version: i16) {
        if !Self::VERSIONS.contains(&version) {
            writer.fail(EncodeError::UnknownVersion { api_key: Self::KEY, api_version: version });
        }
        self.write(writer, Self::at(version));
    }

    /// The version with what follows from it.
    fn at(version: i16) -> Version {
        Version { number: version, flexible: version >= Self::FLEXIBLE_SINCE }
    }
}

/// A request, which names the type of its answer.
pub trait Request: Message {
    /// The answer.
    type Response: Message;
}

/// A value with a null on the wire; `Option` of it is a field.
pub trait Nullable: Wire + Default {
    /// Reads a value or null.
    fn read_nullable(reader: &mut Reader, at: Version) -> Result<Option<Self>, DecodeError>;
    /// Writes a value or null.
    fn write_nullable(value: Option<&Self>, writer: &mut Writer, at: Version);
}

impl<T: Nullable> Wire for Option<T> {
    fn read(reader: &mut Reader, at: Version) -> Result<Self, DecodeError> {
        T::read_nullable(reader, at)
    }

    fn write(&self, writer: &mut Writer, at: Version) {
        T::write_nullable(self.as_ref(), writer, at);
    }

    fn read_present(reader: &mut Reader, at: Version) -> Result<Self, DecodeError> {
        T::read(reader, at).map(Some)
    }

    fn write_present(&self, writer: &mut Writer, at: Version) {
        match self {
            Some(value) => value.write(writer, at),
            None => T::default().write(writer, at),
        }
    }
}

/// Fixed-size types: one row a type, with the functions of reader and writer that handle it.
macro_rules! fixed {
    ($($ty:ty => $name:ident),*) => {$(
        impl Wire for $ty {
            fn read(reader: &mut Reader, _: Version) -> Result<Self, DecodeError> {
                reader.$name()
            }

            fn write(&self, writer: &mut Writer, _: Version) {
                writer.$name(*self);
            }
        }
    )*};
}

fixed!(i8 => int8, i16 => int16, i32 => int32, i64 => int64, Uuid => uuid);

impl Wire for bool {
    fn read(reader: &mut Reader, _: Version) -> Result<Self, DecodeError> {
        Ok(reader.int8()? != 0)
    }

    fn write(&self, writer: &mut Writer, _: Version) {
        writer.int8(i8::from(*self));
    }
}

/// Types with a length before them: not null is nullable without the null.
macro_rules! not_null {
    ($([$($generic:tt)*] $ty:ty),*) => {$(
        impl<$($generic)*> Wire for $ty {
            fn read(reader: &mut Reader, at: Version) -> Result<Self, DecodeError> {
                Self::read_nullable(reader, at)?.ok_or(DecodeError::Length { length: -1 })
            }

            fn write(&self, writer: &mut Writer, at: Version) {
                Self::write_nullable(Some(self), writer, at);
            }
        }
    )*};
}

not_null!([] String, [] Bytes, [] RecordSet, [T: Wire] Vec<T>);

impl Nullable for String {
    fn read_nullable(reader: &mut Reader, at: Version) -> Result<Option<Self>, DecodeError> {
        reader.string(at)
    }

    fn write_nullable(value: Option<&Self>, writer: &mut Writer, at: Version) {
        writer.string(value.map(Self::as_str), at);
    }
}

impl Nullable for Bytes {
    fn read_nullable(reader: &mut Reader, at: Version) -> Result<Option<Self>, DecodeError> {
        reader.bytes(at)
    }

    fn write_nullable(value: Option<&Self>, writer: &mut Writer, at: Version) {
        writer.bytes(value.map(std::slice::from_ref), at);
    }
}

impl<T: Wire> Nullable for Vec<T> {
    fn read_nullable(reader: &mut Reader, at: Version) -> Result<Option<Self>, DecodeError> {
        reader.array(at)
    }

    fn write_nullable(value: Option<&Self>, writer: &mut Writer, at: Version) {
        writer.array(value.map(Self::as_slice), at);
    }
}

/// Encoded record batches as a message carries them.
///
/// Read, they are one slice of the frame. To be written they may come in pieces (batch header, payloads as they were
/// received), which are sent as they lie.
#[derive(Clone, Default)]
pub struct RecordSet(Pieces);

#[derive(Clone)]
enum Pieces {
    One(Bytes),
    Many(Vec<Bytes>),
}

impl Default for Pieces {
    fn default() -> Self {
        Self::One(Bytes::new())
    }
}

impl RecordSet {
    /// Length of all pieces.
    pub fn len(&self) -> usize {
        self.pieces().iter().map(Bytes::len).sum()
    }

    /// No bytes at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The pieces in order.
    pub fn pieces(&self) -> &[Bytes] {
        match &self.0 {
            Pieces::One(bytes) => std::slice::from_ref(bytes),
            Pieces::Many(pieces) => pieces,
        }
    }

    /// The bytes in one piece: free for what was read from a frame, a copy for several pieces.
    pub fn into_bytes(self) -> Bytes {
        match self.0 {
            Pieces::One(bytes) => bytes,
            Pieces::Many(pieces) => pieces.concat().into(),
        }
    }
}

impl From<Bytes> for RecordSet {
    fn from(bytes: Bytes) -> Self {
        Self(Pieces::One(bytes))
    }
}

impl From<Vec<Bytes>> for RecordSet {
    fn from(pieces: Vec<Bytes>) -> Self {
        Self(Pieces::Many(pieces))
    }
}

impl PartialEq for RecordSet {
    fn eq(&self, other: &Self) -> bool {
        self.clone().into_bytes().chunk() == other.clone().into_bytes().chunk()
    }
}

impl Debug for RecordSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RecordSet({} bytes in {} pieces)", self.len(), self.pieces().len())
    }
}

impl Nullable for RecordSet {
    fn read_nullable(reader: &mut Reader, at: Version) -> Result<Option<Self>, DecodeError> {
        Ok(reader.bytes(at)?.map(Self::from))
    }

    fn write_nullable(value: Option<&Self>, writer: &mut Writer, at: Version) {
        writer.bytes(value.map(Self::pieces), at);
    }
}
