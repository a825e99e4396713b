//! What the writer does on a tag, worked out from the schema at compile time (hop 6, "shape").

use super::Style;
use crate::schema::{Field, Kind, MessageId, Role, Text, wire_type};

/// Most fields of a message; the build fails when one has more.
const FIELDS: usize = 16;

/// Tags of one byte: field numbers 1 to 15.
const TAGS: usize = 0x80;

/// In a tag's entry: a run of packed values, not one value.
const PACKED: u8 = 0x40;

const NONE: u8 = u8::MAX;

/// A field as the writer needs it, all in one place.
#[derive(Clone, Copy)]
pub(super) struct Step {
    /// `"name":`
    pub(super) key: Text<32>,
    pub(super) kind: Kind,
    pub(super) role: Role,
    pub(super) place: Place,
    /// What the value looks like when it says nothing and the field is taken back; empty for one that never is.
    pub(super) dropped: Text<8>,
}

/// How a field stands to the others of its message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// The bit of its number.
    pub(super) bit: u32,
    /// The bits of those that must not have come before it: its own, and the other members of its oneof.
    pub(super) clashes: u32,
    pub(super) repeated: bool,
}

/// The steps of one message.
pub(super) struct Steps {
    by_tag: [u8; TAGS],
    fields: [Step; FIELDS],
}

type All = [Steps; MessageId::ALL.len()];

static JSON: All = all(Style::Json);
static OTLP_JSON: All = all(Style::OtlpJson);

const fn all(style: Style) -> All {
    let mut table = [const { Steps::of(MessageId::ALL[0], Style::Json) }; MessageId::ALL.len()];
    let mut at = 0;
    while at < MessageId::ALL.len() {
        table[at] = Steps::of(MessageId::ALL[at], style);
        at += 1;
    }
    table
}

impl Steps {
    #[inline(always)]
    pub(super) fn of_message(id: MessageId, style: Style) -> &'static Self {
        match style {
            Style::Json => &JSON[id as usize],
            Style::OtlpJson => &OTLP_JSON[id as usize],
        }
    }

    /// The step for a tag of one byte, and whether packed values follow. `None`: ask [`Steps::at_number`].
    #[inline(always)]
    pub(super) fn at_tag(&self, tag: u8) -> Option<(&Step, bool)> {
        let entry = *self.by_tag.get(usize::from(tag))?;
        let step = self.fields.get(usize::from(entry & !PACKED))?;
        Some((step, entry & PACKED != 0))
    }

    /// The step of a field.
    pub(super) fn at_number(&self, number: u64) -> Option<&Step> {
        let bit = 1u32.checked_shl(u32::try_from(number).ok()?)?;
        self.fields.iter().find(|step| step.place.bit == bit)
    }

    const fn of(id: MessageId, style: Style) -> Self {
        let fields = id.message().fields;
        let mut steps = Self { by_tag: [NONE; TAGS], fields: [Step::of(&fields[0], fields, style); FIELDS] };
        let mut at = 0u8;
        while (at as usize) < fields.len() {
            let field = &fields[at as usize];
            steps.fields[at as usize] = Step::of(field, fields, style);
            let tag = (field.number << 3) as usize;
            if tag < TAGS {
                steps.by_tag[tag | field.kind.wire_type() as usize] = at;
                if field.is_packable() {
                    steps.by_tag[tag | wire_type::LEN as usize] = at | PACKED;
                }
            }
            at += 1;
        }
        steps
    }
}

impl Step {
    const fn of(field: &Field, all: &[Field], style: Style) -> Self {
        // The writer takes a run of attributes at once.
        let is_attributes = matches!(field.kind, Kind::Message(MessageId::KeyValue));
        assert!(!is_attributes || (field.repeated && matches!(field.role, Role::Uncounted)));
        Self {
            key: *style.key(field),
            kind: field.kind,
            role: field.role,
            place: Place::of(field, all),
            dropped: style.dropped(field),
        }
    }
}

impl Place {
    /// The place of `field` among `all` of its message.
    pub(super) const fn of(field: &Field, all: &[Field]) -> Self {
        let bit = 1 << field.number;
        let mut clashes = bit;
        let mut at = 0;
        while at < all.len() {
            // A message has one oneof at most.
            if field.oneof.is_some() && all[at].oneof.is_some() {
                clashes |= 1 << all[at].number;
            }
            at += 1;
        }
        Self { bit, clashes, repeated: field.repeated }
    }
}
