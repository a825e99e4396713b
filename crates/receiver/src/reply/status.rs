//! Hop 9: the few messages that answers are made of, written by hand: `google.rpc.Status` with its details,
//! and the partial success of an export response.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use otlp::Signal;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use pipeline::Rejected;

/// Bytes of a message as the sender gets it; grpc-java takes 8 KiB of headers in all.
const MESSAGE_BYTES_MAX: usize = 1024;

/// An element of `google.rpc.Status.details`.
#[derive(Debug, Clone, Copy)]
pub(super) enum Detail {
    /// `google.rpc.RetryInfo`: when to come again.
    RetryInfo(Duration),
    /// `google.rpc.BadRequest`: never come again; its one violation says what the message says.
    BadRequest,
}

/// gRPC over HTTP/2, "Status-Message": what is not printable ASCII, and `%`, is percent-encoded.
const ESCAPED: &AsciiSet = &CONTROLS.add(b'%');

/// As much of `message` as fits, encoded for `grpc-message`.
pub(super) fn percent_encoded(message: &str) -> ::http::HeaderValue {
    let mut encoded = String::with_capacity(message.len());
    for part in utf8_percent_encode(message, ESCAPED) {
        let room = MESSAGE_BYTES_MAX - encoded.len();
        if part.len() <= room {
            encoded.push_str(part);
            continue;
        }
        // An escape is whole or absent; what is not escaped is ASCII.
        if !part.starts_with('%') {
            encoded.push_str(&part[..room]);
        }
        break;
    }
    ::http::HeaderValue::try_from(encoded).expect("percent-encoded text has only printable ASCII")
}

fn short(message: &str) -> &str {
    &message[..message.floor_char_boundary(MESSAGE_BYTES_MAX)]
}

/// `google.rpc.Status` on the wire: code = 1, message = 2, details = 3.
pub(super) fn protobuf(code: u8, message: &str, detail: Option<Detail>) -> Vec<u8> {
    let message = short(message);
    let mut status = Vec::with_capacity(message.len() + 96);
    varint_field(&mut status, 1, u64::from(code));
    bytes_field(&mut status, 2, message.as_bytes());
    if let Some(detail) = detail {
        let (name, value) = match detail {
            Detail::RetryInfo(delay) => ("RetryInfo", retry_info(delay)),
            Detail::BadRequest => ("BadRequest", bad_request(message)),
        };
        // google.protobuf.Any: type_url = 1, value = 2.
        let mut any = Vec::with_capacity(value.len() + 48);
        bytes_field(&mut any, 1, format!("type.googleapis.com/google.rpc.{name}").as_bytes());
        bytes_field(&mut any, 2, &value);
        bytes_field(&mut status, 3, &any);
    }
    status
}

