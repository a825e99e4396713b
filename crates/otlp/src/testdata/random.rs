//! Random requests along the schema, and random damage.

use fastrand::Rng;

use crate::schema::{Field, Kind, MessageId, wire_type};
use crate::{DEPTH_MAX, Signal, varint};

/// `array_value` and `kvlist_value` of an `AnyValue`.
const LISTS: [u32; 2] = [5, 6];
/// The fields through which an `AnyValue` comes to lie in another one, and a first one in an item.
const LISTS_WAY: [(MessageId, u32); 5] = [
    (MessageId::ArrayValue, 1),
    (MessageId::KeyValueList, 1),
    (MessageId::KeyValue, 2),
    (MessageId::LogRecord, 5),
    (MessageId::Span, 9),
];

/// Where notations, signs and precisions change.
const DOUBLES: [f64; 22] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.1,
    100.0,
    9_999_999.0,
    1e7,
    1e-3,
    1e-4,
    1e15,
    1e16,
    1e17,
    1e21,
    1e23,
    5e-324,
    f64::MIN_POSITIVE,
    f64::MAX,
    f64::MIN,
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
];

/// Where lengths of UTF-8 and UTF-16 change, and what JSON or a reader of it treats apart; all around surrogates.
const EDGES: [char; 30] = [
    '\0',
    '\u{8}',
    '\t',
    '\n',
    '\u{b}',
    '\u{c}',
    '\r',
    '\u{1f}',
    ' ',
    '"',
    '&',
    '\'',
    '/',
    '<',
    '=',
    '>',
    '\\',
    '\u{7f}',
    '\u{80}',
    '\u{7ff}',
    '\u{800}',
    '\u{2028}',
    '\u{2029}',
    '\u{d7ff}',
    '\u{e000}',
    '\u{feff}',
    '\u{fffe}',
    '\u{ffff}',
    '\u{10000}',
    '\u{10ffff}',
];

/// How a random request is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// As an encoder would.
    Canonical,
    /// As an encoder would, and each id is absent or has its length.
    Sized,
    /// Legal, but as no encoder does.
    Odd,
}

/// Which fields of which messages were written.
#[derive(Clone, Debug)]
pub struct Used([u32; MessageId::ALL.len()]);

impl Default for Used {
    fn default() -> Self {
        Self([0; MessageId::ALL.len()])
    }
}

impl Used {
    fn note(&mut self, id: MessageId, number: u32) {
        self.0[id as usize] |= 1 << number;
    }

    /// Notes the fields of a message on the wire; whether one of them is new.
    #[cfg(fuzzing)]
    pub fn add(&mut self, id: MessageId, wire: &[u8]) -> bool {
        let mut is_new = false;
        for (number, _, _, body, to) in super::fields(wire) {
            let Some(field) = id.message().field(number) else { continue };
            is_new |= self.0[id as usize] >> field.number & 1 == 0;
            self.note(id, field.number);
            if let Kind::Message(sub) = field.kind {
                is_new |= self.add(sub, &wire[body..to]);
            }
        }
        is_new
    }

    /// Those of the schema that were not.
    pub fn missing(&self) -> Vec<String> {
        let all = MessageId::ALL.iter().map(|id| (id.message(), self.0[*id as usize]));
        all.flat_map(|(message, used)| {
            let missing = message.fields.iter().filter(move |field| used >> field.number & 1 == 0);
            missing.map(|field| format!("{}.{}", message.name, field.name))
        })
        .collect()
    }
}

/// A valid request with any field of the schema in it, of a few bytes to a few kilobytes.
pub fn random(signal: Signal, style: Style, rng: &mut Rng) -> Vec<u8> {
    random_noting(signal, style, rng, &mut Used::default())
}

