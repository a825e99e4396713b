//! One member of a consumer group, with the answers that it waits for.

use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::{GroupError, JoinAnswer, JoinRequest, SyncAnswer};

/// Session and rebalance timeouts are cut to this (`group.max.session.timeout.ms` of Kafka).
pub(super) const TIMEOUT_MAX: Duration = Duration::from_secs(30 * 60);

#[derive(Debug)]
pub(super) struct Member {
    pub(super) instance_id: Option<String>,
    pub(super) client_id: String,
    pub(super) client_host: String,
    pub(super) session_timeout: Duration,
    pub(super) rebalance_timeout: Duration,
    /// What the member can do, its favourite first: name and metadata of each protocol.
    pub(super) protocols: Vec<(String, Bytes)>,
    pub(super) assignment: Bytes,
    /// It has asked for its assignment in this generation.
    pub(super) synced: bool,
    /// When the member was last heard of.
    pub(super) heard: Instant,
    join: Option<oneshot::Sender<JoinAnswer>>,
    sync: Option<oneshot::Sender<SyncAnswer>>,
}

impl Member {
    pub(super) fn new(request: &JoinRequest, now: Instant) -> Self {
        let mut member = Self {
            instance_id: request.instance_id.clone(),
            client_id: request.client_id.clone(),
            client_host: request.client_host.clone(),
            session_timeout: Duration::ZERO,
            rebalance_timeout: Duration::ZERO,
            protocols: Vec::new(),
            assignment: Bytes::new(),
            synced: false,
            heard: now,
            join: None,
            sync: None,
        };
        member.update(request, now);
        member
    }

    /// Takes over what a join says.
    pub(super) fn update(&mut self, request: &JoinRequest, now: Instant) {
        let ms = |ms: i32| Duration::from_millis(u64::try_from(ms).unwrap_or(0)).min(TIMEOUT_MAX);
        self.session_timeout = ms(request.session_timeout_ms);
        // JoinGroup v0 has no rebalance timeout; the session timeout served for both.
        self.rebalance_timeout = match request.rebalance_timeout_ms {
            1.. => ms(request.rebalance_timeout_ms),
            _ => self.session_timeout,
        };
        self.protocols = request
            .protocols
            .iter()
            // Copied, so that a member does not hold the buffer of a whole request.
            .map(|(name, metadata)| (name.clone(), Bytes::copy_from_slice(metadata)))
            .collect();
        self.heard = now;
    }

    pub(super) fn wait_for_join(&mut self) -> oneshot::Receiver<JoinAnswer> {
        let (answer, receiver) = oneshot::channel();
        // A second join of one member: the first can only be a lost connection's.
        self.answer_join(Err(GroupError::RebalanceInProgress));
        self.join = Some(answer);
        receiver
    }

    pub(super) fn wait_for_sync(&mut self) -> oneshot::Receiver<SyncAnswer> {
        let (answer, receiver) = oneshot::channel();
        self.answer_sync(Err(GroupError::RebalanceInProgress));
        self.sync = Some(answer);
        receiver
    }

    /// Answers the join that is waiting, if one is. Nobody listening any more is no error: the
    /// client is gone, and its session will time out.
    pub(super) fn answer_join(&mut self, answer: JoinAnswer) {
        if let Some(join) = self.join.take() {
            join.send(answer).ok();
        }
    }

    pub(super) fn answer_sync(&mut self, answer: SyncAnswer) {
        if let Some(sync) = self.sync.take() {
            sync.send(answer).ok();
        }
    }

    pub(super) fn has_joined(&self) -> bool {
        self.join.is_some()
    }

    /// Gives up answers that nobody waits for; the client has a session's time to come back.
    pub(super) fn drop_abandoned(&mut self, now: Instant) {
        if self.join.as_ref().is_some_and(oneshot::Sender::is_closed) {
            self.join = None;
            self.heard = now;
        }
        if self.sync.as_ref().is_some_and(oneshot::Sender::is_closed) {
            self.sync = None;
            self.heard = now;
        }
    }

    /// A member that waits for us is not late, whatever its clock says.
    pub(super) fn is_expired(&self, now: Instant) -> bool {
        self.join.is_none()
            && self.sync.is_none()
            && now.saturating_duration_since(self.heard) > self.session_timeout
    }

    pub(super) fn supports(&self, protocol: &str) -> bool {
        self.protocols.iter().any(|(name, _)| name == protocol)
    }

    pub(super) fn metadata(&self, protocol: &str) -> Bytes {
        let found = self.protocols.iter().find(|(name, _)| name == protocol);
        found.map(|(_, metadata)| metadata.clone()).unwrap_or_default()
    }

    /// Memory that the client decides on.
    pub(super) fn bytes(&self) -> usize {
        self.assignment.len() + protocols_bytes(&self.protocols)
    }
}

pub(super) fn protocols_bytes(protocols: &[(String, Bytes)]) -> usize {
    protocols.iter().map(|(name, metadata)| name.len() + metadata.len() + 64).sum()
}
