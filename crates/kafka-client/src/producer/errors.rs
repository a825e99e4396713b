//! Hop 7: what a broker's answer to one batch means for the batch: one row for each thing that can be done.

use kafka_wire::ErrorCode;

/// What is to be done with a batch after its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// It is stored.
    Stored,
    /// It was stored before: an earlier attempt came through, and only its answer was lost.
    Duplicate,
    /// It is sent again, with the same sequence number.
    Retry {
        /// To another leader perhaps: metadata are asked for first.
        refresh: bool,
    },
    /// The broker does not have what came before it. Sequence numbers begin again under the next epoch (KIP-360).
    NewEpoch,
    /// The producer id is of no use any more; a new one is asked for.
    NewProducerId,
    /// It is split, or its only record is too large for good.
    TooLarge,
    /// This attempt is over: nothing that a client can do by itself helps.
    Refuse,
}

/// Each code of the protocol is in one row. Codes that the protocol's own table calls retriable are tried again; those
/// that say that metadata are old (`InvalidMetadataException` of Java's clients), with new metadata. Codes that no
/// Produce answer has are here too, so that none can be forgotten.
const TABLE: [(Action, &[ErrorCode]); 8] = [
    (Action::Stored, &[ErrorCode::NONE]),
    (Action::Duplicate, &[ErrorCode::DUPLICATE_SEQUENCE_NUMBER]),
    (
        Action::Retry { refresh: true },
        &[
            ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
            ErrorCode::LEADER_NOT_AVAILABLE,
            ErrorCode::NOT_LEADER_OR_FOLLOWER,
            ErrorCode::REPLICA_NOT_AVAILABLE,
            ErrorCode::NETWORK_EXCEPTION,
            ErrorCode::KAFKA_STORAGE_ERROR,
            ErrorCode::LISTENER_NOT_FOUND,
            ErrorCode::FENCED_LEADER_EPOCH,
            ErrorCode::UNKNOWN_LEADER_EPOCH,
            ErrorCode::PREFERRED_LEADER_NOT_AVAILABLE,
            ErrorCode::ELIGIBLE_LEADERS_NOT_AVAILABLE,
            ErrorCode::ELECTION_NOT_NEEDED,
            ErrorCode::UNKNOWN_TOPIC_ID,
            ErrorCode::INCONSISTENT_TOPIC_ID,
        ],
    ),
    (
        Action::Retry { refresh: false },
        &[
            ErrorCode::CORRUPT_MESSAGE,
            ErrorCode::REQUEST_TIMED_OUT,
            ErrorCode::COORDINATOR_LOAD_IN_PROGRESS,
            ErrorCode::COORDINATOR_NOT_AVAILABLE,
            ErrorCode::NOT_COORDINATOR,
            ErrorCode::NOT_ENOUGH_REPLICAS,
            ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND,
            ErrorCode::NOT_CONTROLLER,
            ErrorCode::CONCURRENT_TRANSACTIONS,
            ErrorCode::FETCH_SESSION_ID_NOT_FOUND,
            ErrorCode::INVALID_FETCH_SESSION_EPOCH,
            ErrorCode::OFFSET_NOT_AVAILABLE,
            ErrorCode::UNSTABLE_OFFSET_COMMIT,
            ErrorCode::THROTTLING_QUOTA_EXCEEDED,
            ErrorCode::FETCH_SESSION_TOPIC_ID_ERROR,
            ErrorCode::SHARE_SESSION_NOT_FOUND,
            ErrorCode::INVALID_SHARE_SESSION_EPOCH,
            ErrorCode::SHARE_SESSION_LIMIT_REACHED,
        ],
    ),
    (Action::NewEpoch, &[ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER, ErrorCode::UNKNOWN_PRODUCER_ID]),
    (
        Action::NewProducerId,
        &[
            ErrorCode::INVALID_PRODUCER_EPOCH,
            ErrorCode::INVALID_PRODUCER_ID_MAPPING,
            ErrorCode::PRODUCER_FENCED,
        ],
    ),
    (Action::TooLarge, &[ErrorCode::MESSAGE_TOO_LARGE, ErrorCode::RECORD_LIST_TOO_LARGE]),
    (
        Action::Refuse,
        &[
            ErrorCode::UNKNOWN_SERVER_ERROR,
            ErrorCode::OFFSET_OUT_OF_RANGE,
            ErrorCode::INVALID_FETCH_SIZE,
            ErrorCode::BROKER_NOT_AVAILABLE,
            ErrorCode::STALE_CONTROLLER_EPOCH,
            ErrorCode::OFFSET_METADATA_TOO_LARGE,
            ErrorCode::INVALID_TOPIC_EXCEPTION,
            ErrorCode::INVALID_REQUIRED_ACKS,
            ErrorCode::ILLEGAL_GENERATION,
            ErrorCode::INCONSISTENT_GROUP_PROTOCOL,
            ErrorCode::INVALID_GROUP_ID,
            ErrorCode::UNKNOWN_MEMBER_ID,
            ErrorCode::INVALID_SESSION_TIMEOUT,
            ErrorCode::REBALANCE_IN_PROGRESS,
            ErrorCode::INVALID_COMMIT_OFFSET_SIZE,
            ErrorCode::TOPIC_AUTHORIZATION_FAILED,
            ErrorCode::GROUP_AUTHORIZATION_FAILED,
            ErrorCode::CLUSTER_AUTHORIZATION_FAILED,
            ErrorCode::INVALID_TIMESTAMP,
            ErrorCode::UNSUPPORTED_SASL_MECHANISM,
            ErrorCode::ILLEGAL_SASL_STATE,
            ErrorCode::UNSUPPORTED_VERSION,
            ErrorCode::TOPIC_ALREADY_EXISTS,
            ErrorCode::INVALID_PARTITIONS,
            ErrorCode::INVALID_REPLICATION_FACTOR,
            ErrorCode::INVALID_REPLICA_ASSIGNMENT,
            ErrorCode::INVALID_CONFIG,
            ErrorCode::INVALID_REQUEST,
            ErrorCode::UNSUPPORTED_FOR_MESSAGE_FORMAT,
            ErrorCode::POLICY_VIOLATION,
            ErrorCode::INVALID_TXN_STATE,
            ErrorCode::INVALID_TRANSACTION_TIMEOUT,
            ErrorCode::TRANSACTION_COORDINATOR_FENCED,
            ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
            ErrorCode::SECURITY_DISABLED,
            ErrorCode::OPERATION_NOT_ATTEMPTED,
            ErrorCode::LOG_DIR_NOT_FOUND,
            ErrorCode::SASL_AUTHENTICATION_FAILED,
            ErrorCode::REASSIGNMENT_IN_PROGRESS,
            ErrorCode::DELEGATION_TOKEN_AUTH_DISABLED,
            ErrorCode::DELEGATION_TOKEN_NOT_FOUND,
            ErrorCode::DELEGATION_TOKEN_OWNER_MISMATCH,
            ErrorCode::DELEGATION_TOKEN_REQUEST_NOT_ALLOWED,
            ErrorCode::DELEGATION_TOKEN_AUTHORIZATION_FAILED,
            ErrorCode::DELEGATION_TOKEN_EXPIRED,
            ErrorCode::INVALID_PRINCIPAL_TYPE,
            ErrorCode::NON_EMPTY_GROUP,
            ErrorCode::GROUP_ID_NOT_FOUND,
            ErrorCode::TOPIC_DELETION_DISABLED,
            ErrorCode::UNSUPPORTED_COMPRESSION_TYPE,
            ErrorCode::STALE_BROKER_EPOCH,
            ErrorCode::MEMBER_ID_REQUIRED,
            ErrorCode::GROUP_MAX_SIZE_REACHED,
            ErrorCode::FENCED_INSTANCE_ID,
            ErrorCode::NO_REASSIGNMENT_IN_PROGRESS,
            ErrorCode::GROUP_SUBSCRIBED_TO_TOPIC,
            ErrorCode::INVALID_RECORD,
            ErrorCode::RESOURCE_NOT_FOUND,
            ErrorCode::DUPLICATE_RESOURCE,
            ErrorCode::UNACCEPTABLE_CREDENTIAL,
            ErrorCode::INCONSISTENT_VOTER_SET,
            ErrorCode::INVALID_UPDATE_VERSION,
            ErrorCode::FEATURE_UPDATE_FAILED,
            ErrorCode::PRINCIPAL_DESERIALIZATION_FAILURE,
            ErrorCode::SNAPSHOT_NOT_FOUND,
            ErrorCode::POSITION_OUT_OF_RANGE,
            ErrorCode::DUPLICATE_BROKER_REGISTRATION,
            ErrorCode::BROKER_ID_NOT_REGISTERED,
            ErrorCode::INCONSISTENT_CLUSTER_ID,
            ErrorCode::TRANSACTIONAL_ID_NOT_FOUND,
            ErrorCode::INELIGIBLE_REPLICA,
            ErrorCode::NEW_LEADER_ELECTED,
            ErrorCode::OFFSET_MOVED_TO_TIERED_STORAGE,
            ErrorCode::FENCED_MEMBER_EPOCH,
            ErrorCode::UNRELEASED_INSTANCE_ID,
            ErrorCode::UNSUPPORTED_ASSIGNOR,
            ErrorCode::STALE_MEMBER_EPOCH,
            ErrorCode::MISMATCHED_ENDPOINT_TYPE,
            ErrorCode::UNSUPPORTED_ENDPOINT_TYPE,
            ErrorCode::UNKNOWN_CONTROLLER_ID,
            ErrorCode::UNKNOWN_SUBSCRIPTION_ID,
            ErrorCode::TELEMETRY_TOO_LARGE,
            ErrorCode::INVALID_REGISTRATION,
            ErrorCode::TRANSACTION_ABORTABLE,
            ErrorCode::INVALID_RECORD_STATE,
            ErrorCode::FENCED_STATE_EPOCH,
            ErrorCode::INVALID_VOTER_KEY,
            ErrorCode::DUPLICATE_VOTER,
            ErrorCode::VOTER_NOT_FOUND,
            ErrorCode::INVALID_REGULAR_EXPRESSION,
            ErrorCode::REBOOTSTRAP_REQUIRED,
            ErrorCode::STREAMS_INVALID_TOPOLOGY,
            ErrorCode::STREAMS_INVALID_TOPOLOGY_EPOCH,
            ErrorCode::STREAMS_TOPOLOGY_FENCED,
        ],
    ),
];

