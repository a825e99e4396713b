//! Hop 7: what each error of a broker or of the client library means for a request.

use pipeline::{Outcome, RetryReason};
use rdkafka::types::RDKafkaErrorCode;

mod names;

/// What to do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// The same record can succeed later: the outage passes, or an operator cures it.
    Retry,
    /// The record is larger than the topic takes: smaller ones can succeed.
    TooLarge,
    /// This producer can do no more; the record can succeed through a new one.
    Recreate,
}

/// The class of an error. What is not known to be otherwise is retried: refusing data that could have been
/// stored loses it.
pub(crate) fn classify(code: RDKafkaErrorCode) -> Class {
    use RDKafkaErrorCode as Code;
    match code {
        Code::MessageSizeTooLarge | Code::MessageBatchTooLarge => Class::TooLarge,
        // KIP-98 and KIP-360: the broker and an idempotent producer disagree on what was written.
        Code::Fatal
        | Code::GaplessGuarantee
        | Code::Inconsistent
        | Code::Fenced
        | Code::OutOfOrderSequenceNumber
        | Code::DuplicateSequenceNumber
        | Code::InvalidProducerEpoch
        | Code::InvalidProducerIdMapping
        | Code::UnknownProducerId
        | Code::ProducerFenced => Class::Recreate,
        _ => Class::Retry,
    }
}

/// What an error means for the one record that it was reported for.
pub(crate) fn outcome(code: RDKafkaErrorCode) -> Outcome {
    match classify(code) {
        Class::TooLarge => Outcome::TooLarge,
        Class::Retry | Class::Recreate if code == RDKafkaErrorCode::MessageTimedOut => {
            Outcome::Retry(RetryReason::HoldTime)
        }
        Class::Retry | Class::Recreate => Outcome::Retry(RetryReason::Kafka(name(code))),
    }
}

/// The code's name in the protocol.
pub(crate) fn name(code: RDKafkaErrorCode) -> &'static str {
    names::name(code)
}

#[cfg(test)]
mod tests {
    use rdkafka::types::RDKafkaRespErr;

    use super::*;

    /// All codes of the bundled library, the markers of its ranges left out.
    fn all() -> Vec<RDKafkaErrorCode> {
        const MARKERS: [i32; 3] = [-200, -100, 0];
        (-200..=1000)
            .filter(|code| !MARKERS.contains(code))
            .filter_map(|code| RDKafkaRespErr::try_from(code).ok())
            .map(RDKafkaErrorCode::from)
            .filter(|code| *code != RDKafkaErrorCode::EndAll)
            .collect()
    }

    #[test]
    fn every_code_has_a_name_and_only_these_are_not_plain_retries() {
        let codes = all();
        assert!(codes.len() > 150, "{}", codes.len());
        assert_eq!(codes.len(), names::NAMES.len());
        let mut special = Vec::new();
        for code in codes {
            let name = name(code);
            assert!(name != "UNKNOWN" || code == RDKafkaErrorCode::Unknown, "{code:?} has no name");
            match classify(code) {
                Class::Retry => {}
                class => special.push((name, class)),
            }
        }
        special.sort_by_key(|(name, _)| *name);
        assert_eq!(
            special,
            [
                ("DUPLICATE_SEQUENCE_NUMBER", Class::Recreate),
                ("INVALID_PRODUCER_EPOCH", Class::Recreate),
                ("INVALID_PRODUCER_ID_MAPPING", Class::Recreate),
                ("MSG_SIZE_TOO_LARGE", Class::TooLarge),
                ("OUT_OF_ORDER_SEQUENCE_NUMBER", Class::Recreate),
                ("PRODUCER_FENCED", Class::Recreate),
                ("RECORD_LIST_TOO_LARGE", Class::TooLarge),
                ("UNKNOWN_PRODUCER_ID", Class::Recreate),
                ("_FATAL", Class::Recreate),
                ("_FENCED", Class::Recreate),
                ("_GAPLESS_GUARANTEE", Class::Recreate),
                ("_INCONSISTENT", Class::Recreate),
            ]
        );
    }

    #[test]
    fn an_outcome_names_its_cause() {
        assert_eq!(outcome(RDKafkaErrorCode::MessageTimedOut), Outcome::Retry(RetryReason::HoldTime));
        assert_eq!(outcome(RDKafkaErrorCode::MessageSizeTooLarge), Outcome::TooLarge);
        assert_eq!(
            outcome(RDKafkaErrorCode::TopicAuthorizationFailed),
            Outcome::Retry(RetryReason::Kafka("TOPIC_AUTHORIZATION_FAILED"))
        );
        assert_eq!(outcome(RDKafkaErrorCode::Fatal), Outcome::Retry(RetryReason::Kafka("_FATAL")));
    }
}
