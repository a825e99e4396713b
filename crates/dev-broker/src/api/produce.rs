//! Produce: batches go to the log as they are.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use kafka_wire::ErrorCode;
use kafka_wire::messages::*;

use crate::connection::Fault;
use crate::log::{AppendError, Appended, Log};
use crate::node::Node;

/// Appends up to this size are done on the connection's own thread: the checksum and the copy into the page cache
/// take less than handing them over would. Larger ones would keep other connections waiting.
const INLINE_BYTES_MAX: usize = 1 << 20;

/// Appends what the request carries; `None` when the client wants no answer.
///
/// # Errors
/// [`Fault::Unacknowledged`] when a batch was refused and the client wants no answer: closing the connection is the
/// only way to tell it (as Kafka does).
pub(super) async fn produce(
    node: &Arc<Node>,
    request: ProduceRequest,
    version: i16,
) -> Result<Option<ProduceResponse>, Fault> {
    let refused = match (version, request.acks) {
        (..3, _) => Some(ErrorCode::UNSUPPORTED_VERSION),
        (_, -1..=1) => None,
        _ => Some(ErrorCode::INVALID_REQUIRED_ACKS),
    };
    let mut responses = Vec::with_capacity(request.topic_data.len());
    let mut failed = None;
    for topic in request.topic_data {
        let mut partition_responses = Vec::with_capacity(topic.partition_data.len());
        for partition in topic.partition_data {
            let response = match refused {
                Some(code) => refusal(partition.index, code, None),
                None => append(node, &topic.name, partition).await,
            };
            if !response.error_code.is_none() {
                failed = Some(response.error_code);
            }
            partition_responses.push(response);
        }
        responses.push(TopicProduceResponse { name: topic.name, partition_responses, ..Default::default() });
    }
    match failed {
        Some(code) if request.acks == 0 => Err(Fault::Unacknowledged { code }),
        _ if request.acks == 0 => Ok(None),
        _ => Ok(Some(ProduceResponse { responses, ..Default::default() })),
    }
}

async fn append(node: &Node, name: &str, partition: PartitionProduceData) -> PartitionProduceResponse {
    let PartitionProduceData { index, records } = partition;
    let Some((topic, log)) =
        node.topics.get(name).and_then(|topic| topic.partition(index).map(|log| (topic, log)))
    else {
        return refusal(index, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, None);
    };
    let Some(records) = records else {
        return refusal(index, ErrorCode::INVALID_RECORD, Some("no records".to_owned()));
    };
    let records = records.into_bytes();
    let (appended, log_start_offset) = if records.len() <= INLINE_BYTES_MAX {
        append_to(&log, &records)
    } else {
        match tokio::task::spawn_blocking(move || append_to(&log, &records)).await {
            Ok(result) => result,
            Err(error) => {
                tracing::error!(%error, "append failed");
                return refusal(index, ErrorCode::KAFKA_STORAGE_ERROR, None);
            }
        }
    };
    match appended {
        Ok(Appended { base_offset, .. }) => {
            node.watchers.appended((topic.id, index));
            PartitionProduceResponse { index, base_offset, log_start_offset, ..Default::default() }
        }
        Err(error) => {
            if let AppendError::Storage(source) = &error {
                tracing::error!(topic = name, partition = index, error = %source, "cannot append");
            }
            refusal(index, ErrorCode(error.code()), Some(error.to_string()))
        }
    }
}

fn append_to(log: &Mutex<Log>, records: &Bytes) -> (Result<Appended, AppendError>, i64) {
    let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
    let appended = log.append(records);
    (appended, log.start_offset())
}

fn refusal(index: i32, error_code: ErrorCode, error_message: Option<String>) -> PartitionProduceResponse {
    PartitionProduceResponse { index, error_code, base_offset: -1, error_message, ..Default::default() }
}
