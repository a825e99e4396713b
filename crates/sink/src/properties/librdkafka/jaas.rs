//! `sasl.jaas.config`: Java's login line to a user and a password.

use config::Problem;

use super::{Given, Mapped};

const MECHANISM: &str = "sasl.mechanism";
const JAAS: &str = "sasl.jaas.config";
const PLAIN: &str = "org.apache.kafka.common.security.plain.PlainLoginModule";
const SCRAM: &str = "org.apache.kafka.common.security.scram.ScramLoginModule";

/// A login module and its options. Holds secrets: no `Debug`.
struct Login {
    module: String,
    options: Vec<(String, String)>,
}

/// Sets `sasl.username` and `sasl.password`.
pub(super) fn login(given: &Given, mapped: &mut Mapped) {
    let protocol = given.get("security.protocol").map_or("PLAINTEXT", |(_, value)| value.trim());
    let sasl = protocol.to_ascii_uppercase().starts_with("SASL_");
    let mechanism = given.get(MECHANISM).map(|(_, value)| value.trim().to_ascii_uppercase());
    let Some((key, line)) = given.get(JAAS) else {
        if sasl {
            let why = "a SASL protocol needs a login line, for example: \
                       org.apache.kafka.common.security.scram.ScramLoginModule required username=\"…\" password=\"…\";";
            mapped.problems.push(Problem::other(JAAS, why));
        }
        return;
    };
    if sasl && mechanism.is_none() {
        let why =
            "must be set to PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512: Java's default, GSSAPI, is not built in";
        mapped.problems.push(Problem::other(MECHANISM, why));
    }
    let login = match parse(line) {
        Ok(login) => login,
        Err(why) => return mapped.problems.push(Problem::invalid(key, None, why)),
    };
    let fits = match (login.module.as_str(), mechanism.as_deref()) {
        (PLAIN, None | Some("PLAIN")) | (SCRAM, None) => true,
        (SCRAM, Some(mechanism)) => mechanism.starts_with("SCRAM-"),
        _ => false,
    };
    if !fits {
        let why = format!(
            "the login module {} does not go with this sasl.mechanism, or is not built in",
            login.module
        );
        return mapped.problems.push(Problem::other(key, why));
    }
    for (option, name) in [("username", "sasl.username"), ("password", "sasl.password")] {
        match login.options.iter().find(|(given, _)| given == option) {
            Some((_, value)) => drop(mapped.properties.insert(name.to_owned(), value.clone())),
            None => mapped.problems.push(Problem::other(key, format!("has no {option}="))),
        }
    }
}

/// Reads `Module flag name=value name="va\"lue" … ;`, the syntax of `javax.security.auth.login.Configuration`
/// for one module. Errors never quote the line.
fn parse(line: &str) -> Result<Login, &'static str> {
    let mut rest = line.trim();
    let module = word(&mut rest).ok_or("begins with the name of a login module")?;
    let flag = word(&mut rest).ok_or("after the module comes required")?;
    if !["required", "requisite", "sufficient", "optional"].contains(&flag.to_ascii_lowercase().as_str()) {
        return Err("after the module comes required, requisite, sufficient or optional");
    }
    let mut options = Vec::new();
    loop {
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix(';') {
            let one = after.trim().is_empty();
            return if one {
                Ok(Login { module, options })
            } else {
                Err("only one login module is possible")
            };
        }
        let (name, after) =
            rest.split_once('=').ok_or("options are name=\"value\", and the line ends with ;")?;
        rest = after.trim_start();
        let value = if rest.starts_with('"') { quoted(&mut rest) } else { word(&mut rest) };
        options
            .push((name.trim().to_owned(), value.ok_or("a value's quotes are not closed, or it is empty")?));
    }
}

fn word(rest: &mut &str) -> Option<String> {
    *rest = rest.trim_start();
    let end = rest.find(|c: char| c.is_whitespace() || c == ';').unwrap_or(rest.len());
    let (word, after) = rest.split_at(end);
    *rest = after;
    (!word.is_empty()).then(|| word.to_owned())
}

fn quoted(rest: &mut &str) -> Option<String> {
    let mut value = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => {
                *rest = &rest[at + 1..];
                return Some(value);
            }
            '\\' => value.push(chars.next()?.1),
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(line: &str) -> Result<Vec<(String, String)>, &'static str> {
        parse(line).map(|login| login.options)
    }

    #[test]
    fn lines_are_read_with_quotes_and_escapes() {
        let read = options(r#"a.B required username="us er" password="p\"w;\\x" ;"#).unwrap();
        assert_eq!(read, [("username".into(), "us er".into()), ("password".into(), r#"p"w;\x"#.into())]);
        assert_eq!(options("a.B REQUIRED username=u;").unwrap(), [("username".into(), "u".into())]);
        assert_eq!(options("a.B required;").unwrap(), []);
    }

    #[test]
    fn broken_lines_are_refused_without_quoting_them() {
        for line in [
            "",
            "a.B",
            "a.B sometimes x=y;",
            "a.B required username=\"secret",
            "a.B required username=\"secret\\",
            "a.B required username=secret",
            "a.B required username;",
            "a.B required x=y; c.D required;",
        ] {
            let why = options(line).unwrap_err();
            assert!(!why.contains("secret"), "{line}");
        }
    }
}
