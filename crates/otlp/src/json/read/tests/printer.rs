//! Prints in every way that a sender may: any spelling, order, notation and spacing, some members twice, unknown ones between.

use std::fmt::Write as _;

use fastrand::Rng;

/// A printer and its habits.
#[derive(Debug)]
pub(super) struct Printer {
    pub(super) rng: Rng,
    /// Members in any order; some twice, with another value first; unknown ones between them.
    pub(super) unruly: bool,
    pub(super) snake_case: bool,
    pub(super) spaces: bool,
}

pub(super) type Members<'a> = Vec<(&'a str, Option<String>)>;

impl Printer {
    fn space(&mut self) -> &'static str {
        if !self.spaces {
            return "";
        }
        ["", "", " ", "\n  ", "\t", "\r\n"][self.rng.usize(..6)]
    }

    fn one_in(&mut self, n: u32) -> bool {
        self.rng.u32(..n) == 0
    }

    pub(super) fn object(&mut self, members: Members<'_>) -> String {
        let mut printed: Vec<(String, String)> = Vec::new();
        for (name, value) in members {
            let name = if self.snake_case { snake_case(name) } else { name.to_owned() };
            match value {
                Some(value) => printed.push((name, value)),
                None if self.one_in(8) => printed.push((name, "null".to_owned())),
                None => {}
            }
        }
        if self.unruly {
            self.disturb(&mut printed);
        }
        let mut text = String::from("{");
        for (index, (name, value)) in printed.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let space = [self.space(), self.space(), self.space(), self.space()];
            write!(text, "{}{comma}{}\"{name}\"{}:{}{value}", space[0], space[1], space[2], space[3])
                .unwrap();
        }
        text + self.space() + "}"
    }

    fn disturb(&mut self, members: &mut Vec<(String, String)>) {
        self.rng.shuffle(members);
        if !members.is_empty() && self.one_in(3) {
            for _ in 0..self.rng.usize(1..4) {
                let twice = self.rng.usize(..members.len());
                let (name, value) = members[twice].clone();
                let other = match value.as_bytes()[0] {
                    b'[' => ["[]", "null", &value][self.rng.usize(..3)].to_owned(),
                    b'{' => ["{}", "null", &value][self.rng.usize(..3)].to_owned(),
                    _ => ["null", &value][self.rng.usize(..2)].to_owned(),
                };
                members.insert(self.rng.usize(..=twice), (name, other));
            }
        }
        if self.one_in(4) {
            let unknown =
                [r#"{"a":[1,{"b":"]}\""}],"":null}"#, "[[],{},true]", "-1.5e+10", r#""}\\""#, "false"];
            let value = unknown[self.rng.usize(..unknown.len())].to_owned();
            members.insert(self.rng.usize(..=members.len()), ("unknownMember".to_owned(), value));
        }
    }

    pub(super) fn list<T>(&mut self, all: &[T], print: impl Fn(&mut Self, &T) -> String) -> Option<String> {
        if all.is_empty() && self.rng.bool() {
            return None;
        }
        let mut text = String::from("[");
        for (index, value) in all.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let printed = print(self, value);
            write!(text, "{}{comma}{}{printed}", self.space(), self.space()).unwrap();
        }
        Some(text + self.space() + "]")
    }

    pub(super) fn string(&mut self, text: &str) -> String {
        let mut printed = String::from("\"");
        for char in text.chars() {
            if char < ' ' || self.one_in(40) {
                for unit in char.encode_utf16(&mut [0; 2]) {
                    write!(printed, "\\u{unit:04x}").unwrap();
                }
            } else if matches!(char, '"' | '\\') || char == '/' && self.rng.bool() {
                printed.push('\\');
                printed.push(char);
            } else {
                printed.push(char);
            }
        }
        printed + "\""
    }

    /// Left out when it is the default, or not.
    fn unless(&mut self, default: bool, printed: String) -> Option<String> {
        (!default || self.rng.bool()).then_some(printed)
    }

    pub(super) fn text(&mut self, text: &str) -> Option<String> {
        let printed = self.string(text);
        self.unless(text.is_empty(), printed)
    }

    pub(super) fn hex(&mut self, bytes: &[u8]) -> Option<String> {
        let upper = self.rng.bool();
        let digits: String = bytes
            .iter()
            .map(|byte| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") })
            .collect();
        self.unless(bytes.is_empty(), format!("\"{digits}\""))
    }

    pub(super) fn base64(&mut self, bytes: &[u8]) -> String {
        use base64_simd::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
        let form = &[STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD][self.rng.usize(..4)];
        self.string(&form.encode_to_string(bytes))
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) -> Option<String> {
        let printed = self.base64(bytes);
        self.unless(bytes.is_empty(), printed)
    }

    pub(super) fn whole(&mut self, value: impl Into<i128>) -> String {
        let value = value.into();
        let digits = match self.rng.u32(..10) {
            0 => format!("{value}.0"),
            1 if value != 0 => format!("{value}000E-3"),
            2 if value % 100 == 0 => format!("{}e2", value / 100),
            _ => value.to_string(),
        };
        if self.rng.bool() { format!("\"{digits}\"") } else { digits }
    }

    pub(super) fn number(&mut self, value: impl Into<i128>) -> Option<String> {
        let value = value.into();
        let printed = self.whole(value);
        self.unless(value == 0, printed)
    }

    pub(super) fn real(&mut self, value: f64) -> String {
        if value.is_nan() {
            return "\"NaN\"".to_owned();
        }
        if value.is_infinite() {
            return if value > 0.0 { "\"Infinity\"" } else { "\"-Infinity\"" }.to_owned();
        }
        let digits = if self.rng.bool() { format!("{value}") } else { format!("{value:e}") };
        if self.one_in(3) { format!("\"{digits}\"") } else { digits }
    }

    pub(super) fn double(&mut self, value: f64) -> Option<String> {
        let printed = self.real(value);
        self.unless(value == 0.0 && value.is_sign_positive(), printed)
    }

    pub(super) fn optional_double(&mut self, value: Option<f64>) -> Option<String> {
        value.map(|value| self.real(value))
    }

    pub(super) fn flag(&mut self, value: bool) -> Option<String> {
        self.unless(!value, value.to_string())
    }
}

fn snake_case(name: &str) -> String {
    name.chars().fold(String::new(), |mut snake, char| {
        if char.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(char.to_ascii_lowercase());
        snake
    })
}
