//! Hop 7: how a connection is protected and who logs in over it.

use tokio_rustls::TlsConnector;

/// TLS and login of a client. Holds secrets: `Debug` shows none.
#[derive(Debug, Clone, Default)]
pub struct Security {
    /// `None`: plain text.
    pub tls: Option<Tls>,
    /// `None`: no login.
    pub sasl: Option<Sasl>,
}

/// What TLS needs: trusted certificates, and one's own where brokers ask for it.
#[derive(Debug, Clone)]
pub enum Tls {}

/// Why TLS cannot be set up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {}

impl Tls {
    /// For a new connection; certificates that were replaced on disk since are taken then.
    pub(crate) fn connector(&self) -> Result<TlsConnector, TlsError> {
        match *self {}
    }
}

/// A mechanism with its credentials.
#[derive(Debug, Clone)]
pub enum Sasl {}

/// Why a login could not be made. Never quotes a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SaslError(pub(crate) String);

/// One login over one connection: the client speaks first (RFC 4422).
pub(crate) trait Conversation: Send {
    /// The client's next message: the first time to nothing, then to the broker's last one. `None`: the client has
    /// nothing more to say, and holds the broker's last message for good.
    fn respond(&mut self, challenge: Option<&[u8]>) -> Result<Option<Vec<u8>>, SaslError>;
}

impl Sasl {
    /// The name that the handshake says.
    pub(crate) fn mechanism(&self) -> &'static str {
        match *self {}
    }

    /// Begins a login with the broker `host`. A token that has to be fetched is fetched here.
    #[expect(clippy::unused_async, reason = "tokens are fetched")]
    pub(crate) async fn begin(&self, _host: &str) -> Result<Box<dyn Conversation>, SaslError> {
        match *self {}
    }
}
