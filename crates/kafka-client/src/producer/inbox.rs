//! Hop 7: records from other threads, for workers that share a producer, or send along with one that gathers already.
//!
//! To wake a thread costs more than a small record does. So while a producer gathers for a broker it says here how much
//! may come before anybody has to look, and is woken when that is used up.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::record::{Record, Settle};

/// Records up to here go along with another thread's. What larger ones cost to send is better spread over the threads:
/// they would be read from another core's cache.
pub(super) const COMPANY_BYTES_MAX: usize = 4096;

/// Where other threads put records for a producer that [`super::Producer::serve`]s it.
#[derive(Debug)]
pub struct Inbox<T> {
    inner: Mutex<Inner<T>>,
    arrived: Notify,
    remotes: AtomicUsize,
    left: Notify,
}

#[derive(Debug)]
struct Inner<T> {
    /// Bounded by the memory that its records are charged to.
    records: Vec<Record<T>>,
    /// The producer knows that it has to look.
    rung: bool,
    /// For each broker that it gathers for.
    companies: Vec<Company>,
}

/// What gathers for a broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Company {
    pub(super) broker: i32,
    /// The topics, by a bit each, whose records without partition go there now.
    pub(super) topics: u64,
    /// So many bytes can come before somebody has to look.
    pub(super) bytes: usize,
    /// So many records, where a crowd is waited for.
    pub(super) records: Option<usize>,
}

impl<T> Default for Inbox<T> {
    fn default() -> Self {
        let inner = Inner { records: Vec::new(), rung: false, companies: Vec::new() };
        Self {
            inner: Mutex::new(inner),
            arrived: Notify::new(),
            remotes: AtomicUsize::new(0),
            left: Notify::new(),
        }
    }
}

/// One other thread's end of an inbox.
#[derive(Debug)]
pub struct Remote<T>(Arc<Inbox<T>>);

impl<T> Drop for Remote<T> {
    fn drop(&mut self) {
        self.0.remotes.fetch_sub(1, Ordering::AcqRel);
        self.0.left.notify_one();
    }
}

impl Company {
    fn has(&self, topic: usize) -> bool {
        bit(topic) & self.topics != 0
    }

    /// One more. Returns whether that is enough.
    fn arrives(&mut self, bytes: usize) -> bool {
        self.bytes = self.bytes.saturating_sub(bytes);
        self.records = self.records.map(|records| records.saturating_sub(1));
        self.bytes == 0 || self.records == Some(0)
    }
}

/// A topic in [`Company::topics`]. Those beyond the last bit do not gather here.
pub(super) fn bit(topic: usize) -> u64 {
    u32::try_from(topic).ok().and_then(|topic| 1_u64.checked_shl(topic)).unwrap_or(0)
}

impl<T> Inner<T> {
    fn company(&mut self, record: &Record<T>) -> Option<&mut Company> {
        let topic = record.is_loose().then_some(record.topic)?;
        self.companies.iter_mut().find(|company| company.has(topic))
    }

    /// Returns whether the producer has to be told.
    fn push(&mut self, record: Record<T>) -> bool {
        let bytes = record.bytes();
        let enough = self.company(&record).is_none_or(|company| company.arrives(bytes));
        self.records.push(record);
        enough && !std::mem::replace(&mut self.rung, true)
    }
}

impl<T> Inbox<T> {
    fn inner(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves what lies here to `batch`, which is empty.
    pub(super) fn drain(&self, batch: &mut Vec<Record<T>>) {
        let mut inner = self.inner();
        inner.rung = false;
        std::mem::swap(batch, &mut inner.records);
    }

    /// From now on `company` gathers for its broker, instead of what did; without bytes or topics nobody does. Returns
    /// whether what lies here already is enough.
    pub(super) fn gather(&self, company: Company) -> bool {
        let mut inner = self.inner();
        inner.companies.retain(|other| other.broker != company.broker);
        if company.bytes == 0 || company.topics == 0 {
            return !inner.records.is_empty();
        }
        let (mut company, mut enough) = (company, false);
        // Those that are bound have rung.
        for record in inner.records.iter().filter(|record| record.is_loose()) {
            enough |= if company.has(record.topic) {
                company.arrives(record.bytes())
            } else {
                !inner.companies.iter().any(|other| other.has(record.topic))
            };
        }
        inner.companies.push(company);
        enough
    }

    /// A record came to the producer on its own thread. Returns whether it has to look now.
    pub(super) fn count(&self, broker: i32, bytes: usize) -> bool {
        let mut inner = self.inner();
        let company = inner.companies.iter_mut().find(|company| company.broker == broker);
        company.is_some_and(|company| company.arrives(bytes))
    }

    /// These gather no more.
    pub(super) fn disband(&self, which: impl Fn(&Company) -> bool) {
        self.inner().companies.retain(|company| !which(company));
    }

    /// The producer ends: nothing gathers here any more, and what came too late is dropped.
    pub(super) fn abandon(&self) {
        let mut inner = self.inner();
        inner.companies.clear();
        let late = std::mem::take(&mut inner.records);
        drop(inner);
        drop(late);
    }
}

impl<T: Settle + Send> Inbox<T> {
    /// An end for another thread.
    #[must_use]
    pub fn remote(self: &Arc<Self>) -> Remote<T> {
        self.remotes.fetch_add(1, Ordering::AcqRel);
        Remote(Arc::clone(self))
    }

