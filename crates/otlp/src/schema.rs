//! The messages of OTLP as tables: what hops 5 and 6 know about each field, looked up by its number.
//!
//! The tables in `generated.rs` come from the published .proto files (`cargo xtask codegen`) and list **every**
//! field: one that is missing would be skipped as unknown where prost reads it, with other rules.
//!
//! ```text
//! Signal::root() -> MessageId -> &'static Message -> field(number) -> &'static Field -> Kind::Message(MessageId) ...
//! ```

mod generated;
mod text;

pub use generated::{EnumId, MessageId};
pub use text::Text;

/// Field numbers of OTLP are below this; masks hold one bit a number.
pub const FIELD_NUMBERS: usize = 32;

const NO_FIELD: u8 = u8::MAX;

/// A message type and its fields.
#[derive(Debug)]
pub struct Message {
    /// Full protobuf name, with the package.
    pub name: &'static str,
    /// In the order of their numbers.
    pub fields: &'static [Field],
    /// Numbers of the repeated fields, one bit each.
    pub repeated_mask: u32,
    /// Numbers of the members of the message's one `oneof`.
    pub oneof_mask: u32,
    /// Numbers of the fields that the `json` format prints even when absent: those with a [`Field::default_text`].
    pub default_mask: u32,
    /// Numbers of the fields that count as items or elements.
    pub counted_mask: u32,
    index: [u8; FIELD_NUMBERS],
}

/// A field of a message.
#[derive(Debug)]
pub struct Field {
    /// The number on the wire, 1 to 31.
    pub number: u32,
    /// As in the .proto file, which is how the `json` format writes it: `trace_id`.
    pub name: &'static str,
    /// As the protobuf JSON mapping writes it: `traceId`.
    pub json_name: &'static str,
    /// `"trace_id":`
    pub key: Text<32>,
    /// `"traceId":`
    pub json_key: Text<32>,
    /// What the `json` format prints when the field is absent, key included: `"kind":"SPAN_KIND_UNSPECIFIED"`.
    /// Empty for fields that are then left out: those with presence and those newer than v1.0.0.
    pub default_text: Text<72>,
    /// Type of the value, or of each value of a repeated field.
    pub kind: Kind,
    /// `repeated`. Scalars may come packed or not, whatever the .proto file prefers.
    pub repeated: bool,
    /// Name of the `oneof` that the field is a member of.
    pub oneof: Option<&'static str>,
    /// `optional`: absent differs from the default value.
    pub optional: bool,
    /// How its entries count.
    pub role: Role,
    /// Newer than opentelemetry-proto v1.0.0: readers of that version do not expect it, so the `json` format
    /// prints it only when it is set to something else than the default.
    pub newer_than_v1: bool,
}

/// The type of a field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `string`
    Str,
    /// `bytes` holding a trace or span id: hex in OTLP/JSON, base64 in the protobuf JSON mapping.
    Id,
    /// `bytes` holding a profile's id: base64 in OTLP/JSON by the specification, hex by the Collector.
    ProfileId,
    /// Any other `bytes`.
    Bytes,
    /// A message of its own.
    Message(MessageId),
    /// An enum; an `int32` on the wire, numbers without a name included.
    Enum(EnumId),
    /// `bool`
    Bool,
    /// `int32`
    Int32,
    /// `int64`
    Int64,
    /// `uint32`
    Uint32,
    /// `uint64`
    Uint64,
    /// `sint32`, ZigZag on the wire.
    Sint32,
    /// `fixed32`
    Fixed32,
    /// `fixed64`
    Fixed64,
    /// `sfixed64`
    Sfixed64,
    /// `double`
    Double,
}

/// How the entries of a repeated field count against limits and in answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Not at all.
    Uncounted,
    /// As an element: span events, span links, exemplars.
    Element,
    /// As an item, which is an element too: spans, data points, log records, profiles.
    Item,
}

