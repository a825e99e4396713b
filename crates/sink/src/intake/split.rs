//! Hop 6 for what is larger than a record: it is cut into parts, each as large as a record may be.

use bytes::Bytes;
use otlp::split::Cutter;
use pipeline::{RetryReason, Tally, Verdict};

use super::{Held, Worker, malformed, whole_units};
use crate::producer::Producer;
use crate::record::{Misfit, Ratio};

impl<P: Producer> Worker<P> {
    /// Cuts the request into parts, each a record, in order and to one partition: that of its key, or
    /// one that is picked. Returns the items of units that fit no record.
    pub(super) async fn split(
        &self,
        held: &mut Held,
        tally: &Tally,
        value_bytes_max: usize,
        output: &mut usize,
    ) -> Result<u64, Verdict> {
        if held.partition.is_none() && !(held.key.is_some() && self.core.keys_place) {
            let partition = self.core.topics.pick_partition(held.signal, held.deadline).await;
            held.partition = Some(partition.ok_or(Verdict::Retry(RetryReason::HoldTime))?);
        }
        let is_wire = self.core.shape.is_wire();
        let wire = held.wire.clone();
        let mut cutter = Cutter::new(held.signal, &wire);
        let mut target = if is_wire {
            value_bytes_max
        } else {
            self.ratio(held.signal).wire_bytes(value_bytes_max).min(wire.len())
        };
        let base = held.charge.bytes();
        let mut rejected = 0_u64;
        loop {
            let before = cutter.clone();
            held.grow_to(base.saturating_add(target)).await?;
            let mut cut = Vec::with_capacity(target.min(wire.len()));
            let Some(part) = cutter.next(target, &mut cut) else { break };
            // A unit that is larger than asked for is cut all the same.
            held.grow_to(base.saturating_add(cut.capacity() + held.beside_bytes)).await?;
            let mut alone = false;
            let (value, cut_bytes) = if is_wire {
                // Cutting copies on the worker: the others of this worker have their turn between the parts.
                tokio::task::yield_now().await;
                alone = cut.len() > value_bytes_max;
                if alone && cut.len() > self.unit_bytes_max(held) {
                    rejected += part.items;
                    *output = self.checked_output(*output, cut.len())?;
                    continue;
                }
                (held.take(base, cut), 0)
            } else {
                let with_cut = base.saturating_add(whole_units(cut.capacity()));
                let cut = Bytes::from(cut);
                let mut written = self.write(held, cut.clone(), with_cut, value_bytes_max).await?;
                let most = self.unit_bytes_max(held);
                if part.single && most > value_bytes_max && matches!(written.0, Err(Misfit::Full)) {
                    alone = true;
                    written = self.write(held, cut.clone(), with_cut, most).await?;
                }
                match written {
                    (Ok(_), value) => (value, cut.len()),
                    (Err(Misfit::Malformed(fault)), _) => return Err(malformed(fault)),
                    (Err(Misfit::Full), _) if part.single => {
                        rejected += part.items;
                        *output = self.checked_output(*output, cut.len())?;
                        continue;
                    }
                    (Err(Misfit::Full), _) => {
                        cutter = before;
                        target = (target.min(cut.len()) / 2).max(1);
                        continue;
                    }
                }
            };
            if cut_bytes > 0 {
                self.learn(held.signal, cut_bytes, value.bytes.len());
                target = Ratio::of(cut_bytes, value.bytes.len()).wire_bytes(value_bytes_max).min(wire.len());
            }
            *output = self.checked_output(*output, value.bytes.len())?;
            if alone {
                self.send_alone(held, tally, value, part.items);
            } else {
                self.send(held, tally, value, part.items);
            }
        }
        held.charge.shrink_to(base);
        Ok(rejected)
    }
}
