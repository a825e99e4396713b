//! Seeded requests on the wire, drawn from the tables: every field, every extreme, and shapes no exporter sends.

use std::collections::HashSet;

use fastrand::Rng;

use crate::schema::{Field, Kind, MessageId, wire_type};
use crate::varint;

/// Draws messages, and remembers which fields it has used.
pub(super) struct Draw {
    pub(super) rng: Rng,
    /// Fields may come in any order, in several runs and several times; unknown ones may come between them.
    pub(super) wild: bool,
    /// Fields that this document may still have.
    pub(super) left: u32,
    pub(super) used: HashSet<(MessageId, u32)>,
}

impl Draw {
    pub(super) fn message(&mut self, id: MessageId, depth: u32) -> Vec<u8> {
        let mut out = Vec::new();
        if self.wild {
            for _ in 0..self.rng.u32(0..9) {
                let field = &id.message().fields[self.rng.usize(..id.message().fields.len())];
                self.field(id, field, depth, &mut out);
                if self.rng.u8(..) < 12 {
                    self.unknown(&mut out, 0);
                }
            }
            return out;
        }
        let mut oneof_is_set = false;
        for field in id.message().fields {
            if field.oneof.is_some() && oneof_is_set || self.rng.u8(..) < 100 {
                continue;
            }
            oneof_is_set |= field.oneof.is_some();
            let times = if field.repeated && !field.is_packable() { self.rng.u32(1..4) } else { 1 };
            for _ in 0..times {
                self.field(id, field, depth, &mut out);
            }
        }
        out
    }

    fn field(&mut self, id: MessageId, field: &Field, depth: u32, out: &mut Vec<u8>) {
        if self.left == 0 || depth > 90 {
            return;
        }
        self.left -= 1;
        self.used.insert((id, field.number));
        let packed = field.is_packable() && (!self.wild || self.rng.bool());
        let wire = if packed { wire_type::LEN } else { field.kind.wire_type() };
        varint::put(out, u64::from(field.number << 3 | u32::from(wire)));
        if packed {
            let mut run = Vec::new();
            for _ in 0..self.rng.u32(0..5) {
                self.scalar(field.kind, &mut run);
            }
            put_run(out, &run);
        } else if let Kind::Message(sub) = field.kind {
            let body = self.message(sub, depth + 1);
            put_run(out, &body);
        } else {
            self.scalar(field.kind, out);
        }
    }

    fn scalar(&mut self, kind: Kind, out: &mut Vec<u8>) {
        match kind {
            Kind::Str => {
                let text = self.text();
                put_run(out, text.as_bytes());
            }
            Kind::Id | Kind::ProfileId | Kind::Bytes => {
                let len = if self.rng.bool() { self.rng.usize(0..70) } else { 8 << self.rng.usize(0..2) };
                let bytes: Vec<u8> = (0..len).map(|_| self.rng.u8(..)).collect();
                put_run(out, &bytes);
            }
            Kind::Enum(_) => {
                let number = if self.rng.u8(..) < 240 { self.rng.u64(0..30) } else { self.integer() };
                varint::put(out, number);
            }
            Kind::Bool if self.rng.bool() => out.push(self.rng.u8(0..2)),
            Kind::Double => {
                let value = self.double();
                out.extend_from_slice(&value.to_le_bytes());
            }
            Kind::Fixed64 | Kind::Sfixed64 => {
                let value = self.integer();
                out.extend_from_slice(&value.to_le_bytes());
            }
            Kind::Fixed32 => {
                let value = self.integer().to_le_bytes();
                out.extend_from_slice(&value[..4]);
            }
            _ => {
                let value = self.integer();
                varint::put(out, value);
                if self.wild && self.rng.u8(..) < 10 && value < 1 << 40 {
                    // A longer form than needed means the same.
                    *out.last_mut().unwrap() |= 0x80;
                    out.extend_from_slice(&[0x80, 0]);
                }
            }
        }
    }

    fn integer(&mut self) -> u64 {
        match self.rng.u8(0..8) {
            0 => self.rng.u64(0..11),
            1 => 10u64.pow(self.rng.u32(0..20)) - self.rng.u64(0..2),
            2 => u64::MAX - self.rng.u64(0..2),
            3 => (1 << 63) - self.rng.u64(0..2),
            4 => (1 << 31) - self.rng.u64(0..2),
            5 => u64::from(u32::MAX) + self.rng.u64(0..2),
            6 => self.rng.u64(1_700_000_000_000_000_000..1_900_000_000_000_000_000),
            _ => self.rng.u64(..) >> self.rng.u32(0..64),
        }
    }

    fn double(&mut self) -> f64 {
        const KNOWN: [f64; 16] = [
            0.0,
            -0.0,
            1.0,
            -1.0,
            100.0,
            1e7,
            1e-7,
            1e15,
            1e16,
            1e17,
            1e21,
            1e23,
            f64::MAX,
            f64::MIN_POSITIVE,
            5e-324,
            0.1,
        ];
        match self.rng.u8(0..8) {
            0 => f64::NAN,
            1 => f64::INFINITY,
            2 => f64::NEG_INFINITY,
            3 | 4 => KNOWN[self.rng.usize(..KNOWN.len())],
            5 => f64::from(self.rng.i32(..)) / 100.0,
            _ => f64::from_bits(self.rng.u64(..)),
        }
    }

    fn text(&mut self) -> String {
        let len = if self.rng.u8(..) < 30 { self.rng.usize(0..200) } else { self.rng.usize(0..40) };
        match self.rng.u8(0..6) {
            0 | 1 => (0..len).map(|_| self.rng.alphanumeric()).collect(),
            2 => (0..len).map(|_| char::from(self.rng.u8(0..0x80))).collect(),
            3 => (0..len).map(|_| if self.rng.u8(..) < 20 { '"' } else { 'x' }).collect(),
            4 => (0..len).map(|_| self.rng.char(..)).collect(),
            _ => (0..len).map(|_| if self.rng.u8(..) < 20 { self.rng.char(..) } else { 'y' }).collect(),
        }
    }

    fn unknown(&mut self, out: &mut Vec<u8>, depth: u32) {
        let number = self.rng.u64(32..60);
        match self.rng.u8(0..5) {
            0 => {
                varint::put(out, number << 3);
                let value = self.integer();
                varint::put(out, value);
            }
            1 => {
                varint::put(out, number << 3 | 1);
                out.extend_from_slice(&[0x0a; 8]);
            }
            2 => {
                varint::put(out, number << 3 | 2);
                put_run(out, b"\xff\xfe");
            }
            3 => {
                varint::put(out, number << 3 | 5);
                out.extend_from_slice(&[0x12; 4]);
            }
            _ => {
                varint::put(out, number << 3 | 3);
                if depth < 4 {
                    self.unknown(out, depth + 1);
                }
                varint::put(out, number << 3 | 4);
            }
        }
    }
}

/// A length and the bytes.
pub(super) fn put_run(out: &mut Vec<u8>, run: &[u8]) {
    varint::put(out, run.len() as u64);
    out.extend_from_slice(run);
}
