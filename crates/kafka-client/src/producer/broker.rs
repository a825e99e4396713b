//! Hop 7: one broker's task: a connection while there is work, requests in flight, and what their answers mean.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};
use std::time::Duration;

use bytes::Bytes;
use kafka_wire::messages::{PartitionProduceData, ProduceRequest, ProduceResponse, TopicProduceData};
use kafka_wire::{decode_response, encode_request};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::answers::{NOT_KNOWN, find, meaning};
use super::arrivals::collect;
use super::errors::Action;
use super::gather::Gather;
use super::link::{Event, Link};
use super::packing::{Packed, Packing};
use super::record::Settle;
use super::renewal::Renewal;
use super::signal::Signal;
use super::state::{Answer, Part, State};
use super::stats::add;
use super::warm::Early;
use crate::backoff::Backoff;
use crate::cluster::address;
use crate::connection::{Connection, timed_out};
use crate::{Acks, Cluster, Error, HostPort};

/// The newest Produce that names topics by name: ids come with 13.
const PRODUCE: i16 = 12;
/// How often the age of what is in flight is looked at.
const WATCH_EVERY: Duration = Duration::from_millis(100);
/// A trouble that lasts is warned of so often.
const WARN_EVERY: Duration = Duration::from_secs(10);
/// Longest time that a broker can ask to wait in one answer.
const THROTTLE_MAX: Duration = Duration::from_secs(60);

/// What the others know of a broker's task.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) wake: Rc<Signal>,
    pub(super) in_flight: usize,
    pub(super) unreachable: bool,
    pub(super) gather: Gather,
    pub(super) early: Early,
    task: JoinHandle<()>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Slot {
    /// What it has on its hands; the largest number when it can take no more.
    pub(super) fn load(&self, in_flight_max: usize) -> usize {
        if self.unreachable || self.in_flight >= in_flight_max { usize::MAX } else { self.in_flight }
    }
}

/// Starts a broker's task.
pub(super) fn spawn<T: Settle>(id: i32, state: Weak<RefCell<State<T>>>, cluster: &Cluster) -> Slot {
    let wake = Rc::<Signal>::default();
    let task = Task { id, state, cluster: cluster.clone(), wake: Rc::clone(&wake), warned: Cell::new(None) };
    let task = tokio::task::spawn_local(task.run());
    Slot { wake, in_flight: 0, unreachable: false, gather: Gather::default(), early: Early::default(), task }
}

struct Task<T> {
    id: i32,
    state: Weak<RefCell<State<T>>>,
    cluster: Cluster,
    wake: Rc<Signal>,
    warned: Cell<Option<Instant>>,
}

impl<T: Settle> Task<T> {
    async fn run(self) {
        let mut backoff = Backoff::new(self.cluster.settings().reconnect_backoff);
        loop {
            self.work().await;
            let Some(state) = self.state.upgrade() else { return };
            let address = state.borrow().address(self.id);
            let opened = match address {
                Some(address) => Connection::open(self.cluster.settings(), &address).await,
                None => Err(Error::NoBroker(Box::new(self.unknown()))),
            };
            match opened {
                Ok(connection) => {
                    backoff.reset();
                    state.borrow_mut().tried(self.id, true);
                    add(&state.borrow().stats.connections_opened, 1);
                    let mut session = Session::new(&self, Rc::clone(&state), connection);
                    let ended = session.run().await;
                    session.end();
                    if let Err(error) = ended {
                        add(&state.borrow().stats.connections_lost, 1);
                        self.report(&state, &error);
                    }
                }
                Err(error) => {
                    self.report(&state, &error);
                    state.borrow_mut().tried(self.id, false);
                    drop(state);
                    tokio::time::sleep(backoff.next()).await;
                }
            }
        }
    }

    fn unknown(&self) -> Error {
        let broker = HostPort { host: format!("broker {}", self.id), port: 0 };
        Error::Resolve { broker, why: "no metadata names its address".to_owned() }
    }

    /// Waits until there is something to send.
    async fn work(&self) {
        loop {
            let now = Instant::now();
            let Some(state) = self.state.upgrade() else { return };
            if state.borrow().has_work(self.id, now) {
                return;
            }
            let pause = state.borrow().next_pause_end(self.id, now);
            drop(state);
            match pause {
                // An error means that the pause is over.
                Some(at) => drop(tokio::time::timeout_at(at, self.wake.wait()).await),
                None => self.wake.wait().await,
            }
        }
    }

