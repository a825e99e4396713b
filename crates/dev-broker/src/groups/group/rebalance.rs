//! How a group gets from one generation to the next: all join, one protocol is chosen, a leader
//! assigns, and everybody is answered.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{FirstJoins, Group, Phase};
use crate::groups::member::Member;
use crate::groups::{GroupError, Joined, JoinedMember, Synced};

impl Group {
    fn rebalance_timeout(&self) -> Duration {
        self.members.values().map(|member| member.rebalance_timeout).max().unwrap_or_default()
    }

    /// Has all members join again.
    pub(super) fn prepare(&mut self, now: Instant) {
        let deadline = now + self.rebalance_timeout();
        let first_joins = match self.phase {
            Phase::Preparing { .. } => return,
            Phase::Empty => {
                Some(FirstJoins { until: (now + self.first_join_delay).min(deadline), grown: false })
            }
            Phase::Completing { .. } | Phase::Stable => None,
        };
        for member in self.members.values_mut() {
            member.answer_sync(Err(GroupError::RebalanceInProgress));
        }
        self.phase = Phase::Preparing { deadline, first_joins };
    }

    pub(super) fn complete_if_ready(&mut self, now: Instant) {
        let Phase::Preparing { deadline, first_joins } = &mut self.phase else { return };
        let ready = match first_joins {
            _ if self.members.is_empty() => true,
            Some(first_joins) => {
                if now >= first_joins.until && first_joins.grown && now < *deadline {
                    *first_joins =
                        FirstJoins { until: (now + self.first_join_delay).min(*deadline), grown: false };
                }
                now >= first_joins.until
            }
            None => {
                now >= *deadline || (self.pending.is_empty() && self.members.values().all(Member::has_joined))
            }
        };
        if ready {
            self.complete(now);
        }
    }

    /// Goes on with those that have joined.
    fn complete(&mut self, now: Instant) {
        // A static member that is late may be restarting; only its session timeout ends it.
        self.members.retain(|_, member| member.has_joined() || member.instance_id.is_some());
        if self.members.is_empty() {
            self.next_generation();
            self.phase = Phase::Empty;
            self.leader = None;
            self.protocol = None;
            return;
        }
        let Some(first) = self.ids(Member::has_joined).into_iter().next() else {
            // Static members only, and none is back: wait on, until sessions run out.
            let deadline = now + self.rebalance_timeout();
            self.phase = Phase::Preparing { deadline, first_joins: None };
            return;
        };
        let leader_joined = self.leader.as_ref().and_then(|id| self.members.get(id));
        if !leader_joined.is_some_and(Member::has_joined) {
            self.leader = Some(first);
        }
        self.next_generation();
        self.protocol = self.select_protocol();
        self.phase = Phase::Completing { deadline: now + self.rebalance_timeout() };
        for member in self.members.values_mut() {
            member.assignment = Bytes::new();
            member.synced = false;
        }
        for id in self.ids(Member::has_joined) {
            let is_leader = self.leader.as_ref() == Some(&id);
            let joined = self.joined(&id, is_leader, false);
            if let Some(member) = self.members.get_mut(&id) {
                member.heard = now;
            }
            self.answer_join(&id, joined);
        }
    }

    fn next_generation(&mut self) {
        self.generation = self.generation.checked_add(1).unwrap_or(1);
    }

    /// Of the protocols that all know, the one that most have as their favourite.
    pub(super) fn select_protocol(&self) -> Option<String> {
        let common = |name: &str| self.members.values().all(|member| member.supports(name));
        let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
        for member in self.members.values() {
            if let Some((favourite, _)) = member.protocols.iter().find(|(name, _)| common(name)) {
                *votes.entry(favourite).or_default() += 1;
            }
        }
        votes.into_iter().max_by_key(|(_, count)| *count).map(|(name, _)| name.to_owned())
    }

    pub(super) fn assign(&mut self, assignments: &[(String, Bytes)], now: Instant) {
        let assignments: BTreeMap<&str, &Bytes> =
            assignments.iter().map(|(id, assignment)| (id.as_str(), assignment)).collect();
        for (id, member) in &mut self.members {
            let assignment = assignments.get(id.as_str()).map(|bytes| &bytes[..]).unwrap_or_default();
            member.assignment = Bytes::copy_from_slice(assignment);
        }
        self.phase = Phase::Stable;
        for id in self.ids(|_| true) {
            let Some(member) = self.members.get(&id) else { continue };
            let answer = self.synced(member.assignment.clone());
            if let Some(member) = self.members.get_mut(&id) {
                if member.synced {
                    member.heard = now;
                }
                member.answer_sync(Ok(answer));
            }
        }
    }

    pub(super) fn answer_join(&mut self, id: &str, joined: Joined) {
        if let Some(member) = self.members.get_mut(id) {
            member.answer_join(Ok(joined));
        }
    }

    pub(super) fn joined(&self, id: &str, with_members: bool, skip_assignment: bool) -> Joined {
        let protocol = self.protocol.clone().unwrap_or_default();
        let members = self.members.iter().map(|(id, member)| JoinedMember {
            member_id: id.clone(),
            instance_id: member.instance_id.clone(),
            metadata: member.metadata(&protocol),
        });
        Joined {
            generation: self.generation,
            protocol_type: self.protocol_type.clone(),
            leader: self.leader.clone().unwrap_or_default(),
            member_id: id.to_owned(),
            skip_assignment,
            members: if with_members { members.collect() } else { Vec::new() },
            protocol,
        }
    }

    pub(super) fn synced(&self, assignment: Bytes) -> Synced {
        Synced {
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone().unwrap_or_default(),
            assignment,
        }
    }
}
