//! Hops 5 to 8 of one request: read, shape, produce, settle.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use otlp::{Malformed, MalformedKind, Signal};
use pipeline::RetryReason;
use pipeline::{
    Ack, Encoding, Intake, Phase, Refusal, Rejected, Request, Returns, Settled, Shared, Tally, Verdict, Waits,
};
use tokio::task::AbortHandle;

use crate::config::{OTLP_RECORD_MAX_BYTES, OTLP_REQUEST_MAX_ELEMENTS, OTLP_REQUEST_OUTPUT_MAX_BYTES};
use crate::producer::{Producer, Record, Way};
use crate::record::{Marks, Misfit, Ratio, Shape};
use crate::topics::Topics;
use held::{Held, Value, Whole, no_memory, whole_units};

mod divide;
mod held;
mod json;
mod split;
#[cfg(test)]
mod tests;

/// What all workers share.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) shape: Shape,
    pub(crate) marks: Marks,
    /// Whether a record's key chooses its partition.
    pub(crate) keys_place: bool,
    pub(crate) output_bytes_max: usize,
    pub(crate) shared: Arc<Shared>,
    pub(crate) topics: Topics,
}

/// One worker's way into Kafka.
#[derive(Debug)]
pub struct WorkerIntake(Worker<Way>);

impl WorkerIntake {
    pub(crate) fn spawn(core: Arc<Core>, producer: Way) -> Self {
        Self(Worker::spawn(core, producer))
    }
}

impl Intake for WorkerIntake {
    fn store(&self, request: Request) -> impl Future<Output = Verdict> {
        self.0.store(request)
    }

    async fn warm(&self) {
        let mut drain = self.0.core.shared.drain.clone();
        tokio::select! {
            () = self.0.producer.warm() => {}
            () = drain.reached(Phase::Closing) => {}
        }
    }

    async fn finish(&self) {
        let mut drain = self.0.core.shared.drain.clone();
        tokio::select! {
            () = self.0.producer.flush() => {}
            () = drain.reached(Phase::Closing) => {}
        }
        self.0.producer.give_up().await;
    }
}

#[derive(Debug)]
struct Worker<P> {
    core: Arc<Core>,
    producer: P,
    returns: Arc<Returns>,
    waits: Rc<Waits>,
    /// Runs `returns` and `waits` for as long as this is there.
    waking: [AbortHandle; 2],
    ratios: [Cell<Ratio>; 4],
}

/// A request whose records were all handed over.
struct HandedOver {
    tally: Tally,
    rejected: u64,
}

impl<P> Drop for Worker<P> {
    fn drop(&mut self) {
        self.waking.iter().for_each(AbortHandle::abort);
    }
}

impl<P: Producer> Worker<P> {
    fn spawn(core: Arc<Core>, producer: P) -> Self {
        let (returns, waits) = (Arc::<Returns>::default(), Rc::<Waits>::default());
        let (reports, ends) = (Arc::clone(&returns), Rc::clone(&waits));
        let waking = [
            tokio::task::spawn_local(async move { reports.run().await }).abort_handle(),
            tokio::task::spawn_local(async move { ends.run().await }).abort_handle(),
        ];
        Self { core, producer, returns, waits, waking, ratios: Default::default() }
    }

    async fn store(&self, request: Request) -> Verdict {
        match self.store_or_say_why(request).await {
            Ok(verdict) | Err(verdict) => verdict,
        }
    }