    fn report(&self, state: &Rc<RefCell<State<T>>>, error: &Error) {
        // A broker that is down fails many times a minute, for each worker.
        let now = Instant::now();
        if self.warned.get().is_none_or(|at| now.duration_since(at) >= WARN_EVERY) {
            self.warned.set(Some(now));
            tracing::warn!(broker = self.id, "{error}");
        } else {
            tracing::debug!(broker = self.id, "{error}");
        }
        state.borrow().stats.report(error.to_string());
        self.cluster.refresh_soon();
    }
}

/// A request that is not answered.
#[derive(Debug)]
struct Open<T> {
    correlation_id: i32,
    /// When it was given to the connection.
    sent: Instant,
    parts: Vec<Part<T>>,
}

/// One connection's life.
struct Session<'a, T: Settle> {
    task: &'a Task<T>,
    state: Rc<RefCell<State<T>>>,
    link: Link,
    version: Option<i16>,
    open: VecDeque<Open<T>>,
    /// So many of those at the back are still being compressed, or wait behind such.
    unsent: usize,
    packing: Packing,
    renewal: Renewal,
    muted_until: Option<Instant>,
    used: Instant,
    /// An answer's age at which the connection counts as dead.
    answer_within: Duration,
}

impl<'a, T: Settle> Session<'a, T> {
    fn new(task: &'a Task<T>, state: Rc<RefCell<State<T>>>, connection: Connection) -> Self {
        let settings = task.cluster.settings();
        let (answer_within, packing) = {
            let produce = &state.borrow().settings;
            (produce.request_timeout.min(produce.delivery_timeout), Packing::new(produce.compression))
        };
        let version = connection.versions.of_at_most::<ProduceRequest>(PRODUCE);
        let link = Link::new(connection, settings.response_bytes_max);
        Self {
            task,
            state,
            link,
            version,
            open: VecDeque::new(),
            unsent: 0,
            packing,
            renewal: Renewal::new(&task.cluster),
            muted_until: None,
            used: Instant::now(),
            answer_within,
        }
    }

    /// Sends and hears until the connection is lost, or has had nothing to do for long.
    async fn run(&mut self) -> Result<(), Error> {
        loop {
            // One for what is done and for what is waited for: a time between two of them would be nobody's.
            let now = Instant::now();
            if self.renewal.advance(&mut self.link.connection, &self.task.wake, now) {
                self.tell_in_flight();
            }
            self.make(now);
            self.send()?;
            if self.open.is_empty() && self.renewal.renew(&mut self.link.connection).await? {
                self.tell_in_flight();
                // What came before it was done has rung already.
                continue;
            }
            let due = self.due(now);
            match self.link.next(&self.task.wake, due).await? {
                Event::Answer(frame) => self.hear(frame)?,
                Event::Written if self.acks() == Acks::None => self.all_sent(),
                Event::Written | Event::Woken => {}
                Event::Due => {
                    if self.idle_too_long() {
                        return Ok(());
                    }
                }
            }
            self.check_age()?;
        }
    }

    fn acks(&self) -> Acks {
        self.state.borrow().settings.acks
    }

    fn is_muted(&self, now: Instant) -> bool {
        self.muted_until.is_some_and(|until| until > now)
    }

    /// Makes the requests that it is time for.
    fn make(&mut self, now: Instant) {
        if self.muted_until.take_if(|until| *until <= now).is_some() {
            self.tell_in_flight();
        }
        if self.renewal.is_ready() || self.is_muted(now) {
            self.rest();
            return;
        }
        loop {
            collect(&self.state);
            let parts = self.state.borrow_mut().next_request(self.task.id, self.open.len(), now);
            let Some(parts) = parts else { return };
            let connection = &mut self.link.connection;
            connection.correlation_id = connection.correlation_id.wrapping_add(1);
            let correlation_id = connection.correlation_id;
            // In flight before its first byte leaves, so that nothing is forgotten when this fails.
            self.open.push_back(Open { correlation_id, sent: now, parts });
            self.unsent += 1;
            self.used = now;
            self.tell_in_flight();
        }
    }

    /// Nothing more leaves for now. What others gave by then is taken, as nobody would see that its time passes; what
    /// they have from now on goes sooner elsewhere.
    fn rest(&self) {
        collect(&self.state);
        let mut state = self.state.borrow_mut();
        if let Some(slot) = state.brokers.get_mut(&self.task.id) {
            slot.gather.rest();
        }
        state.invite(self.task.id);
    }

