//! A record's value, whatever its format, as JSON text.

use otlp::json::Style;
use otlp::{Limits, Signal};
use serde::Deserialize;

use crate::cli::Format;

/// Longest text of one record.
const TEXT_BYTES_MAX: usize = 256 << 20;
/// How many of Connect's wrappings may lie around a value: an envelope, a string, base64.
const WRAPPINGS_MAX: u32 = 3;

/// The value as compact JSON; `None` when it is no OTLP request in any of our formats.
///
/// `format` restricts the search; `signal` is what the topic holds, when that is known.
pub(super) fn json(value: &[u8], format: Option<Format>, signal: Option<Signal>) -> Option<Vec<u8>> {
    unwrap(value, format, signal, WRAPPINGS_MAX)
}

/// Kafka Connect's `JsonConverter` with `schemas.enable`.
#[derive(Deserialize)]
struct Envelope {
    payload: String,
}

fn unwrap(value: &[u8], format: Option<Format>, signal: Option<Signal>, left: u32) -> Option<Vec<u8>> {
    let inner = match value.first()? {
        b'{' if value.starts_with(br#"{"schema":"#) => {
            serde_json::from_slice::<Envelope>(value).ok().map(|envelope| envelope.payload)
        }
        b'"' => serde_json::from_slice::<String>(value).ok(),
        _ => None,
    };
    if let Some(inner) = inner {
        return unwrap(inner.as_bytes(), format, signal, left.checked_sub(1)?);
    }
    if value[0] == b'{' && format != Some(Format::Protobuf) {
        return serde_json::from_slice::<serde::de::IgnoredAny>(value).is_ok().then(|| value.to_vec());
    }
    if format == Some(Format::Json) {
        return None;
    }
    let decoded = base64_simd::STANDARD.decode_to_vec(value).ok();
    decoded.and_then(|wire| protobuf(&wire, signal)).or_else(|| protobuf(value, signal))
}

/// Without a known signal the first whose shape fits: names and types of the four hardly ever agree by chance.
fn protobuf(wire: &[u8], signal: Option<Signal>) -> Option<Vec<u8>> {
    let limits = Limits { elements: u64::MAX };
    let candidates: &[Signal] = signal.as_ref().map_or(&Signal::ALL, std::slice::from_ref);
    candidates.iter().find_map(|signal| {
        let mut text = Vec::new();
        let written = otlp::json::write(Style::Json, *signal, wire, &limits, TEXT_BYTES_MAX, &mut text);
        written.is_ok_and(|counts| counts.items > 0).then_some(text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = r#"{"resource_spans":[]}"#;

    /// One span named `a`, as tags, lengths and text.
    const WIRE: &[u8] = b"\x0a\x07\x12\x05\x12\x03\x2a\x01a";

    fn text(value: &[u8], format: Option<Format>, signal: Option<Signal>) -> Option<String> {
        json(value, format, signal).map(|text| String::from_utf8(text).unwrap())
    }

    #[test]
    fn json_is_found_in_every_wrapping() {
        let as_string = serde_json::to_string(JSON).unwrap();
        let envelope = format!(r#"{{"schema":{{"type":"string","optional":false}},"payload":{as_string}}}"#);
        for value in [JSON, &as_string, &envelope] {
            assert_eq!(text(value.as_bytes(), None, None).as_deref(), Some(JSON), "{value}");
        }
    }

    #[test]
    fn protobuf_is_found_raw_and_in_base64() {
        let base64 = base64_simd::STANDARD.encode_to_string(WIRE);
        let quoted = format!("\"{base64}\"");
        for value in [WIRE, base64.as_bytes(), quoted.as_bytes()] {
            for signal in [None, Some(Signal::Traces)] {
                let text = text(value, None, signal).unwrap();
                assert!(
                    text.starts_with(r#"{"resource_spans":[{"#) && text.contains(r#""name":"a""#),
                    "{text}"
                );
            }
        }
    }

    #[test]
    fn what_is_no_request_is_nothing() {
        let nested = (0..6).fold(JSON.to_owned(), |inner, _| serde_json::to_string(&inner).unwrap());
        for value in [&b""[..], b"hello", b"{not json", b"\xff\xff", b"\"", nested.as_bytes()] {
            assert_eq!(text(value, None, None), None, "{value:?}");
        }
        assert_eq!(text(WIRE, Some(Format::Json), None), None);
        assert_eq!(text(JSON.as_bytes(), Some(Format::Protobuf), None), None);
    }
}
