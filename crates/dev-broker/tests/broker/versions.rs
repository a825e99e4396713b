//! Every version that the broker offers gets an answer that can be read in that version.

use kafka_wire::messages::*;
use kafka_wire::{ApiKey, ErrorCode, Request};

use crate::client::{Client, Running, batch, fetch_request, produce_request};

/// Calls an API in all versions offered, and gives each answer to `look`.
fn all_versions<R: Request>(client: &mut Client, request: &R, mut look: impl FnMut(i16, R::Response)) {
    let offered = client.call(4, &ApiVersionsRequest::default()).api_keys;
    let offered = offered.iter().find(|api| api.api_key == R::KEY.code()).expect("the API is offered");
    for version in offered.min_version..=offered.max_version {
        let response = client.call(version, request);
        look(version, response);
    }
}

#[test]
fn every_api_is_offered_but_logins() {
    let running = Running::start();
    let response = Client::connect(running.addr).call(4, &ApiVersionsRequest::default());
    let mut keys: Vec<_> =
        response.api_keys.iter().filter_map(|api| ApiKey::from_code(api.api_key)).collect();
    keys.extend([ApiKey::SaslHandshake, ApiKey::SaslAuthenticate]);
    keys.sort();
    assert_eq!(keys, ApiKey::ALL);
    assert!(response.supported_features.is_empty() && response.finalized_features.is_empty());
}

#[test]
fn topics_and_records() {
    let running = Running::start();
    let client = &mut Client::connect(running.addr);
    client.create("t", 2);
    client.produce("t", batch(&[b"a"]));
    all_versions(client, &ApiVersionsRequest::default(), |_, answer| assert!(answer.error_code.is_none()));
    let topics = Some(vec![MetadataRequestTopic { name: Some("t".into()), ..Default::default() }]);
    all_versions(client, &MetadataRequest { topics, ..Default::default() }, |_, answer| {
        assert_eq!(answer.topics[0].partitions.len(), 2);
        assert_eq!(answer.topics[0].name.as_deref(), Some("t"));
    });
    all_versions(client, &DescribeClusterRequest::default(), |_, answer| assert_eq!(answer.brokers.len(), 1));
    all_versions(client, &fetch_request("t", 0, 0), |version, answer| {
        let data = &answer.responses[0].partitions[0];
        let expected = if version < 13 { ErrorCode::NONE } else { ErrorCode::UNKNOWN_TOPIC_ID };
        assert_eq!(data.error_code, expected, "v{version}");
    });
    let partitions = vec![ListOffsetsPartition { timestamp: LATEST_TIMESTAMP, ..Default::default() }];
    let topics = vec![ListOffsetsTopic { name: "t".into(), partitions }];
    all_versions(client, &ListOffsetsRequest { topics, ..Default::default() }, |version, answer| {
        let found = &answer.topics[0].partitions[0];
        assert_eq!((found.offset, found.leader_epoch), (1, if version < 4 { -1 } else { 0 }));
    });
    let topics = vec![OffsetForLeaderTopic { topic: "t".into(), partitions: vec![Default::default()] }];
    all_versions(client, &OffsetForLeaderEpochRequest { topics, ..Default::default() }, |_, answer| {
        assert_eq!(answer.topics[0].partitions[0].end_offset, 1);
    });
    all_versions(client, &InitProducerIdRequest::default(), |_, answer| assert!(answer.producer_id > 0));
    let topics = vec![DeleteRecordsTopic {
        name: "t".into(),
        partitions: vec![DeleteRecordsPartition { partition_index: 0, offset: -1 }],
    }];
    all_versions(client, &DeleteRecordsRequest { topics, ..Default::default() }, |_, answer| {
        assert_eq!(answer.topics[0].partitions[0].low_watermark, 1);
    });
    all_versions(client, &produce_request("t", batch(&[b"a"]), -1), |_, answer| {
        assert_eq!(answer.responses.len(), 1);
    });
}

