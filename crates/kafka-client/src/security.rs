//! Hop 7: how a connection is protected and who logs in over it.
//!
//! ```text
//!  java (properties) ─► jaas ─► sasl ─► plain, scram, oauth ◄─ token, msk ◄─ aws
//!         │
//!         └──► tls ◄─ store ◄─ pem, jks, pkcs12 ◄─ der, encryption
//! ```

use std::fmt;
use std::io;
use std::sync::Arc;

use crate::Lookups;

pub mod java;

pub mod jaas;

mod sasl;

mod aws;
mod endpoint;
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

pub use aws::{AwsCredentials, AwsCredentialsProvider};
pub use oauth::OAuthBearer;
pub(crate) use sasl::{Conversation, printable};
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

/// An environment variable, read for this crate; `None` for one that is not set.
pub type Variable = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// What of its surroundings the program shows to this crate.
#[derive(Clone)]
pub struct Surroundings {
    /// Files.
    pub read: ReadFile,
    /// Variables: those of AWS.
    pub variable: Variable,
    /// Where tokens of OAUTHBEARER may come from.
    pub tokens: TokenPlaces,
    /// What looks up the names of those that give tokens and credentials.
    pub lookups: Lookups,
}

impl Surroundings {
    /// Files alone: no variable is set, and tokens may come from anywhere.
    #[must_use]
    pub fn files(read: ReadFile) -> Self {
        let (tokens, lookups) = (TokenPlaces::default(), Lookups::default());
        Self { read, variable: Arc::new(|_| None), tokens, lookups }
    }
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings").field("tokens", &self.tokens).finish_non_exhaustive()
    }
}

/// Where tokens of OAUTHBEARER may come from, after Java's system properties of that purpose.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenPlaces {
    /// URLs, to the letter; `None`: any. `org.apache.kafka.sasl.oauthbearer.allowed.urls`.
    pub urls: Option<Vec<String>>,
    /// Paths of files, to the letter; `None`: any. `org.apache.kafka.sasl.oauthbearer.allowed.files`.
    pub files: Option<Vec<String>>,
}

impl TokenPlaces {
    /// None but those that the worker's keys name: for connectors that others than the operator bring.
    #[must_use]
    pub const fn none() -> Self {
        Self { urls: Some(Vec::new()), files: Some(Vec::new()) }
    }
}

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

#[cfg(fuzzing)]
pub mod fuzzing;

#[cfg(test)]
mod tests;
