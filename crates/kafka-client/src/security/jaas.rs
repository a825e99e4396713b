//! Hop 7: `sasl.jaas.config`, Java's login line, read as Kafka's `JaasConfig` reads it.

use std::collections::BTreeMap;

use super::Secret;

/// A login module and its options. `Debug` shows no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jaas {
    /// The class.
    pub module: LoginModule,
    /// Options by name; a later one replaces an earlier one, as in Java.
    pub options: BTreeMap<String, Secret>,
}

/// Login modules by their classes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginModule {
    /// `org.apache.kafka.common.security.plain.PlainLoginModule`.
    Plain,
    /// `org.apache.kafka.common.security.scram.ScramLoginModule`.
    Scram,
    /// `org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule`.
    OAuthBearer,
    /// `software.amazon.msk.auth.iam.IAMLoginModule`.
    AwsMskIam,
    /// `com.sun.security.auth.module.Krb5LoginModule`, and that of IBM.
    Kerberos,
    /// Any other class.
    Other(String),
}

impl LoginModule {
    fn of(class: &str) -> Self {
        match class {
            "org.apache.kafka.common.security.plain.PlainLoginModule" => Self::Plain,
            "org.apache.kafka.common.security.scram.ScramLoginModule" => Self::Scram,
            "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule" => Self::OAuthBearer,
            "software.amazon.msk.auth.iam.IAMLoginModule" => Self::AwsMskIam,
            "com.sun.security.auth.module.Krb5LoginModule"
            | "com.ibm.security.auth.module.Krb5LoginModule" => Self::Kerberos,
            other => Self::Other(other.to_owned()),
        }
    }
}

/// What is wrong with a line. Never quotes it: it holds a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JaasError {
    /// Nothing, or something else than a class, is at the begin.
    #[error("begins with the name of a login module")]
    Module,
    /// The flag is missing or unknown.
    #[error("after the module comes required, requisite, sufficient or optional")]
    Flag,
    /// An option is not `name=value`.
    #[error(
        "options are name=\"value\"; values with other characters than letters, digits, . _ - $ need quotes"
    )]
    Option,
    /// Quotes are not closed before the line's end.
    #[error("a value's quotes are not closed")]
    Quotes,
    /// The semicolon is missing.
    #[error("the line ends with ;")]
    End,
    /// More than one module.
    #[error("only one login module is possible")]
    Many,
}

impl Jaas {
    /// Reads `Module flag name=value name="va\"lue" … ;` with Java's comments, quotes and escapes. Values that begin
    /// with a digit, a dot or a minus may go without quotes, which Java's tokenizer takes for numbers and refuses.
    ///
    /// # Errors
    ///
    /// If Java would not read it either.
    pub fn parse(line: &str) -> Result<Self, JaasError> {
        let mut tokens = Tokens(line);
        let Some(Token::Text(class)) = tokens.next()? else { return Err(JaasError::Module) };
        let Some(Token::Text(flag)) = tokens.next()? else { return Err(JaasError::Flag) };
        let flags = ["required", "requisite", "sufficient", "optional"];
        if !flags.iter().any(|known| known.eq_ignore_ascii_case(&flag)) {
            return Err(JaasError::Flag);
        }
        let mut options = BTreeMap::new();
        loop {
            let name = match tokens.next()? {
                None => return Err(JaasError::End),
                Some(Token::Sign(';')) => break,
                Some(Token::Text(name)) => name,
                Some(Token::Sign(_)) => return Err(JaasError::Option),
            };
            let (Some(Token::Sign('=')), Some(Token::Text(value))) = (tokens.next()?, tokens.next()?) else {
                return Err(JaasError::Option);
            };
            options.insert(name, Secret::new(value));
        }
        if tokens.next()?.is_some() {
            return Err(JaasError::Many);
        }
        Ok(Self { module: LoginModule::of(&class), options })
    }

    /// An option that is there and not empty.
    pub(super) fn option(&self, name: &str) -> Option<&Secret> {
        self.options.get(name).filter(|value| !value.reveal().is_empty())
    }
}

enum Token {
    Text(String),
    Sign(char),
}

/// What is left of a line, cut as `java.io.StreamTokenizer` cuts it.
struct Tokens<'a>(&'a str);

