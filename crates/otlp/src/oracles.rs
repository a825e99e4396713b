//! Hops 5 and 6 against programs that are not ours and know OTLP from its published packages: protobuf-java's
//! `JsonFormat` on `json`, the Collector's `pdata` on `otlp_json` and on the reader, prost on what is valid.
//!
//! Seeds are printed. `OTLP2KAFKA_TEST_SEED`, when the tests are compiled, is another one than the usual.

pub(crate) mod damaged;

mod java;
mod pdata;
mod peer;

use std::path::{Path, PathBuf};

/// Builds with debug assertions do a tenth: they are slow, and the optimised ones do all.
const SHARE: usize = if cfg!(debug_assertions) { 10 } else { 1 };

fn seed(usual: u64) -> u64 {
    option_env!("OTLP2KAFKA_TEST_SEED").map_or(usual, |text| text.parse().unwrap())
}

/// The repository's root.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Bytes of a failed test.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
