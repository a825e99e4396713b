//! Random requests of all signals, printed as JSON in many ways and read back: the bytes must be prost's, in the order of numbers.

use std::fmt::Write as _;

use fastrand::Rng;
use opentelemetry_proto::tonic::collector::{
    logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
    profiles::v1development::ExportProfilesServiceRequest, trace::v1::ExportTraceServiceRequest,
};
use prost::Message;

use super::print;
use super::printer::Printer;
use super::read_checked;
use crate::Signal;
use crate::json::read::wire::{Encoded, Open, push_len_tag, push_tag, push_varint};
use crate::schema::{Field, Kind, MessageId};
use crate::testdata::canonical;

/// Wire bytes of a random request, as the tables have it; every field comes up.
struct Generator {
    rng: Rng,
    /// Elements that may still be written: keeps requests small.
    left: u32,
}

impl Generator {
    fn message(&mut self, id: MessageId, depth: u32, out: &mut Vec<u8>) {
        let message = id.message();
        let choice = self.rng.usize(..message.oneof_mask.count_ones() as usize + 1);
        let mut member = 0;
        for field in message.fields {
            let wanted = if field.oneof.is_some() {
                member += 1;
                member == choice
            } else {
                self.rng.u32(..100) < 65
            };
            if wanted {
                self.field(field, depth, out);
            }
        }
    }

    fn field(&mut self, field: &Field, depth: u32, out: &mut Vec<u8>) {
        if !field.repeated {
            return self.value(field, depth, out);
        }
        let count = self.rng.u32(..5).min(self.left);
        if field.is_packable() {
            push_len_tag(out, field);
            let open = Open::begin(out, 1);
            for _ in 0..count * 2 {
                self.scalar(field).push(out);
            }
            return open.end(out);
        }
        for _ in 0..count {
            self.left = self.left.saturating_sub(1);
            self.value(field, depth, out);
        }
    }

    fn value(&mut self, field: &Field, depth: u32, out: &mut Vec<u8>) {
        match field.kind {
            Kind::Message(id) => {
                if depth > 12 && id == MessageId::AnyValue {
                    return;
                }
                push_len_tag(out, field);
                let open = Open::begin(out, 2);
                self.message(id, depth + 1, out);
                open.end(out);
            }
            Kind::Str => {
                let text = self.text();
                push_len_tag(out, field);
                push_varint(out, text.len() as u64);
                out.extend_from_slice(text.as_bytes());
            }
            Kind::Id | Kind::ProfileId | Kind::Bytes => {
                let len = [0, 8, 16, 16, 3, 200][self.rng.usize(..6)];
                push_len_tag(out, field);
                push_varint(out, len);
                out.extend((0..len).map(|_| self.rng.u8(..)));
            }
            _ => {
                push_tag(out, field);
                self.scalar(field).push(out);
            }
        }
    }

    fn text(&mut self) -> String {
        let len = [0, 1, 5, 12, 12, 20, 40, 150][self.rng.usize(..8)];
        let plain = self.rng.bool();
        (0..len)
            .map(|_| match self.rng.u32(..40) {
                0 if !plain => self.rng.char(..),
                1 if !plain => ['"', '\\', '/', '\n', '\0', '\u{7f}', 'é', '\u{2028}'][self.rng.usize(..8)],
                _ => self.rng.alphanumeric(),
            })
            .collect()
    }

    fn scalar(&mut self, field: &Field) -> Encoded {
        let any = match self.rng.u32(..6) {
            0 => 0,
            1 => self.rng.u64(..100),
            2 => u64::MAX,
            3 => 1 << 63,
            4 => 1_700_000_000_000_000_000 + self.rng.u64(..1 << 50),
            _ => self.rng.u64(..),
        };
        let small = any.to_le_bytes();
        let small = i32::from_le_bytes([small[0], small[1], small[2], small[3]]);
        match field.kind {
            Kind::Double => Encoded::I64(self.double(field).to_bits()),
            Kind::Fixed64 | Kind::Sfixed64 => Encoded::I64(any),
            Kind::Fixed32 => Encoded::I32(small.cast_unsigned()),
            Kind::Int32 => Encoded::Varint(i64::from(small).cast_unsigned()),
            Kind::Enum(_) if self.rng.bool() => Encoded::Varint(self.rng.u64(..5)),
            Kind::Enum(_) => Encoded::Varint(i64::from(small).cast_unsigned()),
            Kind::Uint32 | Kind::Sint32 => Encoded::Varint(small.cast_unsigned().into()),
            Kind::Bool => Encoded::Varint(any & 1),
            _ => Encoded::Varint(any),
        }
    }

    fn double(&mut self, field: &Field) -> f64 {
        match self.rng.u32(..8) {
            0 => 0.0,
            1 => f64::NAN,
            2 => f64::INFINITY,
            3 => f64::NEG_INFINITY,
            // Prost takes minus zero for the default and drops it where there is no presence.
            4 if field.has_presence() || field.repeated => -0.0,
            5 => f64::from(self.rng.u32(..1000)) / 8.0,
            _ => Some(f64::from_bits(self.rng.u64(..))).filter(|value| value.is_finite()).unwrap_or(1.5),
        }
    }
}

