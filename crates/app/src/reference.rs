//! `docs/configuration.md`: every key with its kind, range, unit and default, from the tables that the parsers use.

use std::fmt::Write as _;

use config::{Importance, Key, Kind};

use crate::settings::keys;

const HEAD: &str = "\
# Configuration

Written by `cargo xtask docs` from the table that the program itself uses; change the key, not this page.

Worker keys come from the worker properties file, connector keys from the connector's file (flat JSON, JSON with `name`
and `config`, or properties). The environment (`CONNECT_…` and `OTLP2KAFKA_…`; `_` is `.`, `__` is `-`, `___` is `_`)
wins over the files, `-o key=value` over both; what is submitted over REST wins over all of them. `otlp2kafka check`
says what would be in force.

An unknown `otlp.*` or `kafka.topic.*` key is a mistake; other unknown keys of a connector or of the worker are named in
a warning, as Kafka Connect does. Keys of Connect's worker that have no meaning for a worker by itself (where offsets,
configurations and states are stored, `plugin.path`, …) are accepted; `group.id`, `config.storage.topic` and an
`exactly.once.source.support` that is on are named as well. `ssl.client.auth` counts for `https://` listeners only.

Exit codes: 0 after a clean shutdown, 64 when the configuration or the command line is wrong, 1 otherwise.

Values may refer to what is kept elsewhere, as `${provider:path:key}`, wherever they are given: in files, the environment,
`-o` and over REST. `config.providers` names the providers, and
`config.providers.NAME.class` is Kafka's `FileConfigProvider` (a key of a properties file), `DirectoryConfigProvider` (a
file of a folder) or `EnvVarConfigProvider` (`${NAME:KEY}`). `config.providers.NAME.param.allowed.paths` bounds where files
may be, `.param.allowlist.pattern` which variables may be named. REST may refer to files only where `allowed.paths` is set.
References are shown as they were submitted and resolved when they are used; one that leads nowhere is a mistake.

`producer.*` in the worker and `producer.override.*` in the connector take the names of Kafka's Java producer and are
passed on by an allow-list: what has no meaning here is named in a warning, and what would change results without being
honoured, load code or run commands is refused by name.
";

const CLIENTS: &str = "
## Kafka client

Each behind `producer.` or `admin.` in the worker, `producer.override.` or `admin.override.` in the connector. Names,
meanings and defaults are those of the Java clients, except: `linger.ms` 0, `batch.size` 1000000, `max.request.size`
at least what `otlp.record.max.bytes` needs, and `delivery.timeout.ms` at most `otlp.request.hold.ms`. `linger.ms` 0
still gathers records while a request to their broker is on its way. What is said is what the native client does;
librdkafka refuses by name what it cannot do.

| property | takes | |
|---|---|---|
";

/// The whole page.
pub(crate) fn page() -> String {
    let mut page = HEAD.to_owned();
    section(&mut page, "Worker", &keys::worker());
    section(&mut page, "Connector", &keys::connector());
    clients(&mut page);
    page
}

/// The properties of Kafka's Java clients.
fn clients(page: &mut String) {
    page.push_str(CLIENTS);
    for (name, kind, story) in sink::client_properties() {
        // Writing to a String does not fail.
        let _ok = writeln!(page, "| `{name}` | {} | {story} |", takes(kind));
    }
}

fn section(page: &mut String, title: &str, keys: &[&'static Key]) {
    let mut groups: Vec<&str> = Vec::new();
    for key in keys {
        if !groups.contains(&key.group) {
            groups.push(key.group);
        }
    }
    // Writing to a String does not fail.
    let _ok = write!(page, "\n## {title}\n");
    for group in groups {
        let _ok = write!(page, "\n### {group}\n\n| key | takes | default | |\n|---|---|---|---|\n");
        for key in keys.iter().filter(|key| key.group == group) {
            let default = key.default.map_or_else(|| "–".to_owned(), |value| format!("`{value}`"));
            let doc = key.doc.replace('|', "\\|");
            let name = if key.importance == Importance::High {
                format!("**`{}`**", key.name)
            } else {
                format!("`{}`", key.name)
            };
            let _ok = writeln!(page, "| {name} | {} | {default} | {doc} |", takes(key.kind));
        }
    }
}

fn takes(kind: Kind) -> String {
    match kind {
        Kind::Bool => "`true`, `false`".into(),
        Kind::Int { min, max, unit } => {
            let range = if max == i64::MAX { format!("{min} or more") } else { format!("{min} to {max}") };
            format!("{range} {}", unit.noun()).trim_end().to_owned()
        }
        Kind::Text | Kind::NonEmpty => "text".into(),
        Kind::OneOf(words) => {
            let shown = |word: &&str| if word.is_empty() { "nothing".into() } else { format!("`{word}`") };
            words.iter().map(shown).collect::<Vec<_>>().join(", ")
        }
        Kind::List => "words, separated by commas".into(),
        Kind::File => "path of a file".into(),
        Kind::Class => "name of a class".into(),
        Kind::Password => "a secret".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_its_row() {
        let page = page();
        for key in keys::worker().iter().chain(&keys::connector()) {
            assert!(page.contains(&format!("`{}`", key.name)), "{}", key.name);
        }
        assert!(page.contains("1 to 65535 port"));
        for (name, ..) in sink::client_properties() {
            assert!(page.contains(&format!("\n| `{name}` | ")), "{name}");
        }
    }
}