    /// The verdict, as an error where a step ends the way of the request.
    async fn store_or_say_why(&self, request: Request) -> Result<Verdict, Verdict> {
        let (mut held, mut permit) = self.read(request).await?;
        let signal = held.signal;
        loop {
            let record_bytes_max = self.core.topics.record_bytes_max(signal);
            let tally = Tally::new(&self.returns, self.core.shared.metrics.signal(signal), permit);
            let Some(HandedOver { tally, rejected }) =
                self.hand_over(&mut held, tally, record_bytes_max).await?
            else {
                return Ok(Verdict::Stored { rejected: None });
            };
            match tally.settled(&self.waits, held.deadline).await {
                Settled::Stored => return Ok(self.stored(signal, rejected, 0)),
                Settled::CountedOut(refused) => return Ok(self.stored(signal, rejected, refused)),
                Settled::Retry(reason) => return Err(Verdict::Retry(reason)),
                Settled::TooLarge => {}
            }
            let Some(lower) = self.core.topics.refused_at(signal, record_bytes_max) else {
                return Err(Verdict::Retry(RetryReason::Kafka("MESSAGE_TOO_LARGE")));
            };
            self.producer.limit_batch(signal, lower);
            tracing::info!(
                signal = signal.name(),
                lower,
                "the topic takes no larger records; they are split smaller"
            );
            // The first place in line is given back with the last report.
            permit = self.core.shared.gate.admit(signal, held.deadline).await.map_err(Verdict::Retry)?;
            held.cover_wire().await?;
        }
    }

    /// `misfits` items were not sent, and `refused` were refused by their topic as too large.
    fn stored(&self, signal: Signal, misfits: u64, refused: u64) -> Verdict {
        let items = misfits + refused;
        if items == 0 {
            return Verdict::Stored { rejected: None };
        }
        self.core.shared.metrics.signal(signal).rejected(items);
        let (noun, key) = (signal.item_noun(), OTLP_RECORD_MAX_BYTES.name);
        let limit = self.core.topics.unit_bytes_max(signal);
        let reasons = [
            (misfits, format!("{misfits} {noun} do not fit a record of {limit} bytes ({key})")),
            (refused, format!("{refused} {noun} are larger than their topic takes (max.message.bytes)")),
        ];
        let why: Vec<String> =
            reasons.into_iter().filter(|(items, _)| *items > 0).map(|(_, why)| why).collect();
        Verdict::Stored { rejected: Some(Rejected { items, why: why.join("; ") }) }
    }

    /// Hop 5. Protobuf that becomes JSON is not read here: writing its record checks it.
    async fn read(&self, request: Request) -> Result<(Held, pipeline::Permit), Verdict> {
        let Request { signal, encoding, body, carried, charge, permit, deadline, received } = request;
        let headers = self.core.marks.headers(signal, &carried);
        let beside_bytes = self.core.marks.bytes(None, &headers);
        let mut charge = charge;
        let needed = whole_units(charge.bytes() + beside_bytes);
        charge.grow(needed - charge.bytes(), deadline).await.map_err(no_memory)?;
        let mut held = Held {
            signal,
            received_bytes: body.len(),
            wire: body,
            charge,
            items: None,
            single: false,
            key: None,
            headers,
            beside_bytes,
            partition: None,
            deadline,
            timestamp_ms: timestamp_ms(received),
        };
        match encoding {
            // Rare ways are boxed, so that the future of the frequent ones stays small.
            Encoding::Json => Box::pin(self.read_json(&mut held)).await?,
            Encoding::Protobuf if self.core.shape.format == crate::config::Format::Protobuf => {
                self.scan(&mut held).await?;
            }
            Encoding::Protobuf => {}
        }
        Ok((held, permit))
    }

    async fn scan(&self, held: &mut Held) -> Result<(), Verdict> {
        let (shape, signal, wire) = (self.core.shape, held.signal, held.wire.clone());
        let work = move || shape.scan(signal, &wire);
        let counts = held.run(held.wire.len(), work).await?.map_err(malformed)?;
        self.checked(held, counts.items);
        Ok(())
    }

    fn checked(&self, held: &mut Held, items: u64) {
        if held.items.replace(items).is_none() {
            self.core.shared.metrics.signal(held.signal).received(items, held.received_bytes);
        }
    }

