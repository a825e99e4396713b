//! Hop 6: what a record has beside its value: its key, and its headers.

use bytes::Bytes;
use kafka_client::producer::Headers;
use otlp::Signal;
use otlp::divide::Rule;
use otlp::key::Key;
use pipeline::Carried;

use super::string;
use crate::converter::Envelope;

/// Name of the header that counts a record's items.
pub(crate) const ITEMS: &str = "items";

/// The keys and headers of a connector's records.
#[derive(Debug, Clone, Default)]
pub(crate) struct Marks {
    /// What a request is divided by, and what the keys are.
    pub(crate) rule: Rule,
    /// `JsonConverter` for keys: the text as a JSON string.
    pub(crate) key_json: Option<Envelope>,
    /// Headers that all records of a signal have.
    pub(crate) fixed: [Headers; 4],
    /// Headers that requests bring along, by their places in [`Carried`].
    pub(crate) carried: Vec<String>,
    /// Whether the items are counted in a header, which stands last.
    pub(crate) items: bool,
}

impl Marks {
    /// Whether a request may become several records, or has to be looked at for its key.
    pub(crate) fn divides(&self) -> bool {
        self.rule != Rule::default()
    }

    /// The key of a record.
    pub(crate) fn key(&self, key: Option<Key<'_>>) -> Option<Bytes> {
        let key = key?;
        let mut text = Vec::with_capacity(key.text_bytes());
        key.write(&mut text);
        let Some(envelope) = self.key_json else { return Some(text.into()) };
        let mut json = Vec::new();
        string::write(envelope, &text, usize::MAX, &mut json);
        Some(json.into())
    }

    /// What all records of a request have, but the count of their items.
    pub(crate) fn headers(&self, signal: Signal, carried: &Carried) -> Headers {
        let mut headers = self.fixed[signal.index()].clone();
        for (place, name) in self.carried.iter().enumerate() {
            if let Some(value) = carried.get(place) {
                headers = headers.with(name, value);
            }
        }
        headers
    }

    /// The headers of one record of the request.
    pub(crate) fn with_items(&self, headers: &Headers, items: u64) -> Headers {
        if self.items { headers.with(ITEMS, items.to_string().as_bytes()) } else { headers.clone() }
    }

    /// Bytes that key and headers add to a record, at most.
    pub(crate) fn bytes(&self, key: Option<&Bytes>, headers: &Headers) -> usize {
        /// With its name, its lengths and all digits of a u64.
        const ITEMS_BYTES_MAX: usize = 2 + ITEMS.len() + 20;
        let items = if self.items { ITEMS_BYTES_MAX } else { 0 };
        key.map_or(0, Bytes::len) + headers.bytes() + items
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_text_or_what_connects_json_converter_makes_of_it() {
        let mut marks = Marks::default();
        let key = Some(Key::Service("a \"cart\""));
        assert_eq!(marks.key(key).unwrap(), "a \"cart\"");
        assert_eq!(marks.key(None), None);
        marks.key_json = Some(Envelope::Bare);
        assert_eq!(marks.key(key).unwrap(), r#""a \"cart\"""#);
        marks.key_json = Some(Envelope::Schema);
        assert_eq!(
            marks.key(Some(Key::Resource(1))).unwrap(),
            r#"{"schema":{"type":"string","optional":false},"payload":"0000000000000001"}"#
        );
        assert_eq!(marks.key(None), None);
    }

    #[test]
    fn headers_are_the_fixed_ones_then_the_requests_then_the_count() {
        let fixed = Signal::ALL.map(|signal| Headers::new(&[("signal", Some(signal.name().as_bytes()))]));
        let carried = vec!["x-tenant".to_owned(), "x-region".to_owned()];
        let marks = Marks { fixed, carried, items: true, ..Marks::default() };
        let carried = Carried::new([None, Some(&b"eu"[..])].into_iter());
        let headers = marks.headers(Signal::Logs, &carried);
        let headers = marks.with_items(&headers, 42);
        let expected = [("signal", "logs"), ("x-region", "eu"), ("items", "42")];
        assert!(headers.iter().eq(expected.map(|(name, value)| (name, Some(value.as_bytes())))));
        let key = Bytes::from_static(b"key");
        let most = marks.bytes(Some(&key), &marks.headers(Signal::Logs, &carried));
        let largest = marks.with_items(&marks.headers(Signal::Logs, &carried), u64::MAX);
        assert_eq!(most, key.len() + largest.bytes());
    }

    #[test]
    fn without_keys_and_headers_nothing_is_made() {
        let marks = Marks::default();
        assert!(!marks.divides());
        let headers = marks.headers(Signal::Traces, &Carried::default());
        assert_eq!(marks.with_items(&headers, 7), Headers::default());
        assert_eq!(marks.bytes(None, &headers), 0);
    }
}
