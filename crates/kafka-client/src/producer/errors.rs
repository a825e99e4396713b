//! Hop 7: STUB
use kafka_wire::ErrorCode;
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action { Stored, Retry { refresh: bool }, NewEpoch, NewProducerId, TooLarge, Refuse }
pub(crate) fn action(code: ErrorCode) -> Action {
    match code { ErrorCode::NONE | ErrorCode::DUPLICATE_SEQUENCE_NUMBER => Action::Stored, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER | ErrorCode::UNKNOWN_PRODUCER_ID => Action::NewEpoch, ErrorCode::INVALID_PRODUCER_EPOCH => Action::NewProducerId, ErrorCode::MESSAGE_TOO_LARGE | ErrorCode::RECORD_LIST_TOO_LARGE => Action::TooLarge, c if c.is_retriable() => Action::Retry { refresh: true }, _ => Action::Refuse }
}