    /// Hops 6 and 7. `None` when there is nothing to store.
    async fn hand_over(
        &self,
        held: &mut Held,
        tally: Tally,
        record_bytes_max: usize,
    ) -> Result<Option<HandedOver>, Verdict> {
        if held.items == Some(0) {
            return Ok(None);
        }
        if self.core.marks.divides() {
            return Box::pin(self.hand_over_divided(held, tally, record_bytes_max)).await;
        }
        let value_bytes_max = record_bytes_max.saturating_sub(held.beside_bytes);
        let whole = self.whole(held, value_bytes_max).await?;
        if held.items.is_none() {
            // Too large for one record, and not read to its end: no part may go before all is known to be good.
            self.scan(held).await?;
        }
        if held.items == Some(0) {
            return Ok(None);
        }
        let rejected = self.send_or_split(held, &tally, whole, value_bytes_max, &mut 0).await?;
        Ok(Some(HandedOver { tally, rejected }))
    }

    /// The same where records have keys or hold single items.
    async fn hand_over_divided(
        &self,
        held: &mut Held,
        tally: Tally,
        record_bytes_max: usize,
    ) -> Result<Option<HandedOver>, Verdict> {
        if held.items.is_none() {
            self.scan(held).await?;
        }
        if held.items == Some(0) {
            return Ok(None);
        }
        let rejected = self.divide(held, &tally, record_bytes_max).await?;
        Ok(Some(HandedOver { tally, rejected }))
    }

    /// One record, or the parts of what is larger. Returns the items that fit no record.
    async fn whole_or_split(
        &self,
        held: &mut Held,
        tally: &Tally,
        record_bytes_max: usize,
        output: &mut usize,
    ) -> Result<u64, Verdict> {
        let value_bytes_max = record_bytes_max.saturating_sub(held.beside_bytes);
        let whole = self.whole(held, value_bytes_max).await?;
        self.send_or_split(held, tally, whole, value_bytes_max, output).await
    }

    async fn whole(&self, held: &mut Held, value_bytes_max: usize) -> Result<Whole, Verdict> {
        if self.core.shape.is_wire() {
            return Ok(held.as_it_is(value_bytes_max));
        }
        self.write_whole(held, value_bytes_max).await
    }

    async fn send_or_split(
        &self,
        held: &mut Held,
        tally: &Tally,
        whole: Whole,
        value_bytes_max: usize,
        output: &mut usize,
    ) -> Result<u64, Verdict> {
        let items = held.items.unwrap_or(0);
        match whole {
            Whole::Fits(value) => {
                *output = self.checked_output(*output, value.bytes.len() + held.beside_bytes)?;
                self.send(held, tally, value, items);
                Ok(0)
            }
            Whole::Splits if held.single => {
                let most = self.unit_bytes_max(held);
                let tried = if most > value_bytes_max {
                    Box::pin(self.whole(held, most)).await?
                } else {
                    Whole::Splits
                };
                let Whole::Fits(value) = tried else {
                    *output = self.checked_output(*output, held.wire.len())?;
                    return Ok(items);
                };
                *output = self.checked_output(*output, value.bytes.len() + held.beside_bytes)?;
                self.send_alone(held, tally, value, items);
                Ok(0)
            }
            Whole::Splits => Box::pin(self.split(held, tally, value_bytes_max, output)).await,
        }
    }

    /// Writes the whole request as one value, into memory that grows only when the guess was too small.
    async fn write_whole(&self, held: &mut Held, value_bytes_max: usize) -> Result<Whole, Verdict> {
        // No format shrinks a request by more than its fixed-width numbers allow.
        if held.wire.len() / 4 > value_bytes_max {
            return Ok(Whole::Splits);
        }
        let base = held.charge.bytes();
        let mut room = self.ratio(held.signal).value_bytes(held.wire.len()).min(value_bytes_max);
        loop {
            let written = self.write(held, held.wire.clone(), base, room).await?;
            match written {
                (Ok(counts), value) => {
                    if matches!(self.core.shape.format, crate::config::Format::Json(_)) {
                        self.checked(held, counts.items);
                    }
                    self.learn(held.signal, held.wire.len(), value.bytes.len());
                    return Ok(Whole::Fits(value));
                }
                (Err(Misfit::Malformed(fault)), _) => return Err(malformed(fault)),
                (Err(Misfit::Full), _) if room < value_bytes_max => {
                    room = room.saturating_mul(2).min(value_bytes_max);
                }
                (Err(Misfit::Full), _) => {
                    held.charge.shrink_to(base);
                    return Ok(Whole::Splits);
                }
            }
        }
    }

