//! A release's licences: the texts that come with the crates in the program, and with the C code in them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use super::{Crates, told};

/// How the names of files with licences begin, in capitals.
const NAMES: [&str; 6] = ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE"];
/// C code lies that deep in a crate.
const DEPTH: usize = 3;

/// The text of a file with all of them: each text once, after the crates that it is of.
pub(super) fn text(target: &str, crates: &Crates) -> Result<String> {
    let args = ["metadata", "--format-version", "1", "--locked", "--filter-platform", target];
    let known: Value = serde_json::from_str(&told("cargo", &args)?)?;
    let mut said =
        String::from("What is in otlp2kafka beside its own code, each under the licence that it names.\n\n");
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in known["packages"].as_array().context("cargo knows packages")? {
        let of = |key: &str| package[key].as_str().unwrap_or_default().to_owned();
        let (name, version) = (of("name"), of("version"));
        // What has no source is of this repository.
        if package["source"].is_null() || !crates.contains(&(name.clone(), version.clone())) {
            continue;
        }
        writeln!(said, "{name} {version}: {}", of("license"))?;
        let folder = PathBuf::from(of("manifest_path"));
        for file in files(folder.parent().context("a crate has a folder")?, DEPTH)? {
            // Files in other encodings are licences as well.
            let text = String::from_utf8_lossy(&fs::read(&file)?).replace("\r\n", "\n");
            let of = texts.entry(text.trim().to_owned()).or_default();
            if of.last() != Some(&name) {
                of.push(name.clone());
            }
        }
    }
    for (text, of) in texts {
        write!(said, "\n{}\n{}\n\n{text}\n", "-".repeat(80), of.join(", "))?;
    }
    Ok(said)
}

fn files(folder: &Path, depth: usize) -> Result<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder)? {
        let (path, kind) = entry.and_then(|entry| Ok((entry.path(), entry.file_type()?)))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
        if kind.is_file() && NAMES.iter().any(|begin| name.starts_with(begin)) && !name.ends_with(".RS") {
            found.insert(path);
        } else if kind.is_dir() && depth > 0 {
            found.extend(files(&path, depth - 1)?);
        }
    }
    Ok(found)
}
