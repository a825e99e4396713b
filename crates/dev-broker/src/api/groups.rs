//! ListGroups, DescribeGroups, DeleteGroups: groups as tools see them.

use kafka_wire::messages::*;

use super::distinct;
use super::group::code_of;
use crate::groups::MemberDescription;
use crate::node::Node;

pub(super) fn list_groups(node: &Node, request: &ListGroupsRequest) -> ListGroupsResponse {
    let groups = node.groups().list().into_iter().map(|listing| ListedGroup {
        group_id: listing.group_id,
        protocol_type: listing.protocol_type,
        group_state: listing.state.as_str().to_owned(),
        group_type: "classic".to_owned(),
    });
    // Clients may spell states as they like (KIP-1043).
    let lets_through = |group: &ListedGroup| {
        let states = &request.states_filter;
        states.is_empty() || states.iter().any(|state| state.eq_ignore_ascii_case(&group.group_state))
    };
    ListGroupsResponse { groups: groups.filter(lets_through).collect(), ..Default::default() }
}

pub(super) fn describe_groups(node: &Node, request: DescribeGroupsRequest) -> DescribeGroupsResponse {
    let groups = node.groups();
    let one_group = |group_id: String| {
        let description = groups.describe(&group_id);
        DescribedGroup {
            group_id,
            group_state: description.state.as_str().to_owned(),
            protocol_type: description.protocol_type,
            protocol_data: description.protocol,
            members: description.members.into_iter().map(member).collect(),
            ..Default::default()
        }
    };
    DescribeGroupsResponse {
        groups: distinct(request.groups, String::clone).map(one_group).collect(),
        ..Default::default()
    }
}

fn member(member: MemberDescription) -> DescribedGroupMember {
    DescribedGroupMember {
        member_id: member.member_id,
        group_instance_id: member.instance_id,
        client_id: member.client_id,
        client_host: member.client_host,
        member_metadata: member.metadata,
        member_assignment: member.assignment,
    }
}

pub(super) fn delete_groups(node: &Node, request: DeleteGroupsRequest) -> DeleteGroupsResponse {
    let mut groups = node.groups();
    let one_group =
        |group_id: String| DeletableGroupResult { error_code: code_of(&groups.delete(&group_id)), group_id };
    DeleteGroupsResponse {
        results: request.groups_names.into_iter().map(one_group).collect(),
        ..Default::default()
    }
}
