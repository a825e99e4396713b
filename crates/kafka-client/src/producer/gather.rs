//! Hop 7: when the next request to a broker leaves: at once while the broker has nothing to do, in company while it has.
//!
//! A request costs both sides about the same whatever it holds, so what waits anyway should go together. An answer, not
//! a clock, says when: nothing waits while nothing is in flight, with one exception. Whoever was just answered is likely
//! to send more at once, and going without them would halve the batches of a busy system for no gain.

use std::time::Duration;

use tokio::time::Instant;

/// While a request is in flight the next waits until so much has gathered.
pub(super) const GATHER_BYTES: usize = 512 << 10;
/// An answer for so many records makes a crowd. Fewer are not waited for: an answer to few has to be quick.
const CROWD_RECORDS: usize = 8;
/// A crowd is waited for half as long as its answer took, within these bounds. With 1 ms as the lower one a quarter of a
/// crowd missed its request, whose cost the others then bore alone.
const CROWD_WAIT: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(5));
/// A broker whose quickest answer took so long is far away. There the way takes the time, not the work, and requests go
/// out while others are under way.
const FAR: Duration = Duration::from_millis(5);
/// To a broker that is far away nothing waits longer than this part of the way.
const FAR_SHARE: u32 = 10;

/// What the next request to a broker waits for.
#[derive(Debug, Default)]
pub(super) struct Gather {
    /// When the first record came that waits now.
    since: Option<Instant>,
    /// The quickest answer on this connection.
    quickest: Option<Duration>,
    /// Records that are likely to come soon, and until when.
    crowd: usize,
    crowd_until: Option<Instant>,
    /// What was said last.
    until: Option<Instant>,
    patience: Option<Patience>,
}

/// What can come without being looked at.
#[derive(Debug, Clone, Copy)]
struct Patience {
    bytes: usize,
    /// The crowd is waited for: when it is there, that is enough.
    crowd: bool,
}

/// What holds for a broker at the moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Situation {
    /// Bytes that could go.
    pub(super) ready_bytes: usize,
    pub(super) in_flight: usize,
    pub(super) in_flight_max: usize,
    /// `batch.size`.
    pub(super) batch_bytes: usize,
    /// `linger.ms`; zero at the end.
    pub(super) linger: Duration,
    /// No company is waited for but that of an answer.
    pub(super) hurry: bool,
    pub(super) now: Instant,
}

impl Patience {
    /// Nothing leaves, whatever comes.
    const REST: Self = Self { bytes: usize::MAX, crowd: false };
}

impl Gather {
    /// A connection begins or ends: how far the broker is has to be seen, and everything that comes is looked at.
    pub(super) fn begin(&mut self) {
        let since = self.since;
        *self = Self { since, ..Self::default() };
    }

    /// Something waits for the broker.
    pub(super) fn waits(&mut self, now: Instant) {
        self.since.get_or_insert(now);
    }

    /// A record has come. Returns whether the broker's task has to look.
    pub(super) fn arrived(&mut self, bytes: usize, now: Instant) -> bool {
        self.waits(now);
        self.crowd = self.crowd.saturating_sub(1);
        let Some(patience) = &mut self.patience else { return true };
        if patience.bytes == Patience::REST.bytes {
            return false;
        }
        patience.bytes = patience.bytes.saturating_sub(bytes);
        patience.bytes == 0 || (patience.crowd && self.crowd == 0)
    }

    /// So many records have their answer, after so long.
    pub(super) fn answered(&mut self, records: usize, after: Duration, now: Instant) {
        self.quickest = Some(self.quickest.map_or(after, |quickest| quickest.min(after)));
        // Not all of them, so that one that stays away costs nothing.
        self.crowd = if records < CROWD_RECORDS { 0 } else { records - records / CROWD_RECORDS };
        let wait = self.way().map_or(after / 2, |way| way / FAR_SHARE);
        self.crowd_until = Some(now + wait.clamp(CROWD_WAIT.0, CROWD_WAIT.1));
    }

    /// How long the way to a broker takes that is far away.
    fn way(&self) -> Option<Duration> {
        self.quickest.filter(|quickest| *quickest >= FAR)
    }

