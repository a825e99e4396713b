//! The door for fuzzing, in its builds only: all messages by their type, and messages with something in them.

use crate::wire::Message;

pub use crate::filled::Filled;

/// Something that can be done with every message.
pub trait Visitor {
    /// Does it.
    fn visit<M: Message + Filled>(&mut self);
}
