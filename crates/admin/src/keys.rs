//! The keys that the REST API obeys.

use config::{Importance, Key, Kind, Unit};

const GROUP: &str = "REST";

const fn low(name: &'static str, kind: Kind, default: Option<&'static str>, doc: &'static str) -> Key {
    Key { name, kind, default, importance: Importance::Low, group: GROUP, doc }
}

/// `access.control.allow.origin`
#[rustfmt::skip]
pub(crate) static ALLOW_ORIGIN: Key = low("access.control.allow.origin", Kind::Text, None,
    "Origins whose pages may call the REST API from a browser, such as https://ui.example, separated by commas; \
     * for all. Absent or empty: none.");
/// `access.control.allow.methods`
#[rustfmt::skip]
pub(crate) static ALLOW_METHODS: Key = low("access.control.allow.methods", Kind::Text, None,
    "Methods that such pages may use, separated by commas. Absent or empty: GET,POST,HEAD.");
/// `response.http.headers.config`
#[rustfmt::skip]
pub(crate) static RESPONSE_HEADERS: Key = low("response.http.headers.config", Kind::Text, None,
    "Headers of every answer: rules such as set X-Frame-Options: DENY, separated by commas, in double quotes where a \
     rule itself has a comma. Actions: set, add, and setDate, addDate with milliseconds from now.");
/// `rest.extension.classes`
#[rustfmt::skip]
pub(crate) static EXTENSIONS: Key = low("rest.extension.classes", Kind::List, None,
    "org.apache.kafka.connect.rest.basic.auth.extension.BasicAuthSecurityRestExtension asks for a name and password \
     of rest.basic.auth.users.path at every call but /livez and /readyz. No other extension is built in: naming one \
     stops the start.");
/// `rest.basic.auth.users.path`
#[rustfmt::skip]
pub(crate) static USERS: Key = low("rest.basic.auth.users.path", Kind::File, None,
    "A file with a line NAME: PASSWORD for each user of the REST API, as the file of Kafka Connect's \
     PropertyFileLoginModule. Read at the start.");
/// `rest.request.timeout.ms`
#[rustfmt::skip]
pub(crate) static REQUEST_TIMEOUT: Key = low("rest.request.timeout.ms",
    Kind::Int { min: 1000, max: 3_600_000, unit: Unit::Millis }, Some("90000"),
    "How long a REST call may take, its body included. After that it is answered with 500, and a change that it \
     asked for may yet take effect.");
/// `rest.request.max.bytes`
#[rustfmt::skip]
pub(crate) static REQUEST_MAX_BYTES: Key = low("rest.request.max.bytes",
    Kind::Int { min: 1024, max: 16 << 20, unit: Unit::Bytes }, Some("65536"),
    "The largest body of a REST call; a larger one is answered with 413.");
/// `rest.connections.max`
#[rustfmt::skip]
pub(crate) static CONNECTIONS_MAX: Key = low("rest.connections.max",
    Kind::Int { min: 1, max: 65_536, unit: Unit::Count }, Some("256"),
    "How many connections each listener of the REST API holds open; more wait in its socket's backlog.");
/// `rest.header.timeout.ms`
#[rustfmt::skip]
pub(crate) static HEADER_TIMEOUT: Key = low("rest.header.timeout.ms",
    Kind::Int { min: 100, max: 3_600_000, unit: Unit::Millis }, Some("60000"),
    "How long a connection of the REST API may take for its TLS handshake, and for the head of each call, idle time \
     before it included.");
/// `rest.write.timeout.ms`
#[rustfmt::skip]
pub(crate) static WRITE_TIMEOUT: Key = low("rest.write.timeout.ms",
    Kind::Int { min: 100, max: 600_000, unit: Unit::Millis }, Some("30000"),
    "How long a client of the REST API may leave its answers unread before its connection is closed, and how long \
     the calls of a connection may still take when the server ends.");
/// `topic.tracking.enable`
#[rustfmt::skip]
pub(crate) static TOPIC_TRACKING: Key = low("topic.tracking.enable", Kind::Bool, Some("true"),
    "Whether /connectors/NAME/topics shows the topics that a connector has written to.");
/// `topic.tracking.allow.reset`
#[rustfmt::skip]
pub(crate) static TOPIC_TRACKING_RESET: Key = low("topic.tracking.allow.reset", Kind::Bool, Some("true"),
    "Whether that list may be emptied by /connectors/NAME/topics/reset.");

/// All of them, in the order of the documentation.
pub static KEYS: &[&Key] = &[
    &ALLOW_ORIGIN,
    &ALLOW_METHODS,
    &RESPONSE_HEADERS,
    &EXTENSIONS,
    &USERS,
    &REQUEST_TIMEOUT,
    &REQUEST_MAX_BYTES,
    &CONNECTIONS_MAX,
    &HEADER_TIMEOUT,
    &WRITE_TIMEOUT,
    &TOPIC_TRACKING,
    &TOPIC_TRACKING_RESET,
];
