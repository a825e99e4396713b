//! Hop 6: from a request's checked wire bytes to the value of a record, within a bound.

use otlp::{Counts, Limits, Malformed, Signal};

use crate::config::Format;
use crate::converter::Converter;

mod marks;
mod string;

pub(crate) use marks::{ITEMS, Marks};

/// What `otlp::json::write` may write above its bound before it notices.
const SLACK_BYTES: usize = 4096;

/// How the values of a connector's records are written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) format: Format,
    pub(crate) converter: Converter,
    pub(crate) limits: Limits,
}

/// Why there is no value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// It would be larger than the bound.
    Full,
    /// The wire bytes are not OTLP.
    Malformed(Malformed),
}

impl Shape {
    /// Whether the value is the wire bytes as they are.
    pub(crate) fn is_wire(&self) -> bool {
        self.format == Format::Protobuf && self.converter == Converter::default()
    }

    /// Bytes of memory that writing a value of at most `value_bytes` takes.
    pub(crate) fn memory(&self, value_bytes: usize) -> usize {
        let once = value_bytes.saturating_add(SLACK_BYTES);
        if self.converter.json_string.is_some() { once.saturating_mul(2) } else { once }
    }

    /// Room for a value of at most `value_bytes`, such that writing does not have to move it.
    pub(crate) fn room(value_bytes: usize) -> Vec<u8> {
        Vec::with_capacity(value_bytes.saturating_add(SLACK_BYTES))
    }

    /// Checks wire bytes and counts them.
    pub(crate) fn scan(&self, signal: Signal, wire: &[u8]) -> Result<Counts, Malformed> {
        otlp::scan::scan(signal, wire, &self.limits)
    }

    /// Writes a value of at most `bytes_max` bytes to the empty `out`. The JSON formats check the wire bytes as
    /// [`Shape::scan`] does; the other one expects them checked, and counts nothing.
    pub(crate) fn write(
        &self,
        signal: Signal,
        wire: &[u8],
        bytes_max: usize,
        out: &mut Vec<u8>,
    ) -> Result<Counts, Misfit> {
        let Some(envelope) = self.converter.json_string else {
            return self.text(signal, wire, bytes_max, out);
        };
        let mut text = Vec::with_capacity(out.capacity());
        let counts = self.text(signal, wire, bytes_max, &mut text)?;
        if string::write(envelope, &text, bytes_max, out) { Ok(counts) } else { Err(Misfit::Full) }
    }

    /// The value before `JsonConverter`.
    fn text(
        &self,
        signal: Signal,
        wire: &[u8],
        bytes_max: usize,
        out: &mut Vec<u8>,
    ) -> Result<Counts, Misfit> {
        if let Format::Json(style) = self.format {
            return match otlp::json::write(style, signal, wire, &self.limits, bytes_max, out) {
                Ok(counts) => Ok(counts),
                Err(otlp::json::WriteError::Full) => Err(Misfit::Full),
                Err(otlp::json::WriteError::Malformed(malformed)) => Err(Misfit::Malformed(malformed)),
            };
        }
        let bytes = if self.converter.base64 { wire.len().div_ceil(3).saturating_mul(4) } else { wire.len() };
        if bytes > bytes_max {
            return Err(Misfit::Full);
        }
        if self.converter.base64 {
            base64_simd::STANDARD.encode_append(wire, out);
        } else {
            out.extend_from_slice(wire);
        }
        Ok(Counts::default())
    }
}

/// How many bytes of value a byte of wire has become lately, so that most values are written at the first try
/// into memory of about their size. In 256ths.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ratio(usize);

impl Default for Ratio {
    fn default() -> Self {
        // A trace of a few spans, as the JSON mapping writes it.
        Self(3 * 256)
    }
}

impl Ratio {
    /// Bytes that the value of `wire_bytes` will probably not exceed.
    pub(crate) fn value_bytes(self, wire_bytes: usize) -> usize {
        const FLOOR: usize = 512;
        (wire_bytes.saturating_mul(self.0) >> 8).saturating_add(FLOOR)
    }

    /// Wire bytes whose value will probably not exceed `value_bytes`.
    pub(crate) fn wire_bytes(self, value_bytes: usize) -> usize {
        (value_bytes.saturating_mul(256) / self.0.max(1)).max(1)
    }

    /// What one value shows, with a margin.
    pub(crate) fn of(wire_bytes: usize, value_bytes: usize) -> Self {
        let mut ratio = Self(0);
        ratio.learn(wire_bytes, value_bytes);
        ratio
    }

    /// Learns from a value: quickly upwards, slowly downwards.
    pub(crate) fn learn(&mut self, wire_bytes: usize, value_bytes: usize) {
        let seen = value_bytes.saturating_mul(256) / wire_bytes.max(1);
        self.0 = seen.saturating_add(seen / 8).max(self.0 - self.0 / 16).clamp(64, 64 << 8);
    }
}

#[cfg(test)]
mod tests {
    use otlp::json::Style;

    use super::*;
    use crate::converter::Envelope;

    fn shape(format: Format, base64: bool, json_string: Option<Envelope>) -> Shape {
        let converter = Converter { base64, json_string };
        Shape { format, converter, limits: Limits { elements: 1000 } }
    }

    #[test]
    fn protobuf_becomes_text_where_a_converter_asks() {
        let wire = [0_u8, 1, 2, 255];
        let write = |shape: Shape, max| {
            let mut out = Vec::new();
            shape
                .write(Signal::Traces, &wire, max, &mut out)
                .map(|_| String::from_utf8_lossy(&out).into_owned())
        };
        let base64 = shape(Format::Protobuf, true, None);
        assert_eq!(write(base64, 8).unwrap(), "AAEC/w==");
        assert_eq!(write(base64, 7), Err(Misfit::Full));
        let bare = shape(Format::Protobuf, true, Some(Envelope::Bare));
        assert_eq!(write(bare, 10).unwrap(), "\"AAEC/w==\"");
        assert_eq!(write(bare, 9), Err(Misfit::Full));
        let schema = shape(Format::Protobuf, true, Some(Envelope::Schema));
        assert_eq!(
            write(schema, 1000).unwrap(),
            r#"{"schema":{"type":"string","optional":false},"payload":"AAEC/w=="}"#
        );
        assert!(shape(Format::Protobuf, false, None).is_wire());
        assert!(!base64.is_wire());
    }

    #[test]
    fn each_json_format_has_its_names() {
        // A span with a kind.
        let wire = b"\x0a\x06\x12\x04\x12\x02\x30\x02";
        for (style, expected) in [
            (Style::Json, r#""kind":"SPAN_KIND_SERVER""#),
            (Style::OtlpJson, r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"kind":2}]}]}]}"#),
        ] {
            for json_string in [None, Some(Envelope::Bare)] {
                let mut out = Vec::new();
                let shape = shape(Format::Json(style), false, json_string);
                assert_eq!(shape.write(Signal::Traces, wire, 1000, &mut out).unwrap().items, 1);
                let text = String::from_utf8(out).unwrap().replace('\\', "");
                assert!(text.contains(expected), "{text}");
            }
        }
    }

    #[test]
    fn the_ratio_follows_quickly_upwards_and_slowly_downwards() {
        let mut ratio = Ratio::default();
        ratio.learn(100, 600);
        assert!(ratio.value_bytes(1000) >= 6000);
        assert!(ratio.wire_bytes(6000) <= 1000);
        for _ in 0..1000 {
            ratio.learn(100, 100);
        }
        assert!(ratio.value_bytes(10_000) < 13_000);
        ratio.learn(0, 0);
        assert!(ratio.wire_bytes(0) >= 1);
    }
}
