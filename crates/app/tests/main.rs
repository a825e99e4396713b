//! Black-box tests: the real program on real sockets, with real clients and a real Kafka.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on fails, and says what it saw"
)]

use std::sync::LazyLock;

mod clients;
mod connect;
mod connectors;
mod curable;
mod definitions;
mod examples;
mod faults;
mod hold;
mod hostile;
mod java;
mod keys;
mod kills;
mod laptop;
mod large;
mod matrix;
mod start;
mod updates;

/// The program under test; another build of it where the environment names one, as `cargo xtask static` does.
#[expect(clippy::disallowed_methods, reason = "who runs the tests chooses the program")]
fn program() -> &'static str {
    static PROGRAM: LazyLock<String> = LazyLock::new(|| {
        let own = || env!("CARGO_BIN_EXE_otlp2kafka").to_owned();
        std::env::var("OTLP2KAFKA_TEST_PROGRAM").unwrap_or_else(|_| own())
    });
    &PROGRAM
}

/// A server from the program under test.
fn server() -> testkit::server::Builder {
    testkit::server::Builder::new(program())
}

/// The span of the connector's own documentation, as an SDK writes it in OTLP/JSON.
const TEST_SPAN: &str = r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"my-test-service"}}]},"scopeSpans":[{"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":"test-operation","kind":1,"startTimeUnixNano":"1609459200000000000","endTimeUnixNano":"1609459200500000000"}]}]}]}"#;

/// Runs a future of the gRPC client.
fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}
