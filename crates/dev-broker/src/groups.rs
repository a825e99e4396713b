//! The consumer groups of the embedded broker: who is a member, who reads what, and how far each
//! group has read (the classic group protocol; requests and answers as plain values).
//!
//! ```text
//! join, sync, heartbeat, leave ── bounds ── Group, a state machine for each ── answers by oneshot
//! commit, offsets              ── bounds ── Offsets, a map and an append-only file
//! tick: sessions, rebalances and idle groups that have run out of time
//! ```
//!
//! Groups begin anew with the broker: members of before are not known and join again. Offsets
//! survive, also a killed process.

mod error;
mod group;
mod member;
mod offsets;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use tokio::sync::oneshot;

pub(crate) use error::GroupError;
use group::Group;
pub(crate) use offsets::CommittedOffset;
use offsets::Offsets;

/// Ids and names are written with a 16-bit length; sound ones are far shorter.
const NAME_BYTES_MAX: usize = 1024;
/// `offset.metadata.max.bytes` of Kafka.
const OFFSET_METADATA_BYTES_MAX: usize = 4096;
/// `group.max.session.timeout.ms` of Kafka.
const SESSION_TIMEOUT_MS_MAX: i32 = 30 * 60 * 1000;
/// How often groups are looked through for offsets that nobody wants any more.
const EXPIRY_INTERVAL: Duration = Duration::from_secs(60);

/// Bounds of the coordinator.
#[derive(Debug, Clone)]
pub(crate) struct GroupsConfig {
    /// Groups at most, those with nothing but offsets included. Default 1,000.
    pub(crate) groups_max: usize,
    /// Members of all groups at most. Default 2,000.
    pub(crate) members_max: usize,
    /// Bytes of subscriptions and assignments of all members at most. Default 32 MiB.
    pub(crate) members_bytes_max: usize,
    /// Committed offsets of all groups at most. Default 100,000.
    pub(crate) offsets_max: usize,
    /// Offsets of a group without members are forgotten when the last commit is older than this.
    /// Default 7 days, as in Kafka.
    pub(crate) offsets_retention: Duration,
    /// Wait for more members after the first one of an empty group. Default 100 ms (Kafka: 3 s).
    pub(crate) first_join_delay: Duration,
}

impl Default for GroupsConfig {
    fn default() -> Self {
        Self {
            groups_max: 1000,
            members_max: 2000,
            members_bytes_max: 32 << 20,
            offsets_max: 100_000,
            offsets_retention: Duration::from_secs(7 * 24 * 60 * 60),
            first_join_delay: Duration::from_millis(100),
        }
    }
}

/// JoinGroup.
#[derive(Debug, Clone, Default)]
pub(crate) struct JoinRequest {
    pub(crate) group_id: String,
    /// Empty at first.
    pub(crate) member_id: String,
    /// Of a static member (KIP-345).
    pub(crate) instance_id: Option<String>,
    pub(crate) client_id: String,
    pub(crate) client_host: String,
    pub(crate) session_timeout_ms: i32,
    /// 0 or less: as the session timeout (JoinGroup v0).
    pub(crate) rebalance_timeout_ms: i32,
    pub(crate) protocol_type: String,
    /// Name and metadata, the favourite first.
    pub(crate) protocols: Vec<(String, Bytes)>,
    /// JoinGroup v4 and later: the first join only gets a member id (KIP-394).
    pub(crate) member_id_required: bool,
    /// JoinGroup v9 and later: a leader may be told to leave the assignment alone (KIP-814).
    pub(crate) skip_assignment: bool,
}

/// The answer to a join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Joined {
    pub(crate) generation: i32,
    pub(crate) protocol_type: String,
    pub(crate) protocol: String,
    pub(crate) leader: String,
    pub(crate) member_id: String,
    pub(crate) skip_assignment: bool,
    /// All members, for the leader; empty for others.
    pub(crate) members: Vec<JoinedMember>,
}

/// A member as the leader sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JoinedMember {
    pub(crate) member_id: String,
    pub(crate) instance_id: Option<String>,
    pub(crate) metadata: Bytes,
}

/// Comes when the rebalance is through.
pub(crate) type JoinAnswer = Result<Joined, GroupError>;

/// Who asks, in requests of members.
#[derive(Debug, Clone, Default)]
pub(crate) struct Caller {
    pub(crate) group_id: String,
    pub(crate) generation: i32,
    pub(crate) member_id: String,
    pub(crate) instance_id: Option<String>,
}