/// As [`random`], and notes what it wrote.
pub fn random_noting(signal: Signal, style: Style, rng: &mut Rng, used: &mut Used) -> Vec<u8> {
    // One in twenty goes as deep as prost does.
    let steep = rng.u8(..20) == 0;
    let budget = if steep { 300 } else { *rng.choice([20, 40, 120].iter()).unwrap() };
    let long_varints = rng.u8(..8) == 0;
    let mut writer = Writer { style, long_varints, rng, used, budget, steep };
    let mut out = Vec::new();
    writer.message(signal.root(), 0, &mut out);
    out
}

/// A valid field of this message, with all that is in it.
#[cfg(fuzzing)]
pub fn random_field(id: MessageId, rng: &mut Rng) -> Vec<u8> {
    let mut out = Vec::new();
    if let Some(field) = rng.choice(id.message().fields) {
        let used = &mut Used::default();
        let long_varints = rng.u8(..8) == 0;
        let mut writer = Writer { style: Style::Odd, long_varints, rng, used, budget: 10, steep: false };
        writer.field(id, field, 60, &mut out);
    }
    out
}

/// Changes, inserts, removes, repeats or swaps a few bytes, or cuts the end off.
pub fn mutate(wire: &mut Vec<u8>, rng: &mut Rng) {
    for _ in 0..rng.usize(1..4) {
        if wire.is_empty() {
            wire.push(rng.u8(..));
            continue;
        }
        let at = rng.usize(..wire.len());
        match rng.u8(..8) {
            0 => wire[at] ^= 1 << rng.u8(..8),
            1 => wire[at] = rng.u8(..),
            2 => wire[at] = *rng.choice([0x00, 0x01, 0x07, 0x0a, 0x12, 0x7f, 0x80, 0xff].iter()).unwrap(),
            3 => wire.insert(at, rng.u8(..)),
            4 => {
                wire.remove(at);
            }
            5 => wire.truncate(at),
            6 => {
                let end = (at + rng.usize(1..40)).min(wire.len());
                let piece = wire[at..end].to_vec();
                let to = rng.usize(..=wire.len());
                wire.splice(to..to, piece);
            }
            _ => wire[at] = wire[at].wrapping_add(rng.u8(..3)).wrapping_sub(1),
        }
    }
}

struct Writer<'a> {
    style: Style,
    /// Every other varint is longer than it needs to be, tags included.
    long_varints: bool,
    rng: &'a mut Rng,
    used: &'a mut Used,
    /// Messages still to be written, so that the size stays bounded whatever the dice say.
    budget: u32,
    /// Attribute values hold lists that hold lists, down to the limit of depth.
    steep: bool,
}

