//! JSON as a tree that keeps what comparisons need: the digits of numbers, the order of members, and names that come twice.

use std::borrow::Cow;
use std::fmt;

/// Arrays and objects inside each other; a request of 100 messages has about two a message.
const LEVELS_MAX: u32 = 1000;

/// A JSON value. Scalars are read by `serde_json` and the standard library.
#[derive(Clone, Debug)]
pub enum Tree<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// As it is written.
    Number(&'a str),
    /// Without its escapes.
    Text(Cow<'a, str>),
    /// An array.
    List(Vec<Self>),
    /// An object's members, as they came.
    Object(Vec<(Cow<'a, str>, Self)>),
}

impl<'a> Tree<'a> {
    /// Reads one document; `None` when it is not JSON by RFC 8259, or 1,000 levels deep.
    pub fn parse(json: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(json).ok()?;
        let mut parser = Parser { text, at: 0 };
        let tree = parser.value(LEVELS_MAX)?;
        parser.space();
        (parser.at == text.len()).then_some(tree)
    }

    /// Where two documents differ first, or nothing: the order of members left out, numbers down to their bits, and
    /// whole ones apart from others.
    pub fn difference(&self, other: &Self) -> Option<String> {
        let here = || Some(format!(": {self} is not {other}"));
        match (self, other) {
            (Self::Null, Self::Null) => None,
            (Self::Bool(a), Self::Bool(b)) if a == b => None,
            (Self::Text(a), Self::Text(b)) if a == b => None,
            (Self::Number(a), Self::Number(b)) if is_same_number(a, b) => None,
            (Self::List(a), Self::List(b)) if a.len() == b.len() => {
                let mut both = a.iter().zip(b).enumerate();
                both.find_map(|(at, (a, b))| Some(format!("[{at}]{}", a.difference(b)?)))
            }
            (Self::Object(a), Self::Object(b)) => {
                let (a, b) = (sorted(a), sorted(b));
                if a.len() != b.len() || a.iter().zip(&b).any(|(a, b)| a.0 != b.0) {
                    let names =
                        |members: &[&(Cow<'_, str>, Self)]| members.iter().map(|m| m.0.to_string()).collect();
                    let (a, b): (Vec<_>, Vec<_>) = (names(&a), names(&b));
                    return Some(format!(": members {a:?} are not {b:?}"));
                }
                a.iter().zip(&b).find_map(|(a, b)| Some(format!(".{}{}", a.0, a.1.difference(&b.1)?)))
            }
            _ => here(),
        }
    }
}

fn sorted<'t, 'a>(members: &'t [(Cow<'a, str>, Tree<'a>)]) -> Vec<&'t (Cow<'a, str>, Tree<'a>)> {
    let mut members: Vec<_> = members.iter().collect();
    members.sort_by(|a, b| a.0.cmp(&b.0));
    members
}

fn is_same_number(a: &str, b: &str) -> bool {
    let is_whole = |text: &str| !text.contains(['.', 'e', 'E']);
    let bits = |text: &str| text.parse().map(f64::to_bits);
    match (is_whole(a), is_whole(b)) {
        (true, true) => a == b,
        (false, false) => bits(a) == bits(b),
        _ => false,
    }
}

impl fmt::Display for Tree<'_> {
    /// Short: for the message of a failed test.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = format!("{self:?}");
        f.write_str(&whole.chars().take(200).collect::<String>())
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a [u8] {
        &self.text.as_bytes()[self.at..]
    }

    fn space(&mut self) {
        self.at += self.rest().iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
    }

    fn take(&mut self, token: &str) -> Option<()> {
        self.space();
        self.rest().starts_with(token.as_bytes()).then(|| self.at += token.len())
    }

    fn value(&mut self, levels: u32) -> Option<Tree<'a>> {
        self.space();
        match self.rest().first()? {
            b'{' => self.object(levels.checked_sub(1)?),
            b'[' => self.list(levels.checked_sub(1)?),
            b'"' => self.string().map(Tree::Text),
            b't' => self.take("true").map(|()| Tree::Bool(true)),
            b'f' => self.take("false").map(|()| Tree::Bool(false)),
            b'n' => self.take("null").map(|()| Tree::Null),
            _ => self.number(),
        }
    }

    fn object(&mut self, levels: u32) -> Option<Tree<'a>> {
        self.take("{")?;
        let mut members = Vec::new();
        if self.take("}").is_some() {
            return Some(Tree::Object(members));
        }
        loop {
            self.space();
            let name = self.string()?;
            self.take(":")?;
            members.push((name, self.value(levels)?));
            if self.take(",").is_none() {
                self.take("}")?;
                return Some(Tree::Object(members));
            }
        }
    }

    fn list(&mut self, levels: u32) -> Option<Tree<'a>> {
        self.take("[")?;
        let mut values = Vec::new();
        if self.take("]").is_some() {
            return Some(Tree::List(values));
        }
        loop {
            values.push(self.value(levels)?);
            if self.take(",").is_none() {
                self.take("]")?;
                return Some(Tree::List(values));
            }
        }
    }

    fn string(&mut self) -> Option<Cow<'a, str>> {
        let rest = self.rest();
        let mut end = 1;
        if rest.first() != Some(&b'"') {
            return None;
        }
        let mut is_plain = true;
        loop {
            match rest.get(end)? {
                b'"' => break,
                b'\\' => {
                    is_plain = false;
                    end += 2;
                }
                0..0x20 => return None,
                _ => end += 1,
            }
        }
        let token = self.text.get(self.at..=self.at + end)?;
        self.at += token.len();
        if is_plain {
            return Some(Cow::Borrowed(&token[1..end]));
        }
        serde_json::from_str(token).ok().map(Cow::Owned)
    }

    fn number(&mut self) -> Option<Tree<'a>> {
        let is_part = |byte: &&u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
        let len = self.rest().iter().take_while(is_part).count();
        let token = &self.text[self.at..self.at + len];
        self.at += len;
        is_number(token.as_bytes()).then_some(Tree::Number(token))
    }
}

