//! The layout's own rules: who may use whom, one sentence a file, files and functions that fit a head.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::shell;

/// Longest file, its tests left out.
const FILE_LINES_MAX: usize = 500;
/// Longest function.
const FUNCTION_LINES_MAX: usize = 80;
/// Folders whose `.rs` files are held to the rules.
const SOURCES: [&str; 4] = ["bench", "crates", "fuzz", "xtask"];
/// Files that may hold `unsafe`; ARCHITECTURE.md says why.
const UNSAFE: [&str; 3] = [
    "crates/app/src/allocator.rs",
    "crates/otlp/src/simd.rs",
    "crates/sink/src/producer/librdkafka/zero_copy.rs",
];
/// Crates of ours that a crate may use, tests apart. ARCHITECTURE.md gives the reasons.
const USES: [(&str, &[&str]); 11] = [
    ("otlp", &[]),
    ("config", &[]),
    ("kafka-wire", &[]),
    ("kafka-client", &["kafka-wire"]),
    ("pipeline", &["otlp", "config"]),
    ("receiver", &["pipeline", "otlp", "config"]),
    ("sink", &["pipeline", "otlp", "config", "kafka-client"]),
    ("dev-broker", &["kafka-wire"]),
    ("admin", &["config", "pipeline"]),
    ("app", &["admin", "config", "dev-broker", "kafka-client", "otlp", "pipeline", "receiver", "sink"]),
    ("testkit", &["otlp"]),
];

/// Prints every breach and fails if there is one.
pub(crate) fn main() -> Result<()> {
    let mut breaches = Vec::new();
    for file in sources()? {
        let text = fs::read_to_string(shell::root().join(&file))?;
        check_file(&file.to_string_lossy(), &text, &mut breaches);
    }
    for (name, allowed) in USES {
        let manifest = fs::read_to_string(shell::root().join(format!("crates/{name}/Cargo.toml")))?;
        check_uses(name, allowed, &manifest, &mut breaches);
    }
    for entry in fs::read_dir(shell::root().join("crates"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !USES.iter().any(|(known, _)| *known == name) {
            breaches.push(format!("crates/{name}: not in tidy's table of who may use whom"));
        }
    }
    for breach in &breaches {
        shell::say(breach);
    }
    if !breaches.is_empty() {
        bail!("{} breaches of the layout", breaches.len());
    }
    shell::say("tidy: the layout holds");
    Ok(())
}

fn sources() -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders: Vec<PathBuf> = SOURCES.iter().map(PathBuf::from).collect();
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(shell::root().join(&folder)) else { continue };
        for entry in entries {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                if entry.file_name() != "target" {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

fn is_test(file: &str) -> bool {
    file.ends_with("/tests.rs") || file.contains("/tests/")
}

fn check_file(file: &str, text: &str, breaches: &mut Vec<String>) {
    if !text.starts_with("//! ") {
        breaches.push(format!("{file}: starts without the `//!` sentence that says what it is"));
    }
    if Path::new(file).components().any(|part| part.as_os_str() == "generated.rs") {
        return;
    }
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text);
    let lines = code.lines().count();
    if lines > FILE_LINES_MAX && !is_test(file) {
        breaches.push(format!("{file}: {lines} lines; {FILE_LINES_MAX} at most"));
    }
    if code.lines().any(|line| line.contains("unsafe {") || line.contains("unsafe fn"))
        && !UNSAFE.contains(&file)
        && file != "xtask/src/tidy.rs"
    {
        breaches.push(format!("{file}: `unsafe` outside of {}", UNSAFE.join(", ")));
    }
    for (name, lines) in functions(text) {
        if lines > FUNCTION_LINES_MAX {
            breaches.push(format!("{file}: fn {name} has {lines} lines; {FUNCTION_LINES_MAX} at most"));
        }
    }
}

/// Names and lengths of the functions, from `fn` to the closing brace that rustfmt puts below it.
fn functions(text: &str) -> Vec<(&str, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let Some(rest) = code.split("fn ").nth(1).filter(|_| is_signature(code)) else { continue };
        let name = rest.split(['(', '<']).next().unwrap_or(rest);
        let mut signature = lines[start..].iter().map(|line| line.trim_end());
        if signature.find(|line| line.ends_with(['{', '}', ';'])).is_none_or(|end| !end.ends_with('{')) {
            continue;
        }
        let close = format!("{}}}", &line[..line.len() - code.len()]);
        if let Some(length) = lines[start..].iter().position(|line| *line == close) {
            found.push((name, length + 1));
        }
    }
    found
}

fn is_signature(code: &str) -> bool {
    let head = code.split("fn ").next().unwrap_or("");
    let words = ["pub", "const", "async", "unsafe", "extern", "\"C\""];
    head.split_whitespace().all(|word| words.contains(&word) || word.starts_with("pub("))
}

fn check_uses(name: &str, allowed: &[&str], manifest: &str, breaches: &mut Vec<String>) {
    let ours: BTreeMap<&str, ()> = USES.iter().map(|(name, _)| (*name, ())).collect();
    let mut section = "";
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line;
        }
        let used = line.split(['.', ' ', '=']).next().unwrap_or("");
        if section == "[dependencies]" && ours.contains_key(used) && !allowed.contains(&used) {
            breaches.push(format!("crates/{name} uses {used}; it may use {allowed:?}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaches(file: &str, text: &str) -> Vec<String> {
        let mut found = Vec::new();
        check_file(file, text, &mut found);
        found
    }

    #[test]
    fn a_file_without_its_sentence_is_found() {
        assert!(breaches("crates/a/src/a.rs", "//! Hop 1.\n").is_empty());
        assert_eq!(breaches("crates/a/src/a.rs", "use a;\n").len(), 1);
    }

    #[test]
    fn long_files_and_functions_are_found() {
        let body = "    step();\n".repeat(81);
        let text = format!("//! A.\nfn long() {{\n{body}}}\n");
        assert_eq!(
            breaches("crates/a/src/a.rs", &text),
            ["crates/a/src/a.rs: fn long has 83 lines; 80 at most"]
        );
        let text = format!("//! A.\n{}", "// line\n".repeat(500));
        assert_eq!(breaches("crates/a/src/a.rs", &text).len(), 1);
        assert!(breaches("crates/a/src/a/tests.rs", &text).is_empty());
        let text = format!("//! A.\n#[cfg(test)]\nmod tests {{\n{}}}\n", "    // line\n".repeat(500));
        assert!(breaches("crates/a/src/a.rs", &text).is_empty());
    }

    #[test]
    fn unsafe_code_is_found_outside_of_its_files() {
        let text = "//! A.\nfn a() {\n    unsafe { b() }\n}\n";
        assert_eq!(breaches("crates/a/src/a.rs", text).len(), 1);
        assert!(breaches("crates/otlp/src/simd.rs", text).is_empty());
    }

    #[test]
    fn a_use_against_the_direction_is_found() {
        let mut found = Vec::new();
        check_uses(
            "sink",
            &["pipeline"],
            "[dependencies]\nreceiver.workspace = true\npipeline.workspace = true\n",
            &mut found,
        );
        assert_eq!(found.len(), 1);
        check_uses("sink", &["pipeline"], "[dev-dependencies]\nreceiver.workspace = true\n", &mut found);
        assert_eq!(found.len(), 1);
    }
}
