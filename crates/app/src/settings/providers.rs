//! `${provider:path:key}` in values: who may refer to what, and what stands there (Kafka's `ConfigProvider`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use config::Problem;
use regex_lite::Regex;

use super::origin::Pairs;
use crate::files;

const NAMES: &str = "config.providers";
const PACKAGE: &str = "org.apache.kafka.common.config.provider.";
/// Longest value that a reference may bring in, 1 MiB: secrets and PEM files are far smaller.
const VALUE_BYTES_MAX: usize = 1 << 20;

/// Who wrote a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// The worker's owner: files of the command line, environment, `-o`.
    Owner,
    /// Whoever may call REST.
    Rest,
}

/// The providers that the worker names.
#[derive(Clone, Default)]
pub(super) struct Providers(BTreeMap<String, Provider>);

/// The variables of the process's environment.
pub(super) type Environment = BTreeMap<String, String>;

#[derive(Clone)]
enum Provider {
    /// The keys of properties files.
    File(Allowed),
    /// Files, each one value.
    Directory(Allowed),
    /// The environment.
    Env(Option<Regex>, Environment),
}

/// Below which folders files may be named; `None`: anywhere, for the worker's owner.
type Allowed = Option<Vec<PathBuf>>;

impl Providers {
    /// From the worker's own pairs.
    pub(super) fn from_pairs(worker: &Pairs, environment: &Environment, problems: &mut Vec<Problem>) -> Self {
        let text =
            |key: &str| worker.get(key).map(|given| given.value.trim()).filter(|text| !text.is_empty());
        let mut all = BTreeMap::new();
        let names = text(NAMES).unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty());
        for name in names {
            let param = |param: &str| text(&format!("{NAMES}.{name}.param.{param}"));
            let allowed = || {
                param("allowed.paths")
                    .map(|paths| paths.split(',').map(str::trim).map(PathBuf::from).collect())
            };
            let key = format!("{NAMES}.{name}.class");
            let provider = match text(&key).map(|class| class.strip_prefix(PACKAGE).unwrap_or(class)) {
                Some("FileConfigProvider") => Provider::File(allowed()),
                Some("DirectoryConfigProvider") => Provider::Directory(allowed()),
                Some("EnvVarConfigProvider") => match param("allowlist.pattern").map(whole).transpose() {
                    Ok(pattern) => Provider::Env(pattern, environment.clone()),
                    Err(error) => {
                        let key = format!("{NAMES}.{name}.param.allowlist.pattern");
                        problems.push(Problem::other(key, format!("no regular expression: {error}")));
                        continue;
                    }
                },
                Some(other) => {
                    let why = format!(
                        "this server has no such provider; use {PACKAGE}FileConfigProvider, \
                         {PACKAGE}DirectoryConfigProvider or {PACKAGE}EnvVarConfigProvider"
                    );
                    problems.push(Problem::invalid(key, Some(other), why));
                    continue;
                }
                None => {
                    let why = format!("names the class of the provider {name}, and must be set");
                    problems.push(Problem::other(key, why));
                    continue;
                }
            };
            all.insert(name.to_owned(), provider);
        }
        Self(all)
    }

    /// Puts what is referred to in place of each reference of `value`.
    ///
    /// # Errors
    ///
    /// Says which reference leads nowhere, and why; never what was found.
    pub(super) fn resolve(&self, value: &str, trust: Trust) -> Result<String, String> {
        let mut resolved = String::with_capacity(value.len());
        let mut rest = value;
        while let Some(start) = rest.find("${") {
            let (before, reference) = rest.split_at(start);
            resolved.push_str(before);
            let inner = reference[2..].split_once('}').filter(|(inner, _)| inner.contains(':'));
            let Some((inner, after)) = inner else {
                // No reference by Kafka's rules.
                resolved.push_str("${");
                rest = &reference[2..];
                continue;
            };
            let found = self.look_up(inner, trust).map_err(|why| format!("${{{inner}}}: {why}"))?;
            resolved.push_str(&found);
            if resolved.len() > VALUE_BYTES_MAX {
                return Err(format!("${{{inner}}}: more than {VALUE_BYTES_MAX} bytes"));
            }
            rest = after;
        }
        resolved.push_str(rest);
        Ok(resolved)
    }

    fn look_up(&self, inner: &str, trust: Trust) -> Result<String, String> {
        let (name, rest) = inner.split_once(':').unwrap_or((inner, ""));
        let (path, key) = rest.split_once(':').unwrap_or(("", rest));
        let provider = self.0.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.0.keys().map(String::as_str).collect();
            if known.is_empty() {
                format!("the worker names no configuration provider ({NAMES})")
            } else {
                format!("no configuration provider is called {name}; {NAMES} names {}", known.join(", "))
            }
        })?;
        match provider {
            Provider::Env(pattern, environment) => {
                if pattern.as_ref().is_some_and(|pattern| !pattern.is_match(key)) {
                    return Err(format!("{NAMES}.{name}.param.allowlist.pattern does not allow it"));
                }
                environment.get(key).cloned().ok_or_else(|| "no such environment variable".to_owned())
            }
            Provider::File(allowed) => {
                let text = read(name, Path::new(path), allowed.as_deref(), trust)?;
                // Kafka's provider reads UTF-8, other than Java where properties come as bytes.
                let pairs = config::properties(&utf8(text)?)?;
                let found = pairs.into_iter().rev().find(|(known, _)| known == key);
                found.map(|(_, value)| value).ok_or_else(|| "the file has no such key".to_owned())
            }
            Provider::Directory(allowed) => {
                // Kafka takes a file of the folder itself, and nothing below or beside it.
                if key.is_empty() || key.contains('/') || key == ".." || key == "." {
                    return Err("not the name of a file".to_owned());
                }
                let text = read(name, &Path::new(path).join(key), allowed.as_deref(), trust)?;
                utf8(text)
            }
        }
    }
}

