//! Requests on the wire, taken apart: their canonical encoding, as protobuf-java writes it, and their fields.

use crate::scan::{skip_unknown, take_run, take_tag};
use crate::schema::{Kind, MessageId, wire_type};
use crate::{DEPTH_MAX, varint};

/// `wire`, as prost encodes it, with its fields in the order of their numbers: prost puts a member of a `oneof` where the
/// lowest number of the `oneof` would stand; protobuf-java and others keep to the order of numbers, and so do we.
pub fn canonical(id: MessageId, wire: &[u8]) -> Vec<u8> {
    rebuilt(id, wire, true)
}

/// `wire` without single messages that hold nothing; members of a `oneof` stay.
#[cfg(test)]
pub fn without_empty(id: MessageId, wire: &[u8]) -> Vec<u8> {
    rebuilt(id, wire, false)
}

fn rebuilt(id: MessageId, mut rest: &[u8], keep_empty: bool) -> Vec<u8> {
    let mut fields: Vec<(u64, Vec<u8>)> = Vec::new();
    while !rest.is_empty() {
        let start = rest;
        let (number, wire) = take_tag(&mut rest).unwrap_or_else(|_| panic!("prost writes valid tags"));
        let field = id.message().field(number);
        if let Some(Kind::Message(sub)) = field.map(|field| field.kind) {
            let body = take_run(&mut rest).unwrap_or_else(|_| panic!("prost writes whole fields"));
            let body = rebuilt(sub, body, keep_empty);
            if keep_empty || !body.is_empty() || field.is_some_and(|f| f.repeated || f.oneof.is_some()) {
                let mut whole = Vec::new();
                varint::put(&mut whole, number << 3 | u64::from(wire_type::LEN));
                varint::put(&mut whole, body.len() as u64);
                whole.extend_from_slice(&body);
                fields.push((number, whole));
            }
        } else {
            skip_unknown(number, wire, &mut rest, DEPTH_MAX, start)
                .unwrap_or_else(|_| panic!("prost writes whole fields"));
            fields.push((number, start[..start.len() - rest.len()].to_vec()));
        }
    }
    fields.sort_by_key(|(number, _)| *number);
    fields.into_iter().flat_map(|(_, whole)| whole).collect()
}

/// The fields of a message: number, wire type, first byte of its tag, of what is behind tag and length, and of the next
/// field. Ends where the bytes are no field.
pub fn fields(wire: &[u8]) -> impl Iterator<Item = (u64, u8, usize, usize, usize)> {
    let mut rest = wire;
    std::iter::from_fn(move || {
        let (start, from) = (rest, wire.len() - rest.len());
        let (number, kind) = take_tag(&mut rest).ok()?;
        let mut body = wire.len() - rest.len();
        if kind == wire_type::LEN {
            let run = take_run(&mut rest).ok()?;
            body = wire.len() - rest.len() - run.len();
        } else {
            skip_unknown(number, kind, &mut rest, DEPTH_MAX, start).ok()?;
        }
        Some((number, kind, from, body, wire.len() - rest.len()))
    })
}
