//! Real parts for tests and benches: a server process, an Apache Kafka, OTLP clients, a reader of topics.

pub mod consume;
pub mod grpc;
pub mod http;
pub mod kafka;
pub mod load;
pub mod payload;
pub mod ports;
pub mod process;
pub mod server;