/// A pattern that the whole of a name has to match, as in Java: of `A|AB` the first may be left for the second. By
/// itself it must be a pattern too, or its brackets would not be those around it.
fn whole(pattern: &str) -> Result<Regex, regex_lite::Error> {
    Regex::new(pattern)?;
    Regex::new(&format!("^(?:{pattern})$"))
}

fn utf8(bytes: Vec<u8>) -> Result<String, String> {
    String::from_utf8(bytes).map_err(|_| "the file is no text in UTF-8".to_owned())
}

/// Reads a file that is below one of the allowed folders, wherever links lead.
fn read(name: &str, path: &Path, allowed: Option<&[PathBuf]>, trust: Trust) -> Result<Vec<u8>, String> {
    let plain = |error: std::io::Error| files::plain(&error);
    let real = files::real(path).map_err(plain)?;
    match (allowed, trust) {
        (None, Trust::Owner) => {}
        (None, Trust::Rest) => {
            return Err(format!(
                "over REST, files are read only below {NAMES}.{name}.param.allowed.paths, which the worker does \
                 not set"
            ));
        }
        (Some(folders), _) => {
            let below = |folder: &PathBuf| files::real(folder).is_ok_and(|folder| real.starts_with(folder));
            if !folders.iter().any(below) {
                return Err(format!("not below {NAMES}.{name}.param.allowed.paths"));
            }
        }
    }
    files::read(&real).map_err(plain)
}

#[cfg(test)]
mod tests {
    use super::super::origin::{Given, Origin};
    use super::*;

    fn named(pairs: &[(&str, &str)]) -> (Providers, Vec<String>) {
        let given = |value: &str| Given::new(value, Origin::Option);
        let pairs: Pairs = pairs.iter().map(|(key, value)| ((*key).to_owned(), given(value))).collect();
        let mut problems = Vec::new();
        let environment = Environment::from([("PATH".to_owned(), "/bin".to_owned())]);
        let providers = Providers::from_pairs(&pairs, &environment, &mut problems);
        (providers, problems.iter().map(ToString::to_string).collect())
    }

    struct Folder {
        folder: tempfile::TempDir,
        providers: Providers,
    }

    /// A folder `in` that is allowed, and one `out` that is not.
    fn folder(allowed: bool) -> Folder {
        let folder = tempfile::tempdir().unwrap();
        for name in ["in", "out"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
            std::fs::write(folder.path().join(name).join("login"), "user=u\npassword : p=\\\n  w\nuser=v\n")
                .unwrap();
        }
        std::fs::write(folder.path().join("in/utf8"), "# C:\\users\nwörd=pässword \\ud83d\\ude00\n").unwrap();
        std::fs::write(folder.path().join("in/latin1"), b"a=\xe4").unwrap();
        std::os::unix::fs::symlink(folder.path().join("out/login"), folder.path().join("in/link")).unwrap();
        let inside = folder.path().join("in").display().to_string();
        let mut pairs = vec![
            ("config.providers", "file, dir,env"),
            ("config.providers.file.class", "org.apache.kafka.common.config.provider.FileConfigProvider"),
            ("config.providers.dir.class", "DirectoryConfigProvider"),
            ("config.providers.env.class", "EnvVarConfigProvider"),
            ("config.providers.env.param.allowlist.pattern", "PA|PATH|HO"),
        ];
        if allowed {
            pairs.push(("config.providers.file.param.allowed.paths", &inside));
            pairs.push(("config.providers.dir.param.allowed.paths", &inside));
        }
        let (providers, problems) = named(&pairs);
        assert_eq!(problems, Vec::<String>::new());
        Folder { folder, providers }
    }

