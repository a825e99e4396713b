//! Who may call: users by name and password, and pages of other origins in a browser.

use std::collections::BTreeMap;
use std::fmt;

use axum::extract::{Request, State as Shared};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64_simd::STANDARD;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, AUTHORIZATION, ORIGIN, VARY, WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use crate::router::Handle;

/// Names with their passwords.
pub(crate) struct Users(BTreeMap<String, Vec<u8>>);

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Users {
    /// From a file of Java properties.
    pub(crate) fn parse(file: Vec<u8>) -> Result<Self, String> {
        let users = config::properties_of_latin1(&file)
            .map_err(|why| format!("is no file of lines NAME: PASSWORD: {why}"))?;
        if users.is_empty() {
            return Err("has no user, so nobody could call".to_owned());
        }
        Ok(Self(users.into_iter().map(|(name, password)| (name, password.into_bytes())).collect()))
    }

    /// Whether the headers have the name and password of one of them.
    fn let_in(&self, headers: &HeaderMap) -> bool {
        let given = || {
            let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
            let (scheme, encoded) = value.split_once(' ')?;
            let decoded = STANDARD.decode_to_vec(encoded.trim()).ok()?;
            let decoded = String::from_utf8(decoded).ok()?;
            let (name, password) = decoded.split_once(':')?;
            scheme.eq_ignore_ascii_case("basic").then(|| (name.to_owned(), password.to_owned()))
        };
        let Some((name, password)) = given() else { return false };
        // A name that is not there costs a comparison as well.
        let (known, expected) = match self.0.get(&name) {
            Some(expected) => (true, expected.as_slice()),
            None => (false, password.as_bytes()),
        };
        same(expected, password.as_bytes()) && known
    }
}

/// Compares in a time that does not tell where the first difference is.
fn same(left: &[u8], right: &[u8]) -> bool {
    let different = left.iter().zip(right).fold(0, |different, (l, r)| different | (l ^ r));
    left.len() == right.len() && std::hint::black_box(different) == 0
}

/// Turns away whoever is no user.
pub(crate) async fn users_only(Shared(state): Shared<Handle>, request: Request, next: Next) -> Response {
    match &state.options.users {
        Some(users) if !users.let_in(request.headers()) => {
            let realm = HeaderValue::from_static("Basic realm=\"otlp2kafka\", charset=\"UTF-8\"");
            let headers = [(WWW_AUTHENTICATE, realm)];
            (StatusCode::UNAUTHORIZED, headers, "User cannot access the resource.").into_response()
        }
        _ => next.run(request).await,
    }
}

/// What pages of other origins may do.
#[derive(Debug)]
pub(crate) struct Cors {
    /// `None` for all.
    origins: Option<Vec<String>>,
    methods: HeaderValue,
}

impl Cors {
    /// `None` when no origin is named.
    pub(crate) fn new(origins: &str, methods: &str) -> Result<Option<Self>, String> {
        let words = |text: &str| -> Vec<String> {
            text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
        };
        let (origins, mut methods) = (words(origins), words(methods).join(","));
        if origins.is_empty() {
            return Ok(None);
        }
        if methods.is_empty() {
            "GET,POST,HEAD".clone_into(&mut methods);
        }
        let methods =
            HeaderValue::try_from(methods).map_err(|_| "has characters that no method has".to_owned())?;
        let origins = (!origins.iter().any(|origin| origin == "*")).then_some(origins);
        Ok(Some(Self { origins, methods }))
    }

    fn allows(&self, origin: &HeaderValue) -> bool {
        let allowed =
            |origins: &Vec<String>| origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes());
        self.origins.as_ref().is_none_or(allowed)
    }
}

/// Lets pages of allowed origins see answers, and tells browsers beforehand what they may ask for.
pub(crate) async fn cross_origin(Shared(state): Shared<Handle>, request: Request, next: Next) -> Response {
    let Some(cors) = &state.options.cors else { return next.run(request).await };
    let origin = request.headers().get(ORIGIN).filter(|origin| cors.allows(origin)).cloned();
    let asks_beforehand =
        request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    // A browser asks without credentials: it must be told before users are.
    let mut response = if asks_beforehand && origin.is_some() {
        let headers = [
            (ACCESS_CONTROL_ALLOW_METHODS, cors.methods.clone()),
            (ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("Authorization,Content-Type")),
            (ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("60")),
        ];
        (StatusCode::OK, headers).into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_read_as_java_reads_them() {
        let file = b"# see C:\\users\\me\n\nalice: s3cret \\ud83d\\ude00\nbob=b\xf6b\\";
        let Users(users) = Users::parse(file.to_vec()).unwrap();
        let expected = [("alice", "s3cret 😀"), ("bob", "böb")];
        let expected = expected.map(|(name, password)| (name.to_owned(), password.as_bytes().to_vec()));
        assert_eq!(users, BTreeMap::from(expected));
        assert_eq!(
            Users::parse(b"alice: \\u12".to_vec()).unwrap_err(),
            "is no file of lines NAME: PASSWORD: line 1: behind \\u there must be four hexadecimal digits"
        );
        assert_eq!(Users::parse(b"# nobody\n".to_vec()).unwrap_err(), "has no user, so nobody could call");
    }
}