    /// Waits until no other thread has an end any more.
    pub async fn abandoned(&self) {
        while self.remotes.load(Ordering::Acquire) > 0 {
            self.left.notified().await;
        }
    }

    /// Waits until the producer has to look.
    pub(super) async fn rung(&self) {
        self.arrived.notified().await;
    }
}

impl<T: Settle + Send> Remote<T> {
    /// Hands a record over without waiting.
    pub fn send(&self, record: Record<T>) {
        if self.0.inner().push(record) {
            self.0.arrived.notify_one();
        }
    }

    /// Hands a small record over that may go to any partition, if the producer gathers for its topic. Else it comes
    /// back, and goes sooner by a connection that has nothing to do.
    ///
    /// # Errors
    ///
    /// The record, which was not taken.
    #[expect(clippy::result_large_err, reason = "the record is on its way, not an error's description")]
    pub fn offer(&self, record: Record<T>) -> Result<(), Record<T>> {
        if record.bytes() > COMPANY_BYTES_MAX {
            return Err(record);
        }
        let mut inner = self.0.inner();
        if inner.company(&record).is_none() {
            return Err(record);
        }
        let ring = inner.push(record);
        drop(inner);
        if ring {
            self.0.arrived.notify_one();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::super::record::{Failure, Headers};
    use super::*;

    #[derive(Debug)]
    struct Token;

    impl Settle for Token {
        fn settle(self, _: Result<(), Failure>) {}
    }

    fn record(topic: usize, bytes: usize) -> Record<Token> {
        Record {
            topic,
            partition: None,
            key: None,
            value: vec![0; bytes].into(),
            headers: Headers::default(),
            timestamp_ms: 0,
            deadline: Instant::now() + Duration::from_secs(1),
            token: Token,
        }
    }

    const COMPANY: Company = Company { broker: 1, topics: 0b101, bytes: 100, records: None };

    #[test]
    fn a_producer_is_rung_for_once_until_it_looks() {
        let inbox = Inbox::default();
        assert!(inbox.inner().push(record(0, 10)));
        assert!(!inbox.inner().push(record(0, 10)));
        let mut batch = Vec::new();
        inbox.drain(&mut batch);
        assert_eq!(batch.len(), 2);
        batch.clear();
        assert!(inbox.inner().push(record(0, 10)));
    }

    #[test]
    fn nobody_is_rung_for_before_all_threads_together_have_brought_enough() {
        let inbox = Inbox::default();
        assert!(!inbox.gather(Company { records: Some(4), ..COMPANY }));
        assert!(!inbox.inner().push(record(0, 10)));
        assert!(!inbox.count(1, 10));
        assert!(!inbox.count(2, 10));
        assert!(!inbox.inner().push(record(2, 10)));
        assert!(inbox.inner().push(record(0, 10)));
        inbox.drain(&mut Vec::new());
        assert!(!inbox.gather(COMPANY));
        assert!(!inbox.inner().push(record(0, 50)));
        assert!(inbox.count(1, 50));
        // It was told, but not rung for: the next one does.
        assert!(inbox.inner().push(record(0, 1)));
        // A topic that goes elsewhere, and a record that is bound.
        inbox.drain(&mut Vec::new());
        assert!(!inbox.gather(COMPANY));
        assert!(inbox.inner().push(record(1, 10)));
        inbox.drain(&mut Vec::new());
        assert!(inbox.inner().push(Record { partition: Some(0), ..record(0, 10) }));
    }

    #[test]
    fn what_came_meanwhile_counts_in_what_gathers_next() {
        let inbox = Inbox::default();
        inbox.gather(COMPANY);
        assert!(!inbox.inner().push(record(0, 60)));
        assert!(!inbox.gather(COMPANY));
        assert!(!inbox.inner().push(record(0, 30)));
        assert!(inbox.inner().push(record(0, 10)));
        inbox.drain(&mut Vec::new());
        inbox.gather(COMPANY);
        assert!(!inbox.inner().push(record(0, 60)));
        // The topic goes elsewhere now, or the broker gathers no more: somebody has to look.
        assert!(inbox.gather(Company { topics: 0b100, ..COMPANY }));
        assert!(inbox.gather(Company { bytes: 0, ..COMPANY }));
        assert!(!inbox.gather(Company { broker: 2, topics: 0b1, ..COMPANY }));
        inbox.disband(|company| company.broker == 2);
        assert!(inbox.inner().companies.is_empty());
    }

    #[test]
    fn topics_beyond_the_last_bit_do_not_gather() {
        assert_eq!((bit(0), bit(63), bit(64), bit(usize::MAX)), (1, 1 << 63, 0, 0));
    }
}