    /// A request has left; something may be left behind.
    pub(super) fn left(&mut self, behind: bool, now: Instant) {
        self.since = behind.then_some(now);
        self.until = None;
        self.patience = None;
    }

    /// Whether it is time for a request. If not, [`Self::until`] says when it will be, should nothing happen before.
    pub(super) fn is_time(&mut self, at: &Situation) -> bool {
        self.until = None;
        self.patience = None;
        let enough = GATHER_BYTES.min(at.batch_bytes);
        if at.ready_bytes == 0 {
            self.since = None;
            self.wait_for_the_first(at, enough);
            return false;
        }
        if at.in_flight >= at.in_flight_max {
            self.rest();
            return false;
        }
        let since = *self.since.get_or_insert(at.now);
        let mut patience = Patience { bytes: enough.saturating_sub(at.ready_bytes), crowd: false };
        if at.ready_bytes < enough {
            if at.in_flight > 0 {
                let Some(way) = self.way() else {
                    self.patience = Some(patience);
                    return false;
                };
                self.until = Some(since + way / FAR_SHARE);
            } else if self.crowd > 0 && !at.hurry {
                self.until = self.crowd_until;
                patience.crowd = true;
            }
        }
        if at.ready_bytes < at.batch_bytes && !at.linger.is_zero() {
            patience = Patience { bytes: at.batch_bytes - at.ready_bytes, crowd: false };
            self.until = self.until.max(Some(since + at.linger));
        }
        self.until = self.until.filter(|until| *until > at.now);
        self.patience = self.until.map(|_| patience);
        self.until.is_none()
    }

    /// Nothing leaves for now: what comes waits, without being looked at, and nobody is invited.
    pub(super) fn rest(&mut self) {
        self.until = None;
        self.patience = Some(Patience::REST);
    }

    /// Nothing waits yet, and what comes would have to wait: it can come without being looked at.
    fn wait_for_the_first(&mut self, at: &Situation, enough: usize) {
        if at.in_flight > 0 {
            let waits = self.way().is_none() && at.in_flight < at.in_flight_max;
            self.patience = waits.then_some(Patience { bytes: enough, crowd: false });
        } else if self.crowd > 0 && !at.hurry && at.linger.is_zero() {
            self.until = self.crowd_until.filter(|until| *until > at.now);
            self.patience = self.until.map(|_| Patience { bytes: enough, crowd: true });
        }
    }

    /// What can come before somebody has to look: so many bytes, and so many records where a crowd is waited for.
    pub(super) fn open_to(&self) -> Option<(usize, Option<usize>)> {
        let Patience { bytes, crowd } = self.patience.filter(|patience| patience.bytes < usize::MAX)?;
        Some((bytes, crowd.then_some(self.crowd)))
    }

