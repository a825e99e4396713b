//! What the group coordinator answers when it does not do what it was asked, one to one with the
//! protocol's error codes.

use std::io;

/// A refusal of the group coordinator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum GroupError {
    /// The commit's metadata text is too long.
    #[error("metadata of an offset is too large")]
    OffsetMetadataTooLarge,
    /// The disk refused the commit. Clients look for the coordinator and try again.
    #[error("cannot write offsets: {kind}")]
    Storage { kind: io::ErrorKind },
    /// Not the generation that the group is in.
    #[error("not the current generation")]
    IllegalGeneration,
    /// No protocol that all members know, or another protocol type than theirs.
    #[error("protocols do not fit those of the group")]
    InconsistentGroupProtocol,
    /// Empty or overlong group id.
    #[error("invalid group id")]
    InvalidGroupId,
    /// The group has no such member; the client has to join anew.
    #[error("no such member")]
    UnknownMemberId,
    /// Session timeout out of range.
    #[error("invalid session timeout")]
    InvalidSessionTimeout,
    /// The client has to join again.
    #[error("the group is rebalancing")]
    RebalanceInProgress,
    /// More offsets than the broker keeps.
    #[error("too many committed offsets")]
    InvalidCommitOffsetSize,
    /// Larger than any sound client sends.
    #[error("request out of bounds")]
    InvalidRequest,
    /// A group with members cannot be deleted.
    #[error("the group has members")]
    NonEmptyGroup,
    /// There is no group of that id.
    #[error("no such group")]
    GroupIdNotFound,
    /// Join again with this id, so that a client that never reads its answer leaves no member
    /// behind (KIP-394).
    #[error("member id required")]
    MemberIdRequired { member_id: String },
    /// More groups, members or bytes of theirs than the broker keeps.
    #[error("no room for another member or group")]
    GroupMaxSizeReached,
    /// Another client has the instance id now (KIP-345).
    #[error("the instance id is in use by another member")]
    FencedInstanceId,
}

impl GroupError {
    /// The error code of the Kafka protocol.
    pub(crate) fn code(&self) -> i16 {
        match self {
            Self::OffsetMetadataTooLarge => 12,
            Self::Storage { .. } => 15, // COORDINATOR_NOT_AVAILABLE
            Self::IllegalGeneration => 22,
            Self::InconsistentGroupProtocol => 23,
            Self::InvalidGroupId => 24,
            Self::UnknownMemberId => 25,
            Self::InvalidSessionTimeout => 26,
            Self::RebalanceInProgress => 27,
            Self::InvalidCommitOffsetSize => 28,
            Self::InvalidRequest => 42,
            Self::NonEmptyGroup => 68,
            Self::GroupIdNotFound => 69,
            Self::MemberIdRequired { .. } => 79,
            Self::GroupMaxSizeReached => 81,
            Self::FencedInstanceId => 82,
        }
    }
}
