//! What a form shows beside a key's field, and which fields belong to a switch; both follow from the names.

use crate::{Key, Unit};

/// Words that are not written as they stand in names.
const WORDS: [(&str, &str); 12] = [
    ("grpc", "gRPC"),
    ("http", "HTTP"),
    ("https", "HTTPS"),
    ("tls", "TLS"),
    ("ssl", "SSL"),
    ("ca", "CA"),
    ("cert", "certificate"),
    ("max", "maximum"),
    ("otlp", "OTLP"),
    ("kafka", "Kafka"),
    ("rest", "REST"),
    ("cors", "CORS"),
];
/// Where our own names begin, which says nothing beside a field.
const PREFIXES: [&str; 2] = ["otlp.", "kafka."];

impl Key {
    /// What a form writes beside the field: the name in words, with its unit.
    #[must_use]
    pub fn label(&self) -> String {
        let name = PREFIXES.iter().find_map(|prefix| self.name.strip_prefix(prefix)).unwrap_or(self.name);
        let mut words: Vec<&str> = name.split(['.', '-']).collect();
        let unit = match self.kind.unit() {
            Some(unit @ (Unit::Bytes | Unit::Millis)) => {
                words.retain(|word| *word != unit.noun());
                format!(" ({})", unit.noun())
            }
            _ => String::new(),
        };
        let words: Vec<&str> = words.into_iter().map(written).collect();
        let mut label = words.join(" ");
        let first = label.split(' ').next().map_or(0, str::len);
        if label[..first].chars().all(char::is_lowercase)
            && let Some(letter) = label.get_mut(..1)
        {
            letter.make_ascii_uppercase();
        }
        label + &unit
    }

    /// Keys of `table` that matter only by this one: a switch `X.enabled` governs all other `X.…`.
    pub fn dependents<'a>(&self, table: &'a [&'static Self]) -> impl Iterator<Item = &'static str> + 'a {
        let prefix = self.name.strip_suffix("enabled").filter(|prefix| prefix.ends_with('.')).unwrap_or("\0");
        let own = self.name;
        table.iter().map(|key| key.name).filter(move |name| *name != own && name.starts_with(prefix))
    }
}

fn written(word: &str) -> &str {
    WORDS.iter().find(|(name, _)| *name == word).map_or(word, |(_, text)| text)
}