/// `google.rpc.Status` in the JSON mapping.
pub(super) fn json(code: u8, message: &str, detail: Option<Detail>) -> Vec<u8> {
    let message = quoted(short(message));
    let details = match detail {
        Some(Detail::BadRequest) => Cow::Owned(format!(
            r#","details":[{{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{{"description":{message}}}]}}]"#
        )),
        Some(Detail::RetryInfo(_)) | None => Cow::Borrowed(""),
    };
    format!(r#"{{"code":{code},"message":{message}{details}}}"#).into_bytes()
}

/// `google.rpc.RetryInfo`: retry_delay = 1, a `google.protobuf.Duration` of seconds = 1 and nanos = 2.
pub(super) fn retry_info(delay: Duration) -> Vec<u8> {
    let mut duration = Vec::with_capacity(12);
    varint_field(&mut duration, 1, delay.as_secs());
    varint_field(&mut duration, 2, u64::from(delay.subsec_nanos()));
    let mut info = Vec::with_capacity(16);
    bytes_field(&mut info, 1, &duration);
    info
}

/// `google.rpc.BadRequest`: field_violations = 1, each with description = 2.
fn bad_request(message: &str) -> Vec<u8> {
    let mut violation = Vec::new();
    bytes_field(&mut violation, 2, message.as_bytes());
    let mut request = Vec::new();
    bytes_field(&mut request, 1, &violation);
    request
}

/// `Export…ServiceResponse`: partial_success = 1, with the count = 1 and error_message = 2 in every signal.
pub(super) fn partial_success(rejected: &Rejected) -> Vec<u8> {
    let mut partial = Vec::new();
    varint_field(&mut partial, 1, rejected.items);
    bytes_field(&mut partial, 2, short(&rejected.why).as_bytes());
    let mut response = Vec::with_capacity(partial.len() + 4);
    bytes_field(&mut response, 1, &partial);
    response
}

/// The same in OTLP/JSON.
pub(super) fn partial_success_json(rejected: &Rejected, signal: Signal) -> Vec<u8> {
    let (field, items, why) = (signal.rejected_field(), rejected.items, quoted(short(&rejected.why)));
    format!(r#"{{"partialSuccess":{{"{field}":"{items}","errorMessage":{why}}}}}"#).into_bytes()
}

/// A gRPC message: not compressed, its length, itself.
pub(super) fn framed(message: &[u8]) -> Bytes {
    let length = u32::try_from(message.len()).expect("answers are a few KiB at most");
    let mut framed = Vec::with_capacity(5 + message.len());
    framed.push(0);
    framed.extend_from_slice(&length.to_be_bytes());
    framed.extend_from_slice(message);
    framed.into()
}

/// Standard alphabet without padding, as gRPC asks of `-bin` headers.
pub(super) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..=chunk.len() {
            let index = (bits >> (18 - 6 * at)) & 63;
            text.push(char::from(ALPHABET[index as usize]));
        }
    }
    text
}

/// A JSON string (RFC 8259, 7).
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            control if control < ' ' => {
                write!(quoted, "\\u{:04x}", u32::from(control)).expect("a String takes every write");
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

/// A number of field `field`, absent when 0.
fn varint_field(out: &mut Vec<u8>, field: u8, value: u64) {
    if value != 0 {
        out.push(field << 3);
        varint(out, value);
    }
}

/// Bytes, text or a message of field `field`.
fn bytes_field(out: &mut Vec<u8>, field: u8, value: &[u8]) {
    out.push(field << 3 | 2);
    varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_has_no_padding() {
        // RFC 4648, 10.
        for (plain, text) in
            [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("fooba", "Zm9vYmE")]
        {
            assert_eq!(base64(plain.as_bytes()), text);
        }
    }

    #[test]
    fn a_message_is_cut_between_escapes() {
        assert_eq!(percent_encoded("100 %\n\u{e4}"), "100 %25%0A%C3%A4");
        let long = percent_encoded(&"\u{e4}".repeat(1000));
        assert!(long.len() <= MESSAGE_BYTES_MAX && long.len() > MESSAGE_BYTES_MAX - 6);
        assert_eq!(long.len() % 3, 0);
        assert_eq!(percent_encoded(&"a".repeat(2000)).len(), MESSAGE_BYTES_MAX);
    }

    #[test]
    fn a_delay_is_written_as_a_duration() {
        assert_eq!(retry_info(Duration::from_secs(2)), [0x0a, 2, 0x08, 2]);
        assert_eq!(
            retry_info(Duration::from_millis(1_600)),
            [0x0a, 8, 0x08, 1, 0x10, 0x80, 0x8c, 0x8d, 0x9e, 0x02]
        );
    }

    #[test]
    fn json_text_is_escaped() {
        let text = String::from_utf8(json(3, "a\"\\\n", None)).unwrap();
        assert_eq!(text, r#"{"code":3,"message":"a\"\\\u000a"}"#);
    }

    #[test]
    fn a_partial_success_names_the_signals_items() {
        let rejected = Rejected { items: 3, why: "too large".into() };
        assert_eq!(partial_success(&rejected), b"\x0a\x0d\x08\x03\x12\x09too large");
        let text = String::from_utf8(partial_success_json(&rejected, Signal::Metrics)).unwrap();
        assert_eq!(text, r#"{"partialSuccess":{"rejectedDataPoints":"3","errorMessage":"too large"}}"#);
        assert_eq!(framed(b"ab")[..], [0, 0, 0, 0, 2, b'a', b'b']);
    }
}
