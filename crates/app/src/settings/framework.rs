//! Keys that Kafka Connect itself gives every source connector and that have little or no meaning here. They are
//! checked and shown in forms, so that a connector's file needs no change.

use config::Importance::{Low, Medium};
use config::{Key, Kind, Unit};

use super::keys::key;

const COMMON: &str = "Common";
const ERRORS: &str = "Error Handling";
const EXACTLY_ONCE: &str = "Exactly Once Support";
const OFFSETS: &str = "offsets.topic";

const fn millis(min: i64) -> Kind {
    Kind::Int { min, max: i64::MAX, unit: Unit::Millis }
}

#[rustfmt::skip]
pub(super) static PLUGIN_VERSION: Key = key("connector.plugin.version",
    Kind::OneOf(&[env!("CARGO_PKG_VERSION")]), Some(env!("CARGO_PKG_VERSION")), Medium, COMMON,
    "The version of the connector, which is this program's.");
#[rustfmt::skip]
pub(super) static TASKS_MAX_ENFORCE: Key = key("tasks.max.enforce", Kind::Bool, Some("true"), Low, COMMON,
    "Accepted; a connector here has exactly one task.");
#[rustfmt::skip]
pub(super) static KEY_CONVERTER_VERSION: Key = key("key.converter.plugin.version", Kind::Text, None, Low, COMMON,
    "Accepted; converters are part of this program.");
#[rustfmt::skip]
pub(super) static VALUE_CONVERTER_VERSION: Key = key("value.converter.plugin.version", Kind::Text, None, Low, COMMON,
    "Accepted; converters are part of this program.");
#[rustfmt::skip]
pub(super) static HEADER_CONVERTER_VERSION: Key = key("header.converter.plugin.version", Kind::Text, None, Low,
    COMMON, "Accepted; converters are part of this program.");
#[rustfmt::skip]
pub(super) static RELOAD: Key = key("config.action.reload",
    Kind::OneOf(&["none", "restart"]), Some("restart"), Low, COMMON,
    "Accepted; what configuration providers give is read again whenever the connector starts.");
#[rustfmt::skip]
pub(super) static RETRY_TIMEOUT: Key = key("errors.retry.timeout", millis(-1), Some("0"), Medium, ERRORS,
    "Accepted; how long a request is tried is otlp.request.hold.ms.");
#[rustfmt::skip]
pub(super) static RETRY_DELAY: Key = key("errors.retry.delay.max.ms", millis(-1), Some("60000"), Medium, ERRORS,
    "Accepted; senders are asked to come again after otlp.retry.delay.ms.");
#[rustfmt::skip]
pub(super) static TOLERANCE: Key = key("errors.tolerance", Kind::OneOf(&["none", "all"]), Some("none"), Medium, ERRORS,
    "Accepted; a request that cannot be read is refused, and never stops the connector.");
#[rustfmt::skip]
pub(super) static LOG_ERRORS: Key = key("errors.log.enable", Kind::Bool, Some("false"), Medium, ERRORS,
    "Accepted; refused requests are counted by reason in /metrics.");
#[rustfmt::skip]
pub(super) static LOG_MESSAGES: Key = key("errors.log.include.messages", Kind::Bool, Some("false"), Medium, ERRORS,
    "Accepted; no data is ever written to the log.");
#[rustfmt::skip]
pub(super) static EXACTLY_ONCE_SUPPORT: Key = key("exactly.once.support",
    Kind::OneOf(&["requested", "required"]), Some("requested"), Medium, EXACTLY_ONCE,
    "requested is accepted; required is refused: records are delivered at least once, since senders send again \
     what was not acknowledged.");
#[rustfmt::skip]
pub(super) static TRANSACTION_BOUNDARY: Key = key("transaction.boundary",
    Kind::OneOf(&["poll", "interval", "connector"]), Some("poll"), Medium, EXACTLY_ONCE,
    "Accepted; no transactions are used.");
#[rustfmt::skip]
pub(super) static TRANSACTION_INTERVAL: Key = key("transaction.boundary.interval.ms", millis(0), None, Low,
    EXACTLY_ONCE, "Accepted; no transactions are used.");
#[rustfmt::skip]
pub(super) static OFFSETS_TOPIC: Key = key("offsets.storage.topic", Kind::NonEmpty, None, Low, OFFSETS,
    "Accepted; a connector here has no offsets that it would have to find again.");

/// All of them, in Kafka Connect's order.
pub(super) static KEYS: [&Key; 15] = [
    &PLUGIN_VERSION,
    &TASKS_MAX_ENFORCE,
    &KEY_CONVERTER_VERSION,
    &VALUE_CONVERTER_VERSION,
    &HEADER_CONVERTER_VERSION,
    &RELOAD,
    &RETRY_TIMEOUT,
    &RETRY_DELAY,
    &TOLERANCE,
    &LOG_ERRORS,
    &LOG_MESSAGES,
    &EXACTLY_ONCE_SUPPORT,
    &TRANSACTION_BOUNDARY,
    &TRANSACTION_INTERVAL,
    &OFFSETS_TOPIC,
];