/// What an answer's code asks for. A code of the future is refused.
pub(crate) fn action(code: ErrorCode) -> Action {
    let row = TABLE.iter().find(|(_, codes)| codes.contains(&code));
    row.map_or(Action::Refuse, |(action, _)| *action)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_is_in_one_row() {
        for code in ErrorCode::ALL {
            let rows = TABLE.iter().filter(|(_, codes)| codes.contains(code)).count();
            assert_eq!(rows, 1, "{code}");
        }
        let named: usize = TABLE.iter().map(|(_, codes)| codes.len()).sum();
        assert_eq!(named, ErrorCode::ALL.len());
    }

    #[test]
    fn what_the_protocol_calls_retriable_is_tried_again() {
        for code in ErrorCode::ALL {
            let again = matches!(action(*code), Action::Retry { .. });
            assert_eq!(again, code.is_retriable(), "{code}");
        }
    }

    #[test]
    fn the_answers_that_matter() {
        for (code, expected) in [
            (ErrorCode::NONE, Action::Stored),
            (ErrorCode::DUPLICATE_SEQUENCE_NUMBER, Action::Duplicate),
            (ErrorCode::NOT_LEADER_OR_FOLLOWER, Action::Retry { refresh: true }),
            (ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND, Action::Retry { refresh: false }),
            (ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER, Action::NewEpoch),
            (ErrorCode::PRODUCER_FENCED, Action::NewProducerId),
            (ErrorCode::MESSAGE_TOO_LARGE, Action::TooLarge),
            (ErrorCode::TOPIC_AUTHORIZATION_FAILED, Action::Refuse),
            (ErrorCode(i16::MAX), Action::Refuse),
        ] {
            assert_eq!(action(code), expected, "{code}");
        }
    }
}
