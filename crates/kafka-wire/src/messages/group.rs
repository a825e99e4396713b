//! JoinGroup, SyncGroup, Heartbeat, LeaveGroup: a consumer's life in a group (the classic protocol).

use bytes::Bytes;

use crate::ErrorCode;

api!(JoinGroup: JoinGroupRequest => JoinGroupResponse, versions 0..=9, flexible from 6);
api!(SyncGroup: SyncGroupRequest => SyncGroupResponse, versions 0..=5, flexible from 4);
api!(Heartbeat: HeartbeatRequest => HeartbeatResponse, versions 0..=4, flexible from 4);
api!(LeaveGroup: LeaveGroupRequest => LeaveGroupResponse, versions 0..=5, flexible from 4);

wire_structs! {
    /// A consumer wants to be in the group's next generation.
    pub struct JoinGroupRequest {
        group_id: String => 0..;
        session_timeout_ms: i32 => 0..;
        /// Versions before 1 use the session timeout.
        rebalance_timeout_ms: i32 => 1.., default -1;
        /// Empty at the first attempt.
        member_id: String => 0..;
        group_instance_id: Option<String> => 5..;
        protocol_type: String => 0..;
        protocols: Vec<JoinGroupRequestProtocol> => 0..;
        reason: Option<String> => 8..;
    }

    /// An assignor the consumer can do, best first, with what it says to that assignor.
    pub struct JoinGroupRequestProtocol {
        name: String => 0..;
        metadata: Bytes => 0..;
    }

    /// The generation that was formed.
    pub struct JoinGroupResponse {
        throttle_time_ms: i32 => 2..;
        error_code: ErrorCode => 0..;
        generation_id: i32 => 0.., default -1;
        protocol_type: Option<String> => 7..;
        protocol_name: Option<String> => 0.., nullable 7..;
        leader: String => 0..;
        skip_assignment: bool => 9..;
        member_id: String => 0..;
        /// Only the leader gets it.
        members: Vec<JoinGroupResponseMember> => 0..;
    }

    /// A member, told to the leader.
    pub struct JoinGroupResponseMember {
        member_id: String => 0..;
        group_instance_id: Option<String> => 5..;
        metadata: Bytes => 0..;
    }

    /// A member wants its assignment; the leader brings everybody's.
    pub struct SyncGroupRequest {
        group_id: String => 0..;
        generation_id: i32 => 0..;
        member_id: String => 0..;
        group_instance_id: Option<String> => 3..;
        protocol_type: Option<String> => 5..;
        protocol_name: Option<String> => 5..;
        assignments: Vec<SyncGroupRequestAssignment> => 0..;
    }

    /// One member's assignment, from the leader.
    pub struct SyncGroupRequestAssignment {
        member_id: String => 0..;
        assignment: Bytes => 0..;
    }

    /// The member's assignment.
    pub struct SyncGroupResponse {
        throttle_time_ms: i32 => 1..;
        error_code: ErrorCode => 0..;
        protocol_type: Option<String> => 5..;
        protocol_name: Option<String> => 5..;
        assignment: Bytes => 0..;
    }

    /// A member is alive.
    pub struct HeartbeatRequest {
        group_id: String => 0..;
        generation_id: i32 => 0..;
        member_id: String => 0..;
        group_instance_id: Option<String> => 3..;
    }

    /// Whether the generation still stands.
    pub struct HeartbeatResponse {
        throttle_time_ms: i32 => 1..;
        error_code: ErrorCode => 0..;
    }

    /// Members go: the sender itself, or from version 3 on any.
    pub struct LeaveGroupRequest {
        group_id: String => 0..;
        member_id: String => 0..=2;
        members: Vec<MemberIdentity> => 3..;
    }

    /// A member that goes.
    pub struct MemberIdentity {
        member_id: String => 3..;
        group_instance_id: Option<String> => 3..;
        reason: Option<String> => 5..;
    }

    /// What became of it.
    pub struct LeaveGroupResponse {
        throttle_time_ms: i32 => 1..;
        error_code: ErrorCode => 0..;
        members: Vec<MemberResponse> => 3..;
    }

    /// One member's answer.
    pub struct MemberResponse {
        member_id: String => 3..;
        group_instance_id: Option<String> => 3..;
        error_code: ErrorCode => 3..;
    }
}
