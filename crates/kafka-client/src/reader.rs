//! Hop 7, the other direction: records of topics as they come, each partition's in order.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kafka_wire::ErrorCode;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::backoff::Backoff;
use crate::cluster::Link;
use crate::{Cluster, Error, HostPort, Settings};

mod offsets;

mod chunk;
mod fetch;

#[cfg(fuzzing)]
pub(crate) mod fuzzing;

pub use offsets::{OffsetOf, TopicPartition, commit, committed, list_offsets};

use chunk::Chunk;
use fetch::Fetched;
use offsets::passes;

/// Answers in a row that bring bytes of a partition and no whole batch, before the broker is given up.
const STUCK_MAX: u8 = 10;

/// How to read.
#[derive(Debug, Clone)]
pub struct ReaderSettings {
    /// Longest wait of a broker for records; `fetch.max.wait.ms`, 500 ms.
    pub max_wait: Duration,
    /// Record bytes of all brokers' answers together; `fetch.max.bytes`, 50 MiB. A larger batch comes alone, up to
    /// twice this.
    pub fetch_bytes_max: usize,
    /// Record bytes of one partition in an answer; `max.partition.fetch.bytes`, 1 MiB. A larger batch comes alone.
    pub partition_bytes_max: usize,
    /// Largest batch when unpacked, of which there is one at a time. 256 MiB.
    pub unpacked_bytes_max: usize,
    /// What to do when an offset is not there (any more); `auto.offset.reset`.
    pub out_of_range: OutOfRange,
}

impl Default for ReaderSettings {
    fn default() -> Self {
        Self {
            max_wait: Duration::from_millis(500),
            fetch_bytes_max: 50 << 20,
            partition_bytes_max: 1 << 20,
            unpacked_bytes_max: 256 << 20,
            out_of_range: OutOfRange::default(),
        }
    }
}

/// What to do when an offset is not in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OutOfRange {
    /// Go on with the first record there is.
    #[default]
    Beginning,
    /// Go on with the next record that comes.
    End,
    /// Say so.
    Fail,
}

/// What to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The topic.
    pub topic: String,
    /// Its partitions; `None`: all, and from their beginning those that it gets later.
    pub partitions: Option<Vec<i32>>,
    /// From where on.
    pub position: Position,
}

/// Where to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// With the first record there is.
    Beginning,
    /// With the next record that comes.
    End,
    /// With the record at this offset.
    Offset(i64),
    /// With the first record not before this time in milliseconds since 1970, or the next that comes.
    Time(i64),
}

/// A record. Key, value and headers share the memory of the answer that brought them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its topic.
    pub topic: Arc<str>,
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// Milliseconds since 1970, when it has a timestamp.
    pub timestamp_ms: Option<i64>,
    /// Its key.
    pub key: Option<Bytes>,
    /// Its value.
    pub value: Option<Bytes>,
    /// Its headers.
    pub headers: Headers,
}

/// A record's headers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Headers {
    bytes: Bytes,
    count: i32,
}

/// Reads partitions: no group, nothing is committed. Also records of transactions that were aborted or still run.
#[derive(Debug)]
pub struct Reader {
    cluster: Cluster,
    settings: ReaderSettings,
    /// Those of the cluster, with room for the answers to fetches.
    connecting: Arc<Settings>,
    /// Topics whose later partitions are read too.
    whole: BTreeSet<String>,
    partitions: BTreeMap<TopicPartition, State>,
    /// The ways to leaders, while nothing is asked over them.
    links: BTreeMap<i32, Link>,
    busy: BTreeSet<i32>,
    /// Read from brokers, and not yet by the caller. Nothing more is asked for until it is empty.
    chunks: VecDeque<(i32, HostPort, Chunk)>,
    tasks: JoinSet<Done>,
    looking: bool,
    refreshing: bool,
    refresh_at: Instant,
    backoff: Backoff,
    turn: usize,
}

/// Where a partition's reading stands.
#[derive(Debug)]
struct State {
    place: Place,
    /// Asked for, or read and not yet with the caller.
    busy: bool,
    /// Something went wrong: it waits for new metadata.
    stale: bool,
    stuck: u8,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    At(i64),
    Look(OffsetOf),
}

