//! The door for fuzzing, in its builds only: requests to begin with, and what the answers are compared with.

pub use crate::testdata::{
    Request, Style, Tree, Used, canonical, mutate, random, random_field, random_noting, realistic,
};

use crate::varint;

/// The fields of a message: number, wire type, first byte of its tag, of what is behind tag and length, and of the next
/// field. Ends where the bytes are no field.
pub fn fields(wire: &[u8]) -> impl Iterator<Item = (u64, u8, usize, usize, usize)> {
    let mut rest = wire;
    std::iter::from_fn(move || {
        let (start, from) = (rest, wire.len() - rest.len());
        let (number, kind) = crate::scan::take_tag(&mut rest).ok()?;
        let mut body = wire.len() - rest.len();
        if kind == crate::schema::wire_type::LEN {
            let run = crate::scan::take_run(&mut rest).ok()?;
            body = wire.len() - rest.len() - run.len();
        } else {
            crate::scan::skip_unknown(number, kind, &mut rest, crate::DEPTH_MAX, start).ok()?;
        }
        Some((number, kind, from, body, wire.len() - rest.len()))
    })
}

/// Appends a varint.
pub fn put_varint(out: &mut Vec<u8>, value: u64) {
    varint::put(out, value);
}
