//! One consumer group as a state machine: members join, one of them assigns, all sync, then
//! heartbeat until something changes (Kafka protocol guide, "Group membership API"; the classic
//! protocol).
//!
//! ```text
//! Empty ──join──▶ PreparingRebalance ──all joined, or deadline──▶ CompletingRebalance
//!   ▲                  ▲      ▲                                        │        │
//!   └─── last one left ┘      └── a member joins, leaves, times out ───┘        │ leader's sync
//!                             └───────────────────────────────────── Stable ◀───┘
//! ```

mod rebalance;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use uuid::Uuid;

use super::member::Member;
use super::{
    Caller, GroupDescription, GroupError, GroupState, JoinAnswer, JoinRequest, LeavingMember,
    MemberDescription, SyncAnswer, SyncRequest,
};

/// Bytes of a client id that go into a member id.
const MEMBER_ID_PREFIX_BYTES_MAX: usize = 128;

#[derive(Debug)]
pub(super) struct Group {
    phase: Phase,
    generation: i32,
    protocol_type: String,
    protocol: Option<String>,
    leader: Option<String>,
    members: BTreeMap<String, Member>,
    /// Ids that were given out and not used yet, with the time when they expire (KIP-394).
    pending: BTreeMap<String, Instant>,
    first_join_delay: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Empty,
    Preparing { deadline: Instant, first_joins: Option<FirstJoins> },
    Completing { deadline: Instant },
    Stable,
}

/// A group that was empty waits a moment for more members, and again while they come, so that
/// consumers started together need one rebalance instead of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FirstJoins {
    until: Instant,
    grown: bool,
}

impl Group {
    pub(super) fn new(protocol_type: &str, first_join_delay: Duration) -> Self {
        Self {
            phase: Phase::Empty,
            generation: 0,
            protocol_type: protocol_type.to_owned(),
            protocol: None,
            leader: None,
            members: BTreeMap::new(),
            pending: BTreeMap::new(),
            first_join_delay,
        }
    }

    /// Takes a member in, or again. `room` says whether there is room for one more.
    pub(super) fn join(
        &mut self,
        request: &JoinRequest,
        room: bool,
        now: Instant,
    ) -> Result<oneshot::Receiver<JoinAnswer>, GroupError> {
        if !self.fits(request) {
            return Err(GroupError::InconsistentGroupProtocol);
        }
        let known = self.static_member(request.instance_id.as_deref());
        if !request.member_id.is_empty() {
            return match (&request.instance_id, known) {
                (Some(_), Some(id)) if id != request.member_id => Err(GroupError::FencedInstanceId),
                (Some(_), None) => Err(GroupError::UnknownMemberId),
                (None, _) if self.pending.contains_key(&request.member_id) => {
                    // Its room was taken when the id was given out.
                    self.pending.remove(&request.member_id);
                    Ok(self.add(request.member_id.clone(), request, now))
                }
                _ => self.rejoin(request, now),
            };
        }
        match known {
            Some(old_id) => Ok(self.replace_static(&old_id, request, now)),
            None if !room => Err(GroupError::GroupMaxSizeReached),
            None => {
                let member_id = new_member_id(request);
                if request.member_id_required && request.instance_id.is_none() {
                    let session =
                        Duration::from_millis(u64::try_from(request.session_timeout_ms).unwrap_or(0));
                    self.pending.insert(member_id.clone(), now + session.min(super::member::TIMEOUT_MAX));
                    return Err(GroupError::MemberIdRequired { member_id });
                }
                Ok(self.add(member_id, request, now))
            }
        }
    }

    /// Takes the leader's assignments, or has a follower wait for them.
    pub(super) fn sync(
        &mut self,
        request: &SyncRequest,
        now: Instant,
    ) -> Result<oneshot::Receiver<SyncAnswer>, GroupError> {
        self.check_caller(&request.caller, now)?;
        let is_other = |said: &Option<String>, ours: Option<&str>| {
            said.as_deref().is_some_and(|said| Some(said) != ours)
        };
        if is_other(&request.protocol_type, Some(&self.protocol_type))
            || is_other(&request.protocol_name, self.protocol.as_deref())
        {
            return Err(GroupError::InconsistentGroupProtocol);
        }
        let member_id = &request.caller.member_id;
        let member = self.members.get_mut(member_id).ok_or(GroupError::UnknownMemberId)?;
        match self.phase {
            Phase::Empty => Err(GroupError::UnknownMemberId),
            Phase::Preparing { .. } => Err(GroupError::RebalanceInProgress),
            Phase::Completing { .. } => {
                let receiver = member.wait_for_sync();
                member.synced = true;
                if self.leader.as_ref() == Some(member_id) {
                    self.assign(&request.assignments, now);
                }
                Ok(receiver)
            }
            Phase::Stable => {
                let receiver = member.wait_for_sync();
                member.synced = true;
                let assignment = member.assignment.clone();
                let answer = self.synced(assignment);
                if let Some(member) = self.members.get_mut(member_id) {
                    member.answer_sync(Ok(answer));
                }
                Ok(receiver)
            }
        }
    }

