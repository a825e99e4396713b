//! What the tests of OTLP compare with: protobuf-java's `JsonFormat` from Maven Central, the Collector's `pdata` as a Go
//! module.

use anyhow::Result;

use crate::{maven, shell};

/// A pom of `tools/protobuf` each: the messages that `cargo xtask codegen` reads, and those of OTLP 1.0.0.
const PROTOBUF: [&str; 2] = ["1.11.0", "1.0.0"];

/// Fetches and builds both, as far as they are not there.
pub(crate) fn fetch() -> Result<()> {
    for version in PROTOBUF {
        let pom = format!("tools/protobuf/{version}/pom.xml");
        maven::jars(&pom, &format!("target/protobuf/{version}/libs"))?;
    }
    let program = shell::root().join("target/pdata/pdata");
    let mut command = shell::command("go", &["build", "-trimpath", "-mod=readonly", "-o"]);
    command.arg(program).arg(".").current_dir(shell::root().join("tools/pdata"));
    shell::run_command(&mut command)
}
