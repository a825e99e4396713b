//! What hop 5 says about a request it can't accept: where, and what was expected there.

use thiserror::Error;

/// A request that is not valid OTLP, or is more than the limits allow. It can never succeed, as sent.
///
/// The text is safe to send back and to log: at most 200 bytes, and nothing of the payload in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("at byte {offset}: {kind}")]
pub struct Malformed {
    /// Where in the request, in bytes from its start, as unpacked.
    pub offset: usize,
    /// What was wrong there.
    pub kind: MalformedKind,
}

/// What was expected, and not found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MalformedKind {
    /// A field or a number ends behind the end of its message.
    #[error("expected more bytes: a field ends behind its message")]
    Truncated,
    /// A varint of more than 10 bytes or 64 bits.
    #[error("expected a varint of at most 64 bits")]
    Varint,
    /// Field number 0, a tag above 32 bits, or wire type 6 or 7.
    #[error("expected a tag with a field number from 1 to 2^29-1 and a wire type from 0 to 5")]
    Tag,
    /// A field of OTLP with another wire type than its own.
    #[error("expected the wire type that OTLP gives this field")]
    WireType,
    /// A group that ends without having begun, or another one than the one that began last.
    #[error("expected the end of the group that began last, or none")]
    Group,
    /// Text that is not UTF-8.
    #[error("expected UTF-8")]
    Utf8,
    /// JSON that is none, or not what OTLP/JSON has at that place.
    #[error("expected {expected}")]
    Json {
        /// What would have been right there.
        expected: &'static str,
    },
    /// More than [`DEPTH_MAX`] messages inside each other.
    #[error("expected at most {DEPTH_MAX} messages inside each other")]
    TooDeep,
    /// More items, events, links and exemplars than the limit.
    #[error("expected at most {max} items, events, links and exemplars")]
    TooManyElements {
        /// The limit.
        max: u64,
    },
}

/// Messages and groups that may lie inside each other, below the request: prost's and protobuf-java's limit.
pub const DEPTH_MAX: u32 = 100;
