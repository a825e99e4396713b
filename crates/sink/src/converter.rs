//! Hop 6: what Kafka Connect's converters would make of a record's value and key.

use config::Problem;

/// What becomes of a value after its format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Converter {
    /// Base64 text in place of bytes, as the reference connector writes protobuf.
    pub(crate) base64: bool,
    /// `JsonConverter`: the text as a JSON string, or that string with its schema.
    pub(crate) json_string: Option<Envelope>,
}

/// The two forms of Connect's `JsonConverter`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Envelope {
    /// `schemas.enable=false`.
    Bare,
    /// `schemas.enable=true`.
    Schema,
}

impl Envelope {
    /// What stands before the escaped text.
    pub(crate) const fn head(self) -> &'static str {
        match self {
            Self::Bare => "\"",
            Self::Schema => r#"{"schema":{"type":"string","optional":false},"payload":""#,
        }
    }

    /// What stands behind it.
    pub(crate) const fn tail(self) -> &'static str {
        match self {
            Self::Bare => "\"",
            Self::Schema => "\"}",
        }
    }
}

const STRING: &str = "org.apache.kafka.connect.storage.StringConverter";
const JSON: &str = "org.apache.kafka.connect.json.JsonConverter";
const BYTES: &str = "org.apache.kafka.connect.converters.ByteArrayConverter";
const SIMPLE_HEADERS: &str = "org.apache.kafka.connect.storage.SimpleHeaderConverter";

/// Converters of keys and values that a connector may name.
pub static CONVERTERS: &[&str] = &[BYTES, JSON, STRING];
/// Converters of headers that a connector may name.
pub static HEADER_CONVERTERS: &[&str] = &[BYTES, JSON, SIMPLE_HEADERS, STRING];

impl Converter {
    /// The converter of values. `class` is the user's, `protobuf` the format, `schemas` its `schemas.enable`.
    pub(crate) fn of_values(
        key: &str,
        class: Option<&str>,
        protobuf: bool,
        schemas: bool,
    ) -> Result<Self, Problem> {
        match class {
            None => Ok(Self::default()),
            Some(STRING) => Ok(Self { base64: protobuf, json_string: None }),
            Some(JSON) => {
                let envelope = if schemas { Envelope::Schema } else { Envelope::Bare };
                Ok(Self { base64: protobuf, json_string: Some(envelope) })
            }
            Some(BYTES) if protobuf => Ok(Self::default()),
            Some(BYTES) => Err(Problem::invalid(
                key,
                class,
                "Invalid schema type for ByteArrayConverter: STRING; it goes with otlp.message.format=protobuf",
            )),
            Some(other) => Err(unknown(key, other)),
        }
    }

    /// The converter of keys, which are texts.
    pub(crate) fn of_keys(
        key: &str,
        class: Option<&str>,
        schemas: bool,
    ) -> Result<Option<Envelope>, Problem> {
        match class {
            None | Some(STRING | BYTES) => Ok(None),
            Some(JSON) => Ok(Some(if schemas { Envelope::Schema } else { Envelope::Bare })),
            Some(other) => Err(unknown(key, other)),
        }
    }

    /// Checks the converter of headers, which are texts as Connect's own default writes them.
    pub(crate) fn of_headers(key: &str, class: Option<&str>, has_headers: bool) -> Result<(), Problem> {
        match class {
            None | Some(STRING | BYTES | SIMPLE_HEADERS) => Ok(()),
            Some(JSON) if !has_headers => Ok(()),
            Some(JSON) => Err(Problem::invalid(
                key,
                class,
                format!(
                    "headers are written as plain text; use {SIMPLE_HEADERS} or remove otlp.record.headers"
                ),
            )),
            Some(other) => Err(unknown(key, other)),
        }
    }
}

fn unknown(key: &str, class: &str) -> Problem {
    let why = format!(
        "this server has no such converter and would have to leave it out; use {STRING}, {JSON} or {BYTES}"
    );
    Problem::invalid(key, Some(class), why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn converters_are_taken_or_refused_by_name() {
        let of = |class, protobuf, schemas| Converter::of_values("value.converter", class, protobuf, schemas);
        assert_eq!(of(None, true, true), Ok(Converter::default()));
        assert_eq!(of(Some(STRING), false, true), Ok(Converter::default()));
        assert_eq!(of(Some(STRING), true, true), Ok(Converter { base64: true, json_string: None }));
        let json = of(Some(JSON), false, false).unwrap();
        assert_eq!(json, Converter { base64: false, json_string: Some(Envelope::Bare) });
        let json = of(Some(JSON), true, true).unwrap();
        assert_eq!(json, Converter { base64: true, json_string: Some(Envelope::Schema) });
        assert_eq!(of(Some(BYTES), true, true), Ok(Converter::default()));
        assert!(of(Some(BYTES), false, true).unwrap_err().to_string().contains("STRING"));
        let avro = of(Some("io.confluent.connect.avro.AvroConverter"), false, true).unwrap_err();
        assert!(avro.to_string().starts_with(
            "Invalid value io.confluent.connect.avro.AvroConverter for configuration value.converter"
        ));
        assert_eq!(Converter::of_headers("header.converter", Some(SIMPLE_HEADERS), true), Ok(()));
        assert_eq!(Converter::of_headers("header.converter", Some(JSON), false), Ok(()));
        assert!(Converter::of_headers("header.converter", Some(JSON), true).is_err());
        assert_eq!(Converter::of_keys("key.converter", Some(STRING), true), Ok(None));
        assert_eq!(Converter::of_keys("key.converter", Some(JSON), true), Ok(Some(Envelope::Schema)));
        assert_eq!(Converter::of_keys("key.converter", Some(JSON), false), Ok(Some(Envelope::Bare)));
        assert!(Converter::of_keys("key.converter", Some("x.Y"), true).is_err());
    }
}