impl Tokens<'_> {
    fn next(&mut self) -> Result<Option<Token>, JaasError> {
        self.pass_over();
        let Some(first) = self.0.chars().next() else { return Ok(None) };
        if first == '"' || first == '\'' {
            return self.quoted(first).map(|text| Some(Token::Text(text)));
        }
        let end = self.0.find(|c| !is_word(c)).unwrap_or(self.0.len());
        if end == 0 {
            self.0 = &self.0[first.len_utf8()..];
            return Ok(Some(Token::Sign(first)));
        }
        let (word, rest) = self.0.split_at(end);
        self.0 = rest;
        Ok(Some(Token::Text(word.to_owned())))
    }

    /// Blanks, and comments: `/* … */`, and from any other `/` to the line's end.
    fn pass_over(&mut self) {
        loop {
            self.0 = self.0.trim_start_matches(|c: char| c <= ' ');
            let after = if let Some(comment) = self.0.strip_prefix("/*") {
                comment.split_once("*/").map(|(_, after)| after)
            } else if self.0.starts_with('/') {
                self.0.split_once(['\n', '\r']).map(|(_, after)| after)
            } else {
                return;
            };
            self.0 = after.unwrap_or("");
        }
    }

    fn quoted(&mut self, quote: char) -> Result<String, JaasError> {
        let mut text = String::new();
        let mut chars = self.0.chars();
        chars.next();
        loop {
            match chars.next().ok_or(JaasError::Quotes)? {
                '\n' | '\r' => return Err(JaasError::Quotes),
                '\\' => text.push(escaped(&mut chars)?),
                c if c == quote => break,
                c => text.push(c),
            }
        }
        self.0 = chars.as_str();
        Ok(text)
    }
}

/// Java's escapes: `\n` and its like, up to three octal digits, and any other character for itself.
fn escaped(chars: &mut std::str::Chars<'_>) -> Result<char, JaasError> {
    let first = chars.next().ok_or(JaasError::Quotes)?;
    let Some(mut code) = first.to_digit(8) else {
        return Ok(match first {
            'a' => '\x07',
            'b' => '\x08',
            'f' => '\x0C',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\x0B',
            other => other,
        });
    };
    // Three digits only up to \377.
    let digits_max = if first <= '3' { 2 } else { 1 };
    for _ in 0..digits_max {
        let Some(digit) = chars.as_str().chars().next().and_then(|c| c.to_digit(8)) else { break };
        code = code * 8 + digit;
        chars.next();
    }
    Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '$') || c >= '\u{A0}'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(line: &str) -> Result<Vec<(String, String)>, JaasError> {
        let jaas = Jaas::parse(line)?;
        Ok(jaas.options.into_iter().map(|(name, value)| (name, value.reveal().to_owned())).collect())
    }

    #[test]
    fn lines_are_read_as_java_reads_them() {
        let one = |value: &str| Ok(vec![("p".to_owned(), value.to_owned())]);
        for (line, value) in [
            (r#"a.B required p="us er" ;"#, "us er"),
            (r#"a.B required p="p\"w;\\x=/*" ;"#, r#"p"w;\x=/*"#),
            ("a.B REQUIRED p=u;", "u"),
            ("a.B required p = 'sin\"gle';", "sin\"gle"),
            (r#"a.B required p="\t\101\4012\q";"#, "\tA\u{20}12q"),
            ("a.B // why\n required /* p=x */ p=y-1.2_$ö;  // end", "y-1.2_$ö"),
            ("a.B required\n  p=\"first\"\n  p=\"second\";\n", "second"),
            ("a.B required p=\"\";", ""),
            ("a.B required p=123;", "123"),
            ("'a.B' required \"p\"=\"/x//y\";", "/x//y"),
            ("a.B required p=\"a\\\nb\";", "a\nb"),
        ] {
            assert_eq!(options(line), one(value), "{line}");
        }
        assert_eq!(options("a.B required;"), Ok(vec![]));
    }

    #[test]
    fn broken_lines_are_refused_without_quoting_them() {
        for (line, why) in [
            ("", JaasError::Module),
            ("=", JaasError::Module),
            ("a.B", JaasError::Flag),
            ("a.B sometimes x=y;", JaasError::Flag),
            ("a.B required username=\"secret", JaasError::Quotes),
            ("a.B required username=\"secret\\", JaasError::Quotes),
            ("a.B required username=\"sec\nret\";", JaasError::Quotes),
            ("a.B required username=secret", JaasError::End),
            ("a.B required username;", JaasError::Option),
            ("a.B required username=;", JaasError::Option),
            ("a.B required username=se!cret;", JaasError::Option),
            ("a.B required username=se#cret;", JaasError::Option),
            ("a.B required username=se/cret;", JaasError::End),
            ("a.B required /* x=y;", JaasError::End),
            ("a.B required x=y; c.D required;", JaasError::Many),
        ] {
            let error = options(line).unwrap_err();
            assert_eq!(error, why, "{line}");
            assert!(!error.to_string().contains("secret"), "{line}");
        }
    }

    #[test]
    fn modules_are_known_by_their_classes_and_debug_shows_no_value() {
        let line = "org.apache.kafka.common.security.plain.PlainLoginModule required password=\"pencil\";";
        let jaas = Jaas::parse(line).unwrap();
        assert_eq!(jaas.module, LoginModule::Plain);
        assert!(!format!("{jaas:?}").contains("pencil"));
        assert_eq!(Jaas::parse("x.Y required;").unwrap().module, LoginModule::Other("x.Y".to_owned()));
    }
}
