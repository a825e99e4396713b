//! Real parts for tests and benches: a server process, Apache Kafka, faults, OTLP clients, readers of topics.

pub mod campaign;
pub mod connect;
pub mod consume;
pub mod dump;
pub mod grpc;
pub mod http;
pub mod java;
pub mod kafka;
pub mod ledger;
pub mod load;
pub mod payload;
pub mod ports;
pub mod process;
pub mod proxy;
pub mod server;
