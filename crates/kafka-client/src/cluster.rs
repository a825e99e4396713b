//! Hop 7: what is known of the cluster, and requests to whichever of its brokers they are for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kafka_wire::messages::{
    FindCoordinatorRequest, GROUP_KEY_TYPE, InitProducerIdRequest, InitProducerIdResponse,
};
use kafka_wire::{ErrorCode, Request};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::backoff::Backoff;
use crate::{Error, HostPort, Settings};

mod view;

mod link;
mod refresh;

pub use view::{Broker, Partition, Topic, View};

pub(crate) use link::{Allowed, Answered, Link};
use link::{Round, Slot};
pub(crate) use view::address;

/// Known brokers that are tried before those to begin with: many dead ones must not hold up a way that works.
const KNOWN_TRIED_MAX: usize = 3;

/// A cluster of brokers: a handle that is cheap to clone and can be used from any thread.
///
/// What goes to any broker goes over one connection, one request at a time. Requests to a broker of one's choice go
/// over one connection for each such broker.
#[derive(Debug, Clone)]
pub struct Cluster {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    settings: Settings,
    view: watch::Sender<Arc<View>>,
    /// Topics that metadata is asked for.
    interest: Mutex<BTreeSet<String>>,
    brokers_create: AtomicBool,
    /// Somebody wants new metadata.
    wanted: Notify,
    /// The way to any broker.
    control: Slot<Round>,
    /// The ways to brokers by their ids; no more than the view has brokers.
    links: Mutex<BTreeMap<i32, Arc<Slot<Link>>>>,
    /// Where the next round through the brokers begins.
    turn: AtomicUsize,
    /// Brokers whose metadata was refused since there was some that is good; no more than were ever candidates since.
    distrusted: Mutex<Vec<HostPort>>,
    trouble: Mutex<Option<Error>>,
}