    /// Sends the requests that are made, in their order; the first that is not compressed holds up those behind it.
    fn send(&mut self) -> Result<(), Error> {
        let now = Instant::now();
        while self.unsent > 0 && !self.is_muted(now) {
            if let Some(packed) = self.packing.finished() {
                self.seal(packed);
            }
            if self.packing.is_running() {
                return Ok(());
            }
            let Some(open) = self.open.iter().rev().nth(self.unsent - 1) else { return Ok(()) };
            let parts = open.parts.iter();
            let bodies: Vec<_> =
                parts.filter_map(|part| part.batch.unsealed().map(<[Bytes]>::to_vec)).collect();
            if !bodies.is_empty() {
                self.packing.start(bodies, &self.task.wake);
                return Ok(());
            }
            self.send_next(now)?;
        }
        Ok(())
    }

    /// The oldest request that is not sent has its batches compressed.
    fn seal(&mut self, packed: Vec<Packed>) {
        let Some(open) = self.open.iter_mut().rev().nth(self.unsent.saturating_sub(1)) else { return };
        let unsealed = open.parts.iter_mut().filter(|part| part.batch.unsealed().is_some());
        for (part, packed) in unsealed.zip(packed) {
            part.batch.seal(packed);
        }
    }

    fn send_next(&mut self, now: Instant) -> Result<(), Error> {
        let index = self.open.len().saturating_sub(self.unsent);
        self.unsent -= 1;
        let Some(open) = self.open.get_mut(index) else { return Ok(()) };
        open.sent = now;
        let correlation_id = open.correlation_id;
        let request = self.to_wire(&self.open[index].parts);
        let api = <ProduceRequest as kafka_wire::Message>::KEY;
        let broker = || self.link.connection.broker.clone();
        let version = self.version.ok_or_else(|| Error::Unsupported { broker: broker(), api })?;
        let client_id = Some(self.task.cluster.settings().client_id.as_str());
        let frame = encode_request(correlation_id, client_id, version, &request)
            .map_err(|error| self.link.connection.broken(error.to_string()))?;
        self.link.send(frame);
        Ok(())
    }

    fn to_wire(&self, parts: &[Part<T>]) -> ProduceRequest {
        let state = self.state.borrow();
        let mut topics: Vec<TopicProduceData> = Vec::with_capacity(1);
        let mut last = None;
        for Part { topic, partition, batch } in parts {
            add(&state.stats.sent_bytes, batch.bytes());
            if last != Some(*topic) {
                last = Some(*topic);
                let name = state.topics[*topic].name().to_owned();
                topics.push(TopicProduceData { name, ..TopicProduceData::default() });
            }
            let index = i32::try_from(*partition).unwrap_or(i32::MAX);
            if let Some(topic) = topics.last_mut() {
                topic.partition_data.push(PartitionProduceData { index, records: Some(batch.to_wire()) });
            }
        }
        let acks = match state.settings.acks {
            Acks::All => -1,
            Acks::Leader => 1,
            Acks::None => 0,
        };
        let timeout_ms = i32::try_from(self.answer_within.as_millis()).unwrap_or(i32::MAX);
        ProduceRequest { transactional_id: None, acks, timeout_ms, topic_data: topics }
    }

    /// An answer: it belongs to the oldest request, or the broker does not speak the protocol.
    fn hear(&mut self, frame: Bytes) -> Result<(), Error> {
        let connection = &self.link.connection;
        let version = self.version.unwrap_or_default();
        let (correlation_id, answer) = decode_response::<ProduceResponse>(frame, version)
            .map_err(|error| connection.broken(error.to_string()))?;
        let expected =
            self.open.front().filter(|_| self.open.len() > self.unsent).map(|open| open.correlation_id);
        if expected != Some(correlation_id) {
            return Err(connection.broken(format!("answer {correlation_id}, not {expected:?}")));
        }
        let missing = self.open.front().is_some_and(|open| {
            open.parts.iter().any(|part| find(&self.state.borrow(), &answer, part).is_none())
        });
        if missing {
            return Err(connection.broken("an answer that leaves out a partition".to_owned()));
        }
        let now = Instant::now();
        self.throttle(answer.throttle_time_ms, now);
        self.learn_addresses(&answer);
        let Some(open) = self.open.pop_front() else { return Ok(()) };
        self.tell_in_flight();
        self.tell_answered(&open, now);
        for part in open.parts {
            let heard = find(&self.state.borrow(), &answer, &part).map(meaning);
            // Looked up before; without a word on it, it counts as not stored.
            let heard = heard.unwrap_or(NOT_KNOWN);
            if heard.action == (Action::Retry { refresh: true }) {
                self.task.cluster.refresh_soon();
            }
            settle(&self.state, part, heard, now);
        }
        Ok(())
    }