#[test]
fn changes_to_topics() {
    let running = Running::start();
    let client = &mut Client::connect(running.addr);
    client.create("t", 1);
    let topic =
        CreatableTopic { name: "t".into(), num_partitions: 1, replication_factor: 1, ..Default::default() };
    all_versions(client, &CreateTopicsRequest { topics: vec![topic], ..Default::default() }, |_, answer| {
        assert_eq!(answer.topics[0].error_code, ErrorCode::TOPIC_ALREADY_EXISTS);
    });
    let topics = vec![CreatePartitionsTopic { name: "t".into(), count: 1, assignments: None }];
    all_versions(client, &CreatePartitionsRequest { topics, ..Default::default() }, |_, answer| {
        assert_eq!(answer.results[0].error_code, ErrorCode::INVALID_PARTITIONS);
    });
    let configs = vec![AlterableConfig {
        name: "retention.ms".into(),
        config_operation: 0,
        value: Some("5000".into()),
    }];
    let resources =
        vec![AlterConfigsResource { resource_type: TOPIC_RESOURCE, resource_name: "t".into(), configs }];
    all_versions(client, &IncrementalAlterConfigsRequest { resources, ..Default::default() }, |_, answer| {
        assert_eq!(answer.responses[0].error_code, ErrorCode::NONE);
    });
    let resources = vec![DescribeConfigsResource {
        resource_type: TOPIC_RESOURCE,
        resource_name: "t".into(),
        configuration_keys: Some(vec!["retention.ms".into()]),
    }];
    all_versions(client, &DescribeConfigsRequest { resources, ..Default::default() }, |_, answer| {
        assert_eq!(answer.results[0].configs[0].value.as_deref(), Some("5000"));
    });
    let request = DeleteTopicsRequest {
        topic_names: vec!["missing".into()],
        topics: vec![DeleteTopicState { name: Some("missing".into()), ..Default::default() }],
        ..Default::default()
    };
    all_versions(client, &request, |_, answer| {
        assert_eq!(answer.responses[0].error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    });
}

#[test]
fn groups() {
    let running = Running::start();
    let client = &mut Client::connect(running.addr);
    let request =
        FindCoordinatorRequest { key: "g".into(), coordinator_keys: vec!["g".into()], ..Default::default() };
    all_versions(client, &request, |version, answer| {
        let port = if version < 4 { answer.port } else { answer.coordinators[0].port };
        assert_eq!(port, i32::from(running.addr.port()));
    });
    let protocols = vec![JoinGroupRequestProtocol { name: "range".into(), metadata: vec![1].into() }];
    let join = JoinGroupRequest {
        group_id: "g".into(),
        session_timeout_ms: 100,
        rebalance_timeout_ms: 100,
        protocol_type: "consumer".into(),
        protocols,
        ..Default::default()
    };
    all_versions(client, &join, |version, answer| {
        let expected = if version < 4 { ErrorCode::NONE } else { ErrorCode::MEMBER_ID_REQUIRED };
        assert_eq!(answer.error_code, expected, "v{version}");
        assert!(!answer.member_id.is_empty());
    });
    let unknown = ErrorCode::UNKNOWN_MEMBER_ID;
    let sync = SyncGroupRequest { group_id: "g".into(), member_id: "m".into(), ..Default::default() };
    all_versions(client, &sync, |_, answer| assert_eq!(answer.error_code, unknown));
    let heartbeat = HeartbeatRequest { group_id: "g".into(), member_id: "m".into(), ..Default::default() };
    all_versions(client, &heartbeat, |_, answer| assert_eq!(answer.error_code, unknown));
    let leave = LeaveGroupRequest {
        group_id: "g".into(),
        member_id: "m".into(),
        members: vec![MemberIdentity { member_id: "m".into(), ..Default::default() }],
    };
    all_versions(client, &leave, |version, answer| {
        let code = if version < 3 { answer.error_code } else { answer.members[0].error_code };
        assert_eq!(code, unknown, "v{version}");
    });
    let describe = DescribeGroupsRequest { groups: vec!["none".into()], ..Default::default() };
    all_versions(client, &describe, |_, answer| assert_eq!(answer.groups[0].group_state, "Dead"));
    all_versions(client, &ListGroupsRequest::default(), |_, answer| assert!(answer.error_code.is_none()));
    all_versions(client, &DeleteGroupsRequest { groups_names: vec!["none".into()] }, |_, answer| {
        assert_eq!(answer.results[0].error_code, ErrorCode::GROUP_ID_NOT_FOUND);
    });
}

#[test]
fn committed_offsets() {
    let running = Running::start();
    let client = &mut Client::connect(running.addr);
    let partitions = vec![OffsetCommitRequestPartition { committed_offset: 5, ..Default::default() }];
    let topics = vec![OffsetCommitRequestTopic { name: "t".into(), partitions }];
    let request = OffsetCommitRequest { group_id: "o".into(), topics, ..Default::default() };
    all_versions(client, &request, |_, answer| {
        assert!(answer.topics[0].partitions[0].error_code.is_none());
    });
    let topics = Some(vec![OffsetFetchRequestTopic { name: "t".into(), partition_indexes: vec![0, 1] }]);
    let group =
        OffsetFetchRequestGroup { group_id: "o".into(), topics: topics.clone(), ..Default::default() };
    let request = OffsetFetchRequest {
        group_id: "o".into(),
        topics,
        groups: vec![group.clone(), group],
        ..Default::default()
    };
    all_versions(client, &request, |version, answer| {
        assert!(version < 8 || answer.groups.len() == 1, "the same group once");
        let topics = if version < 8 { &answer.topics } else { &answer.groups[0].topics };
        let offsets: Vec<_> = topics[0].partitions.iter().map(|one| one.committed_offset).collect();
        assert_eq!(offsets, [5, -1], "v{version}");
    });
}

/// A request that names the same topic ten thousand times gets it once.
#[test]
fn answers_do_not_multiply() {
    let running = Running::start();
    let client = &mut Client::connect(running.addr);
    client.create("t", 100);
    let topics = vec![MetadataRequestTopic { name: Some("t".into()), ..Default::default() }; 10_000];
    let answer = client.call(12, &MetadataRequest { topics: Some(topics), ..Default::default() });
    assert_eq!(answer.topics.len(), 1);
}
