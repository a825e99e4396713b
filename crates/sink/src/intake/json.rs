//! Hop 5, OTLP/JSON in: its wire bytes are charged before they are made.

use bytes::Bytes;
use pipeline::{Refusal, Verdict};

use super::held::{Held, whole_units};
use super::{Worker, malformed};
use crate::producer::Producer;

/// The longest number on the wire: a varint of 64 bits.
const NUMBER_BYTES_MAX: usize = 10;
/// What the reader may need beside what it writes.
const SLACK_BYTES: usize = 4096;

impl<P: Producer> Worker<P> {
    pub(super) async fn read_json(&self, held: &mut Held) -> Result<(), Verdict> {
        let json = std::mem::take(&mut held.wire);
        let bound = self.wire_bytes_max(held, &json).await?;
        held.grow(bound).await?;
        let (shape, signal, json_bytes) = (self.core.shape, held.signal, json.len());
        let work = move || {
            let mut wire = Vec::with_capacity(bound);
            let read = otlp::json::read(signal, &json, &shape.limits, &mut wire);
            wire.shrink_to_fit();
            (read, wire)
        };
        let (read, wire) = held.run(json_bytes, work).await?;
        let items = read.map_err(malformed)?.items;
        let kept = whole_units(wire.capacity() + held.beside_bytes);
        held.grow_to(kept).await?;
        held.charge.shrink_to(kept);
        held.wire = Bytes::from(wire);
        self.checked(held, items);
        Ok(())
    }

    /// The most that `json` can become. Refused where that is more than there will ever be: to come again would not help
    /// its sender.
    async fn wire_bytes_max(&self, held: &mut Held, json: &Bytes) -> Result<usize, Verdict> {
        let text = json.clone();
        let quick = held.run(json.len(), move || by_commas(&text)).await?;
        if held.charge.can_grow(whole_units(quick)) {
            return Ok(quick);
        }
        let text = json.clone();
        let close = held.run(json.len(), move || by_tokens(&text)).await?;
        if held.charge.can_grow(whole_units(close)) {
            return Ok(close);
        }
        let why = format!(
            "in protobuf this request can take {close} bytes, more than otlp.memory.max.bytes leaves"
        );
        Err(Verdict::Refused(Refusal::TooLarge(why)))
    }
}

/// Bytes of wire that JSON text becomes at most: a number of one digit takes up to ten bytes, an empty message
/// some more than its braces, and each of them stands behind a comma, a colon or a bracket.
pub(super) fn by_commas(json: &[u8]) -> usize {
    let separators = json.iter().filter(|byte| **byte == b',').count();
    json.len().saturating_add(separators.saturating_mul(NUMBER_BYTES_MAX)).saturating_add(SLACK_BYTES)
}

/// The same from a closer look, byte by byte: only what stands between two separators and is shorter than the longest
/// number can become longer, and commas in texts separate nothing.
pub(super) fn by_tokens(json: &[u8]) -> usize {
    let (mut more, mut token_at, mut at) = (0, 0, 0);
    while let Some(&byte) = json.get(at) {
        at += 1;
        match byte {
            b'"' => at = behind_string(json, at),
            b',' | b']' | b'}' => {
                let token = at - 1 - token_at;
                more += if token == 0 { 0 } else { NUMBER_BYTES_MAX.saturating_sub(token) };
                token_at = at;
            }
            b':' | b'[' | b'{' => token_at = at,
            _ => {}
        }
    }
    json.len().saturating_add(more).saturating_add(SLACK_BYTES)
}

/// Where a string ends whose first character is at `at`.
fn behind_string(json: &[u8], mut at: usize) -> usize {
    while let Some(&byte) = json.get(at) {
        at += 1;
        match byte {
            b'"' => break,
            b'\\' => at += 1,
            _ => {}
        }
    }
    at
}
