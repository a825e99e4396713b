//! The door for fuzzing, in its builds only: requests to begin with, and what the answers are compared with.

pub use crate::testdata::{
    Request, Style, Tree, Used, canonical, fields, mutate, print, random, random_field, random_noting,
    realistic,
};

use crate::varint;

/// Appends a varint.
pub fn put_varint(out: &mut Vec<u8>, value: u64) {
    varint::put(out, value);
}