    /// When it will be time, though nothing happens before.
    pub(super) fn until(&self) -> Option<Instant> {
        self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn at(ready_bytes: usize, in_flight: usize, now: Instant) -> Situation {
        let linger = Duration::ZERO;
        Situation {
            ready_bytes,
            in_flight,
            in_flight_max: 5,
            batch_bytes: 1_000_000,
            linger,
            hurry: false,
            now,
        }
    }

    #[test]
    fn a_record_goes_at_once_while_nothing_is_in_flight_and_gathers_while_something_is() {
        let (mut gather, now) = (Gather::default(), Instant::now());
        assert!(gather.arrived(10, now));
        assert!(gather.is_time(&at(10, 0, now)));
        gather.left(false, now);
        assert!(gather.arrived(10, now));
        assert!(!gather.is_time(&at(10, 1, now)));
        assert_eq!(gather.until(), None);
        // Nobody needs to look before there is enough.
        assert!(!gather.arrived(GATHER_BYTES - 21, now));
        assert!(gather.arrived(11, now));
        assert!(gather.is_time(&at(GATHER_BYTES, 1, now)));
        assert!(!gather.is_time(&at(GATHER_BYTES, 5, now)));
        gather.answered(1, MS, now);
        assert!(gather.is_time(&at(10, 0, now)));
    }

    #[test]
    fn a_crowd_that_was_answered_is_waited_for_half_as_long_as_that_took() {
        let (mut gather, now) = (Gather::default(), Instant::now());
        gather.answered(1, MS, now);
        gather.answered(8, 6 * MS, now);
        assert!(gather.arrived(10, now));
        assert!(!gather.is_time(&at(10, 0, now)));
        assert_eq!(gather.until(), Some(now + 3 * MS));
        for _ in 0..5 {
            assert!(!gather.arrived(10, now));
        }
        assert!(gather.arrived(10, now));
        assert!(gather.is_time(&at(70, 0, now)));
        gather.answered(8, MS, now);
        assert!(!gather.is_time(&at(10, 0, now)));
        assert_eq!(gather.until(), Some(now + 2 * MS));
        assert!(gather.is_time(&at(10, 0, now + 2 * MS)));
        assert!(gather.is_time(&Situation { hurry: true, ..at(10, 0, now) }));
        gather.answered(CROWD_RECORDS - 1, MS, now);
        assert!(gather.is_time(&at(10, 0, now)));
    }

    #[test]
    fn what_will_have_to_wait_is_known_before_it_comes() {
        let (mut gather, now) = (Gather::default(), Instant::now());
        assert!(!gather.is_time(&at(0, 0, now)));
        assert_eq!(gather.open_to(), None);
        assert!(!gather.is_time(&at(0, 1, now)));
        assert_eq!((gather.open_to(), gather.until()), (Some((GATHER_BYTES, None)), None));
        assert!(!gather.arrived(10, now));
        assert_eq!(gather.open_to(), Some((GATHER_BYTES - 10, None)));
        assert!(!gather.is_time(&at(0, 5, now)));
        assert_eq!(gather.open_to(), None);
        gather.rest();
        assert!(!gather.arrived(10, now));
        assert_eq!(gather.open_to(), None, "whatever comes");
        gather.answered(16, MS, now);
        assert!(!gather.is_time(&at(0, 0, now)));
        assert_eq!((gather.open_to(), gather.until()), (Some((GATHER_BYTES, Some(14))), Some(now + 2 * MS)));
        assert!(!gather.arrived(10, now));
        assert!(!gather.is_time(&at(0, 0, now + 2 * MS)));
        assert_eq!((gather.open_to(), gather.until()), (None, None));
        assert!(!gather.is_time(&Situation { hurry: true, ..at(0, 0, now) }));
        assert_eq!(gather.open_to(), None);
        // Far away nothing is sure: the next may go at once.
        gather.begin();
        gather.answered(1, 20 * MS, now);
        assert!(!gather.is_time(&at(0, 1, now)));
        assert_eq!(gather.open_to(), None);
    }

    #[test]
    fn to_a_broker_far_away_requests_go_out_while_others_are_under_way() {
        let (mut gather, now) = (Gather::default(), Instant::now());
        gather.answered(1, 20 * MS, now);
        gather.answered(1, 30 * MS, now);
        gather.left(true, now);
        assert!(!gather.is_time(&at(10, 1, now)));
        assert_eq!(gather.until(), Some(now + 2 * MS));
        assert!(gather.is_time(&at(10, 1, now + 2 * MS)));
        assert!(!gather.is_time(&at(10, 5, now + 2 * MS)));
        gather.begin();
        assert!(!gather.is_time(&at(10, 1, now + 2 * MS)));
        assert_eq!(gather.until(), None);
    }

    #[test]
    fn linger_is_obeyed_until_a_batch_is_full() {
        let (mut gather, now) = (Gather::default(), Instant::now());
        let lingers = |ready_bytes, now| Situation { linger: 5 * MS, ..at(ready_bytes, 0, now) };
        gather.left(true, now);
        assert!(!gather.is_time(&lingers(10, now)));
        assert_eq!(gather.until(), Some(now + 5 * MS));
        assert!(!gather.arrived(999_989, now));
        assert!(gather.arrived(1, now));
        assert!(gather.is_time(&lingers(1_000_000, now)));
        assert!(gather.is_time(&lingers(10, now + 5 * MS)));
    }
}
