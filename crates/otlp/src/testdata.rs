//! Requests for tests and fuzzing: realistic ones, random ones that use every field of the schema, and damaged ones; and
//! what they are compared by.
//!
//! For every module of this crate, under `cfg(test)`, and for the fuzz targets, under `cfg(fuzzing)`. All randomness comes
//! from the generator handed in, so a test that prints its seed can be repeated:
//!
//! - [`realistic`]: what SDKs send; valid and in canonical form.
//! - [`random`] with [`Style::Canonical`]: any field, any value, as an encoder would write it; each field once,
//!   one member of a oneof, fields in order, scalars packed.
//! - [`random`] with [`Style::Sized`]: the same, with ids of 16 and 8 bytes or none.
//! - [`random`] with [`Style::Odd`]: also legal, but as no encoder writes it: fields in any order and repeated,
//!   packed and not, unknown fields and groups, varints longer than needed, several members of a oneof.
//! - [`mutate`]: a few bytes of a request changed; may be valid or not.
//! - [`Request`]: the signal's own prost message, for comparisons.
//! - [`canonical`]: its encoding, in the order of numbers. [`fields`]: a message's fields on the wire.
//! - [`print`]: its JSON, from prost's message.
//! - [`Tree`]: JSON, to be compared exactly.

mod canonical;
mod print;
mod random;
mod realistic;
mod request;
mod tree;

#[cfg(test)]
pub use canonical::without_empty;
pub use canonical::{canonical, fields};
pub use print::print;
#[cfg(fuzzing)]
pub use random::random_field;
pub use random::{Style, Used, mutate, random, random_noting};
pub use realistic::realistic;
pub use request::Request;
pub use tree::Tree;
