//! Checked properties to the typed settings of the crate `kafka-client`; what is absent has its defaults.

use std::time::Duration;

use kafka_client::compression::{Codec, Compression};
use kafka_client::security::Security;
use kafka_client::{Acks, HostPort, Lookups, ProducerSettings, Settings};

use super::Checked;
use crate::config::RECORD_OVERHEAD_BYTES;

/// Bytes that a request adds to its only batch: its header, the client's id, one topic's name. A topic's name has
/// at most 249, and a client's id is seldom longer.
const REQUEST_OVERHEAD_BYTES: usize = 1024;
/// Java's default of `max.request.size`.
const REQUEST_BYTES_MIN: usize = 1 << 20;
/// Java allows pauses of nothing, which would try again as fast as the processor can.
const PAUSE_MIN: Duration = Duration::from_millis(1);

/// What producers, readers and administration share.
pub(crate) fn settings(
    checked: &Checked,
    bootstrap: Vec<HostPort>,
    client_id: &str,
    security: Security,
    lookups: &Lookups,
) -> Settings {
    let client_id = checked.text("client.id").filter(|id| !id.is_empty()).unwrap_or(client_id);
    let defaults = Settings::new(bootstrap, client_id);
    let millis = |java, default| checked.millis(java).unwrap_or(default);
    // Zero is the system's own size, as -1 is: sockets refuse it.
    let buffer = |java| checked.size(java).filter(|bytes| *bytes > 0);
    let (first, longest) = defaults.reconnect_backoff;
    let reconnect_first = millis("reconnect.backoff.ms", first);
    // As Java: whoever sets the first pause alone wants no other.
    let grows =
        checked.int("reconnect.backoff.max.ms").is_some() || checked.int("reconnect.backoff.ms").is_none();
    let reconnect_longest = millis("reconnect.backoff.max.ms", if grows { longest } else { reconnect_first });
    let (first, longest) = defaults.retry_backoff;
    let retry = (millis("retry.backoff.ms", first), millis("retry.backoff.max.ms", longest));
    Settings {
        security,
        lookups: lookups.clone(),
        setup_timeout: millis("socket.connection.setup.timeout.ms", defaults.setup_timeout),
        request_timeout: millis("request.timeout.ms", defaults.request_timeout),
        reconnect_backoff: backoff(reconnect_first, reconnect_longest),
        retry_backoff: backoff(retry.0, retry.1),
        metadata_max_age: millis("metadata.max.age.ms", defaults.metadata_max_age),
        connections_max_idle: millis("connections.max.idle.ms", defaults.connections_max_idle),
        send_buffer_bytes: buffer("send.buffer.bytes"),
        receive_buffer_bytes: buffer("receive.buffer.bytes"),
        ..defaults
    }
}

/// Where the longest pause is shorter than the first, Java takes the longest for both.
fn backoff(first: Duration, longest: Duration) -> (Duration, Duration) {
    let longest = longest.max(PAUSE_MIN);
    (first.clamp(PAUSE_MIN, longest), longest)
}

/// What only producers have. `hold` is the longest time that a request waits for its answer: a record that is
/// still on its way then is given up, so that no outage ends in a flood of duplicates. `record_bytes` is the
/// largest record value.
pub(crate) fn produce(checked: &Checked, hold: Duration, record_bytes: usize) -> ProducerSettings {
    let defaults = ProducerSettings::default();
    let delivery_timeout = checked.millis("delivery.timeout.ms").map_or(hold, |asked| asked.min(hold));
    let needed = record_bytes.saturating_add(RECORD_OVERHEAD_BYTES).saturating_add(REQUEST_OVERHEAD_BYTES);
    let request_bytes_max = checked.size("max.request.size").unwrap_or(needed.max(REQUEST_BYTES_MIN));
    // Zero means one record a batch, as each is too large for a batch of one byte.
    let batch_bytes = checked.size("batch.size").map_or(defaults.batch_bytes, |bytes| bytes.max(1));
    ProducerSettings {
        acks: match checked.text("acks") {
            Some("1") => Acks::Leader,
            Some("0") => Acks::None,
            _ => Acks::All,
        },
        idempotence: checked.bool("enable.idempotence").unwrap_or(true),
        in_flight_max: checked
            .size("max.in.flight.requests.per.connection")
            .unwrap_or(defaults.in_flight_max),
        linger: checked.millis("linger.ms").unwrap_or(Duration::ZERO).min(delivery_timeout),
        batch_bytes: batch_bytes.min(request_bytes_max),
        request_bytes_max,
        request_timeout: checked.millis("request.timeout.ms").unwrap_or(defaults.request_timeout),
        delivery_timeout,
        retries: checked.int("retries").and_then(|n| u32::try_from(n).ok()).unwrap_or(u32::MAX),
        compression: compression(checked),
        ignore_keys: checked.bool("partitioner.ignore.keys").unwrap_or(false),
    }
}

/// gzip and zstd have a level of their own, which counts when that codec is chosen.
fn compression(checked: &Checked) -> Compression {
    let (codec, level) = match checked.text("compression.type") {
        Some("gzip") => (Codec::Gzip, checked.int("compression.gzip.level").filter(|level| *level >= 0)),
        Some("snappy") => (Codec::Snappy, None),
        Some("lz4") => (Codec::Lz4, None),
        Some("zstd") => (Codec::Zstd, checked.int("compression.zstd.level")),
        _ => (Codec::None, None),
    };
    Compression { codec, level: level.and_then(|level| i32::try_from(level).ok()) }
}
