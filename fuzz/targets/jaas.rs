//! Fuzzing: Java's login lines. What Kafka's `JaasConfig` reads with a `StreamTokenizer`, rebuilt here step by step
//! after its documentation, is read the same; what only this client takes are words that Java takes for numbers.
#![no_main]

use std::collections::BTreeMap;

use kafka_client::fuzzing::security::jaas;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(line) = std::str::from_utf8(input) else { return };
    let java = java(line);
    let read = jaas(line).map(|(_, options)| options);
    match (&java, &read) {
        (Ok(java), Ok(read)) => assert_eq!(java, read, "{line:?}"),
        (Ok(java), Err(error)) => panic!("{line:?}: {error}, and Java reads {java:?}"),
        (Err(Why::Number), _) | (Err(Why::Other), Err(_)) => {}
        (Err(Why::Other), Ok(read)) => panic!("{line:?} is {read:?}, and Java refuses it"),
    }
    let Ok(options) = read else { return };
    // Written with quotes around everything, it is the same.
    let mut written = "a.B required".to_owned();
    for (name, value) in &options {
        written.push_str(&format!(" {}={}", quoted(name), quoted(value)));
    }
    written.push(';');
    assert_eq!(jaas(&written).map(|(_, options)| options).as_ref(), Ok(&options), "{written:?}");
});

fn quoted(text: &str) -> String {
    let mut written = "\"".to_owned();
    for c in text.chars() {
        match c {
            '\n' => written.push_str("\\n"),
            '\r' => written.push_str("\\r"),
            '"' | '\\' => written.extend(['\\', c]),
            c => written.push(c),
        }
    }
    written + "\""
}

/// Why Java would not read a line.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Why {
    /// A token is a number, or Java stops in the middle of a word that is one.
    Number,
    Other,
}

#[derive(Debug, PartialEq)]
enum Token {
    Word(String),
    Quoted(String),
    Sign(char),
    Number,
    End,
}

/// `JaasConfig` after `StreamTokenizer`: `slashSlashComments`, `slashStarComments`, `-`, `_` and `$` in words.
fn java(line: &str) -> Result<BTreeMap<String, String>, Why> {
    let mut tokens = Tokens { chars: line.chars().collect(), at: 0 };
    // The module's class: a word or a string.
    text(tokens.next())?;
    let flag = text(tokens.next())?;
    let flags = ["REQUIRED", "REQUISITE", "SUFFICIENT", "OPTIONAL"];
    if !flags.contains(&flag.to_uppercase().as_str()) {
        return Err(Why::Other);
    }
    let mut options = BTreeMap::new();
    loop {
        match tokens.next() {
            Token::End => return Err(Why::Other),
            Token::Sign(';') => break,
            name => {
                let name = text(name)?;
                match tokens.next() {
                    Token::Sign('=') => {}
                    Token::Number => return Err(Why::Number),
                    _ => return Err(Why::Other),
                }
                options.insert(name, text(tokens.next())?);
            }
        }
    }
    match tokens.next() {
        Token::End => Ok(options),
        Token::Number => Err(Why::Number),
        _ => Err(Why::Other),
    }
}

fn text(token: Token) -> Result<String, Why> {
    match token {
        Token::Word(text) | Token::Quoted(text) => Ok(text),
        Token::Number => Err(Why::Number),
        Token::Sign(_) | Token::End => Err(Why::Other),
    }
}

struct Tokens {
    chars: Vec<char>,
    at: usize,
}

impl Tokens {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn next(&mut self) -> Token {
        loop {
            let Some(c) = self.peek() else { return Token::End };
            match c {
                '\0'..=' ' => self.at += 1,
                '0'..='9' | '.' | '-' => return Token::Number,
                'a'..='z' | 'A'..='Z' | '_' | '$' | '\u{A0}'.. => return self.word(),
                '"' | '\'' => return self.string(c),
                '/' => self.comment(),
                _ => {
                    self.at += 1;
                    return Token::Sign(c);
                }
            }
        }
    }

    fn word(&mut self) -> Token {
        let mut word = String::new();
        while let Some(c) = self.peek() {
            if !(c.is_ascii_alphanumeric() || "._-$".contains(c) || c >= '\u{A0}') {
                break;
            }
            word.push(c);
            self.at += 1;
        }
        Token::Word(word)
    }

    /// Up to the same quote; one that is not closed before the line's end is a token of its own in Java, which no
    /// grammar takes up to here.
    fn string(&mut self, quote: char) -> Token {
        self.at += 1;
        let mut text = String::new();
        loop {
            let Some(c) = self.peek().filter(|c| !matches!(c, '\n' | '\r')) else {
                return Token::Sign('\u{1}');
            };
            self.at += 1;
            if c == quote {
                return Token::Quoted(text);
            }
            if c != '\\' {
                text.push(c);
                continue;
            }
            let Some(c) = self.peek() else { return Token::Sign('\u{1}') };
            self.at += 1;
            let mut code = match c {
                '0'..='7' => u32::from(c) - u32::from('0'),
                'a' => 7,
                'b' => 8,
                'f' => 12,
                'n' => 10,
                'r' => 13,
                't' => 9,
                'v' => 11,
                other => u32::from(other),
            };
            if c.is_digit(8) {
                let most = if c <= '3' { 2 } else { 1 };
                for _ in 0..most {
                    let Some(digit) = self.peek().and_then(|c| c.to_digit(8)) else { break };
                    code = code * 8 + digit;
                    self.at += 1;
                }
            }
            text.push(char::from_u32(code).expect("a byte, or a character as it was"));
        }
    }

    /// `/` itself begins a comment up to the line's end; so does `//`, and `/*` one up to `*/`.
    fn comment(&mut self) {
        self.at += 1;
        if self.peek() == Some('*') {
            self.at += 1;
            let rest = &self.chars[self.at..];
            let end = rest.windows(2).position(|two| two == ['*', '/']);
            self.at = end.map_or(self.chars.len(), |end| self.at + end + 2);
        } else {
            while self.peek().is_some_and(|c| !matches!(c, '\n' | '\r')) {
                self.at += 1;
            }
        }
    }
}
