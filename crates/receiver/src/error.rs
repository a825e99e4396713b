//! What can go wrong before the first connection, and what ends the receivers for good.

use std::io;

/// A receiver can't listen.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The address is no address, or its name has none.
    #[error("otlp.bind.address {address}: not an address")]
    Address {
        /// As configured.
        address: String,
        /// Why it could not be resolved.
        source: io::Error,
    },
    /// The operating system refused.
    #[error("{key} {port}: cannot listen on {address}")]
    Listen {
        /// The key that names the port.
        key: &'static str,
        /// The port as configured.
        port: u16,
        /// The address as configured.
        address: String,
        /// What the operating system said.
        source: io::Error,
    },
}

/// The receivers can't go on.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A thread ended by a panic.
    #[error("thread {thread} ended by a panic")]
    Panicked {
        /// Its name.
        thread: String,
    },
    /// A thread could not do its work at all.
    #[error("thread {thread} could not start")]
    Start {
        /// Its name.
        thread: String,
        /// What the operating system said.
        source: io::Error,
    },
}
