//! Hop 3 to 7: the bytes that all requests together may hold.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use crate::Deadline;

/// Bytes that one unit of the semaphore stands for.
const UNIT_BYTES: usize = 1024;

/// The process-wide budget of bytes, first come, first served.
///
/// A part of it is a reserve for the progress of one request at a time: requests that each hold a
/// part of what they need would otherwise wait for one another until their deadlines.
#[derive(Debug)]
pub struct Budget {
    main: Semaphore,
    main_units: u32,
    reserve_units: u32,
    /// One permit: the right to draw on the reserve.
    reserve_turn: Arc<Semaphore>,
    reserve_used: AtomicU32,
    /// Some of the reserve came back; only the holder of the turn waits for it.
    reserve_back: Notify,
    /// More than half is used; ends at three eighths.
    short: AtomicBool,
    /// Told when that begins, and when it ends.
    watch: fn(bool),
}

/// Bytes held against a [`Budget`]; they return when this is dropped.
#[derive(Debug)]
pub struct Charge {
    budget: Arc<Budget>,
    bytes: usize,
    main_units: u32,
    reserve_units: u32,
    turn: Option<Arc<OwnedSemaphorePermit>>,
}

/// The deadline passed before the bytes were free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no memory before the deadline")]
pub struct Exhausted;

fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX)
}

impl Budget {
    /// `total` bytes, of which `reserve` are for one request at a time. The reserve should hold the
    /// largest request with its largest record; it cannot be more than the total.
    #[must_use]
    pub fn new(total: usize, reserve: usize) -> Arc<Self> {
        Self::watched(total, reserve, |_| {})
    }

    /// The same; `watch` is told `true` when more than half is used, and `false` when no more than three eighths are,
    /// in turns, on whatever thread brings it about.
    #[must_use]
    pub fn watched(total: usize, reserve: usize, watch: fn(bool)) -> Arc<Self> {
        let reserve_units = units(reserve.min(total));
        let main_units = units(total).saturating_sub(reserve_units);
        Arc::new(Self {
            main: Semaphore::new(main_units as usize),
            main_units,
            reserve_units,
            reserve_turn: Arc::new(Semaphore::new(1)),
            reserve_used: AtomicU32::new(0),
            reserve_back: Notify::new(),
            short: AtomicBool::new(false),
            watch,
        })
    }

    /// An empty charge to grow.
    #[must_use]
    pub fn open(self: &Arc<Self>) -> Charge {
        Charge { budget: Arc::clone(self), bytes: 0, main_units: 0, reserve_units: 0, turn: None }
    }

    /// All bytes, the reserve included.
    #[must_use]
    pub fn total_bytes(&self) -> usize {
        (self.main_units + self.reserve_units) as usize * UNIT_BYTES
    }

    /// Bytes held now.
    #[must_use]
    pub fn used_bytes(&self) -> usize {
        let main = (self.main_units as usize).saturating_sub(self.main.available_permits());
        (main + self.reserve_used.load(Ordering::Relaxed) as usize) * UNIT_BYTES
    }

    /// Tells when it becomes short, or is no more. To be called when something was taken or came back.
    fn tell(&self) {
        let whole = self.main_units as usize;
        let used = whole.saturating_sub(self.main.available_permits());
        let was_short = self.short.load(Ordering::Relaxed);
        let is_short = if was_short { used > whole / 8 * 3 } else { used > whole / 2 };
        // Of many threads that see it, one tells.
        if is_short != was_short && self.short.swap(is_short, Ordering::Relaxed) != is_short {
            (self.watch)(is_short);
        }
    }
}

