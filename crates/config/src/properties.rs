//! Files of properties, by the rules of `java.util.Properties`.

use std::iter::Peekable;
use std::str::Chars;

const BLANKS: [char; 3] = [' ', '\t', '\x0c'];

/// The pairs of a file in their order, one key perhaps several times. What encoding the file has is for the caller to
/// know: Java takes ISO-8859-1 from a stream of bytes.
///
/// # Errors
///
/// An escape that stands for no character, and its line.
pub fn properties(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut lines = Lines { rest: text.chars().peekable(), number: 0 };
    let mut pairs = Vec::new();
    while let Some((number, line)) = lines.next_logical() {
        let (key, value) = divided(&line);
        let plain = |text| plain(text).map_err(|why| format!("line {number}: {why}"));
        pairs.push((plain(key)?, plain(value)?));
    }
    Ok(pairs)
}

/// The pairs of a file in ISO-8859-1, in which each byte is a character.
///
/// # Errors
///
/// As [`properties`].
pub fn properties_of_latin1(bytes: &[u8]) -> Result<Vec<(String, String)>, String> {
    properties(&bytes.iter().copied().map(char::from).collect::<String>())
}

struct Lines<'a> {
    rest: Peekable<Chars<'a>>,
    /// Lines begun so far.
    number: usize,
}

impl Lines<'_> {
    /// The next pair with the lines that continue it in one, and the number of its first line. Comments and empty lines
    /// are left out: what a comment holds has no meaning, a backslash at its end included.
    fn next_logical(&mut self) -> Option<(usize, String)> {
        loop {
            self.rest.peek()?;
            self.number += 1;
            self.skip_blanks();
            if self.rest.peek().is_some_and(|c| ['#', '!'].contains(c)) {
                self.natural();
                continue;
            }
            let first = self.number;
            let mut line = self.natural();
            // Each pair of backslashes is one that is meant; one that is left over continues the line.
            while line.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1 {
                line.pop();
                if self.rest.peek().is_none() {
                    break;
                }
                self.number += 1;
                self.skip_blanks();
                line.push_str(&self.natural());
            }
            if !line.is_empty() {
                return Some((first, line));
            }
        }
    }

    fn skip_blanks(&mut self) {
        while self.rest.next_if(|c| BLANKS.contains(c)).is_some() {}
    }

    /// Up to the end of the line, which may be that of any system.
    fn natural(&mut self) -> String {
        let mut line = String::new();
        for c in self.rest.by_ref() {
            match c {
                '\n' => return line,
                '\r' => {
                    self.rest.next_if_eq(&'\n');
                    return line;
                }
                c => line.push(c),
            }
        }
        line
    }
}

/// Key and value, with their escapes: between them are blanks, or `=` or `:` with blanks around it.
fn divided(line: &str) -> (&str, &str) {
    let mut escaped = false;
    let end = line.find(|c: char| {
        let ends = !escaped && (BLANKS.contains(&c) || ['=', ':'].contains(&c));
        escaped = c == '\\' && !escaped;
        ends
    });
    let (key, rest) = line.split_at(end.unwrap_or(line.len()));
    let value = rest.trim_start_matches(BLANKS);
    (key, value.strip_prefix(['=', ':']).map_or(value, |value| value.trim_start_matches(BLANKS)))
}

/// With what escapes stand for. `\uXXXX` is a unit of UTF-16, so that two of them may be one character.
fn plain(escaped: &str) -> Result<String, String> {
    let mut units = Vec::with_capacity(escaped.len());
    let mut chars = escaped.chars();
    let mut buffer = [0; 2];
    while let Some(c) = chars.next() {
        let meant = match (c, if c == '\\' { chars.next() } else { None }) {
            ('\\', Some('u')) => {
                let digits: String = chars.by_ref().take(4).collect();
                let is_unit = digits.len() == 4 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
                let unit = u16::from_str_radix(&digits, 16).ok().filter(|_| is_unit);
                units.push(unit.ok_or("behind \\u there must be four hexadecimal digits")?);
                continue;
            }
            ('\\', Some('t')) => '\t',
            ('\\', Some('n')) => '\n',
            ('\\', Some('r')) => '\r',
            ('\\', Some('f')) => '\x0c',
            ('\\', Some(other)) => other,
            (c, _) => c,
        };
        units.extend_from_slice(meant.encode_utf16(&mut buffer));
    }
    String::from_utf16(&units)
        .map_err(|_| "a \\u escape is half of a character, without the other half".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, String)> {
        properties(text).unwrap()
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn comments_may_hold_anything() {
        let text = "# see C:\\users\\me\n \t! \\u12\\\na=1\n#\\";
        assert_eq!(read(text), pairs(&[("a", "1")]));
        assert_eq!(read("a=b\\\n  #c\n"), pairs(&[("a", "b#c")]));
    }

    #[test]
    fn the_last_line_may_end_anyhow() {
        for end in ["", "\n", "\r\n", "\r", "\\", "\\\n", "\\\n  "] {
            assert_eq!(read(&format!("a=1\nb=2{end}")), pairs(&[("a", "1"), ("b", "2")]), "{end:?}");
        }
        for nothing in ["", "\n", " \t", "\\", "\\\n\n", "#"] {
            assert_eq!(read(nothing), [], "{nothing:?}");
        }
    }

    #[test]
    fn keys_end_where_java_ends_them() {
        let text =
            "a b\n  c\t=\t d \ne:=f\ng\\ h\\:\\==i\nj\n=k\nl  :m=n\r\no=\\\\\np=q\\\r\n\tr\\\\\\\n s\rt=1";
        let expected = [
            ("a", "b"),
            ("c", "d "),
            ("e", "=f"),
            ("g h:=", "i"),
            ("j", ""),
            ("", "k"),
            ("l", "m=n"),
            ("o", "\\"),
            ("p", "qr\\s"),
            ("t", "1"),
        ];
        assert_eq!(read(text), pairs(&expected));
    }

    #[test]
    fn escapes_are_units_of_utf_16() {
        let text = "a=\\u0041\\t\\n\\r\\f\\b\\q\nb=\\ud83d\\ude00\nc=😀€\n";
        assert_eq!(read(text), pairs(&[("a", "A\t\n\r\x0cbq"), ("b", "😀"), ("c", "😀€")]));
        for (wrong, why) in [
            ("\\u12", "line 2: behind \\u there must be four hexadecimal digits"),
            ("\\u+123", "line 2: behind \\u there must be four hexadecimal digits"),
            ("\\ud83d", "line 2: a \\u escape is half of a character, without the other half"),
        ] {
            assert_eq!(properties(&format!("#\na={wrong}\n")), Err(why.to_owned()), "{wrong}");
        }
    }

    #[test]
    fn bytes_are_characters_of_latin1() {
        assert_eq!(properties_of_latin1(b"a=\xe9\x80").unwrap(), pairs(&[("a", "é\u{80}")]));
    }
}