    /// Writes a value of at most `room` bytes. The request's charge is brought to `base` and what the writing
    /// holds, and the value's part is split off.
    async fn write(
        &self,
        held: &mut Held,
        wire: Bytes,
        base: usize,
        room: usize,
    ) -> Result<(Result<otlp::Counts, Misfit>, Value), Verdict> {
        let (shape, signal) = (self.core.shape, held.signal);
        held.grow_to(base.saturating_add(shape.memory(room) + held.beside_bytes)).await?;
        let work = move || {
            let mut out = Shape::room(room);
            let counts = shape.write(signal, &wire, room, &mut out);
            if counts.is_err() {
                out = Vec::new();
            } else if out.len() < out.capacity() / 4 * 3 {
                out.shrink_to_fit();
            }
            (counts, out)
        };
        // By the size of the request: a part of a large one leaves the worker too.
        let (counts, out) = held.run(held.wire.len(), work).await?;
        Ok((counts, held.take(base, out)))
    }

    fn send(&self, held: &Held, tally: &Tally, value: Value, items: u64) {
        let Value { bytes, charge } = value;
        self.hand(held, bytes, items, tally.ack(items, charge));
    }

    /// What cannot be split and is larger than what the topic is thought to take: its broker is to say.
    fn send_alone(&self, held: &Held, tally: &Tally, value: Value, items: u64) {
        let Value { bytes, charge } = value;
        self.hand(held, bytes, items, tally.ack_alone(items, charge));
    }

    /// Largest value of this request that is sent when it cannot be split.
    fn unit_bytes_max(&self, held: &Held) -> usize {
        self.core.topics.unit_bytes_max(held.signal).saturating_sub(held.beside_bytes)
    }

    fn hand(&self, held: &Held, value: Bytes, items: u64, ack: Ack) {
        self.producer.send(Record {
            signal: held.signal,
            partition: held.partition,
            key: held.key.clone(),
            headers: self.core.marks.with_items(&held.headers, items),
            value,
            timestamp_ms: held.timestamp_ms,
            deadline: held.deadline,
            ack,
        });
    }

    /// The bytes of all parts so far. Those that fit no record count too: each repeats its resource and scope,
    /// so that a small request could ask for endless cutting.
    fn checked_output(&self, so_far: usize, more: usize) -> Result<usize, Verdict> {
        let bytes = so_far.saturating_add(more);
        if bytes <= self.core.output_bytes_max {
            return Ok(bytes);
        }
        let why = format!("the records of this request exceed {}", OTLP_REQUEST_OUTPUT_MAX_BYTES.name);
        Err(Verdict::Refused(Refusal::TooLarge(why)))
    }

    fn ratio(&self, signal: Signal) -> Ratio {
        self.ratios[signal.index()].get()
    }

    fn learn(&self, signal: Signal, wire_bytes: usize, value_bytes: usize) {
        let mut ratio = self.ratio(signal);
        ratio.learn(wire_bytes, value_bytes);
        self.ratios[signal.index()].set(ratio);
    }
}

fn timestamp_ms(received: SystemTime) -> i64 {
    let since = received.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn malformed(fault: Malformed) -> Verdict {
    Verdict::Refused(match fault.kind {
        MalformedKind::TooManyElements { .. } => {
            // Not "too large": several SDKs send a request again after RESOURCE_EXHAUSTED.
            Refusal::Malformed(format!("{fault} ({})", OTLP_REQUEST_MAX_ELEMENTS.name))
        }
        _ => Refusal::Malformed(fault.to_string()),
    })
}