/// Wire types (Protocol Buffers, "Encoding", "Message Structure").
pub mod wire_type {
    /// `int32` to `uint64`, `sint32`, `bool`, enums.
    pub const VARINT: u8 = 0;
    /// `fixed64`, `sfixed64`, `double`.
    pub const I64: u8 = 1;
    /// `string`, `bytes`, messages, packed repeated scalars.
    pub const LEN: u8 = 2;
    /// Start of a group; OTLP has none, unknown ones are skipped.
    pub const SGROUP: u8 = 3;
    /// End of a group.
    pub const EGROUP: u8 = 4;
    /// `fixed32`.
    pub const I32: u8 = 5;
}

/// An enum type; its values are the numbers 0, 1, 2 and so on.
#[derive(Debug)]
pub struct Enum {
    /// Its name, without the package.
    pub name: &'static str,
    /// Name of each value, at the index of its number.
    pub names: &'static [&'static str],
}

impl MessageId {
    /// The message's table.
    #[inline]
    pub const fn message(self) -> &'static Message {
        &generated::MESSAGES[self as usize]
    }
}

impl EnumId {
    /// The enum's table.
    #[inline]
    pub const fn table(self) -> &'static Enum {
        &generated::ENUMS[self as usize]
    }
}

impl Enum {
    /// Name of a value; `None` for numbers this version of OTLP does not name.
    #[inline]
    pub fn name_of(&self, number: i32) -> Option<&'static str> {
        self.names.get(usize::try_from(number).ok()?).copied()
    }

    /// Number of a name, in linear time.
    pub fn number_of(&self, name: &[u8]) -> Option<i32> {
        let at = self.names.iter().position(|known| known.as_bytes() == name)?;
        i32::try_from(at).ok()
    }
}

impl Message {
    /// The field with this number, in constant time.
    #[inline]
    pub fn field(&self, number: u64) -> Option<&'static Field> {
        let at = *self.index.get(usize::try_from(number).ok()?)?;
        self.fields.get(usize::from(at))
    }

    const fn new(name: &'static str, fields: &'static [Field]) -> Self {
        let mut message = Self {
            name,
            fields,
            repeated_mask: 0,
            oneof_mask: 0,
            default_mask: 0,
            counted_mask: 0,
            index: [NO_FIELD; FIELD_NUMBERS],
        };
        let mut at = 0u8;
        while (at as usize) < fields.len() {
            let field = &fields[at as usize];
            let bit = 1 << field.number;
            message.index[field.number as usize] = at;
            if field.repeated {
                message.repeated_mask |= bit;
            }
            if field.oneof.is_some() {
                message.oneof_mask |= bit;
            }
            if !field.default_text.is_empty() {
                message.default_mask |= bit;
            }
            if !matches!(field.role, Role::Uncounted) {
                message.counted_mask |= bit;
            }
            at += 1;
        }
        message
    }
}

impl Field {
    /// Whether absent differs from default: `optional` fields, members of a `oneof`, single messages.
    #[inline]
    pub const fn has_presence(&self) -> bool {
        self.optional || self.oneof.is_some() || (matches!(self.kind, Kind::Message(_)) && !self.repeated)
    }

    /// Whether several values may come as one length-delimited run: repeated, and not text, bytes or messages.
    #[inline]
    pub const fn is_packable(&self) -> bool {
        self.repeated && self.kind.wire_type() != wire_type::LEN
    }

    const fn new(number: u32, name: &'static str, json_name: &'static str, kind: Kind) -> Self {
        Self {
            number,
            name,
            json_name,
            key: Text::key(name),
            json_key: Text::key(json_name),
            default_text: Text::EMPTY,
            kind,
            repeated: false,
            oneof: None,
            optional: false,
            role: Role::Uncounted,
            newer_than_v1: false,
        }
        .with_default_text()
    }

    const fn repeated(mut self) -> Self {
        self.repeated = true;
        self.with_default_text()
    }

    const fn oneof(mut self, name: &'static str) -> Self {
        self.oneof = Some(name);
        self.with_default_text()
    }

    const fn optional(mut self) -> Self {
        self.optional = true;
        self.with_default_text()
    }

    const fn item(mut self) -> Self {
        self.role = Role::Item;
        self
    }

    const fn element(mut self) -> Self {
        self.role = Role::Element;
        self
    }

    const fn newer_than_v1(mut self) -> Self {
        self.newer_than_v1 = true;
        self.with_default_text()
    }

