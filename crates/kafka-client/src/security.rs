//! Hop 7: how a connection is protected and who logs in over it.
//!
//! ```text
//!  java (properties) ─► jaas ─► sasl ─► plain, scram, oauth ◄─ token, msk
//!         │
//!         └──► tls ◄─ store ◄─ pem, jks, pkcs12 ◄─ der, encryption
//! ```

use std::fmt;
use std::io;
use std::sync::Arc;

pub mod java;

pub mod jaas;

mod sasl;

mod msk;
mod oauth;
mod scram;
mod token;

mod listener;
mod tls;

mod store;

mod jks;
mod pem;
mod pkcs12;

mod der;
mod encryption;

pub use msk::{AwsCredentials, AwsCredentialsProvider};
pub use oauth::OAuthBearer;
pub(crate) use sasl::printable;
pub use sasl::{Login, Sasl, SaslError};
pub use scram::ScramHash;
pub use store::{Passwords, STORE_BYTES_MAX, StoreError};
pub(crate) use tls::explain;
pub use tls::{Source, Store, Tls, TlsError, TlsOptions};
pub use token::{ClientCredentials, TokenSource};

/// TLS and login of a client. Holds secrets: `Debug` shows none.
#[derive(Debug, Clone, Default)]
pub struct Security {
    /// `None`: plain text.
    pub tls: Option<Tls>,
    /// `None`: no login.
    pub sasl: Option<Sasl>,
}

/// Reads a file for this crate, which reads none itself. Called again at new connections, so that what was replaced
/// is taken.
pub type ReadFile = Arc<dyn Fn(&str) -> io::Result<Vec<u8>> + Send + Sync>;

/// A text that nothing prints: its `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret(String);

impl Secret {
    /// Keeps a text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

#[cfg(test)]
mod tests;
