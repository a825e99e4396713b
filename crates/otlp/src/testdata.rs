//! Requests for tests: realistic ones, random ones that use every field of the schema, and damaged ones.
//!
//! For every module of this crate, under `cfg(test)`. All randomness comes from the generator handed in, so a test
//! that prints its seed can be repeated:
//!
//! - [`realistic`]: what SDKs send; valid and in canonical form.
//! - [`random`] with [`Style::Canonical`]: any field, any value, as an encoder would write it; each field once,
//!   one member of a oneof, fields in order, scalars packed.
//! - [`random`] with [`Style::Odd`]: also legal, but as no encoder writes it: fields in any order and repeated,
//!   packed and not, unknown fields and groups, varints longer than needed, several members of a oneof.
//! - [`mutate`]: a few bytes of a request changed; may be valid or not.
//! - [`Request`]: the signal's own prost message, for comparisons.

mod random;
mod realistic;
mod request;

pub(crate) use random::{Style, mutate, random};
pub(crate) use realistic::realistic;
pub(crate) use request::Request;
