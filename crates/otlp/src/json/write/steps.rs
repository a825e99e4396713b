//! What the writer does on a tag, worked out from the schema at compile time (hop 6, "shape").

use super::Style;
use crate::schema::{EnumId, FIELD_NUMBERS, Field, Kind, Message, MessageId, Role, Text, wire_type};

/// Most steps of a message; the build fails when one has more.
const STEPS: usize = 20;

/// Tags of one byte: field numbers 1 to 15.
const TAGS: usize = 0x80;

/// A tag or number without a step.
const NONE: u8 = u8::MAX;

/// A field as the writer needs it, all in one place. A repeated number has two: its values can come one by one, or
/// packed.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(super) struct Step {
    /// `"name":`, and for a repeated field `[`.
    pub(super) key: Text<32>,
    pub(super) kind: Kind,
    pub(super) role: Role,
    pub(super) is_packed: bool,
    /// Left out when it holds the default.
    pub(super) drops_default: bool,
    pub(super) place: Place,
}

/// How a field stands to the others of its message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// The bit of its number.
    pub(super) bit: u32,
    /// The bit of its number, if it is repeated.
    pub(super) list: u32,
    /// The bits of those that must not have come before it: its own, and the other members of its oneof.
    pub(super) clashes: u32,
}

/// The steps of one message.
pub(super) struct Steps {
    by_tag: [u8; TAGS],
    by_number: [u8; FIELD_NUMBERS],
    steps: [Step; STEPS],
    /// What an absent field is written as, with a comma, by its number.
    defaults: [Text<72>; 16],
    pub(super) default_mask: u32,
}

type All = [Steps; MessageId::ALL.len()];

static JSON: All = all(Style::Json);
static OTLP_JSON: All = all(Style::OtlpJson);

const fn all(style: Style) -> All {
    let mut table = [const { Steps::of(MessageId::ALL[0].message(), Style::Json) }; MessageId::ALL.len()];
    let mut at = 0;
    while at < MessageId::ALL.len() {
        table[at] = Steps::of(MessageId::ALL[at].message(), style);
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

    /// The step for a tag of one byte. `None`: ask [`Steps::at_number`].
    #[inline(always)]
    pub(super) fn at_tag(&self, tag: u8) -> Option<&Step> {
        let at = *self.by_tag.get(usize::from(tag))?;
        self.steps.get(usize::from(at))
    }

    /// The step of a field whose values come one by one, or packed.
    pub(super) fn at_number(&self, number: u64, is_packed: bool) -> Option<&Step> {
        let at = usize::from(*self.by_number.get(usize::try_from(number).ok()?)?);
        let step = self.steps.get(at)?;
        if !is_packed {
            return Some(step);
        }
        self.steps.get(at + 1).filter(|next| next.is_packed && next.place.bit == step.place.bit)
    }

    /// What the absent field of this number is written as, with a comma.
    #[inline(always)]
    pub(super) fn default_text(&self, number: u32) -> Option<&Text<72>> {
        self.defaults.get(number as usize)
    }

    const fn of(message: &Message, style: Style) -> Self {
        let fields = message.fields;
        let default_mask = style.default_mask(message);
        let first = Step::of(&fields[0], fields, style);
        let mut steps = Self {
            by_tag: [NONE; TAGS],
            by_number: [NONE; FIELD_NUMBERS],
            steps: [first; STEPS],
            defaults: [Text::EMPTY; 16],
            default_mask,
        };
        let (mut at, mut next) = (0, 0u8);
        while at < fields.len() {
            let field = &fields[at];
            let step = Step::of(field, fields, style);
            steps.by_number[field.number as usize] = next;
            steps.push(&mut next, step, field.number);
            if field.is_packable() {
                // Directly behind the other one.
                steps.push(&mut next, Step { is_packed: true, ..step }, field.number);
            }
            if default_mask & step.place.bit != 0 {
                steps.defaults[field.number as usize] = field.default_text.then(",");
            }
            at += 1;
        }
        steps
    }

    const fn push(&mut self, next: &mut u8, step: Step, number: u32) {
        self.steps[*next as usize] = step;
        let tag = (number << 3) as usize | step.wire_type() as usize;
        if tag < TAGS {
            self.by_tag[tag] = *next;
        }
        *next += 1;
    }
}

impl Step {
    /// The wire type that goes with it.
    pub(super) const fn wire_type(&self) -> u8 {
        if self.is_packed { wire_type::LEN } else { self.kind.wire_type() }
    }

    const fn of(field: &Field, all: &[Field], style: Style) -> Self {
        // The writer takes a run of attributes at once.
        let is_attributes = matches!(field.kind, Kind::Message(MessageId::KeyValue));
        assert!(!is_attributes || (field.repeated && matches!(field.role, Role::Uncounted)));
        let key = *style.key(field);
        Self {
            key: if field.repeated { key.then("[") } else { key },
            kind: field.kind,
            role: field.role,
            is_packed: false,
            drops_default: style.drops_default(field),
            place: Place::of(field, all),
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
        Self { bit, list: if field.repeated { bit } else { 0 }, clashes }
    }
}

/// Most values of an enum.
const VALUES: usize = 25;
const ENUMS: [EnumId; 4] =
    [EnumId::SpanKind, EnumId::SeverityNumber, EnumId::StatusCode, EnumId::AggregationTemporality];

/// The name of each enum's value, in quotes and with a comma.
static NAMES: [[Text<40>; VALUES]; ENUMS.len()] = {
    let mut all = [[Text::EMPTY; VALUES]; ENUMS.len()];
    let mut id = 0;
    while id < ENUMS.len() {
        let names = ENUMS[id].table().names;
        let mut at = 0;
        while at < names.len() {
            all[ENUMS[id] as usize][at] = Text::EMPTY.then("\"").then(names[at]).then("\",");
            at += 1;
        }
        id += 1;
    }
    all
};

/// The name of an enum's value, in quotes and with a comma, if it has one.
#[inline(always)]
pub(super) fn name_of(id: EnumId, number: i32) -> Option<&'static Text<40>> {
    let name = NAMES[id as usize].get(usize::try_from(number).ok()?)?;
    if name.is_empty() { None } else { Some(name) }
}
