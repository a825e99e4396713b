//! Definitions of connectors that were made or changed over REST, each in a file of its own that is whole or not there.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use admin::{Pairs, Target};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::files;

/// Where they are, in `data.dir`.
const FOLDER: &str = "connectors";
/// Longest name that is a file's name as it is, in characters; file systems take 255 bytes.
const PLAIN_CHARS_MAX: usize = 100;
/// How much of another name its file's name shows.
const SHOWN_CHARS: usize = 40;

/// What is kept of a connector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) name: String,
    /// As submitted; `None`: deleted over REST, though the command line has it.
    pub(super) config: Option<Pairs>,
    pub(super) target: Target,
    /// What the command line said of it at that time: when it says something else later, that counts.
    pub(super) given: Option<Pairs>,
}

/// A record as it stands in its file.
#[derive(Serialize, Deserialize)]
struct OnDisk {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    config: Option<Pairs>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target_state: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    deleted: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    given: Option<Pairs>,
}

/// The folder of definitions. One process at a time.
#[derive(Debug, Clone)]
pub(super) struct Store {
    folder: PathBuf,
}

impl Store {
    /// What is there. A file that cannot be understood is set aside, and the log says so. Creates nothing.
    ///
    /// # Errors
    ///
    /// The folder cannot be read.
    pub(super) fn open(data_dir: &Path) -> io::Result<(Self, BTreeMap<String, Record>)> {
        let store = Self { folder: data_dir.join(FOLDER) };
        let mut records = BTreeMap::new();
        for path in files::in_folder(&store.folder)? {
            let Some(file) = path.file_name().and_then(|name| name.to_str()) else { continue };
            if files::is_left_over(file) {
                files::remove(&path)?;
            } else if file.ends_with(".json") {
                match read(&path).and_then(|record| in_its_place(record, file)) {
                    Ok(record) => drop(records.insert(record.name.clone(), record)),
                    Err(why) => set_aside(&path, &why)?,
                }
            }
        }
        Ok((store, records))
    }

    /// Keeps a record in the place of the one of its name. When this returns it survives a crash of the machine; until
    /// then the former one does.
    ///
    /// # Errors
    ///
    /// What the system says; the former one is kept.
    pub(super) fn save(&self, record: &Record) -> io::Result<()> {
        let on_disk = OnDisk {
            name: record.name.clone(),
            config: record.config.clone(),
            target_state: record.config.as_ref().map(|_| record.target.name().to_owned()),
            deleted: record.config.is_none(),
            given: record.given.clone(),
        };
        let mut text = serde_json::to_vec_pretty(&on_disk)?;
        text.push(b'\n');
        files::create_folder(&self.folder)?;
        files::replace(&self.folder.join(file_name(&record.name)), &text)
    }

    /// Forgets a record; it is no mistake when there is none.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        files::remove(&self.folder.join(file_name(name)))
    }
}

fn read(path: &Path) -> Result<Record, String> {
    let text = files::read(path).map_err(|error| files::plain(&error))?;
    let on_disk: OnDisk = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
    let OnDisk { name, config, target_state, deleted, given } = on_disk;
    let target = match target_state.as_deref() {
        None => Target::Started,
        Some(word) => Target::of_name(word).ok_or_else(|| format!("target_state {word} is none"))?,
    };
    match (&config, deleted) {
        (Some(config), false) if config.get("name") == Some(&name) => {}
        (Some(_), false) => return Err("name and config.name are not the same".to_owned()),
        (None, true) => {}
        _ => return Err("it has neither a config nor is it deleted".to_owned()),
    }
    Ok(Record { name, config, target, given })
}

/// A file under another's name would come back after the other was deleted.
fn in_its_place(record: Record, file: &str) -> Result<Record, String> {
    let expected = file_name(&record.name);
    if expected == file {
        Ok(record)
    } else {
        Err(format!("the file of this connector is called {expected}"))
    }
}

fn set_aside(path: &Path, why: &str) -> io::Result<()> {
    let aside = files::set_aside(path, "damaged")?;
    tracing::error!(
        file = %path.display(),
        set_aside = %aside.display(),
        why,
        "the definition of a connector cannot be read; the others start"
    );
    Ok(())
}

