//! The way of messages whose fields don't come together: a list in two runs, a single field twice, two members
//! of a oneof (hop 6, "shape").
//!
//! No known exporter sends them, but protobuf allows them and says what they mean (Protocol Buffers, "Encoding",
//! "Last One Wins"): lists are joined, of scalars the last counts, messages merge, which is what a message made
//! of the bytes of both would be. So a message is a list of pieces of the request here, and each of its fields
//! is looked up in all of them. No value is kept; what is held is two words for each piece that is not empty,
//! of the messages from the root to where the writing is. The time is linear: a message is walked at most once
//! for each of its few fields.

use super::steps::{Place, Steps};
use super::stream::{Progress, Turn};
use super::value::{Key, Writer};
use crate::error::DEPTH_MAX;
use crate::scan::{Fault, skip_unknown, take_run, take_tag, take_varint};
use crate::schema::{Field, Kind, Message, MessageId, wire_type};
use crate::simd::Cursor;

/// Whether the message can't be written in the order its fields come. `false` for what is not valid.
#[cold]
pub(super) fn is_needed(id: MessageId, bytes: &[u8]) -> bool {
    let mut progress = Progress::default();
    Fields::of(id.message(), &[bytes])
        .map_while(Result::ok)
        .any(|found| progress.step(&Place::of(found.field, id.message().fields)) == Turn::Again)
}

impl<'b, const OTLP: bool> Writer<'b, OTLP> {
    /// Writes a message as an object and a comma. The pieces have been checked.
    pub(super) fn regrouped<'o>(
        &mut self,
        mut pen: Cursor<'o>,
        id: MessageId,
        pieces: &[&'b [u8]],
    ) -> Option<Cursor<'o>> {
        let message = id.message();
        let steps = Steps::of_message(id, Self::STYLE);
        let shape = self.checked(Shape::of(message, pieces))?;
        pen.copy(b"{")?;
        let present = message.fields.iter().filter(|field| shape.present & 1 << field.number != 0);
        for field in present {
            let step = steps.at_number(u64::from(field.number), false)?;
            let key = Key { text: &step.key, is_new: true, drops_default: step.drops_default };
            let from = if field.oneof.is_some() { shape.oneof_from } else { 0 };
            let found = Fields::of(message, pieces).skip(from);
            let mut found =
                found.filter(|found| found.as_ref().map_or(true, |f| f.field.number == field.number));
            match field.kind {
                _ if field.repeated => pen = self.regrouped_list(pen, key, found)?,
                Kind::Message(sub) => {
                    let pieces: Result<Vec<_>, _> =
                        found.map(|f| Ok(f?.value)).filter(|v| !matches!(v, Ok([]))).collect();
                    let pieces = self.checked(pieces)?;
                    key.write(&mut pen)?;
                    pen = self.regrouped(pen, sub, &pieces)?;
                }
                kind => {
                    let last = found.try_fold(None, |_, next| next.map(Some));
                    if let Some(last) = self.checked(last)? {
                        pen = self.value(pen, key, kind, &mut { last.whole })?;
                    }
                }
            }
        }
        self.end_object(&mut pen, steps, shape.present)?;
        Some(pen)
    }

    /// Writes what was `found` as a list.
    fn regrouped_list<'o>(
        &mut self,
        mut pen: Cursor<'o>,
        key: Key<'_>,
        found: impl Iterator<Item = Result<Found<'b>, Fault>>,
    ) -> Option<Cursor<'o>> {
        key.write(&mut pen)?;
        for found in found {
            let Found { field, wire, value, whole } = self.checked(found)?;
            pen = match field.kind {
                Kind::Message(sub) => self.regrouped(pen, sub, &[value])?,
                kind if wire == kind.wire_type() => self.value(pen, Key::WRITTEN, kind, &mut { whole })?,
                kind => self.packed(pen, kind, value)?,
            };
        }
        self.end_list(&mut pen, key.text.len())?;
        Some(pen)
    }
}

/// What is in a message, however it is spread.
struct Shape {
    /// Numbers of the fields that are there; of the members of a oneof, only the one that came last.
    present: u32,
    /// How many known fields come before those of the oneof's last member that count: a message merges with
    /// what came before only as long as no other member came between.
    oneof_from: usize,
}

impl Shape {
    fn of(message: &Message, pieces: &[&[u8]]) -> Result<Self, Fault> {
        let mut shape = Self { present: 0, oneof_from: 0 };
        for (at, found) in Fields::of(message, pieces).enumerate() {
            let field = found?.field;
            let bit = 1 << field.number;
            if field.oneof.is_some() && shape.present & bit == 0 {
                shape.present &= !message.oneof_mask;
                shape.oneof_from = at;
            }
            shape.present |= bit;
        }
        Ok(shape)
    }
}

/// A known field, where it was found.
struct Found<'b> {
    field: &'static Field,
    wire: u8,
    /// What a length stands before, without the length; else as `whole`.
    value: &'b [u8],
    /// All that follows the tag.
    whole: &'b [u8],
}

/// The known fields of a message in the order they come, those inside them not looked at.
struct Fields<'p, 'b> {
    message: &'p Message,
    pieces: std::slice::Iter<'p, &'b [u8]>,
    rest: &'b [u8],
}

impl<'p, 'b> Fields<'p, 'b> {
    fn of(message: &'p Message, pieces: &'p [&'b [u8]]) -> Self {
        Self { message, pieces: pieces.iter(), rest: &[] }
    }

    /// The next field, `None` for one that OTLP does not know.
    fn take(&mut self) -> Result<Option<Found<'b>>, Fault> {
        let start = self.rest;
        let (number, wire) = take_tag(&mut self.rest)?;
        let Some(field) = self.message.field(number) else {
            skip_unknown(number, wire, &mut self.rest, DEPTH_MAX, start)?;
            return Ok(None);
        };
        let tagged = self.rest;
        let run = match wire {
            wire_type::LEN => Some(take_run(&mut self.rest)?),
            wire_type::VARINT => {
                take_varint(&mut self.rest)?;
                None
            }
            _ => {
                let width = if wire == wire_type::I64 { 8 } else { 4 };
                self.rest = self.rest.get(width..).unwrap_or(&[]);
                None
            }
        };
        let whole = &tagged[..tagged.len() - self.rest.len()];
        Ok(Some(Found { field, wire, value: run.unwrap_or(whole), whole }))
    }
}

impl<'b> Iterator for Fields<'_, 'b> {
    type Item = Result<Found<'b>, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            while self.rest.is_empty() {
                self.rest = self.pieces.next()?;
            }
            match self.take() {
                Ok(None) => {}
                Ok(Some(found)) => return Some(Ok(found)),
                Err(fault) => {
                    // Nothing more can be told apart.
                    self.rest = &[];
                    self.pieces = [].iter();
                    return Some(Err(fault));
                }
            }
        }
    }
}
