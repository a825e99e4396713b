//! FindCoordinator: the broker that keeps a group or a transactional id.

use crate::ErrorCode;

api!(FindCoordinator: FindCoordinatorRequest => FindCoordinatorResponse, versions 0..=6, flexible from 3);

/// `key_type` of a consumer group.
pub const GROUP_KEY_TYPE: i8 = 0;
/// `key_type` of a transactional id.
pub const TRANSACTION_KEY_TYPE: i8 = 1;

wire_structs! {
    /// One key, or from version 4 on several of one type.
    pub struct FindCoordinatorRequest {
        key: String => 0..=3;
        key_type: i8 => 1..;
        coordinator_keys: Vec<String> => 4..;
    }

    /// One coordinator, or from version 4 on one a key.
    pub struct FindCoordinatorResponse {
        throttle_time_ms: i32 => 1..;
        error_code: ErrorCode => 0..=3;
        error_message: Option<String> => 1..=3;
        node_id: i32 => 0..=3;
        host: String => 0..=3;
        port: i32 => 0..=3;
        coordinators: Vec<Coordinator> => 4..;
    }

    /// A key's coordinator.
    pub struct Coordinator {
        key: String => 4..;
        node_id: i32 => 4..;
        host: String => 4..;
        port: i32 => 4..;
        error_code: ErrorCode => 4..;
        error_message: Option<String> => 4..;
    }
}
