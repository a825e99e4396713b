//! The way of messages whose fields don't come together: a list in two runs, a single field twice, two members
//! of a oneof (hop 6, "shape").
//!
//! No known exporter sends them, but protobuf allows them and says what they mean (Protocol Buffers, "Encoding",
//! "Last One Wins"): lists are joined, of scalars the last counts, messages merge, which is what a message made
//! of the bytes of both would be. So a message is a list of pieces of the request here, and each of its fields
//! is looked up in all of them. No value is kept; what is held is two words for each piece that is not empty,
//! of the messages from the root to where the writing is. The time is linear: a message is walked at most once
//! for each of its few fields.

use super::Stop;
use super::steps::Place;
use super::stream::{Progress, Turn};
use super::value::{FIELD_ROOM, Writer};
use crate::error::DEPTH_MAX;
use crate::scan::{skip_unknown, take_run, take_tag, take_varint};
use crate::schema::{Field, Kind, Message, MessageId, wire_type};

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
    pub(super) fn regrouped(&mut self, id: MessageId, pieces: &[&'b [u8]]) -> Result<(), Stop> {
        let message = id.message();
        let shape = Shape::of(message, pieces)?;
        self.text.room(FIELD_ROOM)?;
        self.text.push(b'{');
        let object = self.text.len();
        let present = message.fields.iter().filter(|field| shape.present & 1 << field.number != 0);
        for field in present {
            let mark = self.text.len();
            self.text.room(FIELD_ROOM)?;
            let key = Self::STYLE.key(field);
            self.text.put_text(key);
            let from = if field.oneof.is_some() { shape.oneof_from } else { 0 };
            let found = Fields::of(message, pieces).skip(from);
            let mut found =
                found.filter(|found| found.as_ref().map_or(true, |f| f.field.number == field.number));
            match field.kind {
                _ if field.repeated => self.regrouped_list(mark, found)?,
                Kind::Message(sub) => {
                    let pieces: Result<Vec<_>, _> =
                        found.map(|f| Ok::<_, Stop>(f?.value)).filter(|v| !matches!(v, Ok([]))).collect();
                    self.regrouped(sub, &pieces?)?;
                }
                kind => {
                    let first = found.next().transpose()?;
                    if let Some(last) = found.try_fold(first, |_, next| next.map(Some))? {
                        self.value(kind, &mut { last.whole })?;
                    }
                }
            }
            let dropped = Self::STYLE.dropped(field);
            if !dropped.is_empty() {
                self.text.drop_value(mark, mark + key.len(), &dropped);
            }
        }
        self.end_object(object, message, shape.present)
    }

    /// Writes what was `found` as a list, whose key was written at `key`.
    fn regrouped_list(
        &mut self,
        key: usize,
        found: impl Iterator<Item = Result<Found<'b>, Stop>>,
    ) -> Result<(), Stop> {
        self.text.push(b'[');
        let list = self.text.len();
        for found in found {
            let Found { field, wire, value, whole } = found?;
            self.text.room(FIELD_ROOM)?;
            match field.kind {
                Kind::Message(sub) => self.regrouped(sub, &[value])?,
                kind if wire == kind.wire_type() => self.value(kind, &mut { whole })?,
                kind => self.packed(kind, value)?,
            }
        }
        self.end_list(key, list);
        Ok(())
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
    fn of(message: &Message, pieces: &[&[u8]]) -> Result<Self, Stop> {
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
    fn take(&mut self) -> Result<Option<Found<'b>>, Stop> {
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
    type Item = Result<Found<'b>, Stop>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            while self.rest.is_empty() {
                self.rest = self.pieces.next()?;
            }
            match self.take() {
                Ok(None) => {}
                Ok(Some(found)) => return Some(Ok(found)),
                Err(stop) => {
                    // Nothing more can be told apart.
                    self.rest = &[];
                    self.pieces = [].iter();
                    return Some(Err(stop));
                }
            }
        }
    }
}
