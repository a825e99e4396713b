//! Hop 7: logins over a connection (RFC 4422), a mechanism each; PLAIN (RFC 4616) is here.

use super::aws::AwsCredentialsProvider;
use super::msk;
use super::oauth::{self, OAuthBearer};
use super::scram::{Scram, ScramHash};
use super::{ReadFile, Secret};

/// Broker's words that errors repeat are cut off here.
const SAID_MAX: usize = 200;

/// A name and its password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// `username`.
    pub username: String,
    /// `password`.
    pub password: Secret,
}

/// A mechanism with its credentials.
#[derive(Debug, Clone)]
pub enum Sasl {
    /// `PLAIN`: the password itself; to be used under TLS.
    Plain(Login),
    /// `SCRAM-SHA-256` and `SCRAM-SHA-512`.
    Scram {
        /// Which of them.
        hash: ScramHash,
        /// Who logs in.
        login: Login,
        /// Whether the login is a delegation token (KIP-48): `tokenauth`.
        token_auth: bool,
    },
    /// `OAUTHBEARER`.
    OAuthBearer(OAuthBearer),
    /// `AWS_MSK_IAM`.
    AwsMskIam(AwsCredentialsProvider),
}

/// Why a login could not be made. Never quotes a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SaslError {
    /// The broker says what the mechanism does not allow, or cannot prove that it knows the password.
    #[error("the broker's answer does not hold: {0}")]
    Broker(&'static str),
    /// The broker refuses, in its words.
    #[error("the broker refuses: {said}")]
    Refused {
        /// What it said, cut off and without control characters.
        said: String,
    },
    /// The credentials cannot be used with this mechanism.
    #[error("{what} {why}")]
    Credentials {
        /// Which of them.
        what: &'static str,
        /// What is wrong.
        why: &'static str,
    },
    /// No token, or credentials for one, can be had.
    #[error("no token from {place}: {why}")]
    Token {
        /// The file or the URL.
        place: String,
        /// What went wrong.
        why: String,
    },
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    Random,
}

impl SaslError {
    /// The broker's words, made fit for a log line.
    pub(super) fn refused(said: &[u8]) -> Self {
        Self::Refused { said: printable(said) }
    }
}

/// Somebody else's bytes, made fit for a log line.
pub(crate) fn printable(said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said.get(..SAID_MAX).unwrap_or(said));
    said.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// One login over one connection: the client speaks first (RFC 4422).
pub(crate) trait Conversation: Send {
    /// The client's next message: the first time to nothing, then to the broker's last one. `None`: the client has
    /// nothing more to say, and holds the broker's last message for good.
    fn respond(&mut self, challenge: Option<&[u8]>) -> Result<Option<Vec<u8>>, SaslError>;
}

impl Sasl {
    /// The name that the handshake says.
    pub(crate) fn mechanism(&self) -> &'static str {
        match self {
            Self::Plain(_) => "PLAIN",
            Self::Scram { hash, .. } => hash.mechanism(),
            Self::OAuthBearer(_) => "OAUTHBEARER",
            Self::AwsMskIam(_) => "AWS_MSK_IAM",
        }
    }

    /// Begins a login with the broker `host`. A token that has to be fetched is fetched here.
    pub(crate) async fn begin(&self, host: &str) -> Result<Box<dyn Conversation>, SaslError> {
        Ok(match self {
            Self::Plain(login) => Box::new(Once(Some(plain(login)?))),
            Self::Scram { hash, login, token_auth } => Box::new(Scram::new(*hash, login, *token_auth)?),
            Self::OAuthBearer(settings) => Box::new(oauth::begin(settings).await?),
            Self::AwsMskIam(credentials) => Box::new(msk::begin(credentials, host).await?),
        })
    }

    /// Whether the credentials can be used, as far as that is known without a broker.
    pub(super) fn check(&self, read: &ReadFile) -> Result<(), SaslError> {
        match self {
            Self::Plain(login) => plain(login).map(drop),
            Self::Scram { hash, login, token_auth } => Scram::new(*hash, login, *token_auth).map(drop),
            Self::OAuthBearer(settings) => settings.check(read),
            Self::AwsMskIam(credentials) => credentials.check(),
        }
    }
}

/// The client's only message, which the broker answers with nothing.
pub(super) struct Once(pub(super) Option<Vec<u8>>);

impl Conversation for Once {
    fn respond(&mut self, challenge: Option<&[u8]>) -> Result<Option<Vec<u8>>, SaslError> {
        match challenge {
            None | Some([]) => Ok(self.0.take()),
            Some(said) => Err(SaslError::refused(said)),
        }
    }
}

/// `authzid NUL authcid NUL passwd`, the first left out as Java does.
fn plain(login: &Login) -> Result<Vec<u8>, SaslError> {
    for (what, text) in [("the username", login.username.as_str()), ("the password", login.password.reveal())]
    {
        let why = match text {
            "" => "is empty",
            text if text.contains('\0') => "has a zero byte, which PLAIN cannot say",
            _ => continue,
        };
        return Err(SaslError::Credentials { what, why });
    }
    Ok(["", &login.username, login.password.reveal()].join("\0").into_bytes())
}