impl Cluster {
    /// Nothing is connected until something is asked.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let round = Round::new(&settings);
        Self {
            inner: Arc::new(Inner {
                view: watch::Sender::default(),
                interest: Mutex::default(),
                brokers_create: AtomicBool::new(false),
                wanted: Notify::new(),
                control: Slot::new(round),
                links: Mutex::default(),
                // Clients that start together begin with different brokers.
                turn: AtomicUsize::new(fastrand::usize(..1024)),
                distrusted: Mutex::default(),
                trouble: Mutex::default(),
                settings,
            }),
        }
    }

    /// What the cluster was made with.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// Adds topics to those that the view shows.
    pub fn interest<N: Into<String>>(&self, topics: impl IntoIterator<Item = N>) {
        lock(&self.inner.interest).extend(topics.into_iter().map(Into::into));
        self.refresh_soon();
    }

    /// Whether brokers may create topics that are asked for and missing, where their own settings allow it;
    /// `allow.auto.create.topics`. Not unless this is called.
    pub fn let_brokers_create(&self, create: bool) {
        self.inner.brokers_create.store(create, Ordering::Relaxed);
    }

    /// The cluster as it was last seen.
    #[must_use]
    pub fn view(&self) -> Arc<View> {
        Arc::clone(&self.inner.view.borrow())
    }

    /// The cluster as it is seen from now on.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Arc<View>> {
        self.inner.view.subscribe()
    }

    /// The error of the last request that no broker answered; `None` after one that was answered.
    #[must_use]
    pub fn last_error(&self) -> Option<Error> {
        lock(&self.inner.trouble).clone()
    }

    /// [`Self::last_error`] in one line of words.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.last_error().map(|error| error.to_string())
    }

    /// Asks whichever broker answers: the one that is connected, up to three known ones, then those to begin with
    /// (KIP-899), each round beginning with another.
    ///
    /// # Errors
    ///
    /// [`Error::NoBroker`] with the most telling reason when none answers.
    pub async fn ask_any<R: Request>(&self, request: &R) -> Result<R::Response, Error> {
        Ok(self.ask_anyone(request).await?.answer)
    }

    /// As [`Self::ask_any`], with the broker that answered.
    pub(crate) async fn ask_anyone<R: Request>(&self, request: &R) -> Result<Answered<R::Response>, Error> {
        let mut round = self.inner.control.lock().await;
        let heard = |error: &Error| *lock(&self.inner.trouble) = Some(error.clone());
        let asked = round.ask(&self.inner.settings, || self.candidates(), heard, request).await;
        self.note(asked)
    }

    /// Asks the broker with this id.
    ///
    /// # Errors
    ///
    /// What keeps the broker from being asked; [`Error::NoBroker`] when no broker knows it.
    pub async fn ask_broker<R: Request>(&self, id: i32, request: &R) -> Result<R::Response, Error> {
        self.ask_broker_in(id, Allowed::ANY, request).await
    }

    pub(crate) async fn ask_broker_in<R: Request>(
        &self,
        id: i32,
        allowed: Allowed,
        request: &R,
    ) -> Result<R::Response, Error> {
        let address = self.address_of(id).await?;
        self.ask_at(id, &address, allowed, request).await
    }

    /// Asks the controller; once more, with new metadata, when `stale` finds in the answer that it is not.
    ///
    /// # Errors
    ///
    /// As [`Self::ask_broker`].
    pub async fn ask_controller<R: Request>(
        &self,
        request: &R,
        stale: impl Fn(&R::Response) -> bool,
    ) -> Result<R::Response, Error> {
        self.ask_controller_in(Allowed::ANY, request, stale).await
    }

    pub(crate) async fn ask_controller_in<R: Request>(
        &self,
        allowed: Allowed,
        request: &R,
        stale: impl Fn(&R::Response) -> bool,
    ) -> Result<R::Response, Error> {
        if let Some(id) = self.view().controller {
            match self.ask_broker_in(id, allowed, request).await {
                Ok(answer) if !stale(&answer) => return Ok(answer),
                Err(error @ Error::Unsupported { .. }) => return Err(error),
                Ok(_) | Err(_) => {}
            }
        }
        self.refresh().await?;
        match self.view().controller {
            Some(id) => self.ask_broker_in(id, allowed, request).await,
            // Brokers before 0.10 name none, and a cluster without one says so in the answer.
            None => self.ask_any(request).await,
        }
    }

    /// Asks the broker that keeps a group's offsets; again, at a pause, while `stale` finds in the answer that it
    /// does not or not yet, at most for the request timeout.
    ///
    /// # Errors
    ///
    /// As [`Self::ask_broker`]; the broker's refusal to name the group's coordinator.
    pub async fn ask_coordinator<R: Request>(
        &self,
        group: &str,
        request: &R,
        stale: impl Fn(&R::Response) -> bool,
    ) -> Result<R::Response, Error> {
        let end = Instant::now() + self.inner.settings.request_timeout;
        let mut backoff = Backoff::new(self.inner.settings.retry_backoff);
        loop {
            let answer = match self.coordinator(group).await {
                Ok((id, address)) => self.ask_at(id, &address, Allowed::ANY, request).await,
                Err(error) => Err(error),
            };
            let pause = backoff.next();
            let again = match &answer {
                Ok(answer) => stale(answer),
                Err(Error::Refused { code, .. }) => code.is_retriable(),
                Err(Error::Lost { .. } | Error::Connect { .. }) => true,
                Err(_) => false,
            };
            if !again || Instant::now() + pause >= end {
                return answer;
            }
            tokio::time::sleep(pause).await;
        }
    }

    async fn coordinator(&self, group: &str) -> Result<(i32, HostPort), Error> {
        let request = FindCoordinatorRequest {
            key: group.to_owned(),
            key_type: GROUP_KEY_TYPE,
            coordinator_keys: vec![group.to_owned()],
        };
        let Answered { answer, broker: from, .. } = self.ask_anyone(&request).await?;
        // From version 4 on each key has its own answer.
        let (code, message, id, host, port) = match answer.coordinators.into_iter().next() {
            Some(one) => (one.error_code, one.error_message, one.node_id, one.host, one.port),
            None => (answer.error_code, answer.error_message, answer.node_id, answer.host, answer.port),
        };
        if !code.is_none() {
            return Err(Error::Refused { what: format!("coordinator of group {group}"), code, message });
        }
        let address = address(host, port).filter(|_| id >= 0);
        let why = || format!("coordinator {id} of group {group} has no address");
        Ok((id, address.ok_or_else(|| Error::Protocol { broker: from, why: why() })?))
    }

    /// An id and an epoch for an idempotent producer, neither negative. The caller repeats what is retriable.
    ///
    /// # Errors
    ///
    /// As [`Self::ask_any`]; the broker's refusal.
    pub async fn init_producer_id(&self) -> Result<(i64, i16), Error> {
        let request = InitProducerIdRequest { transaction_timeout_ms: i32::MAX, ..Default::default() };
        let Answered { answer, broker, .. } = self.ask_anyone(&request).await?;
        let InitProducerIdResponse { error_code, producer_id, producer_epoch, .. } = answer;
        if error_code == ErrorCode::NONE && (producer_id < 0 || producer_epoch < 0) {
            let why = format!("producer id {producer_id} with epoch {producer_epoch}");
            return Err(Error::Protocol { broker, why });
        }
        if error_code.is_none() {
            return Ok((producer_id, producer_epoch));
        }
        Err(Error::Refused { what: "a producer id".into(), code: error_code, message: None })
    }

    /// Shows this view, whatever brokers say.
    #[cfg(test)]
    pub(crate) fn show(&self, view: View) {
        self.inner.view.send_replace(Arc::new(view));
    }

    /// Whom to ask: some known brokers, then all to begin with; whose metadata was refused comes last.
    fn candidates(&self) -> Vec<HostPort> {
        let view = self.view();
        let turn = self.inner.turn.fetch_add(1, Ordering::Relaxed);
        let known: Vec<&HostPort> = view.brokers.values().map(|broker| &broker.address).collect();
        let first: Vec<&HostPort> = self.inner.settings.bootstrap.iter().collect();
        let mut all: Vec<HostPort> = Vec::new();
        for (addresses, most) in [(known, KNOWN_TRIED_MAX), (first, usize::MAX)] {
            let from = turn.checked_rem(addresses.len()).unwrap_or(0);
            for address in addresses.iter().cycle().skip(from).take(addresses.len().min(most)) {
                if !all.contains(address) {
                    all.push((*address).clone());
                }
            }
        }
        let distrusted = lock(&self.inner.distrusted);
        all.sort_by_key(|one| distrusted.contains(one));
        all
    }

    async fn address_of(&self, id: i32) -> Result<HostPort, Error> {
        let of = |view: &View| view.brokers.get(&id).map(|broker| broker.address.clone());
        if let Some(address) = of(&self.view()) {
            return Ok(address);
        }
        self.refresh().await?;
        of(&self.view()).ok_or_else(|| {
            let (what, code) = (format!("broker {id}"), ErrorCode::BROKER_NOT_AVAILABLE);
            Error::NoBroker(Box::new(Error::Refused { what, code, message: None }))
        })
    }

    async fn ask_at<R: Request>(
        &self,
        id: i32,
        address: &HostPort,
        allowed: Allowed,
        request: &R,
    ) -> Result<R::Response, Error> {
        let slot = Arc::clone(lock(&self.inner.links).entry(id).or_default());
        let mut link = slot.lock().await;
        let asked = link.ask(&self.inner.settings, address, allowed, request).await;
        self.note(asked)
    }

    /// The error for an answer of this broker that contradicts the protocol; the connection to it is closed.
    pub(crate) fn contradicted(&self, id: i32, why: String) -> Error {
        lock(&self.inner.links).remove(&id);
        match self.view().brokers.get(&id) {
            Some(broker) => Error::Protocol { broker: broker.address.clone(), why },
            // It has left the cluster meanwhile.
            None => {
                let (what, code) = (format!("broker {id}"), ErrorCode::UNKNOWN_SERVER_ERROR);
                Error::Refused { what, code, message: Some(why) }
            }
        }
    }

    /// Keeps an error for those who ask what is wrong.
    fn note<T>(&self, asked: Result<T, Error>) -> Result<T, Error> {
        *lock(&self.inner.trouble) = asked.as_ref().err().cloned();
        asked
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
