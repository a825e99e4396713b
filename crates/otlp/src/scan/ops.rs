//! What `scan` does on a tag, worked out from the schema at compile time: one entry a message and tag byte.

use crate::schema::{Field, Kind, MessageId, Role, wire_type};

/// First bytes of a tag; from 0x80 on there are more, and no entry.
const TAGS: usize = 0x100;

/// Tags of one byte: field numbers 1 to 15.
const TAG_MAX: usize = 0x7f;

/// How to check the value behind a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Varint,
    I64,
    I32,
    Bytes,
    Str,
    KeyValue,
    /// A message that is not counted.
    Message(MessageId),
    /// A message that counts as an element.
    Element(MessageId),
    /// A message that counts as an item.
    Item(MessageId),
    /// Numbers of eight bytes in one run.
    PackedI64,
    /// Varints in one run.
    PackedVarint,
    /// Anything else, malformed tags included.
    Other,
}

pub(super) static OPS: [[Op; TAGS]; MessageId::ALL.len()] = {
    let mut table = [[Op::Other; TAGS]; MessageId::ALL.len()];
    let mut at = 0;
    while at < MessageId::ALL.len() {
        table[at] = ops(MessageId::ALL[at]);
        at += 1;
    }
    table
};

const fn ops(id: MessageId) -> [Op; TAGS] {
    let mut ops = [Op::Other; TAGS];
    let fields = id.message().fields;
    let mut at = 0;
    while at < fields.len() {
        let field = &fields[at];
        let tag = (field.number << 3) as usize;
        if tag <= TAG_MAX {
            ops[tag | field.kind.wire_type() as usize] = op(field);
            if field.is_packable() {
                ops[tag | wire_type::LEN as usize] = packed_op(field.kind);
            }
        }
        at += 1;
    }
    ops
}

const fn op(field: &Field) -> Op {
    match (field.kind, field.role) {
        (Kind::Str, _) => Op::Str,
        (Kind::Id | Kind::ProfileId | Kind::Bytes, _) => Op::Bytes,
        (Kind::Message(MessageId::KeyValue), _) => Op::KeyValue,
        (Kind::Message(id), Role::Uncounted) => Op::Message(id),
        (Kind::Message(id), Role::Element) => Op::Element(id),
        (Kind::Message(id), Role::Item) => Op::Item(id),
        (number, _) => match number.wire_type() {
            wire_type::I64 => Op::I64,
            wire_type::I32 => Op::I32,
            _ => Op::Varint,
        },
    }
}

const fn packed_op(kind: Kind) -> Op {
    match kind.wire_type() {
        wire_type::I64 => Op::PackedI64,
        wire_type::VARINT => Op::PackedVarint,
        _ => Op::Other,
    }
}
