//! From the keys for a record's key, unit and headers to what the shaping needs.

use config::{Key, Problem, Values};
use kafka_client::producer::Headers;
use otlp::Signal;
use otlp::divide::Rule;
use otlp::key::KeyBy;
use pipeline::Carried;

use super::{
    HEADER_CONVERTER, KEY_CONVERTER, KEY_CONVERTER_SCHEMAS_ENABLE, OTLP_MESSAGE_FORMAT, OTLP_RECORD_HEADERS,
    OTLP_RECORD_KEY, OTLP_RECORD_MAX_BYTES, OTLP_RECORD_UNIT, either,
};
use crate::converter::Converter;
use crate::record::{ITEMS, Marks};

/// Entries of `otlp.record.headers`.
const HEADERS_MAX: usize = 32;
/// Longest name and value of a header that is given in full.
const NAME_BYTES_MAX: usize = 256;
const VALUE_BYTES_MAX: usize = 1024;
/// Words in the names of headers that carry secrets, which whoever reads the topic would get to know.
const SECRETS: [&str; 9] =
    ["authorization", "cookie", "token", "secret", "password", "credential", "api-key", "apikey", "api_key"];

/// One entry of `otlp.record.headers`.
enum Entry<'a> {
    Signal,
    Format,
    Items,
    Fixed(&'a str, &'a str),
    Carried(String),
}

/// What records have beside their values.
pub(super) fn marks(connector: &Values, worker: &Values, problems: &mut Vec<Problem>) -> Marks {
    let key = match connector.text(&OTLP_RECORD_KEY) {
        Some("trace_id") => Some(KeyBy::TraceId),
        Some("service") => Some(KeyBy::Service),
        Some("resource") => Some(KeyBy::Resource),
        _ => None,
    };
    let units = connector.text(&OTLP_RECORD_UNIT) == Some("item");
    let mut marks = Marks { rule: Rule { key, units }, ..Marks::default() };
    let class = |key: &Key| either(connector, worker, key).text(key);
    let schemas = either(connector, worker, &KEY_CONVERTER).bool(&KEY_CONVERTER_SCHEMAS_ENABLE);
    match Converter::of_keys(KEY_CONVERTER.name, class(&KEY_CONVERTER), schemas) {
        Ok(json) => marks.key_json = json,
        Err(problem) => problems.push(problem),
    }
    headers(connector, &mut marks, problems);
    let has_headers = !connector.list(&OTLP_RECORD_HEADERS).is_empty();
    if let Err(problem) = Converter::of_headers(HEADER_CONVERTER.name, class(&HEADER_CONVERTER), has_headers)
    {
        problems.push(problem);
    }
    marks
}

fn headers(connector: &Values, marks: &mut Marks, problems: &mut Vec<Problem>) {
    let words = connector.list(&OTLP_RECORD_HEADERS);
    let mut wrong = |why: String| problems.push(Problem::other(OTLP_RECORD_HEADERS.name, why));
    if words.len() > HEADERS_MAX {
        wrong(format!("{} headers are more than {HEADERS_MAX}", words.len()));
    }
    let mut entries = Vec::new();
    for word in words {
        match entry(word) {
            Ok(entry) => entries.push(entry),
            Err(why) => wrong(why),
        }
    }
    let mut names: Vec<&str> = entries.iter().map(Entry::name).collect();
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        wrong(format!("the header {} is given twice", pair[0]));
    }
    let format = connector.text(&OTLP_MESSAGE_FORMAT).unwrap_or_default();
    marks.fixed = Signal::ALL.map(|signal| {
        let fixed: Vec<(&str, Option<&[u8]>)> = entries
            .iter()
            .filter_map(|entry| {
                let value = match entry {
                    Entry::Signal => signal.name(),
                    Entry::Format => format,
                    Entry::Fixed(_, value) => value,
                    Entry::Items | Entry::Carried(_) => return None,
                };
                Some((entry.name(), Some(value.as_bytes())))
            })
            .collect();
        if fixed.is_empty() { Headers::default() } else { Headers::new(&fixed) }
    });
    marks.items = entries.iter().any(|entry| matches!(entry, Entry::Items));
    marks.carried = entries
        .into_iter()
        .filter_map(|entry| if let Entry::Carried(name) = entry { Some(name) } else { None })
        .collect();
    let most = marks.fixed.iter().map(Headers::bytes).max().unwrap_or(0)
        + marks.carried.iter().map(|name| name.len() + Carried::VALUE_BYTES_MAX).sum::<usize>();
    let record_bytes = connector.size(&OTLP_RECORD_MAX_BYTES);
    if most > record_bytes / 2 {
        wrong(format!(
            "the headers can take {most} bytes, more than half of {} = {record_bytes}",
            OTLP_RECORD_MAX_BYTES.name
        ));
    }
}

impl Entry<'_> {
    fn name(&self) -> &str {
        match self {
            Self::Signal => "signal",
            Self::Format => "format",
            Self::Items => ITEMS,
            Self::Fixed(name, _) => name,
            Self::Carried(name) => name,
        }
    }
}

fn entry(word: &str) -> Result<Entry<'_>, String> {
    if let Some((name, value)) = word.split_once('=') {
        return fixed(name.trim(), value.trim());
    }
    if let Some(name) = word.strip_prefix("header:") {
        return carried(name.trim());
    }
    match word {
        "signal" => Ok(Entry::Signal),
        "format" => Ok(Entry::Format),
        ITEMS => Ok(Entry::Items),
        other => Err(format!(
            "{other} is none of signal, format and items; a header of your own is name=value, one that requests \
             bring is header:name"
        )),
    }
}

fn fixed<'a>(name: &'a str, value: &'a str) -> Result<Entry<'a>, String> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return Err(format!("the name in {name:?}={value:?} must have 1 to {NAME_BYTES_MAX} bytes"));
    }
    if value.len() > VALUE_BYTES_MAX {
        return Err(format!("the value of {name} has more than {VALUE_BYTES_MAX} bytes"));
    }
    if matches!(name, "signal" | "format" | ITEMS) {
        return Err(format!(
            "{name} is given by the server; write {name} without a value, or take another name"
        ));
    }
    Ok(Entry::Fixed(name, value))
}

fn carried(name: &str) -> Result<Entry<'static>, String> {
    let name = name.to_ascii_lowercase();
    // A token of RFC 9110, section 5.6.2.
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(legal) {
        return Err(format!("header:{name} names no header that a request can have"));
    }
    if let Some(word) = SECRETS.iter().find(|word| name.contains(**word)) {
        return Err(format!(
            "header:{name} is refused: a header with \"{word}\" in its name carries a secret, which would lie \
             open in the topic"
        ));
    }
    Ok(Entry::Carried(name))
}