impl Writer<'_> {
    fn message(&mut self, id: MessageId, depth: u32, out: &mut Vec<u8>) {
        let odd = self.style == Style::Odd;
        let mut fields: Vec<&Field> = id.message().fields.iter().collect();
        if odd && self.rng.u8(..4) == 0 {
            self.rng.shuffle(&mut fields);
        }
        let oneofs: Vec<u32> = fields.iter().filter(|f| f.oneof.is_some()).map(|f| f.number).collect();
        let lists = self.steep && id == MessageId::AnyValue && self.rng.u8(..50) > 0;
        let member = self.rng.choice(if lists { &LISTS } else { &oneofs[..] }).copied();
        for field in fields {
            // The spine down to the items is nearly always there.
            let often = depth < 3 && matches!(field.kind, Kind::Message(_));
            let there = if field.oneof.is_some() {
                // None of them, one, or several.
                Some(field.number) == member && (lists || self.rng.u8(..20) > 0)
                    || (odd && self.rng.u8(..20) == 0)
            } else if self.steep && LISTS_WAY.contains(&(id, field.number)) {
                true
            } else {
                self.rng.u8(..10) < if often { 9 } else { 5 }
            };
            if there {
                self.field(id, field, depth, out);
            }
            if odd && self.rng.u8(..30) == 0 {
                self.unknown(4, out);
            }
            if odd && there && self.rng.u8(..20) == 0 {
                self.field(id, field, depth, out);
            }
        }
    }

    fn field(&mut self, id: MessageId, field: &Field, depth: u32, out: &mut Vec<u8>) {
        // A list in a list alone, so that the budget lasts to the bottom.
        let single = !field.repeated || self.steep && LISTS_WAY.contains(&(id, field.number));
        let times = if single { 1 } else { self.rng.usize(1..4) };
        if field.is_packable() && (self.style != Style::Odd || self.rng.bool()) {
            let mut run = Vec::new();
            for _ in 0..times {
                self.value(field, depth, &mut run);
            }
            self.used.note(id, field.number);
            self.tag(field.number, wire_type::LEN, out);
            self.run(&run, out);
            return;
        }
        for _ in 0..times {
            if let Kind::Message(_) = field.kind {
                let below = match self.style {
                    Style::Canonical => 0,
                    // For readers that make an absent message an empty one.
                    Style::Sized => 1,
                    // prost wants a free level for an unknown field; groups take more.
                    Style::Odd => 6,
                };
                if self.budget == 0 || depth + below >= DEPTH_MAX {
                    return;
                }
                self.budget -= 1;
            }
            self.used.note(id, field.number);
            self.tag(field.number, field.kind.wire_type(), out);
            self.value(field, depth, out);
        }
    }

    fn value(&mut self, field: &Field, depth: u32, out: &mut Vec<u8>) {
        match field.kind {
            Kind::Str => {
                let text = self.text();
                self.run(text.as_bytes(), out);
            }
            Kind::Id | Kind::ProfileId | Kind::Bytes => {
                let len = self.bytes_len(field);
                let bytes: Vec<u8> = (0..len).map(|_| self.rng.u8(..)).collect();
                self.run(&bytes, out);
            }
            Kind::Message(id) => {
                let mut body = Vec::new();
                self.message(id, depth + 1, &mut body);
                self.run(&body, out);
            }
            Kind::Fixed32 => out.extend_from_slice(&self.number32().to_le_bytes()),
            Kind::Fixed64 | Kind::Sfixed64 => out.extend_from_slice(&self.number().to_le_bytes()),
            Kind::Double => out.extend_from_slice(&self.double().to_le_bytes()),
            _ => {
                let number = self.varint_of(field.kind);
                self.varint(number, out);
            }
        }
    }

    fn bytes_len(&mut self, field: &Field) -> usize {
        match field.kind {
            Kind::Id | Kind::ProfileId if self.style == Style::Sized => {
                if field.name.contains("span") {
                    8
                } else {
                    16
                }
            }
            _ => *self.rng.choice([0, 1, 7, 8, 8, 8, 16, 16, 16, 33, 200].iter()).unwrap(),
        }
    }

    fn varint_of(&mut self, kind: Kind) -> u64 {
        match kind {
            // Canonical `true` is 1; any other number but 0 is `true` too.
            Kind::Bool if self.style != Style::Odd => u64::from(self.rng.bool()),
            Kind::Enum(id) => match self.rng.u8(..10) {
                0 => 99,
                1 => u64::MAX,
                _ => self.rng.u64(..id.table().names.len() as u64),
            },
            // A negative int32 is written as its int64: ten bytes.
            Kind::Int32 => i64::from(self.number32().cast_signed()).cast_unsigned(),
            Kind::Uint32 | Kind::Sint32 => u64::from(self.number32()),
            _ => self.number(),
        }
    }

    fn number32(&mut self) -> u32 {
        match self.rng.u8(..5) {
            0 => 0,
            1 => u32::MAX,
            2 => 1 << 31,
            _ => self.rng.u32(..1000),
        }
    }

    fn number(&mut self) -> u64 {
        match self.rng.u8(..8) {
            0 => 0,
            1 => u64::MAX,
            2 => 1 << 63,
            3 => self.rng.u64(..),
            4 => 1_750_000_000_000_000_000 + self.rng.u64(..1_000_000_000),
            _ => self.rng.u64(..1000),
        }
    }

    fn double(&mut self) -> f64 {
        match self.rng.u8(..4) {
            0 => *self.rng.choice(DOUBLES.iter()).unwrap(),
            1 => (self.rng.f64() * 1e5).round() / 100.0,
            2 => f64::from_bits(self.rng.u64(..)),
            _ => self.rng.f64(),
        }
    }

    fn text(&mut self) -> String {
        let texts = [
            "",
            "a",
            "service.name",
            "GET /api/v1/users/{id}",
            "http://example.org/schemas/1.26.0",
            "\u{65e5}\u{672c}\u{8a9e} na\u{ef}ve \u{1f600}",
            "line\nbreak \"quoted\" back\\slash \t\u{0}\u{1f} <&>='\u{2028}\u{7f}",
        ];
        match self.rng.u8(..10) {
            0 => (0..self.rng.usize(..40)).map(|_| self.rng.char(..)).collect(),
            8 => self.edges(),
            // One special character anywhere in a text of some vectors' length.
            9 => {
                let len = self.rng.usize(1..80);
                let at = self.rng.usize(..len);
                let special = self.edge();
                (0..len).map(|here| if here == at { special } else { 'x' }).collect()
            }
            1 => "0123456789abcdef".repeat(self.rng.usize(1..20)),
            _ => (*self.rng.choice(texts.iter()).unwrap()).to_owned(),
        }
    }

    /// Characters where encodings and escapes change.
    fn edges(&mut self) -> String {
        (0..self.rng.usize(1..30)).map(|_| self.edge()).collect()
    }

    fn edge(&mut self) -> char {
        match self.rng.u8(..4) {
            0 => self.rng.char('\0'..='\u{a0}'),
            // A character of a plane, from Unicode's 17.
            1 => char::from_u32(self.rng.u32(0..17) << 16 | self.rng.u32(..0x1_0000)).unwrap_or('\u{fffd}'),
            _ => *self.rng.choice(EDGES.iter()).unwrap(),
        }
    }

    /// A field that OTLP does not have; `depth` groups at most inside each other.
    fn unknown(&mut self, depth: u32, out: &mut Vec<u8>) {
        let number = *self.rng.choice([19, 31, 32, 1000, 20_000, (1 << 29) - 1].iter()).unwrap();
        match self.rng.u8(..5) {
            0 => {
                self.tag(number, wire_type::VARINT, out);
                let value = self.number();
                self.varint(value, out);
            }
            1 => {
                self.tag(number, wire_type::I64, out);
                out.extend_from_slice(&[0xff; 8]);
            }
            2 => {
                self.tag(number, wire_type::I32, out);
                out.extend_from_slice(&[0xff; 4]);
            }
            3 => {
                self.tag(number, wire_type::LEN, out);
                self.run(&[0xff; 5], out);
            }
            _ => {
                self.tag(number, wire_type::SGROUP, out);
                if depth > 0 {
                    self.unknown(depth - 1, out);
                }
                self.tag(number, wire_type::EGROUP, out);
            }
        }
    }

    fn tag(&mut self, number: u32, wire: u8, out: &mut Vec<u8>) {
        self.varint(u64::from(number << 3 | u32::from(wire)), out);
    }

    fn run(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.varint(bytes.len() as u64, out);
        out.extend_from_slice(bytes);
    }

    fn varint(&mut self, value: u64, out: &mut Vec<u8>) {
        varint::put(out, value);
        let one_in = if self.long_varints { 2 } else { 60 };
        if self.style == Style::Odd && varint::len(value) < varint::LEN_MAX && self.rng.u8(..one_in) == 0 {
            let last = out.len() - 1;
            out[last] |= 0x80;
            out.push(0);
        }
    }
}