    pub(super) fn heartbeat(&mut self, caller: &Caller, now: Instant) -> Result<(), GroupError> {
        self.check_caller(caller, now)?;
        match self.phase {
            Phase::Preparing { .. } => Err(GroupError::RebalanceInProgress),
            Phase::Empty | Phase::Completing { .. } | Phase::Stable => Ok(()),
        }
    }

    /// Whether the caller may commit offsets. Without a generation it is no member: an
    /// administrator, or a consumer that assigns its partitions itself, on a group without members.
    pub(super) fn check_commit(&mut self, caller: &Caller, now: Instant) -> Result<(), GroupError> {
        if caller.generation < 0 && self.members.is_empty() {
            return Ok(());
        }
        self.check_caller(caller, now)?;
        match self.phase {
            Phase::Completing { .. } => Err(GroupError::RebalanceInProgress),
            Phase::Empty | Phase::Preparing { .. } | Phase::Stable => Ok(()),
        }
    }

    pub(super) fn leave(&mut self, leaving: &LeavingMember, now: Instant) -> Result<(), GroupError> {
        let id = match self.static_member(leaving.instance_id.as_deref()) {
            Some(id) if leaving.member_id.is_empty() || leaving.member_id == id => id,
            Some(_) => return Err(GroupError::FencedInstanceId),
            None if leaving.instance_id.is_some() => return Err(GroupError::UnknownMemberId),
            None => leaving.member_id.clone(),
        };
        if self.pending.remove(&id).is_some() {
            self.complete_if_ready(now);
            return Ok(());
        }
        if !self.members.contains_key(&id) {
            return Err(GroupError::UnknownMemberId);
        }
        self.remove(&[id], now);
        Ok(())
    }

    /// Does what the time asks for: sessions, ids and rebalances that have run out.
    pub(super) fn tick(&mut self, now: Instant) {
        self.pending.retain(|_, expires| *expires > now);
        for member in self.members.values_mut() {
            member.drop_abandoned(now);
        }
        let gone = match self.phase {
            // The leader died before it assigned, or others never asked.
            Phase::Completing { deadline } if now >= deadline => self.ids(|member| !member.synced),
            _ => self.ids(|member| member.is_expired(now)),
        };
        if gone.is_empty() {
            self.complete_if_ready(now);
        } else {
            self.remove(&gone, now);
        }
    }

    pub(super) fn describe(&self) -> GroupDescription {
        let protocol = self.protocol.as_deref().unwrap_or_default();
        let members = self.members.iter().map(|(id, member)| MemberDescription {
            member_id: id.clone(),
            instance_id: member.instance_id.clone(),
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            metadata: member.metadata(protocol),
            assignment: member.assignment.clone(),
        });
        GroupDescription {
            state: self.state(),
            protocol_type: self.protocol_type.clone(),
            protocol: protocol.to_owned(),
            members: members.collect(),
        }
    }

    pub(super) fn state(&self) -> GroupState {
        match self.phase {
            Phase::Empty => GroupState::Empty,
            Phase::Preparing { .. } => GroupState::PreparingRebalance,
            Phase::Completing { .. } => GroupState::CompletingRebalance,
            Phase::Stable => GroupState::Stable,
        }
    }

    pub(super) fn protocol_type(&self) -> &str {
        &self.protocol_type
    }

    /// Members, and ids given out to some that will be.
    pub(super) fn size(&self) -> usize {
        self.members.len() + self.pending.len()
    }

    /// Memory that the clients decide on.
    pub(super) fn bytes(&self) -> usize {
        self.members.values().map(Member::bytes).sum()
    }
}

/// Members come and go.
impl Group {
    /// Whether there is a protocol that all members and the one that asks know.
    fn fits(&self, request: &JoinRequest) -> bool {
        let others = || {
            let rejoins = |id: &String, member: &Member| {
                *id == request.member_id
                    || (request.instance_id.is_some() && member.instance_id == request.instance_id)
            };
            self.members.iter().filter(move |(id, member)| !rejoins(id, member)).map(|(_, member)| member)
        };
        if request.protocol_type.is_empty() || request.protocols.is_empty() {
            return false;
        }
        if others().next().is_some() && self.protocol_type != request.protocol_type {
            return false;
        }
        request.protocols.iter().any(|(name, _)| others().all(|member| member.supports(name)))
    }

    fn static_member(&self, instance_id: Option<&str>) -> Option<String> {
        let instance_id = instance_id?;
        let found =
            self.members.iter().find(|(_, member)| member.instance_id.as_deref() == Some(instance_id));
        found.map(|(id, _)| id.clone())
    }

