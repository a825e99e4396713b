//! What a configuration key is; the keys themselves stand in the crate that obeys them.
//!
//! ```text
//! file, environment, arguments        Key tables of receiver, sink, admin, app
//!        │ text by name                        │
//!        └──────────────► parse ◄──────────────┘
//!                           │
//!              Values (checked)  +  every Problem at once
//! ```

mod form;
mod key;
mod nearest;
mod problem;
mod properties;
mod values;

pub use key::{Importance, Key, Kind, Unit, Width};
pub use nearest::nearest;
pub use problem::{Problem, Reason};
pub use properties::{properties, properties_of_latin1};
pub use values::{Value, Values, check, parse};

#[cfg(test)]
mod tests;
