//! Fuzzing of OTLP: a second reader of OTLP/JSON, which makes a tree first. It shares the tables of fields with the one
//! that is tested, and nothing else.

use otlp::fuzzing::{Tree, put_varint};
use otlp::schema::{EnumId, Field, Kind, MessageId, wire_type};
use otlp::{DEPTH_MAX, Signal};

/// Brackets inside each other from which on it has no opinion: its tree has a limit of its own.
const LEVELS_MAX: usize = 500;
/// Exponents of so many digits are beyond the standard library.
const EXPONENT_DIGITS_MAX: usize = 4;
/// Quoted numbers and names of such a length with escapes in them are refused, whatever they say.
const ESCAPED_MAX: usize = 200;

/// The request, or that it is refused, or no opinion.
#[derive(Debug, PartialEq, Eq)]
pub enum Opinion {
    /// Its canonical form.
    Accepts(Vec<u8>),
    /// It is not OTLP/JSON.
    Refuses,
    /// Another limit than the reader's was met.
    None,
}

/// What has to come of a document.
pub fn second_opinion(signal: Signal, text: &[u8]) -> Opinion {
    if text.iter().filter(|byte| b"[{".contains(byte)).count() > LEVELS_MAX {
        return Opinion::None;
    }
    let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
    let Some(tree) = Tree::parse(text) else { return Opinion::Refuses };
    let mut reader = Second { abstains: false };
    let wire = reader.message(signal.root(), &tree, 0);
    match wire {
        _ if reader.abstains => Opinion::None,
        Some(wire) => Opinion::Accepts(wire),
        None => Opinion::Refuses,
    }
}

struct Second {
    abstains: bool,
}

impl Second {
    fn message(&mut self, id: MessageId, tree: &Tree<'_>, depth: u32) -> Option<Vec<u8>> {
        let Tree::Object(members) = tree else { return None };
        if depth > DEPTH_MAX {
            return None;
        }
        let mut seen: Vec<(&Field, &str)> = Vec::new();
        let mut found: Vec<(&Field, Vec<u8>)> = Vec::new();
        for (name, value) in members {
            let named = |field: &&Field| field.json_name == name || field.name == name;
            let Some(field) = id.message().fields.iter().find(named) else { continue };
            // One spelling of a name, not both.
            if seen.iter().any(|(other, spelled)| other.number == field.number && spelled != name) {
                return None;
            }
            seen.push((field, name));
            // The last one wins; but what it wins over has to be valid too.
            found.retain(|(other, _)| other.number != field.number);
            if let Tree::Null = value {
                continue;
            }
            let bytes = self.field(field, value, depth)?;
            if !bytes.is_empty() {
                found.push((field, bytes));
            }
        }
        if found.iter().filter(|(field, _)| field.oneof.is_some()).count() > 1 {
            return None;
        }
        found.sort_by_key(|(field, _)| field.number);
        Some(found.into_iter().flat_map(|(_, bytes)| bytes).collect())
    }

    fn field(&mut self, field: &Field, value: &Tree<'_>, depth: u32) -> Option<Vec<u8>> {
        if !field.repeated {
            return self.single(field, value, depth, field.has_presence());
        }
        let Tree::List(values) = value else { return None };
        if !field.is_packable() {
            let each = values.iter().map(|value| self.single(field, value, depth, true));
            return Some(each.collect::<Option<Vec<_>>>()?.concat());
        }
        let each = values.iter().map(|value| self.scalar(field, value));
        let run = each.collect::<Option<Vec<_>>>()?.concat();
        Some(if values.is_empty() { run } else { delimited(field, &run) })
    }

    /// One value with its tag; nothing for a default that need not be `kept`.
    fn single(&mut self, field: &Field, value: &Tree<'_>, depth: u32, kept: bool) -> Option<Vec<u8>> {
        let bytes = match (field.kind, value) {
            (Kind::Message(id), _) => return Some(delimited(field, &self.message(id, value, depth + 1)?)),
            (Kind::Str, Tree::Text(text)) => text.as_bytes().to_vec(),
            (Kind::Id, Tree::Text(text)) => hex(text)?,
            (Kind::ProfileId, Tree::Text(text)) if text.len() == 32 && hex(text).is_some() => hex(text)?,
            (Kind::ProfileId | Kind::Bytes, Tree::Text(text)) => base64(text)?,
            (Kind::Str | Kind::Id | Kind::ProfileId | Kind::Bytes, _) => return None,
            _ => {
                let scalar = self.scalar(field, value)?;
                if !kept && scalar.iter().all(|byte| *byte == 0) {
                    return Some(Vec::new());
                }
                let mut whole = Vec::new();
                put_varint(&mut whole, u64::from(field.number << 3 | u32::from(field.kind.wire_type())));
                whole.extend(scalar);
                return Some(whole);
            }
        };
        Some(if bytes.is_empty() && !kept { Vec::new() } else { delimited(field, &bytes) })
    }

    fn scalar(&mut self, field: &Field, value: &Tree<'_>) -> Option<Vec<u8>> {
        let (text, quoted) = match value {
            Tree::Bool(value) if field.kind == Kind::Bool => return Some(vec![u8::from(*value)]),
            Tree::Number(text) => (*text, false),
            Tree::Text(text) => (&text[..], true),
            _ => return None,
        };
        // Escapes only make a text longer.
        self.abstains |= quoted && text.len() > ESCAPED_MAX / 6;
        if let Kind::Double = field.kind {
            return Some(self.double(text, quoted)?.to_le_bytes().to_vec());
        }
        if let Kind::Enum(id) = field.kind {
            return enumeration(id, text, quoted);
        }
        whole(field.kind, integer(text)?)
    }