    fn add(&mut self, id: String, request: &JoinRequest, now: Instant) -> oneshot::Receiver<JoinAnswer> {
        if self.members.is_empty() {
            self.protocol_type.clone_from(&request.protocol_type);
        }
        let mut member = Member::new(request, now);
        let receiver = member.wait_for_join();
        self.members.insert(id, member);
        if let Phase::Preparing { first_joins: Some(first_joins), .. } = &mut self.phase {
            first_joins.grown = true;
        }
        self.prepare(now);
        self.complete_if_ready(now);
        receiver
    }

    /// A member joins again, because it was told to, or because it wants a rebalance.
    fn rejoin(
        &mut self,
        request: &JoinRequest,
        now: Instant,
    ) -> Result<oneshot::Receiver<JoinAnswer>, GroupError> {
        let id = &request.member_id;
        let is_leader = self.leader.as_ref() == Some(id);
        let is_alone = self.members.len() == 1;
        let member = self.members.get_mut(id).ok_or(GroupError::UnknownMemberId)?;
        if is_alone {
            self.protocol_type.clone_from(&request.protocol_type);
        }
        let unchanged = member.protocols == request.protocols;
        member.update(request, now);
        let receiver = member.wait_for_join();
        let answer_now = unchanged
            && match self.phase {
                // It may never have seen the answer to its last join.
                Phase::Completing { .. } => true,
                // A leader that joins wants to assign anew; a follower has nothing to gain.
                Phase::Stable => !is_leader,
                Phase::Empty | Phase::Preparing { .. } => false,
            };
        if answer_now {
            let joined = self.joined(id, is_leader, false);
            self.answer_join(id, joined);
        } else {
            self.prepare(now);
            self.complete_if_ready(now);
        }
        Ok(receiver)
    }

    /// A static member comes back under a new member id; whoever has the old one is fenced
    /// (KIP-345). With the same subscription there is no rebalance.
    fn replace_static(
        &mut self,
        old_id: &str,
        request: &JoinRequest,
        now: Instant,
    ) -> oneshot::Receiver<JoinAnswer> {
        let id = new_member_id(request);
        let mut member = self.members.remove(old_id).unwrap_or_else(|| Member::new(request, now));
        member.answer_join(Err(GroupError::FencedInstanceId));
        member.answer_sync(Err(GroupError::FencedInstanceId));
        member.client_id.clone_from(&request.client_id);
        member.client_host.clone_from(&request.client_host);
        member.update(request, now);
        let receiver = member.wait_for_join();
        self.members.insert(id.clone(), member);
        if self.leader.as_deref() == Some(old_id) {
            self.leader = Some(id.clone());
        }
        if self.members.len() == 1 {
            self.protocol_type.clone_from(&request.protocol_type);
        }
        if self.phase == Phase::Stable && self.protocol.is_some() && self.select_protocol() == self.protocol {
            let is_leader = self.leader.as_ref() == Some(&id);
            let leads = is_leader && request.skip_assignment;
            let mut joined = self.joined(&id, leads, leads);
            if is_leader && !leads {
                // Before KIP-814 a leader could not be told to leave the assignment alone, so it
                // is told that somebody else leads: its own former self.
                joined.leader = old_id.to_owned();
            }
            self.answer_join(&id, joined);
        } else {
            self.prepare(now);
            self.complete_if_ready(now);
        }
        receiver
    }

    fn remove(&mut self, ids: &[String], now: Instant) {
        for id in ids {
            if let Some(mut member) = self.members.remove(id) {
                member.answer_join(Err(GroupError::UnknownMemberId));
                member.answer_sync(Err(GroupError::UnknownMemberId));
            }
            if self.leader.as_ref() == Some(id) {
                self.leader = None;
            }
        }
        self.prepare(now);
        self.complete_if_ready(now);
    }

    fn ids(&self, which: impl Fn(&Member) -> bool) -> Vec<String> {
        self.members.iter().filter(|(_, member)| which(member)).map(|(id, _)| id.clone()).collect()
    }

    /// Checks who asks, and takes note that it lives.
    fn check_caller(&mut self, caller: &Caller, now: Instant) -> Result<(), GroupError> {
        if caller.instance_id.is_some() {
            match self.static_member(caller.instance_id.as_deref()) {
                None => return Err(GroupError::UnknownMemberId),
                Some(id) if id != caller.member_id => return Err(GroupError::FencedInstanceId),
                Some(_) => {}
            }
        }
        let member = self.members.get_mut(&caller.member_id).ok_or(GroupError::UnknownMemberId)?;
        if caller.generation != self.generation {
            return Err(GroupError::IllegalGeneration);
        }
        member.heard = now;
        Ok(())
    }
}

/// A new id, not to be guessed, that still tells a human whose it is.
fn new_member_id(request: &JoinRequest) -> String {
    let name = request.instance_id.as_ref().unwrap_or(&request.client_id);
    let mut bytes = name.len().min(MEMBER_ID_PREFIX_BYTES_MAX);
    while !name.is_char_boundary(bytes) {
        bytes -= 1;
    }
    format!("{}-{}", &name[..bytes], Uuid::new_v4())
}
