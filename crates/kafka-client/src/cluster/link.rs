//! Hop 7: a connection that is kept between requests, and opened anew when it was lost.

use kafka_wire::Request;
use tokio::time::{Instant, sleep_until};

use crate::backoff::Backoff;
use crate::connection::Connection;
use crate::{Error, HostPort, Settings};

/// What one request at a time uses.
pub(super) type Slot<T> = tokio::sync::Mutex<T>;

/// The versions of a request's API that are good enough, and not too new.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Allowed {
    pub(crate) oldest: i16,
    pub(crate) newest: i16,
}

impl Allowed {
    /// Whatever both sides speak.
    pub(crate) const ANY: Self = Self { oldest: 0, newest: i16::MAX };
}

/// The way to one broker.
#[derive(Debug, Default)]
pub(crate) struct Link {
    /// Not there while it is used: a request that is given up half way leaves no connection behind whose next
    /// answer belongs to another request.
    connection: Option<(Connection, Instant)>,
}

impl Link {
    /// Asks the broker at `address`, over a new connection when there is none or the one there is was lost.
    pub(crate) async fn ask<R: Request>(
        &mut self,
        settings: &Settings,
        address: &HostPort,
        allowed: Allowed,
        request: &R,
    ) -> Result<R::Response, Error> {
        Ok(self.ask_for_version(settings, address, allowed, request).await?.0)
    }

    /// As [`Self::ask`], with the version of the answer.
    async fn ask_for_version<R: Request>(
        &mut self,
        settings: &Settings,
        address: &HostPort,
        allowed: Allowed,
        request: &R,
    ) -> Result<(R::Response, i16), Error> {
        if let Some(connection) = self.kept(settings).filter(|kept| kept.broker == *address) {
            match self.ask_over(settings, connection, allowed, request).await {
                // Brokers close what is idle: the loss of an old connection says nothing about the broker.
                Err(Error::Lost { .. }) => {}
                other => return other,
            }
        }
        let connection = Connection::open(settings, address).await.inspect_err(complain)?;
        self.ask_over(settings, connection, allowed, request).await
    }

    /// Takes the connection out, unless it was idle for too long.
    fn kept(&mut self, settings: &Settings) -> Option<Connection> {
        let (connection, used) = self.connection.take()?;
        let idle_max = settings.connections_max_idle;
        (idle_max.is_zero() || used.elapsed() < idle_max).then_some(connection)
    }

    async fn ask_over<R: Request>(
        &mut self,
        settings: &Settings,
        mut connection: Connection,
        allowed: Allowed,
        request: &R,
    ) -> Result<(R::Response, i16), Error> {
        if connection.renew_at.is_some_and(|at| at <= Instant::now()) {
            connection.log_in(settings).await?;
        }
        let version = connection.versions.of_at_most::<R>(allowed.newest);
        let Some(version) = version.filter(|version| *version >= allowed.oldest) else {
            let error = Error::Unsupported { broker: connection.broker.clone(), api: R::KEY };
            self.connection = Some((connection, Instant::now()));
            return Err(error);
        };
        let answer = connection.ask_in(settings, version, request).await.inspect_err(complain)?;
        self.connection = Some((connection, Instant::now()));
        Ok((answer, version))
    }
}

/// What a broker answered, and what it takes to judge that.
#[derive(Debug)]
pub(crate) struct Answered<T> {
    pub(crate) answer: T,
    /// The version of the answer.
    pub(crate) version: i16,
    pub(crate) broker: HostPort,
}

/// The way to any broker.
#[derive(Debug)]
pub(super) struct Round {
    link: Link,
    /// Who answered last.
    broker: Option<HostPort>,
    /// After a round in which no broker answered the next one waits.
    backoff: Backoff,
    not_before: Option<Instant>,
}

impl Round {
    pub(super) fn new(settings: &Settings) -> Self {
        let backoff = Backoff::new(settings.reconnect_backoff);
        Self { link: Link::default(), broker: None, backoff, not_before: None }
    }

    /// Asks the broker that answered last, then the others in turn. `heard` gets the most telling error so far: who
    /// waits may give up before the round is over.
    pub(super) async fn ask<R: Request>(
        &mut self,
        settings: &Settings,
        candidates: impl FnOnce() -> Vec<HostPort>,
        heard: impl Fn(&Error),
        request: &R,
    ) -> Result<Answered<R::Response>, Error> {
        let mut reason: Option<Error> = None;
        let mut tried: Option<HostPort> = None;
        if let Some(broker) = self.broker.take() {
            match self.link.ask_for_version(settings, &broker, Allowed::ANY, request).await {
                Ok(answer) => return Ok(self.answered(answer, broker)),
                Err(error) => {
                    heard(&error);
                    reason = Some(error);
                }
            }
            tried = Some(broker);
        }
        if let Some(not_before) = self.not_before {
            sleep_until(not_before).await;
        }
        for broker in candidates().into_iter().filter(|one| tried.as_ref() != Some(one)) {
            match self.link.ask_for_version(settings, &broker, Allowed::ANY, request).await {
                Ok(answer) => return Ok(self.answered(answer, broker)),
                Err(error) => {
                    tracing::debug!(%error, "a broker does not answer");
                    if reason.as_ref().is_none_or(|known| known.weight() <= error.weight()) {
                        heard(&error);
                        reason = Some(error);
                    }
                }
            }
        }
        self.not_before = Some(Instant::now() + self.backoff.next());
        Err(match reason {
            // Brokers were reached: which API they lack says more than that none answered.
            Some(error @ Error::Unsupported { .. }) => error,
            Some(error) => Error::NoBroker(Box::new(error)),
            None => Error::NoBootstrap,
        })
    }

    fn answered<T>(&mut self, (answer, version): (T, i16), broker: HostPort) -> Answered<T> {
        self.broker = Some(broker.clone());
        self.backoff.reset();
        self.not_before = None;
        Answered { answer, version, broker }
    }

    /// Closes the connection if it is to this broker: the next request begins a round.
    pub(super) fn leave(&mut self, broker: &HostPort) {
        if self.broker.as_ref() == Some(broker) {
            self.broker = None;
            self.link = Link::default();
        }
    }
}

/// A broker that breaks the protocol has its connection closed, and is spoken of.
fn complain(error: &Error) {
    if matches!(error, Error::Protocol { .. }) {
        tracing::warn!(%error, "connection closed");
    }
}
