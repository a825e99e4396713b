//! The broker about itself: ApiVersions, DescribeCluster, FindCoordinator, InitProducerId.

use kafka_wire::ErrorCode;
use kafka_wire::messages::*;

use super::OFFERED;
use crate::node::{CLUSTER_ID, NODE_ID, Node};

/// What transactional requests are refused with. Clients take this code as final, where "no such coordinator" would
/// let them ask again until their time is up.
const NO_TRANSACTIONS: ErrorCode = ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
const NO_TRANSACTIONS_MESSAGE: &str = "the embedded broker has no transactions";

/// The APIs offered. Without feature lists: librdkafka 2.0 cannot read their tagged fields.
pub(super) fn api_versions(error_code: ErrorCode) -> ApiVersionsResponse {
    let api_keys = OFFERED.iter().map(|(key, versions)| ApiVersion {
        api_key: key.code(),
        min_version: *versions.start(),
        max_version: *versions.end(),
    });
    ApiVersionsResponse { error_code, api_keys: api_keys.collect(), ..Default::default() }
}

pub(super) fn describe_cluster(node: &Node, request: DescribeClusterRequest) -> DescribeClusterResponse {
    let broker = DescribeClusterBroker {
        broker_id: NODE_ID,
        host: node.host.clone(),
        port: node.port,
        ..Default::default()
    };
    DescribeClusterResponse {
        endpoint_type: request.endpoint_type,
        cluster_id: CLUSTER_ID.to_owned(),
        controller_id: NODE_ID,
        brokers: vec![broker],
        ..Default::default()
    }
}

pub(super) fn find_coordinator(
    node: &Node,
    request: FindCoordinatorRequest,
    version: i16,
) -> FindCoordinatorResponse {
    let (error_code, error_message) = match request.key_type {
        GROUP_KEY_TYPE => (ErrorCode::NONE, None),
        TRANSACTION_KEY_TYPE => (NO_TRANSACTIONS, Some(NO_TRANSACTIONS_MESSAGE.to_owned())),
        _ => (ErrorCode::INVALID_REQUEST, None),
    };
    let (node_id, host, port) =
        if error_code.is_none() { (NODE_ID, node.host.clone(), node.port) } else { (-1, String::new(), -1) };
    if version < 4 {
        return FindCoordinatorResponse {
            error_code,
            error_message,
            node_id,
            host,
            port,
            ..Default::default()
        };
    }
    let coordinators = request.coordinator_keys.into_iter().map(|key| Coordinator {
        key,
        node_id,
        host: host.clone(),
        port,
        error_code,
        error_message: error_message.clone(),
    });
    FindCoordinatorResponse { coordinators: coordinators.collect(), ..Default::default() }
}

/// A new id with epoch 0 for every request: an idempotent producer that asks again starts afresh.
pub(super) fn init_producer_id(node: &Node, request: &InitProducerIdRequest) -> InitProducerIdResponse {
    if request.transactional_id.is_some() {
        return InitProducerIdResponse { error_code: NO_TRANSACTIONS, ..Default::default() };
    }
    InitProducerIdResponse { producer_id: node.next_producer_id(), ..Default::default() }
}