    impl Folder {
        fn resolve(&self, value: &str, trust: Trust) -> Result<String, String> {
            let root = self.folder.path().display().to_string();
            let resolved = self.providers.resolve(&value.replace('@', &root), trust);
            resolved.map_err(|why| why.replace(&root, "@"))
        }
    }

    #[test]
    fn references_are_taken_as_kafka_takes_them() {
        let folder = folder(true);
        let resolve = |value: &str| folder.resolve(value, Trust::Rest);
        assert_eq!(resolve("a ${file:@/in/login:password} b ${file:@/in/login:user}").unwrap(), "a p=w b v");
        assert_eq!(resolve("${dir:@/in:login}").unwrap().lines().next(), Some("user=u"));
        assert_eq!(resolve("${file:@/in/utf8:wörd}"), Ok("pässword 😀".to_owned()));
        assert_eq!(resolve("${env:PATH}"), Ok("/bin".to_owned()));
        assert_eq!(resolve("${env::PATH}"), Ok("/bin".to_owned()));
        for literal in ["", "$", "${", "${}", "${x}", "$${y}", "plain ${ text", "100 € ${"] {
            assert_eq!(resolve(literal).as_deref(), Ok(literal));
        }
    }

    #[test]
    fn what_leads_nowhere_says_so() {
        let open = folder(false);
        assert_eq!(open.resolve("${file:@/out/login:user}", Trust::Owner).as_deref(), Ok("v"));
        let closed = folder(true);
        let cases = [
            (&closed, "${file:@/out/login:user}", "not below config.providers.file.param.allowed.paths"),
            (
                &closed,
                "${file:@/in/../out/login:user}",
                "not below config.providers.file.param.allowed.paths",
            ),
            (&closed, "${file:@/in/link:user}", "not below config.providers.file.param.allowed.paths"),
            (&closed, "${dir:@/in:../out/login}", "not the name of a file"),
            (&closed, "${dir:@/in:link}", "not below config.providers.dir.param.allowed.paths"),
            (&closed, "${file:@/in/login:nothing}", "the file has no such key"),
            (&closed, "${file:@/in/latin1:a}", "the file is no text in UTF-8"),
            (&closed, "${file:@/in/none:user}", "No such file or directory"),
            (&closed, "${env:HOME}", "config.providers.env.param.allowlist.pattern does not allow it"),
            (
                &closed,
                "${vault:x:y}",
                "no configuration provider is called vault; config.providers names dir, env, file",
            ),
            (
                &open,
                "${file:@/in/login:user}",
                "over REST, files are read only below config.providers.file.param.allowed.paths, which the worker \
                 does not set",
            ),
        ];
        for (folder, value, why) in cases {
            assert_eq!(folder.resolve(value, Trust::Rest), Err(format!("{value}: {why}")));
        }
        let none = Providers::default().resolve("${file:/a:b}", Trust::Owner);
        assert_eq!(
            none.unwrap_err(),
            "${file:/a:b}: the worker names no configuration provider (config.providers)"
        );
    }

    #[test]
    fn an_allowlist_is_matched_as_a_whole() {
        let matches = |pattern: &str, name: &str| whole(pattern).unwrap().is_match(name);
        // The first of the two is found, and only the second is all of the name.
        assert!(matches("OTEL_TOKEN|OTEL_TOKEN_2", "OTEL_TOKEN_2"));
        assert!(!matches("OTEL_TOKEN|OTEL_TOKEN_2", "OTEL_TOKEN_23"));
        assert!(!matches("A|B", "AB") && !matches("A", "A\n") && matches("A.*?", "ABC"));
        assert!(whole("A)|(.*").is_err());
    }

    #[test]
    fn providers_that_there_are_not_are_named() {
        let (_, problems) = named(&[
            ("config.providers", "vault,file,env"),
            ("config.providers.vault.class", "com.example.Vault"),
            ("config.providers.env.class", "EnvVarConfigProvider"),
            ("config.providers.env.param.allowlist.pattern", "("),
        ]);
        assert!(problems[0].starts_with("Invalid value com.example.Vault for configuration"), "{problems:?}");
        assert!(problems[1].starts_with("config.providers.file.class: names the class"), "{problems:?}");
        assert!(
            problems[2].starts_with("config.providers.env.param.allowlist.pattern: no regular"),
            "{problems:?}"
        );
    }
}
