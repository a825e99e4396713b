//! Hop 5, OTLP/JSON in: one JSON object becomes the fields of one message.

use super::lexer::Lexer;
use super::order::{self, Run};
use super::wire::{self, Open};
use super::{keys, refused};
use crate::schema::{FIELD_NUMBERS, Field, Kind, Message, MessageId, Role};
use crate::{Counts, DEPTH_MAX, Malformed, MalformedKind};

/// The pass over one document: what is left of it, and what became of the rest.
pub(super) struct Reader<'a, 'o> {
    pub(super) lexer: Lexer<'a>,
    pub(super) out: &'o mut Vec<u8>,
    /// Items and elements written so far.
    pub(super) counts: Counts,
    pub(super) elements_max: u64,
    pub(super) habits: Habits,
    /// The runs of all messages that are open and out of order, outermost first.
    pub(super) runs: Vec<Run>,
}

/// In which order the sender writes the members of each message, as far as is known: a guess, which costs nothing to
/// be wrong.
pub(super) struct Habits {
    /// By the place that the member before has among the message's fields, and one more.
    next: [[u8; FIELD_NUMBERS]; MessageId::ALL.len()],
}

impl Habits {
    /// Before the first member.
    const FIRST: usize = 0;

    /// All in the order of their numbers.
    pub(super) const fn new() -> Self {
        let mut order = [0; FIELD_NUMBERS];
        let mut at = 0;
        while at < FIELD_NUMBERS {
            order[at] = at.to_le_bytes()[0];
            at += 1;
        }
        Self { next: [order; MessageId::ALL.len()] }
    }
}

/// What is known of an object while its members are read. Masks have one bit for each field number.
struct Object {
    message: &'static Message,
    /// Where its bytes begin in the output.
    start: usize,
    /// Where its runs begin among all.
    first_run: usize,
    /// Whether its runs are listed: once a member came out of order or twice.
    listed: bool,
    /// The highest number written so far.
    highest: u32,
    camel_case: u32,
    snake_case: u32,
    /// Fields that have bytes in the output.
    present: u32,
    /// Where the second member of its oneof was found.
    second_choice_at: usize,
}

impl Reader<'_, '_> {
    /// Reads an object and appends the fields of the message it stands for, in order.
    ///
    /// `depth` is the number of messages around it.
    pub(super) fn message(&mut self, id: MessageId, depth: u32) -> Result<(), Box<Malformed>> {
        if depth > DEPTH_MAX {
            return Err(Box::new(Malformed { offset: self.lexer.at(), kind: MalformedKind::TooDeep }));
        }
        self.lexer.expect(b'{', "an object")?;
        if self.lexer.take(b'}') {
            return Ok(());
        }
        let mut object = Object {
            message: id.message(),
            start: self.out.len(),
            first_run: self.runs.len(),
            listed: false,
            highest: 0,
            camel_case: 0,
            snake_case: 0,
            present: 0,
            second_choice_at: 0,
        };
        let mut after = Habits::FIRST;
        loop {
            let key_at = self.lexer.at();
            match self.key(id, &mut after)? {
                Some(found) => self.member(&mut object, found, key_at, depth)?,
                None => self.lexer.skip_value()?,
            }
            if !self.lexer.more(b'}', "a comma or the end of the object")? {
                break;
            }
        }
        self.finish(&object)
    }

    /// Reads a member's name, by looking first whether it is the one that came after the last in the message
    /// before: senders write all messages of a type alike.
    #[inline]
    fn key(&mut self, id: MessageId, after: &mut usize) -> Result<Option<keys::Found>, Box<Malformed>> {
        let fields = id.message().fields;
        let next = &mut self.habits.next[id as usize][*after];
        if let Some(field) = fields.get(usize::from(*next))
            && self.lexer.take_key(&field.json_key)
        {
            let index = *next;
            *after = usize::from(index) + 1;
            return Ok(Some(keys::Found { field, index, snake_case: false }));
        }
        let key = self.lexer.key()?;
        let found = if key.escaped { keys::find_escaped(id, &key) } else { keys::find(id, key.raw) };
        if let Some(found) = found {
            *next = found.index;
            *after = usize::from(found.index) + 1;
        }
        Ok(found)
    }

    #[inline]
    fn member(
        &mut self,
        object: &mut Object,
        found: keys::Found,
        key_at: usize,
        depth: u32,
    ) -> Result<(), Box<Malformed>> {
        let field = found.field;
        let bit = 1 << field.number;
        let again = (object.camel_case | object.snake_case) & bit != 0;
        let spelling = if found.snake_case { &mut object.snake_case } else { &mut object.camel_case };
        *spelling |= bit;
        if again {
            self.forget(object, field, key_at)?;
        }
        if self.lexer.peek() == b'n' && self.lexer.take_literal(b"null") {
            return Ok(());
        }
        if field.number < object.highest && !object.listed {
            self.list_runs(object);
        }
        let start = self.out.len();
        if object.listed {
            self.runs.push(Run { number: field.number, start });
        }
        self.field(field, depth)?;
        if self.out.len() > start {
            if object.present & object.message.oneof_mask != 0 && field.oneof.is_some() {
                object.second_choice_at = key_at;
            }
            object.present |= bit;
            object.highest = object.highest.max(field.number);
        } else if object.listed {
            self.runs.pop();
        }
        Ok(())
    }