impl Charge {
    /// Bytes that this charge covers.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds `more` bytes, or waits in line for them until the deadline.
    ///
    /// # Errors
    ///
    /// [`Exhausted`] at the deadline; what was held before stays held.
    ///
    /// # Cancellation
    ///
    /// A dropped call has added nothing and left the line.
    pub async fn grow(&mut self, more: usize, deadline: Deadline) -> Result<(), Exhausted> {
        let budget = Arc::clone(&self.budget);
        while !self.try_grow(more) {
            let need = self.missing(more);
            tokio::select! {
                biased;
                got = budget.main.acquire_many(need), if need <= budget.main_units => {
                    got.map_err(|_| Exhausted)?.forget();
                    self.main_units += need;
                    self.bytes += more;
                    budget.tell();
                    return Ok(());
                }
                turn = Arc::clone(&budget.reserve_turn).acquire_owned(),
                    if self.turn.is_none() && need <= budget.reserve_units =>
                {
                    self.turn = Some(Arc::new(turn.map_err(|_| Exhausted)?));
                }
                // What the request drew before comes back while it waits for more.
                () = budget.reserve_back.notified(), if self.turn.is_some() => {}
                () = tokio::time::sleep_until(deadline.at()) => return Err(Exhausted),
            }
        }
        Ok(())
    }

    /// Whether `more` bytes can ever be had: when nobody else holds any, or of the reserve.
    #[must_use]
    pub fn can_grow(&self, more: usize) -> bool {
        let (need, budget) = (self.missing(more), &self.budget);
        need <= budget.main_units.saturating_sub(self.main_units)
            || need <= budget.reserve_units.saturating_sub(self.reserve_units)
    }

    /// Adds `more` bytes if they are free now.
    pub fn try_grow(&mut self, more: usize) -> bool {
        let need = self.missing(more);
        let free = self.budget.main.try_acquire_many(need).map(SemaphorePermit::forget).is_ok();
        if free {
            self.main_units += need;
            self.budget.tell();
        }
        let got = free || (self.turn.is_some() && self.draw_reserve(need));
        if got {
            self.bytes += more;
        }
        got
    }

    /// Gives back all but `keep` bytes.
    pub fn shrink_to(&mut self, keep: usize) {
        if keep < self.bytes {
            drop(self.split(self.bytes - keep));
        }
    }

    /// Moves `bytes` of this charge, or all if it has fewer, to one of its own.
    #[must_use]
    pub fn split(&mut self, bytes: usize) -> Self {
        let bytes = bytes.min(self.bytes);
        let keep = units(self.bytes - bytes);
        let mut moved = self.main_units + self.reserve_units - keep.min(self.main_units + self.reserve_units);
        let from_reserve = moved.min(self.reserve_units);
        moved -= from_reserve;
        self.reserve_units -= from_reserve;
        self.main_units -= moved;
        self.bytes -= bytes;
        Self {
            budget: Arc::clone(&self.budget),
            bytes,
            main_units: moved,
            reserve_units: from_reserve,
            turn: self.turn.clone(),
        }
    }

    /// Takes back what was split off.
    pub(crate) fn join(&mut self, mut other: Self) {
        self.bytes += std::mem::take(&mut other.bytes);
        self.main_units += std::mem::take(&mut other.main_units);
        self.reserve_units += std::mem::take(&mut other.reserve_units);
        self.turn = self.turn.take().or_else(|| other.turn.take());
    }

    fn missing(&self, more: usize) -> u32 {
        units(self.bytes.saturating_add(more)).saturating_sub(self.main_units + self.reserve_units)
    }

    fn draw_reserve(&mut self, need: u32) -> bool {
        let limit = self.budget.reserve_units;
        let drawn = self.budget.reserve_used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            used.checked_add(need).filter(|sum| *sum <= limit)
        });
        if drawn.is_ok() {
            self.reserve_units += need;
        }
        drawn.is_ok()
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        if self.reserve_units > 0 {
            self.budget.reserve_used.fetch_sub(self.reserve_units, Ordering::Relaxed);
            self.budget.reserve_back.notify_one();
        }
        if self.main_units > 0 {
            self.budget.main.add_permits(self.main_units as usize);
            self.budget.tell();
        }
    }
}

#[cfg(test)]
mod tests;
