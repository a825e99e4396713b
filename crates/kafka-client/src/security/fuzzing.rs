//! The door for fuzzing, in its builds only: what reads bytes of brokers, endpoints and files about logins and keys.

use std::collections::BTreeMap;
use std::time::Duration;

use super::jaas::{Jaas, JaasError, LoginModule};
use super::sasl::{Conversation, Login, SaslError};
use super::scram::Scram;
use super::store::{self, Passwords, StoreError};
use super::{ScramHash, Secret, aws, der, endpoint, oauth, token};

/// A login under way with the password `pencil`, whose random number is known.
pub struct ScramLogin(Scram);

impl std::fmt::Debug for ScramLogin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ScramLogin")
    }
}

impl ScramLogin {
    /// For the user `user`.
    pub fn new(hash: ScramHash, nonce: &str) -> Self {
        let login = Login { username: "user".to_owned(), password: Secret::new("pencil") };
        Self(Scram::with_nonce(hash, &login, false, nonce.to_owned()).expect("name and password are good"))
    }

    /// What the client says to this; nothing when it has nothing more to say.
    pub fn respond(&mut self, challenge: Option<&[u8]>) -> Result<Option<Vec<u8>>, SaslError> {
        self.0.respond(challenge)
    }
}

/// The nonce, salt and rounds of a server's first message.
pub fn scram_challenge(said: &str) -> Option<(String, Vec<u8>, u32)> {
    super::scram::challenge(said)
}

/// What the client of OAUTHBEARER says to a challenge after its first message, and then.
pub fn oauth_refusal(challenge: &[u8]) -> (Option<Vec<u8>>, Result<Option<Vec<u8>>, SaslError>) {
    let mut bearer = oauth::begun(b"token".to_vec());
    bearer.respond(None).expect("it speaks first");
    let said = bearer.respond(Some(challenge)).expect("a refusal is answered");
    (said, bearer.respond(Some(b"")))
}

/// The token of an endpoint's answer, and how long it lives.
pub fn token_answer(status: u16, body: &[u8]) -> Result<(String, Option<Duration>), String> {
    let token = token::token_of(status, body)?;
    Ok((token.text.reveal().to_owned(), token.lives_for))
}

/// The token of a file with these bytes.
pub fn token_file(bytes: &[u8]) -> Result<String, SaslError> {
    let bytes = bytes.to_vec();
    let read: super::ReadFile = std::sync::Arc::new(move |_| Ok(bytes.clone()));
    Ok(token::read("token", &read)?.text.reveal().to_owned())
}

/// Host, port and whether TLS is wanted, of a URL.
pub fn url(url: &str) -> Result<(String, u16, bool), SaslError> {
    endpoint::address(url).map(|address| address.parts())
}

/// The URL as errors name it.
pub fn url_in_errors(url: &str) -> String {
    endpoint::place(url)
}

/// The id, secret and token of an endpoint of AWS, and when they end.
pub fn aws_answer(told: &serde_json::Value) -> Option<(String, String, Option<String>, Option<Duration>)> {
    let (found, ends) = aws::credentials(told, "Token").ok()?;
    let token = found.session_token.map(|token| token.reveal().to_owned());
    Some((found.access_key_id, found.secret_access_key.reveal().to_owned(), token, ends))
}

/// The settings of a section of a file of AWS.
pub fn aws_section(text: &str, name: &str) -> BTreeMap<String, String> {
    aws::section(text, name, "")
}

/// Java's login line.
pub fn jaas(line: &str) -> Result<(LoginModule, BTreeMap<String, String>), JaasError> {
    let jaas = Jaas::parse(line)?;
    let options = jaas.options.into_iter().map(|(name, value)| (name, value.reveal().to_owned()));
    Ok((jaas.module, options.collect()))
}

fn passwords(store: Option<&str>, key: Option<&str>) -> Passwords {
    Passwords { store: store.map(Secret::new), key: key.map(Secret::new) }
}

/// The certificates to trust in a store.
pub fn trusted(bytes: &[u8], password: Option<&str>) -> Result<Vec<Vec<u8>>, StoreError> {
    let found = store::trusted(bytes, &passwords(password, None))?;
    Ok(found.into_iter().map(|certificate| certificate.to_vec()).collect())
}

/// The chain and the key of a store.
pub fn identity(
    bytes: &[u8],
    password: Option<&str>,
    key: Option<&str>,
) -> Result<(Vec<Vec<u8>>, Vec<u8>), StoreError> {
    let found = store::identity(bytes, &passwords(password, key))?;
    let chain = found.chain.into_iter().map(|certificate| certificate.to_vec());
    Ok((chain.collect(), found.key.secret_der().to_vec()))
}

/// Issuer, subject and key of a certificate (the contents of their sequences), and the name that counts where no
/// alternative name is a DNS name.
#[expect(clippy::type_complexity, reason = "a door for one caller")]
pub fn certificate(bytes: &[u8]) -> Option<([&[u8]; 3], Option<Option<&str>>)> {
    let read = der::Certificate::read(bytes).ok()?;
    Some(([read.issuer, read.subject, read.key], read.name_without_alternatives().ok()))
}