/// A random request of the signal: as prost encodes it, but for the order of fields, and printed.
fn request(signal: Signal, generator: &mut Generator, printer: &mut Printer) -> (Vec<u8>, String) {
    let mut wire = Vec::new();
    generator.left = 40;
    generator.message(signal.root(), 0, &mut wire);
    fn both<M: Message + Default>(
        wire: &[u8],
        printer: &mut Printer,
        print: fn(&mut Printer, &M) -> String,
    ) -> (Vec<u8>, String) {
        let message = M::decode(wire).expect("the generator follows the schema");
        (message.encode_to_vec(), print(printer, &message))
    }
    let (wire, json) = match signal {
        Signal::Traces => both::<ExportTraceServiceRequest>(&wire, printer, print::traces),
        Signal::Metrics => both::<ExportMetricsServiceRequest>(&wire, printer, print::metrics),
        Signal::Logs => both::<ExportLogsServiceRequest>(&wire, printer, print::logs),
        Signal::Profiles => both::<ExportProfilesServiceRequest>(&wire, printer, print::profiles),
    };
    (canonical(signal.root(), &wire), json)
}

fn random(seed: u64) -> (Generator, Printer, Signal) {
    let mut rng = Rng::with_seed(seed);
    let printer = Printer {
        rng: Rng::with_seed(seed ^ 0x5eed),
        unruly: rng.bool(),
        snake_case: rng.u32(..4) == 0,
        spaces: rng.bool(),
    };
    let signal = Signal::ALL[rng.usize(..4)];
    (Generator { rng, left: 0 }, printer, signal)
}

#[test]
fn what_is_printed_reads_as_it_is_encoded() {
    let mut bytes = 0;
    let documents = 24_000;
    for seed in 0..documents {
        let (mut generator, mut printer, signal) = random(seed);
        let (expected, json) = request(signal, &mut generator, &mut printer);
        bytes += json.len();
        let (wire, _) = read_checked(signal, json.as_bytes()).unwrap_or_else(|malformed| {
            panic!("seed {seed}: {malformed}\n{:?}\n{json}", &json[malformed.offset.saturating_sub(50)..])
        });
        assert!(
            wire == expected,
            "seed {seed}: {signal:?} {printer:?}\n{json}\n{}",
            difference(&wire, &expected)
        );
    }
    assert!(bytes > 20_000_000, "the documents are worth the name: {bytes} bytes in all");
}

fn difference(left: &[u8], right: &[u8]) -> String {
    let at = left.iter().zip(right).take_while(|(left, right)| left == right).count();
    let mut text = format!("at {at}:");
    for side in [left, right] {
        write!(text, "\n{:02x?}", &side[at.saturating_sub(16)..side.len().min(at + 32)]).unwrap();
    }
    text
}

/// `read_checked` holds whatever is accepted against the checker of wire bytes, and offsets and texts of errors against their bounds.
#[test]
fn broken_json_is_refused_or_read_as_valid_bytes() {
    let (mut accepted, mut refused) = (0, 0);
    for seed in 0..6_000 {
        let (mut generator, mut printer, signal) = random(seed);
        printer.spaces = false;
        let (_, json) = request(signal, &mut generator, &mut printer);
        for _ in 0..8 {
            let mut json = json.clone().into_bytes();
            for _ in 0..generator.rng.usize(1..4) {
                mutate(&mut json, &mut generator.rng);
            }
            match read_checked(signal, &json) {
                Ok(_) => accepted += 1,
                Err(_) => refused += 1,
            }
        }
    }
    assert!(accepted > 2_000 && refused > 20_000, "{accepted} accepted, {refused} refused");
}

fn mutate(json: &mut Vec<u8>, rng: &mut Rng) {
    const TOKENS: [&[u8]; 16] = [
        b"{", b"}", b"[", b"]", b",", b":", b"\"", b"\\", b"null", b"0", b"-", b"e9", b"true", b"\\u0000",
        b"\xff", b" ",
    ];
    let at = rng.usize(..json.len() + 1);
    match rng.u32(..5) {
        0 => json.truncate(at),
        1 => {
            let end = (at + rng.usize(..12)).min(json.len());
            json.drain(at..end);
        }
        2 => {
            json.splice(at..at, TOKENS[rng.usize(..TOKENS.len())].iter().copied());
        }
        3 if at < json.len() => json[at] = rng.u8(..),
        _ => {
            let end = (at + rng.usize(..40)).min(json.len());
            let copy = json[at..end].to_vec();
            let to = rng.usize(..json.len() + 1);
            json.splice(to..to, copy);
        }
    }
    if json.is_empty() {
        json.push(b'{');
    }
}
