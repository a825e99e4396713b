//! OTLP as data: hop 5 and the format half of hop 6. No I/O, and no panic on any input.

mod signal;

pub mod schema;

pub mod json;

pub use signal::Signal;