/// A file's name for every name of a connector, another for each: as it is where no file system could mistake it for
/// another, else by what it begins with and its hash.
fn file_name(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
    let plain = !name.is_empty() && !name.starts_with('.') && name.len() <= PLAIN_CHARS_MAX;
    if plain && name.chars().all(is_plain) {
        return format!("{name}.json");
    }
    let shown: String = name
        .chars()
        .take(SHOWN_CHARS)
        .map(|c| c.to_ascii_lowercase())
        .map(|c| if is_plain(c) && c != '.' { c } else { '_' })
        .collect();
    let hash: String = Sha256::digest(name).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    // No plain name has a tilde.
    format!("{shown}~{hash}.json")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn record(name: &str) -> Record {
        let config =
            Pairs::from([("name".to_owned(), name.to_owned()), ("k".to_owned(), "${a:b}".to_owned())]);
        Record { name: name.to_owned(), config: Some(config), target: Target::Paused, given: None }
    }

    fn hostile() -> Vec<String> {
        let mut names: Vec<String> = [
            "otlp-source",
            "A",
            "a",
            "..",
            "../../etc/passwd",
            "/abs",
            "a/b",
            "a\\b",
            "nul\0byte",
            "ü",
            "日本",
            " ",
            ".x",
            "a.json",
            "con",
            "a~b",
            "-rf",
            "x\ny",
        ]
        .map(str::to_owned)
        .into();
        names.push("x".repeat(10 << 10));
        names.push("é".repeat(5 << 10));
        names
    }

    #[test]
    fn every_name_has_a_file_of_its_own_in_the_folder() {
        let data = tempfile::tempdir().unwrap();
        let (store, none) = Store::open(data.path()).unwrap();
        assert!(none.is_empty());
        assert!(!data.path().join(FOLDER).exists());
        let names = hostile();
        for name in &names {
            store.save(&record(name)).unwrap();
        }
        let files: BTreeSet<String> = std::fs::read_dir(data.path().join(FOLDER))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap().to_ascii_lowercase())
            .collect();
        assert_eq!(files.len(), names.len());
        assert!(files.iter().all(|file| file.len() < 128), "{files:?}");
        assert_eq!(std::fs::read_dir(data.path()).unwrap().count(), 1);
        let (store, records) = Store::open(data.path()).unwrap();
        assert_eq!(records.len(), names.len());
        for name in &names {
            assert_eq!(records[name], record(name));
            store.remove(name).unwrap();
            store.remove(name).unwrap();
        }
        assert!(Store::open(data.path()).unwrap().1.is_empty());
    }

    #[test]
    fn what_is_damaged_is_set_aside_and_the_rest_is_there() {
        let data = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(data.path()).unwrap();
        store.save(&record("good")).unwrap();
        let gone =
            Record { config: None, target: Target::Started, given: record("x").config, ..record("gone") };
        store.save(&gone).unwrap();
        let folder = data.path().join(FOLDER);
        let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
        write("torn.json", "{\"name\":\"torn\",\"conf");
        write("empty.json", "");
        write("stranger.json", r#"{"name":"other","config":{"name":"other"}}"#);
        write("two.json", r#"{"name":"two","config":{"name":"three"}}"#);
        write("state.json", r#"{"name":"state","config":{"name":"state"},"target_state":"FLYING"}"#);
        write("nothing.json", r#"{"name":"nothing"}"#);
        write("good.json.tmp", "half");
        write("readme.txt", "mine");
        let (_, records) = Store::open(data.path()).unwrap();
        assert_eq!(records.into_values().collect::<Vec<_>>(), [gone, record("good")]);
        let mut left: Vec<String> = std::fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(
            left,
            [
                "empty.json.damaged",
                "gone.json",
                "good.json",
                "nothing.json.damaged",
                "readme.txt",
                "state.json.damaged",
                "stranger.json.damaged",
                "torn.json.damaged",
                "two.json.damaged"
            ]
        );
        // The same again does not overwrite what was set aside.
        std::fs::write(folder.join("torn.json"), "x").unwrap();
        Store::open(data.path()).unwrap();
        assert!(folder.join("torn.json.damaged-2").exists());
    }
}
