//! Compact JSON over several lines, with colours, for people.

/// How each kind of text is marked on a terminal.
#[derive(Debug, Clone, Copy)]
struct Paint {
    name: &'static str,
    text: &'static str,
    other: &'static str,
    dim: &'static str,
    end: &'static str,
}

const PLAIN: Paint = Paint { name: "", text: "", other: "", dim: "", end: "" };
const COLOUR: Paint =
    Paint { name: "\x1b[34m", text: "\x1b[32m", other: "\x1b[36m", dim: "\x1b[2m", end: "\x1b[0m" };

/// Lines are broken and indented up to this depth, which no honest record comes near: each of OTLP's own maps within
/// maps takes four. What is deeper stays in its line; else a record of nothing but brackets would need the square of its
/// bytes.
const DEPTH_MAX: usize = 64;

fn paint(colour: bool) -> Paint {
    if colour { COLOUR } else { PLAIN }
}

/// A line that steps back behind the records.
pub(super) fn dim(line: &str, colour: bool) -> String {
    let Paint { dim, end, .. } = paint(colour);
    format!("{dim}{line}{end}")
}

/// Indents valid JSON. Values are copied as they are, but for control characters that a terminal could obey.
pub(super) fn indent(json: &str, colour: bool) -> String {
    let paint = paint(colour);
    let mut out = String::with_capacity(json.len() * 2);
    let mut depth = 0_usize;
    let mut rest = json.trim();
    while let Some(c) = rest.chars().next() {
        match c {
            '"' => {
                let (text, after) = string(rest);
                let mark = if after.trim_start().starts_with(':') { paint.name } else { paint.text };
                out.push_str(mark);
                text.chars().for_each(|c| push_visible(&mut out, c));
                out.push_str(paint.end);
                rest = after;
                continue;
            }
            '{' | '[' => {
                out.push(c);
                let after = rest[1..].trim_start();
                if let Some(close) = after.strip_prefix(['}', ']']) {
                    out.push(if c == '{' { '}' } else { ']' });
                    rest = close;
                    continue;
                }
                depth += 1;
                line(&mut out, depth);
            }
            '}' | ']' => {
                let inner = depth;
                depth = depth.saturating_sub(1);
                if inner <= DEPTH_MAX {
                    line(&mut out, depth);
                }
                out.push(c);
            }
            ',' => {
                out.push(c);
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            ' ' | '\n' | '\r' | '\t' => {}
            _ => {
                let end = rest.find([',', '}', ']', ' ', '\n', '\r', '\t']).unwrap_or(rest.len());
                out.push_str(paint.other);
                rest[..end].chars().for_each(|c| push_visible(&mut out, c));
                out.push_str(paint.end);
                rest = &rest[end..];
                continue;
            }
        }
        rest = &rest[1..];
    }
    out
}

/// The string at the start of `json`, quotes included, and what follows.
fn string(json: &str) -> (&str, &str) {
    let mut escaped = false;
    for (at, byte) in json.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return json.split_at(at + 1),
            _ => {}
        }
    }
    (json, "")
}

fn line(out: &mut String, depth: usize) {
    if depth > DEPTH_MAX {
        return;
    }
    out.push('\n');
    for _ in 0..depth {
        out.push_str("  ");
    }
}

/// Bytes as text without control characters, or in hexadecimal where they are no text.
pub(super) fn visible(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    match std::str::from_utf8(bytes) {
        Ok(text) => text.chars().for_each(|c| push_visible(&mut out, c)),
        Err(_) => {
            out.push_str("0x");
            bytes.iter().for_each(|byte| out.push_str(&format!("{byte:02x}")));
        }
    }
    out
}

fn push_visible(out: &mut String, c: char) {
    if c.is_control() {
        out.push_str(&format!("\\u{:04x}", u32::from(c)));
    } else {
        out.push(c);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_as_the_same_json() {
        let json = r#"{"a":[],"b":{},"c":[1,{"d":"x,\"{}[]:\\"}],"e":-0.5e3,"f":true,"g":null}"#;
        let expected = r#"{
  "a": [],
  "b": {},
  "c": [
    1,
    {
      "d": "x,\"{}[]:\\"
    }
  ],
  "e": -0.5e3,
  "f": true,
  "g": null
}"#;
        assert_eq!(indent(json, false), expected);
        assert_eq!(indent(expected, false), expected);
        let (one, other): (serde_json::Value, serde_json::Value) =
            (serde_json::from_str(json).unwrap(), serde_json::from_str(&indent(json, false)).unwrap());
        assert_eq!(one, other);
    }

    #[test]
    fn what_is_nested_very_deep_stays_in_its_line() {
        let nested = |levels: usize| format!("{{\"a\":{}1,2{}}}", "[".repeat(levels), "]".repeat(levels));
        let lines = |levels| indent(&nested(levels), false).lines().map(str::to_owned).collect::<Vec<_>>();
        // The innermost two numbers, each in its line, at the greatest depth.
        let deepest = lines(DEPTH_MAX - 1);
        assert_eq!(deepest.len(), 2 * DEPTH_MAX + 2);
        assert_eq!(deepest[DEPTH_MAX], format!("{}1,", "  ".repeat(DEPTH_MAX)));
        let deeper = lines(DEPTH_MAX + 1);
        assert_eq!(deeper[DEPTH_MAX], format!("{}[[1,2]]", "  ".repeat(DEPTH_MAX)));

        let json = nested(50_000);
        let text = indent(&json, false);
        assert!(text.len() < 2 * json.len(), "{} bytes of {}", text.len(), json.len());
        assert_eq!(text.split_whitespace().collect::<String>(), json);
    }

    #[test]
    fn a_terminal_is_not_given_orders() {
        let text = indent("{\"a\":\"\u{9b}31m\u{7f}\"}", false);
        assert_eq!(text, "{\n  \"a\": \"\\u009b31m\\u007f\"\n}");
    }

    #[test]
    fn names_and_values_differ_in_colour() {
        assert_eq!(indent(r#"{"a":"b"}"#, true), "{\n  \x1b[34m\"a\"\x1b[0m: \x1b[32m\"b\"\x1b[0m\n}");
    }

    #[test]
    fn what_is_no_json_does_not_panic() {
        for text in ["", "\"", "}}]]", "{\"a", "[,,", "ü{", "\"\\"] {
            let _ = indent(text, true);
        }
    }
}
