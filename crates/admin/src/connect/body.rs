//! Bodies of requests: JSON of a bounded size, with scalars taken as the text that they were written as.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use serde::de::value::MapAccessDeserializer;
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
        let Object(read) = serde_json::from_str(self.text()?).map_err(|error| bad_json(&error))?;
        Ok(read)
    }

    /// serde_json by itself looks only at strings that somebody wants.
    fn text(&self) -> Result<&str, Error> {
        std::str::from_utf8(&self.0).map_err(|_| Error::bad("The body is not UTF-8"))
    }

    /// The body as a `T` whose every number has become the text that it was written as.
    pub(super) fn parse_as_text<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_str::<IgnoredAny>(self.text()?).map_err(|error| bad_json(&error))?;
        let quoted = serde_json::from_slice(&quote_numbers(&self.0));
        let Object(read) = quoted.map_err(|error| bad_json(&error))?;
        Ok(read)
    }
}

/// An object. By itself serde takes a list for one too, member by member.
#[derive(Debug)]
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }
        deserializer.deserialize_map(Members(PhantomData))
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
    fn a_body_that_is_not_utf8_is_refused_wherever_that_is() {
        #[derive(Debug, Deserialize)]
        struct Wanted {}
        let sent = |json: &'static [u8]| Sent(Bytes::from_static(json));
        for json in [&b"{\"x\":\"\xe2\xe2\"}"[..], b"{\"\xff\":1}"] {
            let errors = [
                sent(json).parse::<Wanted>().map(drop).unwrap_err(),
                sent(json).config().map(drop).unwrap_err(),
            ];
            assert!(errors.iter().all(|error| format!("{error:?}").contains("not UTF-8")), "{errors:?}");
        }
        assert!(sent("{\"é\":\"é\"}".as_bytes()).parse::<Wanted>().is_ok());
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
            "[\"x\",{\"a\":1}]",
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

    /// A body as a whole JSON parser reads it, by rules written down a second time.
    fn expected(json: &serde_json::Value) -> Option<BTreeMap<String, Option<serde_json::Value>>> {
        let scalar = |value: &serde_json::Value| !value.is_object() && !value.is_array();
        let pairs = |map: &serde_json::Map<String, serde_json::Value>| {
            let pair = |(key, value): (&String, &serde_json::Value)| {
                scalar(value).then(|| (key.clone(), Some(value.clone()).filter(|value| !value.is_null())))
            };
            map.iter().map(pair).collect::<Option<BTreeMap<_, _>>>()
        };
        let map = json.as_object()?;
        let name = map.get("name").filter(|name| !name.is_null());
        match map.get("config").and_then(|config| pairs(config.as_object()?)) {
            Some(mut inner) if name.is_none_or(scalar) => {
                if let Some(name) = name {
                    inner.entry("name".to_owned()).or_insert_with(|| Some(name.clone()));
                }
                Some(inner)
            }
            _ => pairs(map),
        }
    }

    fn is_text_of(text: &str, value: &serde_json::Value) -> bool {
        match value {
            serde_json::Value::Number(number) => {
                text.parse::<f64>().is_ok_and(|parsed| Some(parsed) == number.as_f64())
            }
            serde_json::Value::String(string) => text == string,
            other => *text == *other.to_string(),
        }
    }

    #[test]
    fn mutated_bodies_are_read_as_another_parser_reads_them() {
        let seeds: [&[u8]; 4] = [
            br#"{"name":"x","config":{"a":1.50,"b":-1e3,"c":true,"d":null,"e":"\u00fc\"\\"},"initial_state":"PAUSED"}"#,
            br#"{"connector.class":"S","n":123,"f":0.1,"config":"c","s":"1,2","t":" true "}"#,
            br#"{"a":{"b":[1,2,{"c":3}]},"d":[],"e":{}}"#,
            br#"{"a":"1","a":2,"\u0061":3}"#,
        ];
        const BYTES: &[u8] = b"{}[]\":,\\0123456789.-+eE tfn \n\xff\xc3";
        let mut rng = fastrand::Rng::with_seed(7);
        let mut read = 0;
        for round in 0..100_000 {
            let mut body = rng.choice(seeds).unwrap_or_default().to_vec();
            for _ in 0..rng.usize(1..4) {
                let at = rng.usize(..body.len());
                match rng.u8(..4) {
                    0 => body[at] = BYTES[rng.usize(..BYTES.len())],
                    1 => body.insert(at, BYTES[rng.usize(..BYTES.len())]),
                    2 => drop(body.remove(at)),
                    _ => body.extend_from_within(at..),
                }
                if body.is_empty() {
                    body.push(b'{');
                }
            }
            let shown = String::from_utf8_lossy(&body).into_owned();
            let found = Sent(Bytes::from(body.clone())).config();
            let whole = match serde_json::from_slice(&body) {
                Ok(whole) => Some(whole),
                // This one judges the size of numbers, which here are text.
                Err(error) if error.to_string().contains("out of range") => continue,
                Err(_) => None,
            };
            match (whole.as_ref().and_then(expected), found) {
                (None, found) => assert!(found.is_err(), "round {round}: {shown}: {found:?}"),
                (Some(expected), found) => {
                    let found = found.unwrap_or_else(|error| panic!("round {round}: {shown}: {error:?}")).0;
                    read += 1;
                    assert!(found.keys().eq(expected.keys()), "round {round}: {shown}: {found:?}");
                    for (key, value) in &expected {
                        let same = match (&found[key], value) {
                            (Some(text), Some(value)) => is_text_of(text, value),
                            (found, expected) => found.is_none() && expected.is_none(),
                        };
                        assert!(same, "round {round}: {shown}: {key}: {:?}", found[key]);
                    }
                }
            }
        }
        assert!(read > 5_000, "only {read} of the bodies were any");
    }
}