    const fn with_default_text(mut self) -> Self {
        self.default_text = if self.has_presence() || self.newer_than_v1 {
            Text::EMPTY
        } else if self.repeated {
            Text::key(self.name).then("[]")
        } else {
            self.kind.default_text(self.name)
        };
        self
    }
}

impl Kind {
    /// The wire type of one value.
    #[inline]
    pub const fn wire_type(self) -> u8 {
        match self {
            Self::Str | Self::Id | Self::ProfileId | Self::Bytes | Self::Message(_) => wire_type::LEN,
            Self::Fixed64 | Self::Sfixed64 | Self::Double => wire_type::I64,
            Self::Fixed32 => wire_type::I32,
            Self::Enum(_)
            | Self::Bool
            | Self::Int32
            | Self::Int64
            | Self::Uint32
            | Self::Uint64
            | Self::Sint32 => wire_type::VARINT,
        }
    }

    const fn default_text(self, name: &str) -> Text<72> {
        let key = Text::key(name);
        match self {
            Self::Message(_) => Text::EMPTY,
            Self::Str | Self::Id | Self::ProfileId | Self::Bytes => key.then("\"\""),
            Self::Enum(id) => key.then("\"").then(generated::ENUMS[id as usize].names[0]).then("\""),
            Self::Bool => key.then("false"),
            Self::Int64 | Self::Uint64 | Self::Fixed64 | Self::Sfixed64 => key.then("\"0\""),
            Self::Double => key.then("0.0"),
            Self::Int32 | Self::Uint32 | Self::Sint32 | Self::Fixed32 => key.then("0"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_fields_by_number() {
        let span = MessageId::Span.message();
        assert_eq!(span.name, "opentelemetry.proto.trace.v1.Span");
        assert_eq!(span.field(16).map(|field| field.name), Some("flags"));
        assert_eq!(span.field(6).map(|field| field.kind), Some(Kind::Enum(EnumId::SpanKind)));
        for number in [0, 17, 31, 32, u64::MAX] {
            assert!(span.field(number).is_none(), "{number}");
        }
    }

    #[test]
    fn every_field_is_at_its_number() {
        for id in MessageId::ALL {
            let message = id.message();
            for field in message.fields {
                assert!(std::ptr::eq(message.field(field.number.into()).unwrap(), field), "{}", message.name);
            }
        }
    }

    #[test]
    fn default_texts_follow_presence() {
        let text = |id: MessageId, number| id.message().field(number).unwrap().default_text.as_str();
        assert_eq!(text(MessageId::Span, 6), r#""kind":"SPAN_KIND_UNSPECIFIED""#);
        assert_eq!(text(MessageId::Span, 7), r#""start_time_unix_nano":"0""#);
        assert_eq!(text(MessageId::Span, 9), r#""attributes":[]"#);
        assert_eq!(text(MessageId::Span, 15), "");
        assert_eq!(text(MessageId::Span, 16), "", "newer than v1.0.0");
        assert_eq!(text(MessageId::HistogramDataPoint, 5), "", "optional");
        assert_eq!(text(MessageId::SummaryDataPoint, 5), r#""sum":0.0"#);
        assert_eq!(text(MessageId::AnyValue, 1), "", "member of a oneof");
        assert_eq!(
            text(MessageId::Sum, 2),
            r#""aggregation_temporality":"AGGREGATION_TEMPORALITY_UNSPECIFIED""#
        );
    }

    #[test]
    fn names_enum_values() {
        let severity = EnumId::SeverityNumber.table();
        assert_eq!(severity.name_of(24), Some("SEVERITY_NUMBER_FATAL4"));
        assert_eq!(severity.name_of(25), None);
        assert_eq!(severity.name_of(-1), None);
        assert_eq!(severity.number_of(b"SEVERITY_NUMBER_INFO"), Some(9));
    }

    #[test]
    fn counts_items_and_elements() {
        let roles: Vec<_> = MessageId::ALL
            .iter()
            .flat_map(|id| id.message().fields)
            .filter(|field| field.role != Role::Uncounted)
            .map(|field| (field.name, field.role))
            .collect();
        let of = |role| roles.iter().filter(|(_, found)| *found == role).count();
        assert_eq!((of(Role::Item), of(Role::Element)), (8, 5), "{roles:?}");
    }
}
