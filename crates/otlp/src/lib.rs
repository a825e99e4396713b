//! OTLP as data: hop 5 and the format half of hop 6. No I/O, and no panic on any input.
//!
//! ```text
//!  protobuf body ──────────────► scan ─► Counts ─────────┐
//!  JSON body ──► json::read ─► wire bytes, Counts ───────┤ wire bytes that are known to be valid
//!                                                        ▼
//!                         divide::Division ─► pieces of one key each, or of one unit
//!                                                        ▼
//!                            split::Cutter ─► parts no larger than a record
//!                                                        ▼
//!                       as they are (`protobuf`), or json::write (`json`, `otlp_json`)
//! ```
//!
//! Nothing here decodes a request into structs: the wire bytes are walked along the tables of [`schema`]. Beneath all of
//! it: `varint` and `utf8`, and `simd`, where text is written through a raw pointer, the only `unsafe` of the crate.

mod signal;

pub mod schema;

mod error;
mod simd;
mod steps;
mod utf8;
mod varint;

pub mod scan;

pub mod key;

pub mod divide;

pub mod split;

pub mod json;

#[cfg(fuzzing)]
pub mod fuzzing;
#[cfg(any(test, fuzzing))]
#[cfg_attr(
    not(fuzzing),
    expect(unreachable_pub, clippy::unwrap_used, reason = "for tests, and for fuzzing in its builds only")
)]
mod testdata;

#[cfg(test)]
mod linear;
#[cfg(test)]
mod oracles;
#[cfg(test)]
mod refusals;

pub use error::{DEPTH_MAX, Malformed, MalformedKind};
pub use scan::{Counts, Limits};
pub use signal::Signal;
