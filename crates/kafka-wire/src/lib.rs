//! The Kafka protocol as data: what a broker and its clients say to each other, bounded in every direction.
//!
//! ```text
//! bytes ── Reader ──► header ──► message ──► RecordSet ──► batches ──► records
//! bytes ◄── Frame ◄── Writer ◄── header ◄── message ◄── RecordSet ◄── batch header
//! ```
//!
//! * [`read`] and [`write`]: the primitive types, each length checked against the bytes that are there before anything
//!   is allocated for it.
//! * [`wire`]: what a field of a message can be.
//! * `table`: the macro from which all messages come: one row a field, with the versions that carry it.
//! * [`api_key`], [`error_code`]: the protocol's two registries.
//! * [`header`]: what stands before each message, and whole frames.
//! * [`messages`]: the messages, one file a family; requests and answers both ways.
//! * [`batch`], [`record`]: record batches (magic 2) and the records in an uncompressed one; `checksum`: theirs.
//!
//! Nothing here does I/O, and no input makes it panic: a decoder answers with a [`DecodeError`], and allocates at most a
//! small multiple of the bytes it was given. Field names, versions and meanings are those of Kafka's message
//! definitions (<https://kafka.apache.org/protocol>).
#![warn(clippy::indexing_slicing)]
#![cfg_attr(test, expect(clippy::indexing_slicing, reason = "a test may panic"))]

pub mod read;
pub mod write;

pub mod wire;
#[macro_use]
mod table;

pub mod api_key;
pub mod error_code;
pub mod header;
pub mod messages;

pub mod batch;
mod checksum;
pub mod record;

pub use api_key::ApiKey;
pub use checksum::crc32c;
pub use error_code::ErrorCode;
pub use header::{RequestHeader, decode_response, encode_request, encode_response};
pub use read::{DecodeError, Reader};
pub use wire::{Message, RecordSet, Request, Version};
pub use write::{EncodeError, Frame, Writer};

#[cfg(any(test, fuzzing))]
mod filled;
#[cfg(fuzzing)]
pub mod fuzzing;
#[cfg(test)]
mod tests;