/// The grammar of RFC 8259, section 6.
fn is_number(token: &[u8]) -> bool {
    fn digits(rest: &mut &[u8]) -> usize {
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        *rest = &rest[count..];
        count
    }
    let mut rest = token.strip_prefix(b"-").unwrap_or(token);
    let is_zero = rest.first() == Some(&b'0');
    let whole = digits(&mut rest);
    if whole == 0 || is_zero && whole > 1 {
        return false;
    }
    if let Some(mut after) = rest.strip_prefix(b".") {
        if digits(&mut after) == 0 {
            return false;
        }
        rest = after;
    }
    if let [b'e' | b'E', after @ ..] = rest {
        let mut after = after.strip_prefix(b"+").or(after.strip_prefix(b"-")).unwrap_or(after);
        if digits(&mut after) == 0 {
            return false;
        }
        rest = after;
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn differ(a: &str, b: &str) -> bool {
        Tree::parse(a.as_bytes()).unwrap().difference(&Tree::parse(b.as_bytes()).unwrap()).is_some()
    }

    #[test]
    fn differences_are_found() {
        for (a, b) in [
            ("1", "1.0"),
            ("0.0", "-0.0"),
            ("0.1", "0.10000000000000001e0"),
            ("9007199254740993", "9007199254740992"),
            (r#"{"a":1}"#, r#"{"a":1,"a":1}"#),
            (r#"{"a":1}"#, r#"{"b":1}"#),
            (r#"["a"]"#, r#"["A"]"#),
            ("[]", "[null]"),
            ("true", "false"),
            (r#""1""#, "1"),
        ] {
            assert_eq!(differ(a, b), a != "0.1", "{a} {b}");
            assert!(!differ(a, a) && !differ(b, b));
        }
        assert!(!differ(r#" { "a" : 1.0E7 , "b" : "\u00e9" } "#, r#"{"b":"é","a":1e7}"#));
    }

    #[test]
    fn what_is_not_json_is_not_read() {
        for text in [
            "",
            "nul",
            "[1,]",
            "{,}",
            "01",
            "1.",
            ".5",
            "1e",
            "+1",
            "--1",
            "[1 2]",
            "\"\u{1}\"",
            "\"\\x\"",
            "1 1",
        ] {
            assert!(Tree::parse(text.as_bytes()).is_none(), "{text}");
        }
        assert!(Tree::parse("[".repeat(100_000).as_bytes()).is_none());
        assert!(Tree::parse(br#""\ud800""#).is_none());
        assert!(Tree::parse(b"\"\xff\"").is_none());
    }
}