    #[cold]
    fn list_runs(&mut self, object: &mut Object) {
        order::list(self.out, object.start, &mut self.runs);
        object.listed = true;
    }

    /// Before a member's second coming: the last one wins, so what the first one wrote is cut out again.
    #[cold]
    fn forget(&mut self, object: &mut Object, field: &Field, key_at: usize) -> Result<(), Box<Malformed>> {
        let bit = 1 << field.number;
        if object.camel_case & object.snake_case & bit != 0 {
            return Err(refused(key_at, "one spelling of a member's name, not both"));
        }
        if object.present & bit == 0 {
            return Ok(());
        }
        object.present &= !bit;
        if !object.listed {
            self.list_runs(object);
        }
        let runs = &self.runs[object.first_run..];
        if let Some((index, range)) = order::find(self.out, runs, field.number) {
            let cut = counts_of(&self.out[range.clone()], field);
            self.counts.items -= cut.items;
            self.counts.elements -= cut.elements;
            order::remove(self.out, &mut self.runs, object.first_run + index, range);
        }
        Ok(())
    }

    #[inline]
    fn finish(&mut self, object: &Object) -> Result<(), Box<Malformed>> {
        let choices = object.present & object.message.oneof_mask;
        if choices & choices.wrapping_sub(1) != 0 {
            return Err(refused(object.second_choice_at, "at most one member of a oneof"));
        }
        if object.listed {
            order::sort(self.out, &mut self.runs[object.first_run..]);
            self.runs.truncate(object.first_run);
        }
        Ok(())
    }

    /// Reads the value of a member and appends its field, or nothing where the value is the default of a
    /// field without presence.
    #[inline]
    fn field(&mut self, field: &'static Field, depth: u32) -> Result<(), Box<Malformed>> {
        if field.repeated {
            return self.list(field, depth);
        }
        match field.kind {
            Kind::Message(id) => self.sub_message(field, id, depth),
            _ => self.scalar(field),
        }
    }

    fn list(&mut self, field: &'static Field, depth: u32) -> Result<(), Box<Malformed>> {
        self.lexer.expect(b'[', "an array")?;
        if self.lexer.take(b']') {
            return Ok(());
        }
        let packed = field.is_packable().then(|| {
            wire::push_len_tag(self.out, field);
            Open::begin(self.out, wire::likely_width(field.kind))
        });
        loop {
            match field.kind {
                Kind::Message(MessageId::KeyValue) if self.plain_attribute(field, depth) => {}
                Kind::Message(id) => {
                    if field.role != Role::Uncounted {
                        self.count(field.role)?;
                    }
                    self.sub_message(field, id, depth)?;
                }
                _ if packed.is_some() => self.encoded(field.kind)?.push(self.out),
                _ => self.element(field)?,
            }
            if !self.lexer.more(b']', "a comma or the end of the array")? {
                break;
            }
        }
        if let Some(open) = packed {
            open.end(self.out);
        }
        Ok(())
    }

    #[inline]
    fn sub_message(&mut self, field: &Field, id: MessageId, depth: u32) -> Result<(), Box<Malformed>> {
        wire::push_len_tag(self.out, field);
        let open = Open::begin(self.out, wire::likely_width(field.kind));
        self.message(id, depth + 1)?;
        open.end(self.out);
        Ok(())
    }

    fn count(&mut self, role: Role) -> Result<(), Box<Malformed>> {
        add(&mut self.counts, role);
        if self.counts.elements > self.elements_max {
            let kind = MalformedKind::TooManyElements { max: self.elements_max };
            return Err(Box::new(Malformed { offset: self.lexer.at(), kind }));
        }
        Ok(())
    }
}

fn add(counts: &mut Counts, role: Role) {
    counts.elements += u64::from(role != Role::Uncounted);
    counts.items += u64::from(role == Role::Item);
}

/// Counts what a run of `field` holds: bytes that this pass has written itself and is about to take back.
fn counts_of(run: &[u8], field: &Field) -> Counts {
    let mut counts = Counts::default();
    let mut at = 0;
    while let Kind::Message(id) = field.kind
        && at < run.len()
    {
        add(&mut counts, field.role);
        let tag = order::varint(run, &mut at);
        let value = order::skip(run, &mut at, tag);
        count_message(&run[value], id, &mut counts);
    }
    counts
}

fn count_message(bytes: &[u8], id: MessageId, counts: &mut Counts) {
    let message = id.message();
    let mut at = 0;
    while at < bytes.len() {
        let tag = order::varint(bytes, &mut at);
        let value = order::skip(bytes, &mut at, tag);
        if let Some(field) = message.field(tag >> 3)
            && let Kind::Message(id) = field.kind
        {
            add(counts, field.role);
            count_message(&bytes[value], id, counts);
        }
    }
}
