//! ListGroups, DescribeGroups, DeleteGroups: looking at groups from outside.

use bytes::Bytes;

use crate::ErrorCode;

api!(ListGroups: ListGroupsRequest => ListGroupsResponse, versions 0..=5, flexible from 3);
api!(DescribeGroups: DescribeGroupsRequest => DescribeGroupsResponse, versions 0..=6, flexible from 5);
api!(DeleteGroups: DeleteGroupsRequest => DeleteGroupsResponse, versions 0..=2, flexible from 2);

wire_structs! {
    /// Which groups to list; an empty filter lets all through.
    pub struct ListGroupsRequest {
        states_filter: Vec<String> => 4..;
        types_filter: Vec<String> => 5..;
    }

    /// The groups.
    pub struct ListGroupsResponse {
        throttle_time_ms: i32 => 1..;
        error_code: ErrorCode => 0..;
        groups: Vec<ListedGroup> => 0..;
    }

    /// A group.
    pub struct ListedGroup {
        group_id: String => 0..;
        protocol_type: String => 0..;
        group_state: String => 4..;
        group_type: String => 5..;
    }

    /// The groups to describe.
    pub struct DescribeGroupsRequest {
        groups: Vec<String> => 0..;
        include_authorized_operations: bool => 3..;
    }

    /// The groups, described.
    pub struct DescribeGroupsResponse {
        throttle_time_ms: i32 => 1..;
        groups: Vec<DescribedGroup> => 0..;
    }

    /// One group.
    pub struct DescribedGroup {
        error_code: ErrorCode => 0..;
        error_message: Option<String> => 6..;
        group_id: String => 0..;
        group_state: String => 0..;
        protocol_type: String => 0..;
        protocol_data: String => 0..;
        members: Vec<DescribedGroupMember> => 0..;
        authorized_operations: i32 => 3.., default i32::MIN;
    }

    /// One member.
    pub struct DescribedGroupMember {
        member_id: String => 0..;
        group_instance_id: Option<String> => 4..;
        client_id: String => 0..;
        client_host: String => 0..;
        member_metadata: Bytes => 0..;
        member_assignment: Bytes => 0..;
    }

    /// The groups to delete.
    pub struct DeleteGroupsRequest {
        groups_names: Vec<String> => 0..;
    }

    /// What became of them.
    pub struct DeleteGroupsResponse {
        throttle_time_ms: i32 => 0..;
        results: Vec<DeletableGroupResult> => 0..;
    }

    /// One group's answer.
    pub struct DeletableGroupResult {
        group_id: String => 0..;
        error_code: ErrorCode => 0..;
    }
}