/// SyncGroup.
#[derive(Debug, Clone, Default)]
pub(crate) struct SyncRequest {
    pub(crate) caller: Caller,
    /// From v5 on; must be the group's.
    pub(crate) protocol_type: Option<String>,
    /// From v5 on; must be the group's.
    pub(crate) protocol_name: Option<String>,
    /// Member id and assignment, from the leader.
    pub(crate) assignments: Vec<(String, Bytes)>,
}

/// The answer to a sync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Synced {
    pub(crate) protocol_type: String,
    pub(crate) protocol: String,
    pub(crate) assignment: Bytes,
}

/// Comes when the leader has assigned.
pub(crate) type SyncAnswer = Result<Synced, GroupError>;

/// One member of a LeaveGroup request.
#[derive(Debug, Clone, Default)]
pub(crate) struct LeavingMember {
    /// May be empty when the instance id is given.
    pub(crate) member_id: String,
    pub(crate) instance_id: Option<String>,
}

/// One partition of an OffsetCommit request.
#[derive(Debug, Clone)]
pub(crate) struct OffsetToCommit {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) leader_epoch: i32,
    pub(crate) metadata: String,
}

/// State of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GroupState {
    Empty,
    PreparingRebalance,
    CompletingRebalance,
    Stable,
    /// There is no such group.
    Dead,
}

impl GroupState {
    /// The name in the protocol.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::PreparingRebalance => "PreparingRebalance",
            Self::CompletingRebalance => "CompletingRebalance",
            Self::Stable => "Stable",
            Self::Dead => "Dead",
        }
    }
}

/// A line of ListGroups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GroupListing {
    pub(crate) group_id: String,
    pub(crate) protocol_type: String,
    pub(crate) state: GroupState,
}

/// A group of DescribeGroups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GroupDescription {
    pub(crate) state: GroupState,
    pub(crate) protocol_type: String,
    /// Empty while there is no generation.
    pub(crate) protocol: String,
    pub(crate) members: Vec<MemberDescription>,
}

/// A member of DescribeGroups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MemberDescription {
    pub(crate) member_id: String,
    pub(crate) instance_id: Option<String>,
    pub(crate) client_id: String,
    pub(crate) client_host: String,
    pub(crate) metadata: Bytes,
    pub(crate) assignment: Bytes,
}

/// Offsets of a topic's partitions; `None` where nothing was committed.
pub(crate) type FetchedOffsets = Vec<(String, Vec<(i32, Option<CommittedOffset>)>)>;

/// The group coordinator. Nothing in it waits; answers that take time come through a oneshot.
#[derive(Debug)]
pub(crate) struct Groups {
    config: GroupsConfig,
    /// Every group with members or offsets.
    groups: BTreeMap<String, Group>,
    offsets: Offsets,
    next_expiry: Instant,
    /// The time, where a test sets it.
    #[cfg(test)]
    test_now: Option<Instant>,
}

impl Groups {
    /// Reads the committed offsets from the file at `path`, or makes it.
    pub(crate) fn open(path: &Path, config: GroupsConfig) -> io::Result<Self> {
        let offsets = Offsets::open(path)?;
        let new_group = || Group::new("consumer", config.first_join_delay);
        Ok(Self {
            groups: offsets.groups().map(|(id, _)| (id.clone(), new_group())).collect(),
            config,
            offsets,
            next_expiry: Instant::now(),
            #[cfg(test)]
            test_now: None,
        })
    }

    /// A member joins, or joins again. The answer comes with the end of the rebalance.
    pub(crate) fn join(
        &mut self,
        request: &JoinRequest,
    ) -> Result<oneshot::Receiver<JoinAnswer>, GroupError> {
        check_group_id(&request.group_id)?;
        if !(1..=SESSION_TIMEOUT_MS_MAX).contains(&request.session_timeout_ms) {
            return Err(GroupError::InvalidSessionTimeout);
        }
        let names = [&request.protocol_type].into_iter().chain(&request.instance_id);
        if names.chain(request.protocols.iter().map(|(name, _)| name)).any(|name| name.len() > NAME_BYTES_MAX)
        {
            return Err(GroupError::InvalidRequest);
        }
        self.check_member_bytes(member::protocols_bytes(&request.protocols))?;
        let members: usize = self.groups.values().map(Group::size).sum();
        let room = members < self.config.members_max;
        let now = self.now();
        if !self.groups.contains_key(&request.group_id) {
            if !request.member_id.is_empty() {
                return Err(GroupError::UnknownMemberId);
            }
            self.make_group(&request.group_id, &request.protocol_type)?;
        }
        let group = self.groups.get_mut(&request.group_id).ok_or(GroupError::GroupIdNotFound)?;
        group.join(request, room, now)
    }