    fn double(&mut self, text: &str, quoted: bool) -> Option<f64> {
        match text {
            "NaN" if quoted => return Some(f64::NAN),
            "Infinity" if quoted => return Some(f64::INFINITY),
            "-Infinity" if quoted => return Some(f64::NEG_INFINITY),
            _ => {}
        }
        let (_, _, exponent) = decimal(text)?;
        self.abstains |= exponent.trim_start_matches(['-', '+', '0']).len() > EXPONENT_DIGITS_MAX;
        text.parse().ok().filter(|value: &f64| value.is_finite())
    }
}

fn delimited(field: &Field, body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    put_varint(&mut whole, u64::from(field.number << 3 | u32::from(wire_type::LEN)));
    put_varint(&mut whole, body.len() as u64);
    whole.extend_from_slice(body);
    whole
}

/// Whole part, fraction and exponent of a number, which may begin with zeros.
fn decimal(text: &str) -> Option<(&str, &str, &str)> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = text.split_once(['e', 'E']).map_or((text, None), |(m, e)| (m, Some(e)));
    let (whole, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(w, f)| (w, Some(f)));
    let unsigned = exponent.map(|text| text.strip_prefix(['-', '+']).unwrap_or(text));
    let is_one = digits(whole) && fraction.is_none_or(digits) && unsigned.is_none_or(digits);
    is_one.then_some((whole, fraction.unwrap_or(""), exponent.unwrap_or("")))
}

/// A whole number, in any notation.
fn integer(text: &str) -> Option<i128> {
    let (whole, fraction, exponent) = decimal(text)?;
    let all = [whole, fraction].concat();
    let significant = all.trim_start_matches('0').trim_end_matches('0');
    if significant.is_empty() {
        return Some(0);
    }
    let behind = all.len() - all.trim_end_matches('0').len();
    let exponent: i128 =
        if exponent.is_empty() { 0 } else { exponent.trim_start_matches('+').parse().ok()? };
    let scale = exponent.checked_add(behind as i128)?.checked_sub(fraction.len() as i128)?;
    if !(0..30).contains(&scale) || significant.len() > 30 {
        return None;
    }
    let power = 10_i128.checked_pow(u32::try_from(scale).ok()?)?;
    let magnitude = significant.parse::<i128>().ok()?.checked_mul(power)?;
    Some(if text.starts_with('-') { -magnitude } else { magnitude })
}

fn enumeration(id: EnumId, text: &str, quoted: bool) -> Option<Vec<u8>> {
    let number = match integer(text) {
        Some(number) => number,
        None if quoted => id.table().names.iter().position(|name| *name == text)?.try_into().ok()?,
        None => return None,
    };
    whole(Kind::Int32, number)
}

/// On the wire, without a tag.
fn whole(kind: Kind, value: i128) -> Option<Vec<u8>> {
    let varint = |value: u64| {
        let mut out = Vec::new();
        put_varint(&mut out, value);
        out
    };
    Some(match kind {
        Kind::Fixed64 => u64::try_from(value).ok()?.to_le_bytes().to_vec(),
        Kind::Sfixed64 => i64::try_from(value).ok()?.to_le_bytes().to_vec(),
        Kind::Fixed32 => u32::try_from(value).ok()?.to_le_bytes().to_vec(),
        Kind::Uint64 => varint(u64::try_from(value).ok()?),
        Kind::Int64 => varint(i64::try_from(value).ok()?.cast_unsigned()),
        Kind::Uint32 => varint(u32::try_from(value).ok()?.into()),
        Kind::Int32 => varint(i64::from(i32::try_from(value).ok()?).cast_unsigned()),
        Kind::Sint32 => {
            let value = i128::from(i32::try_from(value).ok()?);
            varint(u64::try_from(if value < 0 { -2 * value - 1 } else { 2 * value }).ok()?)
        }
        _ => return None,
    })
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.chars().map(|char| char.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len().is_multiple_of(2))?;
    digits.chunks(2).map(|pair| u8::try_from(pair[0] << 4 | pair[1]).ok()).collect()
}

/// Standard or URL alphabet, padded or not.
fn base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    let padding = text.len() - digits.len();
    if text.contains(['+', '/']) && text.contains(['-', '_']) || digits.len() % 4 == 1 {
        return None;
    }
    if padding > 0 && (digits.len() + padding) % 4 != 0 || padding > 2 {
        return None;
    }
    let mut bits = String::new();
    for char in digits.chars() {
        let value = match char {
            'A'..='Z' => u32::from(char) - u32::from('A'),
            'a'..='z' => u32::from(char) - u32::from('a') + 26,
            '0'..='9' => u32::from(char) - u32::from('0') + 52,
            '+' | '-' => 62,
            '/' | '_' => 63,
            _ => return None,
        };
        bits += &format!("{value:06b}");
    }
    let bytes = digits.len() * 6 / 8;
    (0..bytes).map(|at| u8::from_str_radix(&bits[8 * at..8 * at + 8], 2).ok()).collect()
}
