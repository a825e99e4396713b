//! InitProducerId: an id for an idempotent producer.

use crate::ErrorCode;

api!(InitProducerId: InitProducerIdRequest => InitProducerIdResponse, versions 0..=5, flexible from 2);

wire_structs! {
    /// A producer wants an id.
    pub struct InitProducerIdRequest {
        transactional_id: Option<String> => 0..;
        transaction_timeout_ms: i32 => 0..;
        producer_id: i64 => 3.., default -1;
        producer_epoch: i16 => 3.., default -1;
    }

    /// The id.
    pub struct InitProducerIdResponse {
        throttle_time_ms: i32 => 0..;
        error_code: ErrorCode => 0..;
        producer_id: i64 => 0.., default -1;
        producer_epoch: i16 => 0..;
    }
}