    /// A member asks for its assignment; the leader brings those of all.
    pub(crate) fn sync(
        &mut self,
        request: &SyncRequest,
    ) -> Result<oneshot::Receiver<SyncAnswer>, GroupError> {
        check_group_id(&request.caller.group_id)?;
        self.check_member_bytes(request.assignments.iter().map(|(_, bytes)| bytes.len()).sum())?;
        let now = self.now();
        let group = self.groups.get_mut(&request.caller.group_id).ok_or(GroupError::UnknownMemberId)?;
        group.sync(request, now)
    }

    /// A member lives. `RebalanceInProgress` asks it to join again.
    pub(crate) fn heartbeat(&mut self, caller: &Caller) -> Result<(), GroupError> {
        check_group_id(&caller.group_id)?;
        let now = self.now();
        self.groups.get_mut(&caller.group_id).ok_or(GroupError::UnknownMemberId)?.heartbeat(caller, now)
    }

    /// Members leave; one result each, in order.
    pub(crate) fn leave(
        &mut self,
        group_id: &str,
        leaving: &[LeavingMember],
    ) -> Result<Vec<Result<(), GroupError>>, GroupError> {
        check_group_id(group_id)?;
        let now = self.now();
        let Some(group) = self.groups.get_mut(group_id) else {
            return Ok(vec![Err(GroupError::UnknownMemberId); leaving.len()]);
        };
        Ok(leaving.iter().map(|member| group.leave(member, now)).collect())
    }

    /// Stores offsets; one result each, in order. A refusal of the whole is the outer error.
    pub(crate) fn commit(
        &mut self,
        caller: &Caller,
        commits: Vec<OffsetToCommit>,
    ) -> Result<Vec<Result<(), GroupError>>, GroupError> {
        check_group_id(&caller.group_id)?;
        let now = self.now();
        match self.groups.get_mut(&caller.group_id) {
            Some(group) => group.check_commit(caller, now)?,
            None if caller.generation < 0 => self.make_group(&caller.group_id, "")?,
            None => return Err(GroupError::IllegalGeneration),
        }
        let committed_ms = unix_ms();
        let room = self.config.offsets_max.saturating_sub(self.offsets.count());
        let present = self.offsets.group(&caller.group_id);
        let mut accepted = Vec::with_capacity(commits.len());
        let mut added = 0;
        let mut results = Vec::with_capacity(commits.len());
        for commit in commits {
            let is_new = present
                .and_then(|topics| topics.get(&commit.topic))
                .is_none_or(|partitions| !partitions.contains_key(&commit.partition));
            added += usize::from(is_new);
            results.push(if commit.metadata.len() > OFFSET_METADATA_BYTES_MAX {
                Err(GroupError::OffsetMetadataTooLarge)
            } else if commit.topic.len() > NAME_BYTES_MAX {
                Err(GroupError::InvalidRequest)
            } else if is_new && added > room {
                Err(GroupError::InvalidCommitOffsetSize)
            } else {
                let OffsetToCommit { topic, partition, offset, leader_epoch, metadata } = commit;
                let committed = CommittedOffset { offset, leader_epoch, metadata, committed_ms };
                accepted.push((topic, partition, committed));
                Ok(())
            });
        }
        self.offsets.commit(&caller.group_id, accepted).map_err(storage)?;
        Ok(results)
    }

    /// Committed offsets of a group: of the partitions asked for, or with `None` all there are.
    pub(crate) fn offsets(&self, group_id: &str, wanted: Option<&[(String, Vec<i32>)]>) -> FetchedOffsets {
        let present = self.offsets.group(group_id);
        match wanted {
            Some(wanted) => wanted
                .iter()
                .map(|(topic, partitions)| {
                    let topic_offsets = present.and_then(|topics| topics.get(topic));
                    let of = |partition: &i32| {
                        (*partition, topic_offsets.and_then(|offsets| offsets.get(partition)).cloned())
                    };
                    (topic.clone(), partitions.iter().map(of).collect())
                })
                .collect(),
            None => present
                .into_iter()
                .flatten()
                .map(|(topic, partitions)| {
                    let of =
                        |(partition, offset): (&i32, &CommittedOffset)| (*partition, Some(offset.clone()));
                    (topic.clone(), partitions.iter().map(of).collect())
                })
                .collect(),
        }
    }

