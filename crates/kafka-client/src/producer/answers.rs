//! Hop 7: what a Produce answer says of a request's parts.

use kafka_wire::messages::{PartitionProduceResponse, ProduceResponse};

use super::errors::{self, Action};
use super::record::{Failure, Settle};
use super::state::{Answer, Part, State};

/// What is known of a part whose answer did not come.
pub(super) const NOT_KNOWN: Answer =
    Answer { action: Action::Retry { refresh: true }, failure: Failure::TimedOut, leader: None };

/// What is said of a part, if anything is.
pub(super) fn find<'r, T: Settle>(
    state: &State<T>,
    answer: &'r ProduceResponse,
    part: &Part<T>,
) -> Option<&'r PartitionProduceResponse> {
    let name = state.topics.get(part.topic)?.name();
    let index = i32::try_from(part.partition).ok()?;
    let topic = answer.responses.iter().find(|topic| topic.name == name)?;
    topic.partition_responses.iter().find(|partition| partition.index == index)
}

/// What it means.
pub(super) fn meaning(heard: &PartitionProduceResponse) -> Answer {
    let hint = &heard.current_leader;
    Answer {
        action: errors::action(heard.error_code),
        failure: Failure::Refused(heard.error_code),
        leader: (hint.leader_id >= 0).then_some((hint.leader_id, hint.leader_epoch)),
    }
}
