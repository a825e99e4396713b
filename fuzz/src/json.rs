//! Fuzzing of OTLP: changes to JSON that mostly stay JSON.

use std::ops::Range;

use fastrand::Rng;
use otlp::schema::MessageId;

/// Values that readers treat apart.
const VALUES: [&str; 40] = [
    "null",
    "true",
    "false",
    "0",
    "-0",
    "1",
    "-1",
    "1.0",
    "1.5",
    "1e3",
    "10e-1",
    "1e400",
    "1e-400",
    "1e999999999",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775808",
    "9223372036854775808",
    "4294967295",
    "4294967296",
    "2147483648",
    "0.1",
    "123456789012345678901234567890",
    "\"\"",
    "\"0\"",
    "\"1e3\"",
    "\"-1\"",
    "\"18446744073709551615\"",
    "\"NaN\"",
    "\"Infinity\"",
    "\"-Infinity\"",
    "\"nan\"",
    "\"0af7651916cd43dd8448eb211c80319c\"",
    "\"B7AD6B7169203331\"",
    "\"_-8=\"",
    "\"+/8\"",
    "\"\\ud83d\\ude00\"",
    "{}",
    "[]",
    "\"SPAN_KIND_SERVER\"",
];

/// Takes away, repeats, moves or replaces a value or a member, or gives a member another name.
pub fn mutate_json(json: &mut Vec<u8>, rng: &mut Rng) {
    let (values, names) = spans(json);
    let (Some(value), Some(other)) = (rng.choice(&values).cloned(), rng.choice(&values).cloned()) else {
        *json = b"{}".to_vec();
        return;
    };
    match rng.u8(..8) {
        0 | 1 => {
            let with = rng.choice(VALUES).unwrap_or("null");
            json.splice(value, with.bytes());
        }
        2 => {
            let with = json[other].to_vec();
            json.splice(value, with);
        }
        // An element or a member before the value's place, with the comma.
        3 | 4 => {
            let Some(name) = rng.choice(&names).cloned() else { return };
            let member = match names.iter().find(|other| other.start > name.start).filter(|_| rng.bool()) {
                Some(next) if next.end < name.start + 200 => json[name.start..name.end].to_vec(),
                _ => json[name.clone()].to_vec(),
            };
            let text = [&member[..], b":", &json[other], b","].concat();
            json.splice(name.start..name.start, text);
        }
        5 | 6 => {
            let Some(name) = rng.choice(&names).cloned() else { return };
            let message = rng.choice(MessageId::ALL).map(|id| id.message().fields).unwrap_or_default();
            let Some(field) = rng.choice(message) else { return };
            let with = if rng.bool() { field.json_name } else { field.name };
            json.splice(name, format!("\"{with}\"").into_bytes());
        }
        _ => {
            // In a list of its own, or apart from what is around it.
            let text = [b"[", &json[value.clone()], b"]"].concat();
            json.splice(value, if rng.bool() { text } else { b" \n null".to_vec() });
        }
    }
}

/// The values, and the names of members, of what looks like JSON.
fn spans(json: &[u8]) -> (Vec<Range<usize>>, Vec<Range<usize>>) {
    let (mut values, mut names, mut open) = (Vec::new(), Vec::new(), Vec::new());
    let mut at = 0;
    while let Some(&byte) = json.get(at) {
        let start = at;
        at += 1;
        match byte {
            b'{' | b'[' => open.push(start),
            b'}' | b']' => values.extend(open.pop().map(|start| start..at)),
            b'"' => {
                while let Some(&byte) = json.get(at) {
                    at += if byte == b'\\' { 2 } else { 1 };
                    if byte == b'"' {
                        break;
                    }
                }
                at = at.min(json.len());
                let behind = json[at..].iter().find(|byte| !byte.is_ascii_whitespace());
                if behind == Some(&b':') { &mut names } else { &mut values }.push(start..at);
            }
            b'-' | b'0'..=b'9' | b'a'..=b'z' => {
                let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
                at += json[at..].iter().take_while(is_part).count();
                values.push(start..at);
            }
            _ => {}
        }
    }
    (values, names)
}
