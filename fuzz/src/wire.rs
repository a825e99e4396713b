//! Fuzzing of OTLP: changes to protobuf that keep the lengths around them right, so that they reach what is deep inside.

use fastrand::Rng;
use otlp::fuzzing::{fields, mutate, put_varint, random_field};
use otlp::schema::{Kind, MessageId, wire_type};

/// Takes away, repeats, moves, adds or changes a field somewhere in a message.
pub fn mutate_wire(id: MessageId, body: &mut Vec<u8>, rng: &mut Rng) {
    let all: Vec<_> = fields(body).collect();
    let field = rng.choice(&all).copied();
    let Some((number, wire, from, inner_from, to)) = field.filter(|_| rng.u8(..8) > 0) else {
        // A field more, at any boundary.
        let at = field.map_or(body.len(), |(_, _, from, _, _)| from);
        let added = random_field(id, rng);
        body.splice(at..at, added);
        return;
    };
    let known = id.message().field(number);
    if let (wire_type::LEN, Some(Kind::Message(sub))) = (wire, known.map(|field| field.kind))
        && rng.u8(..8) > 0
    {
        let mut inner = body[inner_from..to].to_vec();
        mutate_wire(sub, &mut inner, rng);
        let whole = delimited(number, &inner);
        body.splice(from..to, whole);
        return;
    }
    match rng.u8(..8) {
        0 => drop(body.drain(from..to)),
        1 => {
            let whole = body[from..to].to_vec();
            body.splice(from..from, whole);
        }
        2 => {
            let whole: Vec<u8> = body.drain(from..to).collect();
            let others: Vec<usize> = fields(body).map(|field| field.2).collect();
            let at = rng.choice(others).unwrap_or(body.len());
            body.splice(at..at, whole);
        }
        3 => {
            // Another number, or another wire type, before the same bytes.
            let number = if rng.bool() { number } else { rng.u64(1..18) };
            let mut tag = Vec::new();
            put_varint(&mut tag, number << 3 | u64::from(rng.u8(..6)));
            let tag_len = if wire == wire_type::LEN { 1 } else { inner_from - from };
            body.splice(from..(from + tag_len).min(to), tag);
        }
        4 => {
            // The tag in a longer form.
            body[from] |= 0x80;
            if to > from + 1 && body[from + 1] < 0x80 && inner_from > from {
                body.insert(from + 1, 0);
            }
        }
        5 if wire == wire_type::LEN => {
            let mut inner = body[inner_from..to].to_vec();
            let with = ["\"", "\\", "\u{1f}", "\u{7f}", "\u{2028}", "\u{1f600}", "&", "xxxxxxxxxxxxxxxx"];
            let at = rng.usize(..=inner.len());
            inner.splice(at..at, rng.choice(with).unwrap_or("").bytes());
            body.splice(from..to, delimited(number, &inner));
        }
        6 if wire == wire_type::I64 => {
            let bits = match rng.u8(..3) {
                0 => rng.u64(..),
                1 => rng
                    .choice([0.1, 1e7, 1e-7, -0.0, f64::NAN, f64::INFINITY, 1e300])
                    .unwrap_or(0.0)
                    .to_bits(),
                _ => 1 << rng.u8(..64),
            };
            body.splice(inner_from..to, bits.to_le_bytes());
        }
        _ => {
            let mut inner = body[inner_from..to].to_vec();
            mutate(&mut inner, rng);
            let whole = if wire == wire_type::LEN {
                delimited(number, &inner)
            } else {
                [&body[from..inner_from], &inner].concat()
            };
            body.splice(from..to, whole);
        }
    }
}

fn delimited(number: u64, body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::with_capacity(body.len() + 4);
    put_varint(&mut whole, number << 3 | u64::from(wire_type::LEN));
    put_varint(&mut whole, body.len() as u64);
    whole.extend_from_slice(body);
    whole
}
