//! Hop 6 where records have keys or hold single items: a request becomes pieces, and each piece a record or several.

use bytes::Bytes;
use otlp::divide::{Division, Outline};
use pipeline::{Refusal, RetryReason, Tally, Verdict};

use super::{Held, Worker, whole_units};
use crate::config::{OTLP_REQUEST_MAX_ELEMENTS, OTLP_REQUEST_OUTPUT_MAX_BYTES};
use crate::producer::Producer;

/// Bytes and pieces after which the worker's other connections have their turn.
const TURN_BYTES: usize = 64 << 10;
const TURN_PIECES: u32 = 32;

/// When the next turn of the others is.
#[derive(Default)]
struct Pace {
    bytes: usize,
    pieces: u32,
}

impl<P: Producer> Worker<P> {
    /// Divides a request that is known to be good, and hands its records over. Returns the items of units that fit no
    /// record.
    pub(super) async fn divide(
        &self,
        held: &mut Held,
        tally: &Tally,
        record_bytes_max: usize,
    ) -> Result<u64, Verdict> {
        let marks = &self.core.marks;
        let outline = self.outline(held).await?;
        let base = held.charge.bytes();
        held.grow_to(base.saturating_add(outline.memory())).await?;
        let wire = held.wire.clone();
        let texts_bytes_max = self.core.output_bytes_max;
        let work = move || Division::new(&outline, wire, texts_bytes_max);
        let mut division = held.run(held.wire.len(), work).await?.ok_or_else(texts_too_large)?;
        if let Some(key) = division.whole() {
            held.mark(marks, marks.key(key));
            drop(division);
            held.charge.shrink_to(base);
            held.grow(held.key.as_ref().map_or(0, Bytes::len)).await?;
            return self.whole_or_split(held, tally, record_bytes_max, &mut 0).await;
        }
        self.expect_output(division.output_bytes())?;
        let with_index = held.charge.bytes();
        let (mut rejected, mut output, mut pace) = (0, 0, Pace::default());
        while let Some(bytes) = division.next_bytes() {
            held.grow_to(with_index.saturating_add(bytes)).await?;
            let mut cut = Vec::with_capacity(bytes);
            let Some(piece) = division.next(&mut cut) else { break };
            let key = marks.key(piece.key);
            let keyed = key.is_some() && self.core.keys_place;
            if !keyed && marks.rule.units && held.partition.is_none() {
                let partition = self.core.topics.pick_partition(held.signal, held.deadline).await;
                held.partition = Some(partition.ok_or(Verdict::Retry(RetryReason::HoldTime))?);
            }
            let mut part = Held {
                wire: cut.into(),
                charge: held.charge.split(held.charge.bytes() - with_index),
                headers: held.headers.clone(),
                partition: held.partition.filter(|_| !keyed),
                items: Some(piece.items),
                single: piece.single,
                key: None,
                beside_bytes: 0,
                received_bytes: 0,
                ..*held
            };
            part.mark(marks, key);
            part.grow_to(whole_units(bytes.saturating_add(part.beside_bytes))).await?;
            rejected += self.whole_or_split(&mut part, tally, record_bytes_max, &mut output).await?;
            pace.after(bytes).await;
        }
        held.charge.shrink_to(base);
        Ok(rejected)
    }

    async fn outline(&self, held: &mut Held) -> Result<Outline, Verdict> {
        let (signal, rule, wire) = (held.signal, self.core.marks.rule, held.wire.clone());
        let work = move || Outline::of(signal, &wire, rule);
        let outline = held.run(held.wire.len(), work).await?;
        let outline = outline.ok_or_else(|| {
            let why = "a request of 4 GiB and more cannot be divided by otlp.record.key and otlp.record.unit";
            Verdict::Refused(Refusal::TooLarge(why.into()))
        })?;
        // Metrics without data points count nowhere else.
        if outline.units() as u64 > self.core.shape.limits.elements {
            let key = OTLP_REQUEST_MAX_ELEMENTS.name;
            return Err(Verdict::Refused(Refusal::Malformed(format!("more metrics than {key} allows"))));
        }
        Ok(outline)
    }

    /// Refuses what is certain to exceed the limit before any of it is sent.
    fn expect_output(&self, wire_bytes: usize) -> Result<(), Verdict> {
        // No format shrinks a request by more than its fixed-width numbers allow.
        let least = if self.core.shape.is_wire() { wire_bytes } else { wire_bytes / 4 };
        if least <= self.core.output_bytes_max {
            return Ok(());
        }
        let why = format!("the records of this request exceed {}", OTLP_REQUEST_OUTPUT_MAX_BYTES.name);
        Err(Verdict::Refused(Refusal::TooLarge(why)))
    }
}

/// A resource whose attributes are in a dictionary counts as if its texts stood in their places.
fn texts_too_large() -> Verdict {
    let key = OTLP_REQUEST_OUTPUT_MAX_BYTES.name;
    Verdict::Refused(Refusal::TooLarge(format!("the attributes of this request's resources exceed {key}")))
}

impl Pace {
    async fn after(&mut self, bytes: usize) {
        self.bytes += bytes;
        self.pieces += 1;
        if self.bytes >= TURN_BYTES || self.pieces >= TURN_PIECES {
            *self = Self::default();
            tokio::task::yield_now().await;
        }
    }
}
