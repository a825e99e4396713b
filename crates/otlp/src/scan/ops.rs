//! What `scan` does on a tag, worked out from the schema at compile time: one entry a message and tag byte.

use crate::schema::{Kind, MessageId, Role, wire_type};

/// Tags of one byte: field numbers 1 to 15.
const TAGS: usize = 0x80;

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
        let tag = (field.number << 3 | field.kind.wire_type() as u32) as usize;
        if tag < TAGS && matches!(field.role, Role::Uncounted) {
            ops[tag] = op(field.kind);
        }
        at += 1;
    }
    ops
}

const fn op(kind: Kind) -> Op {
    match kind {
        Kind::Str => Op::Str,
        Kind::Id | Kind::ProfileId | Kind::Bytes => Op::Bytes,
        Kind::Message(MessageId::KeyValue) => Op::KeyValue,
        Kind::Message(id) => Op::Message(id),
        other => match other.wire_type() {
            wire_type::I64 => Op::I64,
            wire_type::I32 => Op::I32,
            _ => Op::Varint,
        },
    }
}
