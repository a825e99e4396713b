//! Hop 7: tokens of OAUTHBEARER, from a file or by a client's credentials (RFC 6749, section 4.4).

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::request::Builder;
use http::{HeaderValue, Method, Request};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::endpoint::{Limits, address, exchange, place};
use super::sasl::{SaslError, printable};
use super::{ReadFile, Secret, Tls};
use crate::Lookups;

/// Larger tokens are refused: brokers' answers to them, too.
const TOKEN_BYTES_MAX: usize = 256 << 10;
/// A token of a file is refused here when it expired so long ago; sooner, clocks may differ.
const EXPIRED_FOR: Duration = Duration::from_secs(60);
/// What stays as it is in a form (`application/x-www-form-urlencoded`).
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'*');

/// Where tokens come from.
#[derive(Clone)]
pub enum TokenSource {
    /// A file that is read anew for each login.
    File {
        /// Its path.
        path: String,
        /// Reads it.
        read: ReadFile,
    },
    /// An endpoint that gives them to clients.
    Endpoint(ClientCredentials),
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, .. } => f.debug_tuple("File").field(path).finish(),
            Self::Endpoint(credentials) => credentials.fmt(f),
        }
    }
}

/// What a token endpoint is asked with.
#[derive(Debug, Clone)]
pub struct ClientCredentials {
    /// `sasl.oauthbearer.token.endpoint.url`, `https` or `http`.
    pub url: String,
    /// `clientId`.
    pub client_id: String,
    /// `clientSecret`.
    pub client_secret: Secret,
    /// `scope`.
    pub scope: Option<String>,
    /// `sasl.oauthbearer.header.urlencode`: id and secret are encoded as RFC 6749 asks, which Java leaves out by default.
    pub header_urlencode: bool,
    /// Longest time for TCP and TLS; `sasl.login.connect.timeout.ms`.
    pub connect_timeout: Duration,
    /// Longest time for the answer; `sasl.login.read.timeout.ms`.
    pub read_timeout: Duration,
    /// For `https`.
    pub tls: Option<Tls>,
    /// What looks up its name.
    pub lookups: Lookups,
}

/// A token and how long it lives from now on, if that is known.
pub(super) struct Token {
    pub(super) text: Secret,
    pub(super) lives_for: Option<Duration>,
}

/// Reads a token from a file. One that is out of date is told from one that is none: whoever writes the file brings a
/// new one.
pub(super) fn read(path: &str, read: &ReadFile) -> Result<Token, SaslError> {
    let token = read_of_any_age(path, read)?;
    if let (Some(expires_at), Ok(now)) =
        (expires_at(token.reveal()), SystemTime::now().duration_since(UNIX_EPOCH))
        && let Some(ago) = now.checked_sub(expires_at).filter(|ago| *ago > EXPIRED_FOR)
    {
        let why = format!("the token expired {} s ago", ago.as_secs());
        return Err(SaslError::Token { place: path.to_owned(), why });
    }
    Ok(Token { text: token, lives_for: None })
}

/// As [`read`], whether it is out of date or not.
pub(super) fn read_of_any_age(path: &str, read: &ReadFile) -> Result<Secret, SaslError> {
    let failed = |why: String| SaslError::Token { place: path.to_owned(), why };
    let bytes = read(path).map_err(|error| failed(error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| failed("the file is not text".to_owned()))?;
    checked(text.trim()).map_err(|why| failed(why.to_owned()))
}

fn checked(token: &str) -> Result<Secret, &'static str> {
    if token.is_empty() {
        return Err("the token is empty");
    }
    if token.len() > TOKEN_BYTES_MAX {
        return Err("the token has more than 256 KiB");
    }
    // `b64token` of RFC 6750, and with it no character that could end its part of the message.
    let legal = |c: char| c.is_ascii_alphanumeric() || "-._~+/=".contains(c);
    if token.chars().all(legal) {
        Ok(Secret::new(token))
    } else {
        Err("the token has characters that no token has (RFC 6750)")
    }
}

/// `exp` of a JSON web token, since 1970; other tokens say nothing.
fn expires_at(token: &str) -> Option<Duration> {
    let claims = token.split('.').nth(1)?;
    let claims = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(claims.trim_end_matches('=')).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    Duration::try_from_secs_f64(claims.get("exp")?.as_f64()?).ok()
}

/// Asks the endpoint for a token.
pub(super) async fn fetch(credentials: &ClientCredentials) -> Result<Token, SaslError> {
    let address = address(&credentials.url)?;
    let failed = |why: String| SaslError::Token { place: place(&credentials.url), why };
    let (request, form) = request(credentials).map_err(&failed)?;
    let limits = Limits { connect: credentials.connect_timeout, answer: credentials.read_timeout };
    let answer =
        exchange(&credentials.lookups, &address, credentials.tls.as_ref(), limits, request, form).await;
    answer.and_then(|(status, body)| token_of(status, &body)).map_err(failed)
}

/// The head of the request, and the form that it carries.
fn request(credentials: &ClientCredentials) -> Result<(Builder, String), String> {
    let encode = |text: &str| match credentials.header_urlencode {
        true => utf8_percent_encode(text, FORM).to_string(),
        false => text.to_owned(),
    };
    let login = format!("{}:{}", encode(&credentials.client_id), encode(credentials.client_secret.reveal()));
    let login = format!("Basic {}", base64_simd::STANDARD.encode_to_string(login));
    let mut login = HeaderValue::from_str(&login).map_err(|error| error.to_string())?;
    login.set_sensitive(true);
    let mut form = "grant_type=client_credentials".to_owned();
    if let Some(scope) = &credentials.scope {
        form.push_str("&scope=");
        form.extend(utf8_percent_encode(scope, FORM));
    }
    let request = Request::builder()
        .method(Method::POST)
        .header(AUTHORIZATION, login)
        .header(ACCEPT, "application/json")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    Ok((request, form))
}

pub(super) fn token_of(status: u16, body: &[u8]) -> Result<Token, String> {
    let answer: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    let text = |name: &str| answer.get(name).and_then(Value::as_str);
    if !matches!(status, 200 | 201) {
        let said = [text("error"), text("error_description")].into_iter().flatten().collect::<Vec<_>>();
        return Err(printable(
            format!("answered with status {status} {}", said.join(": ")).trim().as_bytes(),
        ));
    }
    let token = text("access_token").ok_or("its answer has no access_token")?;
    let token = checked(token)?;
    let until = expires_at(token.reveal());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok();
    let of_claims = until.zip(now).map(|(until, now)| until.saturating_sub(now));
    let of_answer = answer.get("expires_in").and_then(Value::as_u64).map(Duration::from_secs);
    Ok(Token { text: token, lives_for: of_answer.into_iter().chain(of_claims).min() })
}
