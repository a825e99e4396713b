//! JoinGroup, SyncGroup, Heartbeat, LeaveGroup: from the wire to the coordinator and back.

use bytes::Bytes;
use kafka_wire::ErrorCode;
use kafka_wire::messages::*;
use tokio::sync::oneshot;

use crate::groups::{
    Caller, GroupError, JoinAnswer, JoinRequest, Joined, LeavingMember, SyncAnswer, SyncRequest, Synced,
};
use crate::node::Node;

/// Since KIP-394 the first join gets nothing but a member id.
const MEMBER_ID_REQUIRED_SINCE: i16 = 4;
/// Since KIP-814 a leader can be told to leave the assignment alone.
const SKIP_ASSIGNMENT_SINCE: i16 = 9;

/// Joins, and waits until the group's next generation is there; `None` when the broker stops before that.
pub(super) async fn join_group(
    node: &Node,
    request: JoinGroupRequest,
    version: i16,
    client_id: String,
    client_host: String,
) -> Option<JoinGroupResponse> {
    let member_id = request.member_id.clone();
    let join = JoinRequest {
        group_id: request.group_id,
        member_id: request.member_id,
        instance_id: request.group_instance_id,
        client_id,
        client_host,
        session_timeout_ms: request.session_timeout_ms,
        rebalance_timeout_ms: request.rebalance_timeout_ms,
        protocol_type: request.protocol_type,
        protocols: request
            .protocols
            .into_iter()
            .map(|protocol| (protocol.name, kept(&protocol.metadata)))
            .collect(),
        member_id_required: version >= MEMBER_ID_REQUIRED_SINCE,
        skip_assignment: version >= SKIP_ASSIGNMENT_SINCE,
    };
    let waiting = node.groups().join(&join);
    let answer: JoinAnswer = wait(node, waiting, GroupError::UnknownMemberId).await?;
    Some(match answer {
        Ok(joined) => joined_response(joined),
        Err(error) => JoinGroupResponse {
            error_code: code(&error),
            member_id: match error {
                GroupError::MemberIdRequired { member_id } => member_id,
                _ => member_id,
            },
            ..Default::default()
        },
    })
}

fn joined_response(joined: Joined) -> JoinGroupResponse {
    let members = joined.members.into_iter().map(|member| JoinGroupResponseMember {
        member_id: member.member_id,
        group_instance_id: member.instance_id,
        metadata: member.metadata,
    });
    JoinGroupResponse {
        generation_id: joined.generation,
        protocol_type: Some(joined.protocol_type),
        protocol_name: Some(joined.protocol),
        leader: joined.leader,
        skip_assignment: joined.skip_assignment,
        member_id: joined.member_id,
        members: members.collect(),
        ..Default::default()
    }
}

/// Waits for the leader's assignment; `None` when the broker stops before that.
pub(super) async fn sync_group(node: &Node, request: SyncGroupRequest) -> Option<SyncGroupResponse> {
    let assignments = request.assignments.into_iter().map(|one| (one.member_id, kept(&one.assignment)));
    let sync = SyncRequest {
        caller: Caller {
            group_id: request.group_id,
            generation: request.generation_id,
            member_id: request.member_id,
            instance_id: request.group_instance_id,
        },
        protocol_type: request.protocol_type,
        protocol_name: request.protocol_name,
        assignments: assignments.collect(),
    };
    let waiting = node.groups().sync(&sync);
    let answer: SyncAnswer = wait(node, waiting, GroupError::RebalanceInProgress).await?;
    Some(match answer {
        Ok(Synced { protocol_type, protocol, assignment }) => SyncGroupResponse {
            protocol_type: Some(protocol_type),
            protocol_name: Some(protocol),
            assignment,
            ..Default::default()
        },
        Err(error) => SyncGroupResponse { error_code: code(&error), ..Default::default() },
    })
}

pub(super) fn heartbeat(node: &Node, request: HeartbeatRequest) -> HeartbeatResponse {
    let caller = Caller {
        group_id: request.group_id,
        generation: request.generation_id,
        member_id: request.member_id,
        instance_id: request.group_instance_id,
    };
    HeartbeatResponse { error_code: code_of(&node.groups().heartbeat(&caller)), ..Default::default() }
}

pub(super) fn leave_group(node: &Node, request: LeaveGroupRequest, version: i16) -> LeaveGroupResponse {
    // Versions before 3 carry one member, and its error is the answer's own.
    let members = if version < 3 {
        vec![MemberIdentity { member_id: request.member_id, ..Default::default() }]
    } else {
        request.members
    };
    let leaving: Vec<_> = members
        .into_iter()
        .map(|member| LeavingMember { member_id: member.member_id, instance_id: member.group_instance_id })
        .collect();
    let results = match node.groups().leave(&request.group_id, &leaving) {
        Ok(results) => results,
        Err(error) => return LeaveGroupResponse { error_code: code(&error), ..Default::default() },
    };
    if version < 3 {
        let error_code = results.first().map_or(ErrorCode::NONE, code_of);
        return LeaveGroupResponse { error_code, ..Default::default() };
    }
    let members = leaving.into_iter().zip(results).map(|(member, result)| MemberResponse {
        member_id: member.member_id,
        group_instance_id: member.instance_id,
        error_code: code_of(&result),
    });
    LeaveGroupResponse { members: members.collect(), ..Default::default() }
}

pub(super) fn code(error: &GroupError) -> ErrorCode {
    ErrorCode(error.code())
}

pub(super) fn code_of<T>(result: &Result<T, GroupError>) -> ErrorCode {
    result.as_ref().map_or_else(code, |_| ErrorCode::NONE)
}

/// Waits for the coordinator's answer. `forgotten` stands for one that never comes: the member is gone.
async fn wait<T>(
    node: &Node,
    waiting: Result<oneshot::Receiver<Result<T, GroupError>>, GroupError>,
    forgotten: GroupError,
) -> Option<Result<T, GroupError>> {
    match waiting {
        Err(error) => Some(Err(error)),
        Ok(answer) => tokio::select! {
            biased;
            answer = answer => Some(answer.unwrap_or(Err(forgotten))),
            () = node.stopped() => None,
        },
    }
}

/// A copy, for what outlives its frame: a slice would keep all of the frame in memory.
fn kept(bytes: &Bytes) -> Bytes {
    Bytes::copy_from_slice(bytes)
}
