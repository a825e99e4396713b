//! Bodies of requests: JSON of a bounded size, with scalars taken as the text that they were written as.

use std::collections::BTreeMap;
use std::fmt;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::error::Error;

/// A body as it was sent, of a type that is JSON.
pub(super) struct Sent(Bytes);

impl<S: Send + Sync> FromRequest<S> for Sent {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let json = is_json(request.headers());
        let body = Bytes::from_request(request, state).await.map_err(|rejection| {
            Error::framework(if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
                StatusCode::PAYLOAD_TOO_LARGE
            } else {
                StatusCode::BAD_REQUEST
            })
        })?;
        match json {
            Some(false) => Err(Error::framework(StatusCode::UNSUPPORTED_MEDIA_TYPE)),
            None if !body.is_empty() => Err(Error::framework(StatusCode::UNSUPPORTED_MEDIA_TYPE)),
            Some(true) | None => Ok(Self(body)),
        }
    }
}

/// Whether the type is JSON; `None` when it is not said.
fn is_json(headers: &HeaderMap) -> Option<bool> {
    let kind = headers.get(CONTENT_TYPE)?.to_str().unwrap_or("");
    let kind = kind.split(';').next().unwrap_or("").trim();
    Some(["application/json", "application/*", "*/*"].iter().any(|json| json.eq_ignore_ascii_case(kind)))
}

impl Sent {
    /// The body as a `T`, numbers kept as such.
    pub(super) fn parse<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.0).map_err(|error| bad_json(&error))
    }

    /// The body as a `T` whose every number has become the text that it was written as.
    pub(super) fn parse_as_text<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice::<IgnoredAny>(&self.0).map_err(|error| bad_json(&error))?;
        serde_json::from_slice(&quote_numbers(&self.0)).map_err(|error| bad_json(&error))
    }
}

/// Where serde_json says "line 1 column 2" the client's own text is not repeated: it may hold secrets.
fn bad_json(error: &serde_json::Error) -> Error {
    let what = error.to_string();
    let what = what.split(" at line ").next().unwrap_or("").to_owned();
    let what = if error.is_data() { data_error(&what) } else { what };
    Error::bad(format!(
        "Cannot read the body as JSON: {what} at line {} column {}",
        error.line(),
        error.column()
    ))
}

/// "invalid type: string "hunter2", expected a map" without what was found.
fn data_error(what: &str) -> String {
    match (what.split_once(": "), what.rsplit_once(", expected ")) {
        (Some((kind, _)), Some((_, expected))) => format!("{kind}, expected {expected}"),
        _ => what.to_owned(),
    }
}

/// Puts quotes around the numbers of a text that is JSON.
fn quote_numbers(json: &[u8]) -> Vec<u8> {
    let mut quoted = Vec::with_capacity(json.len() + json.len() / 4);
    let mut rest = json;
    while let Some((&first, after)) = rest.split_first() {
        let length = match first {
            b'"' => string_length(rest),
            b'-' | b'0'..=b'9' => {
                let is_number = |b: &u8| matches!(b, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9');
                rest.iter().take_while(|b| is_number(b)).count()
            }
            _ => {
                quoted.push(first);
                rest = after;
                continue;
            }
        };
        let (token, after) = rest.split_at(length);
        if first == b'"' {
            quoted.extend_from_slice(token);
        } else {
            quoted.push(b'"');
            quoted.extend_from_slice(token);
            quoted.push(b'"');
        }
        rest = after;
    }
    quoted
}

/// The length of the string that `json` begins with, quotes included.
fn string_length(json: &[u8]) -> usize {
    let mut escaped = false;
    for (at, &byte) in json.iter().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    json.len()
}

/// A text, or a scalar taken as one.
#[derive(Debug)]
pub(super) struct Text(pub(super) String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Scalar;
        impl Visitor<'_> for Scalar {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E>(self, text: &str) -> Result<Text, E> {
                Ok(Text(text.to_owned()))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Text, E> {
                Ok(Text(value.to_string()))
            }
        }
        deserializer.deserialize_any(Scalar)
    }
}

/// Texts by key. Of a key that stands twice the last value counts, as in Connect.
#[derive(Debug, Default)]
pub(super) struct Texts(pub(super) BTreeMap<String, Option<String>>);

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Texts;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of strings")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Texts, A::Error> {
                let mut texts = BTreeMap::new();
                while let Some((key, value)) = map.next_entry::<String, Option<Text>>()? {
                    texts.insert(key, value.map(|Text(text)| text));
                }
                Ok(Texts(texts))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

/// The pairs of a connector, flat or within `{"name": …, "config": {…}}`.
#[derive(Debug)]
pub(super) struct Config(pub(super) BTreeMap<String, Option<String>>);

/// The wrapped form, which the pairs in it show; all else in it is left aside.
#[derive(Deserialize)]
struct Wrapped {
    name: Option<Text>,
    config: Texts,
}

impl Sent {
    /// The body as a connector's pairs.
    pub(super) fn config(&self) -> Result<Config, Error> {
        if let Ok(Wrapped { name, config: Texts(mut pairs) }) = self.parse_as_text::<Wrapped>() {
            if let Some(Text(name)) = name {
                pairs.entry("name".to_owned()).or_insert(Some(name));
            }
            return Ok(Config(pairs));
        }
        self.parse_as_text::<Texts>().map(|Texts(pairs)| Config(pairs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(json: &str) -> Vec<(String, Option<String>)> {
        Sent(Bytes::copy_from_slice(json.as_bytes())).config().unwrap().0.into_iter().collect()
    }

    fn error(json: &str) -> String {
        let error = Sent(Bytes::copy_from_slice(json.as_bytes())).config().unwrap_err();
        format!("{error:?}")
    }

    #[test]
    fn scalars_become_the_text_that_they_were_written_as() {
        let json = r#"{"a":1.50,"b":-1e3,"c":12345678901234567890,"d":true,"e":null,"f":"1\"2\\","g\"1":0,"f":"x,1"}"#;
        let text = |text: &str| Some(text.to_owned());
        let expected = [
            ("a", text("1.50")),
            ("b", text("-1e3")),
            ("c", text("12345678901234567890")),
            ("d", text("true")),
            ("e", None),
            ("f", text("x,1")),
            ("g\"1", text("0")),
        ];
        assert_eq!(config(json), expected.map(|(key, value)| (key.to_owned(), value)));
    }

    #[test]
    fn the_wrapped_form_is_known_by_its_config() {
        let flat = [("a".to_owned(), Some("1".to_owned())), ("name".to_owned(), Some("x".to_owned()))];
        assert_eq!(config(r#"{"name":"x","config":{"a":1},"tasks":[{"task":0}],"type":"source"}"#), flat);
        assert_eq!(config(r#"{"name":"y","config":{"a":1,"name":"x"}}"#), flat);
        assert_eq!(config(r#"{"config":"flat"}"#), [("config".to_owned(), Some("flat".to_owned()))]);
    }

    #[test]
    fn what_is_no_config_is_refused_without_being_repeated() {
        for json in [
            "[]",
            "null",
            "\"hunter2\"",
            "{",
            "",
            "{\"a\":{\"b\":1}}",
            "{\"a\":[1]}",
            "{\"a\":1}}",
            "\u{feff}{}",
        ] {
            let text = error(json);
            assert!(text.contains("400"), "{json}: {text}");
            assert!(!text.contains("hunter2"), "{json}: {text}");
        }
        let deep = format!("{}{}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
        assert!(error(&deep).contains("400"));
    }
}
