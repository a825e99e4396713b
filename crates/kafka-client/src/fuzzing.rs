//! The door for fuzzing, in its builds only: decoders that other crates do not need.

use std::collections::BTreeSet;

use bytes::{Bytes, BytesMut};
use kafka_wire::messages::MetadataResponse;

use crate::cluster::View;
use crate::reader;

pub use crate::security::fuzzing as security;

/// As [`crate::frame::take`].
pub fn take(inbox: &mut BytesMut, bytes_max: usize) -> Result<Option<Bytes>, String> {
    crate::frame::take(inbox, bytes_max).map_err(|error| error.to_string())
}

/// The view of the cluster after an answer.
pub fn followed_by(
    view: &View,
    answer: MetadataResponse,
    interest: &BTreeSet<String>,
) -> Result<View, String> {
    view.followed_by(answer, interest)
}

/// Hands out the records of a fetched partition from `offset` on, and says where reading would go on, or what is
/// wrong.
pub fn records(
    fetched: Bytes,
    offset: i64,
    unpacked_bytes_max: usize,
    each: impl FnMut(reader::Record),
) -> Result<i64, String> {
    reader::fuzzing::records(fetched, offset, unpacked_bytes_max, each)
}
