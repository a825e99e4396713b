//! Hop 7: OAUTHBEARER (RFC 7628): a token in the client's first message.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::sasl::{Conversation, SaslError};
use super::token::{self, Token, TokenSource};
use super::{ReadFile, Secret, endpoint};

/// Parts of the message are divided by this.
const DIVIDER: &str = "\u{1}";
/// A token that was fetched is used for this share of its life, as by Java (`sasl.login.refresh.window.factor`).
const USED_FOR: f64 = 0.8;
/// Longest use of a token that was fetched, so that what was withdrawn does not stay for days.
const USED_MAX: Duration = Duration::from_secs(3600);

/// Where tokens come from and what is said beside them. Clones share the token that was fetched last.
#[derive(Clone)]
pub struct OAuthBearer {
    source: TokenSource,
    /// KIP-342, such as `logicalCluster` of Confluent Cloud.
    extensions: BTreeMap<String, String>,
    fetched: Fetched,
}

/// A token and until when it is used.
type Fetched = Arc<Mutex<Option<(Secret, Instant)>>>;

impl fmt::Debug for OAuthBearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuthBearer").field("source", &self.source).finish_non_exhaustive()
    }
}

impl OAuthBearer {
    /// Settings with nothing fetched yet. `extensions` by their names (KIP-342).
    ///
    /// # Errors
    ///
    /// If an extension has characters that the message has no room for.
    pub fn new(source: TokenSource, extensions: BTreeMap<String, String>) -> Result<Self, SaslError> {
        for (name, value) in &extensions {
            let why = if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphabetic()) {
                "has a name that is not of letters"
            } else if name == "auth" {
                "must not be named auth"
            } else if !value.chars().all(|c| matches!(c, ' '..='~' | '\t' | '\r' | '\n')) {
                "has a value with other than printable ASCII characters"
            } else {
                continue;
            };
            return Err(SaslError::Credentials { what: "an extension_ option", why });
        }
        Ok(Self { source, extensions, fetched: Arc::default() })
    }

    /// Whether a token can be had, as far as that is known without asking anybody.
    pub(super) fn check(&self, read: &ReadFile) -> Result<(), SaslError> {
        match &self.source {
            TokenSource::File { path, .. } => token::read_of_any_age(path, read).map(drop),
            TokenSource::Endpoint(credentials) => endpoint::address(&credentials.url).map(drop),
        }
    }

    async fn token(&self) -> Result<Secret, SaslError> {
        let credentials = match &self.source {
            TokenSource::File { path, read } => return token::read(path, read).map(|token| token.text),
            TokenSource::Endpoint(credentials) => credentials,
        };
        // Held while fetching, so that many connections at once fetch one token.
        let mut fetched = self.fetched.lock().await;
        if let Some((token, _)) = fetched.as_ref().filter(|(_, until)| Instant::now() < *until) {
            return Ok(token.clone());
        }
        let Token { text, lives_for } = token::fetch(credentials).await?;
        // Without a known life, it is fetched for each login.
        if let Some(lives_for) = lives_for {
            let until = Instant::now() + lives_for.min(USED_MAX).mul_f64(USED_FOR);
            *fetched = Some((text.clone(), until));
        }
        Ok(text)
    }
}

/// Gets the token and makes the first message of it.
pub(super) async fn begin(settings: &OAuthBearer) -> Result<Bearer, SaslError> {
    let token = settings.token().await?;
    let mut said = format!("n,,{DIVIDER}auth=Bearer {}{DIVIDER}", token.reveal());
    for (name, value) in &settings.extensions {
        said.push_str(&format!("{name}={value}{DIVIDER}"));
    }
    said.push_str(DIVIDER);
    Ok(Bearer { said: Some(said.into_bytes()), refused: None, fetched: Arc::clone(&settings.fetched) })
}

/// A login with this first message, for fuzzing.
#[cfg(fuzzing)]
pub(super) fn begun(said: Vec<u8>) -> Bearer {
    Bearer { said: Some(said), refused: None, fetched: Arc::default() }
}

/// A login under way.
pub(super) struct Bearer {
    said: Option<Vec<u8>>,
    refused: Option<SaslError>,
    fetched: Fetched,
}

impl Conversation for Bearer {
    fn respond(&mut self, challenge: Option<&[u8]>) -> Result<Option<Vec<u8>>, SaslError> {
        if let Some(refused) = self.refused.take() {
            return Err(refused);
        }
        match challenge {
            None | Some([]) => Ok(self.said.take()),
            // A refusal is a challenge, which has to be answered before the broker fails the login (RFC 7628, 3.2.3).
            Some(said) => {
                self.refused = Some(SaslError::refused(said));
                // The next login fetches a new one.
                if let Ok(mut fetched) = self.fetched.try_lock() {
                    *fetched = None;
                }
                Ok(Some(DIVIDER.as_bytes().to_vec()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(token: &'static [u8], extensions: &[(&str, &str)]) -> Result<OAuthBearer, SaslError> {
        let read: ReadFile = Arc::new(move |_| Ok(token.to_vec()));
        let extensions = extensions.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        OAuthBearer::new(TokenSource::File { path: "token".to_owned(), read }, extensions)
    }

    #[tokio::test]
    async fn the_first_message_is_that_of_the_rfc_and_a_refusal_is_answered() {
        // The token of RFC 7628, section 4.1.
        let settings = settings(b"vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\n", &[("a", "b")]).unwrap();
        let mut bearer = begin(&settings).await.unwrap();
        let expected = "n,,\u{1}auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\u{1}a=b\u{1}\u{1}";
        assert_eq!(bearer.respond(None).unwrap().unwrap(), expected.as_bytes());
        assert_eq!(bearer.respond(Some(b"")), Ok(None));
        let mut bearer = begin(&settings).await.unwrap();
        bearer.respond(None).unwrap();
        let said = bearer.respond(Some(b"{\"status\":\"invalid_token\"}"));
        assert_eq!(said, Ok(Some(vec![1])));
        let error = bearer.respond(Some(b"")).unwrap_err();
        assert!(error.to_string().contains("invalid_token"), "{error}");
    }

    #[tokio::test]
    async fn what_cannot_be_said_is_refused() {
        assert!(settings(b"t", &[("auth", "b")]).is_err());
        assert!(settings(b"t", &[("a1", "b")]).is_err());
        assert!(settings(b"t", &[("a", "b\u{1}")]).is_err());
        for token in [&b""[..], b"\n", b"a b", b"a\x01auth=x", b"\xFF"] {
            assert!(begin(&settings(token, &[]).unwrap()).await.is_err(), "{token:?}");
        }
    }
}