/// What a task comes back with.
#[derive(Debug)]
enum Done {
    Fetched(Box<Fetched>),
    Looked(BTreeMap<TopicPartition, OffsetOf>, Result<BTreeMap<TopicPartition, Option<i64>>, Error>),
    Refreshed(Result<(), Error>),
}

impl State {
    fn new(place: Place) -> Self {
        Self { place, busy: false, stale: false, stuck: 0 }
    }
}

impl Reader {
    /// Finds out where to begin: what comes after this returned is read, whatever the position was.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] for a topic or partition that is not there or not allowed; brokers that cannot be asked
    /// within the request timeout.
    pub async fn open(cluster: Cluster, settings: ReaderSettings, wanted: &[Wanted]) -> Result<Self, Error> {
        cluster.interest(wanted.iter().map(|one| one.topic.as_str()));
        cluster.refresh().await?;
        let places = fetch::places(&cluster, wanted).await?;
        let mut connecting = cluster.settings().clone();
        connecting.response_bytes_max =
            connecting.response_bytes_max.max(settings.fetch_bytes_max.saturating_mul(2));
        connecting.request_timeout += settings.max_wait;
        let whole = wanted.iter().filter(|one| one.partitions.is_none()).map(|one| one.topic.clone());
        Ok(Self {
            whole: whole.collect(),
            partitions: places.into_iter().map(|(one, at)| (one, State::new(Place::At(at)))).collect(),
            links: BTreeMap::new(),
            busy: BTreeSet::new(),
            chunks: VecDeque::new(),
            tasks: JoinSet::new(),
            looking: false,
            refreshing: false,
            refresh_at: Instant::now() + cluster.settings().metadata_max_age,
            backoff: Backoff::new(cluster.settings().retry_backoff),
            turn: 0,
            connecting: Arc::new(connecting),
            cluster,
            settings,
        })
    }

    /// The next record. Outages are waited for. Nothing is lost when the future is dropped.
    ///
    /// # Errors
    ///
    /// What does not pass by itself, such as a refused login, a topic that is gone, or a broken batch. Called again,
    /// it tries again.
    pub async fn next(&mut self) -> Result<Record, Error> {
        loop {
            if let Some(record) = self.take()? {
                return Ok(record);
            }
            self.start();
            tokio::select! {
                Some(done) = self.tasks.join_next() => match done {
                    Ok(Done::Fetched(fetched)) => self.fetched(*fetched)?,
                    Ok(Done::Looked(wanted, found)) => self.looked(&wanted, found)?,
                    Ok(Done::Refreshed(refreshed)) => self.refreshed(refreshed)?,
                    // Tasks neither panic nor are they cancelled, but by the runtime's end.
                    Err(error) => tracing::error!(%error, "a task of the reader failed"),
                },
                () = sleep_until(self.refresh_at), if !self.refreshing => {}
            }
        }
    }

    /// Where reading goes on, for each partition: the offsets to commit for the records that were yielded.
    #[must_use]
    pub fn positions(&self) -> BTreeMap<TopicPartition, i64> {
        let known = self.partitions.iter().filter_map(|(one, state)| match state.place {
            Place::At(offset) => Some((one.clone(), offset)),
            Place::Look(_) => None,
        });
        let mut positions: BTreeMap<_, _> = known.collect();
        for (.., chunk) in &self.chunks {
            positions.insert(chunk.partition.clone(), chunk.offset());
        }
        positions
    }

    /// A record of what was read from brokers.
    fn take(&mut self) -> Result<Option<Record>, Error> {
        while let Some((leader, broker, chunk)) = self.chunks.front_mut() {
            let (leader, next) = (*leader, chunk.next());
            let broken = match next {
                Ok(Some(record)) => return Ok(Some(record)),
                Ok(None) => None,
                Err(why) => Some(Error::Protocol { broker: broker.clone(), why }),
            };
            let Some((_, broker, chunk)) = self.chunks.pop_front() else { break };
            let Some(state) = self.partitions.get_mut(&chunk.partition) else { continue };
            let moved = !matches!(state.place, Place::At(offset) if offset == chunk.offset());
            state.place = Place::At(chunk.offset());
            state.busy = false;
            state.stuck = if moved { 0 } else { state.stuck.saturating_add(1) };
            let stuck = state.stuck >= STUCK_MAX;
            let why = format!("no whole record batch of {} again and again", chunk.partition.topic);
            let broken = broken.or_else(|| stuck.then_some(Error::Protocol { broker, why }));
            if let Some(error) = broken {
                (state.stale, state.stuck) = (true, 0);
                self.links.remove(&leader);
                self.refresh_after_pause();
                tracing::warn!(%error, "connection closed");
                return Err(error);
            }
        }
        Ok(None)
    }

