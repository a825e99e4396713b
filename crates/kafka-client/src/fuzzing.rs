//! The door for fuzzing, in its builds only: decoders that other crates do not need.

use bytes::{Bytes, BytesMut};

/// As [`crate::frame::take`].
pub fn take(inbox: &mut BytesMut, bytes_max: usize) -> Result<Option<Bytes>, String> {
    crate::frame::take(inbox, bytes_max).map_err(|error| error.to_string())
}
