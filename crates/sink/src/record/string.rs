//! A text as a JSON string, as Kafka Connect's `JsonConverter` writes it.

use crate::converter::Envelope;

/// Writes `text`, which is UTF-8, to the empty `out` within its envelope. False when it would be longer than
/// `bytes_max`.
pub(super) fn write(envelope: Envelope, text: &[u8], bytes_max: usize, out: &mut Vec<u8>) -> bool {
    let (head, tail) = (envelope.head().as_bytes(), envelope.tail().as_bytes());
    let Some(room) = bytes_max.checked_sub(tail.len()) else { return false };
    let mut put = |bytes: &[u8]| {
        let fits = bytes.len() <= room.saturating_sub(out.len());
        if fits {
            out.extend_from_slice(bytes);
        }
        fits
    };
    let mut fits = put(head);
    let mut plain = 0;
    for (at, byte) in text.iter().enumerate() {
        if !matches!(byte, b'"' | b'\\' | 0..=0x1F) {
            continue;
        }
        fits = fits && put(&text[plain..at]) && escape(*byte, &mut put);
        if !fits {
            return false;
        }
        plain = at + 1;
    }
    if !(fits && put(&text[plain..])) {
        return false;
    }
    out.extend_from_slice(tail);
    true
}

/// RFC 8259 section 7, in the forms that Jackson prefers.
fn escape(byte: u8, put: &mut impl FnMut(&[u8]) -> bool) -> bool {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    match byte {
        b'"' => put(b"\\\""),
        b'\\' => put(b"\\\\"),
        0x08 => put(b"\\b"),
        b'\t' => put(b"\\t"),
        b'\n' => put(b"\\n"),
        0x0C => put(b"\\f"),
        b'\r' => put(b"\\r"),
        other => put(&[b'\\', b'u', b'0', b'0', HEX[usize::from(other >> 4)], HEX[usize::from(other & 15)]]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bare(text: &str, bytes_max: usize) -> Option<String> {
        let mut out = Vec::new();
        write(Envelope::Bare, text.as_bytes(), bytes_max, &mut out).then(|| String::from_utf8(out).unwrap())
    }

    #[test]
    fn control_characters_quotes_and_backslashes_are_escaped() {
        assert_eq!(
            bare("a\"b\\c\n\r\t\u{8}\u{c}\u{1f}\0é/", 100).unwrap(),
            r#""a\"b\\c\n\r\t\b\f\u001F\u0000é/""#
        );
        assert_eq!(bare("", 2).unwrap(), "\"\"");
    }

    #[test]
    fn the_bound_holds_to_the_byte() {
        let text = "x\0\"yz";
        let full = bare(text, 100).unwrap();
        for max in 0..full.len() {
            assert_eq!(bare(text, max), None, "{max}");
        }
        assert_eq!(bare(text, full.len()).unwrap(), full);
        assert_eq!(full.len(), 2 + 6 + 2 + 3);
    }
}
