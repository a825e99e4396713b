//! The two texts that a request can become, and all they differ in (hop 6, "shape").

use crate::schema::{Field, Kind, Message, Text};

/// Which JSON is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Style {
    /// The protobuf JSON mapping as protobuf-java's `JsonFormat.printer()` writes it with
    /// `includingDefaultValueFields().preservingProtoFieldNames()`: names as in the .proto files, enums by name,
    /// all bytes in base64. Fields newer than opentelemetry-proto v1.0.0 appear only when they are set to
    /// something else than their default.
    Json,
    /// OTLP/JSON (OTLP specification, "JSON Protobuf Encoding"): names in lowerCamelCase, enums by number, ids of
    /// traces and spans in hex, other bytes in base64; what is not set, or set to the default of a field without
    /// presence, is left out. The id of a profile is in hex when it has its 16 bytes, which is what the
    /// Collector reads.
    OtlpJson,
}

impl Style {
    /// The name of a field, with its quotes and colon.
    pub(super) const fn key(self, field: &Field) -> &Text<32> {
        match self {
            Self::Json => &field.key,
            Self::OtlpJson => &field.json_key,
        }
    }

    /// Whether the field is left out when it is set to its default.
    pub(super) const fn drops_default(self, field: &Field) -> bool {
        let is_droppable = match self {
            Self::Json => field.newer_than_v1,
            Self::OtlpJson => true,
        };
        is_droppable && !field.repeated && !field.has_presence()
    }

    /// Whether a list without entries is left out.
    pub(super) const fn drops_empty_lists(self) -> bool {
        matches!(self, Self::OtlpJson)
    }

    /// The numbers of the fields that are written even when absent, one bit each.
    pub(super) const fn default_mask(self, message: &Message) -> u32 {
        match self {
            Self::Json => message.default_mask,
            Self::OtlpJson => 0,
        }
    }

    /// Whether enums are written by name.
    pub(super) const fn names_enums(self) -> bool {
        matches!(self, Self::Json)
    }

    /// Whether a value of `len` bytes is written in hex, and not in base64.
    #[inline(always)]
    pub(super) const fn is_hex(self, kind: Kind, len: usize) -> bool {
        match (self, kind) {
            (Self::OtlpJson, Kind::Id) => true,
            (Self::OtlpJson, Kind::ProfileId) => len == 16,
            _ => false,
        }
    }
}
