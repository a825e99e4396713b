//! The broker from outside: over raw sockets, with the protocol's own messages and with bytes that are none.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod client;
mod clients;
mod durability;
mod fetching;
mod hostile;
mod process;
mod start;
mod versions;