    fn throttle(&mut self, ms: i32, now: Instant) {
        let Some(ms) = u64::try_from(ms).ok().filter(|ms| *ms > 0) else { return };
        let pause = Duration::from_millis(ms).min(THROTTLE_MAX);
        let state = self.state.borrow();
        add(&state.stats.throttled_milliseconds, usize::try_from(pause.as_millis()).unwrap_or_default());
        self.muted_until = Some(now + pause);
    }

    /// Where the leaders listen that the answer names instead of this broker; of no others is anything kept.
    fn learn_addresses(&self, answer: &ProduceResponse) {
        let partitions = || answer.responses.iter().flat_map(|topic| &topic.partition_responses);
        for endpoint in &answer.node_endpoints {
            let id = endpoint.node_id;
            if partitions().any(|it| it.current_leader.leader_id == id)
                && let Some(address) = address(endpoint.host.clone(), endpoint.port)
            {
                self.state.borrow_mut().learn_address(id, address);
            }
        }
    }

    /// With `acks=0` brokers do not answer.
    fn all_sent(&mut self) {
        let now = Instant::now();
        while self.open.len() > self.unsent {
            let Some(open) = self.open.pop_front() else { return };
            self.tell_in_flight();
            for part in open.parts {
                settle(&self.state, part, Answer { action: Action::Stored, ..NOT_KNOWN }, now);
            }
        }
    }

    fn tell_in_flight(&self) {
        let mut state = self.state.borrow_mut();
        if let Some(slot) = state.brokers.get_mut(&self.task.id) {
            // While a login is renewed, or the broker wants to be left alone, nothing more is taken.
            let rests = self.renewal.is_ready() || self.muted_until.is_some();
            slot.in_flight = if rests { usize::MAX } else { self.open.len() };
        }
    }

    fn tell_answered(&self, open: &Open<T>, now: Instant) {
        let records = open.parts.iter().map(|part| part.batch.records_count()).sum();
        if let Some(slot) = self.state.borrow_mut().brokers.get_mut(&self.task.id) {
            slot.gather.answered(records, now.saturating_duration_since(open.sent), now);
        }
    }

    /// When to look again though nothing happens. What was due at `now` was seen to; what has become due since then
    /// is named, and rings at once.
    fn due(&self, now: Instant) -> Option<Instant> {
        let state = self.state.borrow();
        let settings = self.task.cluster.settings();
        let idle = settings.connections_max_idle;
        let watch = match self.open.is_empty() {
            true if idle.is_zero() => None,
            true => Some(self.used + idle),
            // On a grid, so that the timer is set anew no oftener than it rings.
            false => self.link.due_within(now, WATCH_EVERY),
        };
        let gathers = state.gathers_until(self.task.id).filter(|at| *at > now);
        let pause = state.next_pause_end(self.task.id, now);
        let muted = self.muted_until.filter(|at| *at > now);
        let renewal = self.link.connection.renew_at.filter(|at| *at > now);
        [watch, gathers, pause, muted, renewal].into_iter().flatten().min()
    }

    fn idle_too_long(&self) -> bool {
        let idle = self.task.cluster.settings().connections_max_idle;
        self.open.is_empty() && !idle.is_zero() && self.used.elapsed() >= idle
    }

    /// A broker that does not answer for so long is not waited for: what it owes is sent again, over a new connection.
    fn check_age(&self) -> Result<(), Error> {
        let sent = self.open.front().filter(|_| self.open.len() > self.unsent);
        if sent.is_some_and(|open| open.sent.elapsed() >= self.answer_within) {
            return Err(timed_out(&self.link.connection.broker, "answer", self.answer_within));
        }
        Ok(())
    }

    /// Nothing more comes: what is open may be stored or not.
    fn end(&mut self) {
        let now = Instant::now();
        let open = std::mem::take(&mut self.open);
        self.unsent = 0;
        if let Some(slot) = self.state.borrow_mut().brokers.get_mut(&self.task.id) {
            slot.in_flight = 0;
            slot.gather.begin();
        }
        self.state.borrow_mut().invite(self.task.id);
        collect(&self.state);
        for mut part in open.into_iter().flat_map(|open| open.parts) {
            part.batch.seal_plain();
            settle(&self.state, part, NOT_KNOWN, now);
        }
    }
}

fn settle<T: Settle>(state: &Rc<RefCell<State<T>>>, part: Part<T>, answer: Answer, now: Instant) {
    let settled = state.borrow_mut().answered(part, answer, now);
    settled.report();
}