    /// All groups, by id.
    pub(crate) fn list(&self) -> Vec<GroupListing> {
        let listing = |(id, group): (&String, &Group)| GroupListing {
            group_id: id.clone(),
            protocol_type: group.protocol_type().to_owned(),
            state: group.state(),
        };
        self.groups.iter().map(listing).collect()
    }

    /// A group with its members; `Dead` and without any when there is none.
    pub(crate) fn describe(&self, group_id: &str) -> GroupDescription {
        self.groups.get(group_id).map_or_else(
            || GroupDescription {
                state: GroupState::Dead,
                protocol_type: String::new(),
                protocol: String::new(),
                members: Vec::new(),
            },
            Group::describe,
        )
    }

    /// Removes a group without members, and its offsets.
    pub(crate) fn delete(&mut self, group_id: &str) -> Result<(), GroupError> {
        check_group_id(group_id)?;
        let group = self.groups.get(group_id).ok_or(GroupError::GroupIdNotFound)?;
        if group.size() > 0 {
            return Err(GroupError::NonEmptyGroup);
        }
        self.offsets.remove_group(group_id).map_err(storage)?;
        self.groups.remove(group_id);
        Ok(())
    }

    /// Forgets what was committed for a topic that has been deleted, so that one of the same name
    /// is read from its beginning.
    pub(crate) fn forget_topic(&mut self, topic: &str) -> Result<(), GroupError> {
        self.offsets.remove_topic(topic).map_err(storage)
    }

    /// Does what the time asks for. To be called every 50 ms or so: half the first-join delay.
    pub(crate) fn tick(&mut self, now: Instant) {
        for group in self.groups.values_mut() {
            group.tick(now);
        }
        if now >= self.next_expiry {
            self.next_expiry = now + EXPIRY_INTERVAL;
            self.expire_offsets(unix_ms());
        }
        self.groups.retain(|id, group| group.size() > 0 || self.offsets.group(id).is_some());
    }

    fn expire_offsets(&mut self, now_ms: i64) {
        let retention_ms = i64::try_from(self.config.offsets_retention.as_millis()).unwrap_or(i64::MAX);
        let min_ms = now_ms.saturating_sub(retention_ms);
        let is_expired = |topics: &offsets::GroupOffsets| {
            topics.values().flat_map(BTreeMap::values).all(|committed| committed.committed_ms < min_ms)
        };
        let has_members = |id: &String| self.groups.get(id).is_some_and(|group| group.size() > 0);
        let expired: Vec<_> = self
            .offsets
            .groups()
            .filter(|(id, topics)| !has_members(id) && is_expired(topics))
            .map(|(id, _)| id.clone())
            .collect();
        for id in expired {
            if let Err(error) = self.offsets.remove_group(&id) {
                tracing::warn!(group = %id.escape_debug(), %error, "cannot remove expired offsets");
            }
        }
    }

    fn make_group(&mut self, group_id: &str, protocol_type: &str) -> Result<(), GroupError> {
        if self.groups.len() >= self.config.groups_max {
            return Err(GroupError::GroupMaxSizeReached);
        }
        let group = Group::new(protocol_type, self.config.first_join_delay);
        self.groups.insert(group_id.to_owned(), group);
        Ok(())
    }

    fn check_member_bytes(&self, more: usize) -> Result<(), GroupError> {
        let bytes: usize = self.groups.values().map(Group::bytes).sum();
        if bytes.saturating_add(more) > self.config.members_bytes_max {
            return Err(GroupError::GroupMaxSizeReached);
        }
        Ok(())
    }

    fn now(&self) -> Instant {
        #[cfg(test)]
        if let Some(now) = self.test_now {
            return now;
        }
        Instant::now()
    }
}

fn check_group_id(group_id: &str) -> Result<(), GroupError> {
    if (1..=NAME_BYTES_MAX).contains(&group_id.len()) { Ok(()) } else { Err(GroupError::InvalidGroupId) }
}

fn storage(error: io::Error) -> GroupError {
    tracing::error!(%error, "cannot write committed offsets");
    GroupError::Storage { kind: error.kind() }
}

fn unix_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
