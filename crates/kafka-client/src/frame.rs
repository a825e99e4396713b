//! Hop 7: answers off a stream, each whole, none larger than allowed.

use bytes::{Buf, Bytes, BytesMut};

/// Bytes of the length before each frame.
const LENGTH_BYTES: usize = size_of::<i32>();

/// Why bytes are no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameError {
    /// A length below that of a correlation id, or a negative one.
    #[error("an answer of {0} bytes")]
    Length(i32),
    /// Longer than is taken.
    #[error("an answer of {bytes} bytes, {bytes_max} at most are taken")]
    TooLong {
        /// As announced.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
}

/// Takes the first whole frame out of `inbox`, without its length. `None`: more has to be read first, for which
/// room is made.
pub(crate) fn take(inbox: &mut BytesMut, bytes_max: usize) -> Result<Option<Bytes>, FrameError> {
    let Some(length) = inbox.first_chunk::<LENGTH_BYTES>() else { return Ok(None) };
    let length = i32::from_be_bytes(*length);
    let bytes = usize::try_from(length).map_err(|_| FrameError::Length(length))?;
    if bytes < LENGTH_BYTES {
        return Err(FrameError::Length(length));
    }
    if bytes > bytes_max {
        return Err(FrameError::TooLong { bytes, bytes_max });
    }
    let whole = LENGTH_BYTES + bytes;
    if inbox.len() < whole {
        // By what has come so far: an announced length alone takes no memory.
        inbox.reserve((whole - inbox.len()).min(inbox.len().max(4096)));
        return Ok(None);
    }
    inbox.advance(LENGTH_BYTES);
    Ok(Some(inbox.split_to(bytes).freeze()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_whole_and_bounded() {
        let mut inbox = BytesMut::from(&b"\0\0\0\x04abcd\0\0\0"[..]);
        assert_eq!(take(&mut inbox, 10), Ok(Some(Bytes::from_static(b"abcd"))));
        assert_eq!(take(&mut inbox, 10), Ok(None));
        inbox.extend_from_slice(b"\x0bx");
        assert_eq!(take(&mut inbox, 10), Err(FrameError::TooLong { bytes: 11, bytes_max: 10 }));
        assert_eq!(take(&mut BytesMut::from(&b"\xff\xff\xff\xff"[..]), 10), Err(FrameError::Length(-1)));
        assert_eq!(take(&mut BytesMut::from(&b"\0\0\0\x03abc"[..]), 10), Err(FrameError::Length(3)));
    }

    #[test]
    fn an_announced_length_takes_no_memory() {
        let mut inbox = BytesMut::from(&b"\x7f\0\0\0x"[..]);
        assert_eq!(take(&mut inbox, usize::MAX), Ok(None));
        assert!(inbox.capacity() < 16 << 10, "{}", inbox.capacity());
    }
}