    /// Starts what is not under way: metadata, offsets to look up, a fetch for each leader.
    fn start(&mut self) {
        if !self.refreshing && self.refresh_at <= Instant::now() {
            self.refreshing = true;
            let cluster = self.cluster.clone();
            self.tasks.spawn(async move { Done::Refreshed(cluster.refresh().await) });
        }
        let look = self.partitions.iter().filter(|(_, state)| !state.stale).filter_map(|(one, state)| {
            match state.place {
                Place::Look(of) => Some((one.clone(), of)),
                Place::At(_) => None,
            }
        });
        let look: BTreeMap<_, _> = if self.looking { BTreeMap::new() } else { look.collect() };
        if !look.is_empty() {
            self.looking = true;
            let cluster = self.cluster.clone();
            self.tasks.spawn(async move {
                let found = list_offsets(&cluster, &look).await;
                Done::Looked(look, found)
            });
        }
        self.start_fetches();
    }

    fn refresh_after_pause(&mut self) {
        let at = Instant::now() + self.backoff.next();
        self.refresh_at = self.refresh_at.min(at);
    }

    fn looked(
        &mut self,
        wanted: &BTreeMap<TopicPartition, OffsetOf>,
        found: Result<BTreeMap<TopicPartition, Option<i64>>, Error>,
    ) -> Result<(), Error> {
        self.looking = false;
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                for one in wanted.keys() {
                    if let Some(state) = self.partitions.get_mut(one) {
                        state.stale = true;
                    }
                }
                self.refresh_after_pause();
                return if passes(&error) { Ok(()) } else { Err(error) };
            }
        };
        for (one, offset) in found {
            let Some(state) = self.partitions.get_mut(&one) else { continue };
            state.place = offset.map_or(Place::Look(OffsetOf::End), Place::At);
        }
        Ok(())
    }

    fn refreshed(&mut self, refreshed: Result<(), Error>) -> Result<(), Error> {
        self.refreshing = false;
        self.refresh_at = Instant::now() + self.cluster.settings().metadata_max_age;
        if let Err(error) = refreshed {
            self.refresh_after_pause();
            return if passes(&error) { Ok(()) } else { Err(error) };
        }
        let view = self.cluster.view();
        self.links.retain(|leader, _| view.brokers.contains_key(leader));
        for name in &self.whole {
            let count = view.topics.get(name).map_or(0, |topic| topic.partitions.len());
            for partition in (0..).take(count) {
                let one = TopicPartition::new(name.as_str(), partition);
                let new = || State::new(Place::Look(OffsetOf::Beginning));
                self.partitions.entry(one).or_insert_with(new);
            }
        }
        let mut has_leaders = true;
        for (one, state) in &mut self.partitions {
            state.stale = false;
            has_leaders &= view.leader(&one.topic, one.partition).is_some();
        }
        if !has_leaders {
            self.refresh_after_pause();
        }
        let topics = self.partitions.keys().map(|one| &*one.topic).collect::<BTreeSet<_>>();
        let usable = topics.into_iter().try_for_each(|name| fetch::usable(&view, name).map(drop));
        if usable.is_err() {
            self.refresh_after_pause();
        }
        usable
    }

    fn out_of_range(&self, one: &TopicPartition) -> Result<Place, Error> {
        match self.settings.out_of_range {
            OutOfRange::Beginning => Ok(Place::Look(OffsetOf::Beginning)),
            OutOfRange::End => Ok(Place::Look(OffsetOf::End)),
            OutOfRange::Fail => Err(one.refused(ErrorCode::OFFSET_OUT_OF_RANGE)),
        }
    }
}

#[cfg(test)]
mod tests;
