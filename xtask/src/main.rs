//! The repository's own tasks: `cargo xtask <task>`; what a person or CI runs, written once.

use anyhow::{Result, bail};

mod bench;
mod ci;
mod codegen;
mod dist;
mod faults;
mod fuzz;
mod kafka;
mod maven;
mod oracles;
mod python;
mod shell;
mod standalone;
mod test;
mod tidy;

const TASKS: &str = "\
cargo xtask ci                 everything that has to pass: format, lints, layout, licences, all tests
cargo xtask test               all tests with their real parts (fetches Apache Kafka and Python clients)
cargo xtask tidy               the rules of the layout
cargo xtask codegen [--check]  the OTLP schema tables from the published .proto files
cargo xtask docs [--check]     docs/configuration.md from the table of keys
cargo xtask deny               licences, duplicates and sources of dependencies
cargo xtask static [TEST…]     the program as one static file against musl, and tests that run it
cargo xtask dist               a release: archive, OCI image, bill of materials, checksums
cargo xtask kafka fetch        Apache Kafka, which tests and benches run
cargo xtask kafka run [PORT]   a real Apache Kafka on loopback, on 19092 without PORT
cargo xtask oracles            protobuf-java and the Collector's pdata, which tests of OTLP compare with
cargo xtask fuzz [TARGET] [--seconds N]  decoders against bytes of anyone
cargo xtask fuzz seeds|smoke   their first inputs; the run that is part of ci
cargo xtask bench [FILTER] [KEY=VALUE…]  CPU, latency and memory against a real Apache Kafka
cargo xtask bench codec [--ours] [--rounds N] [FILTER…]  the codec beside what others spend on the same bytes
cargo xtask bench rest [calls] [updates] [isolation] [calls=N] [rounds=N] [seconds=N]
                               REST calls at rest, and what they and others' trouble cost exports
cargo xtask faults [--kills N] [--pauses N] [--moves N] [--cuts N] [--stalls N] [--rate N] [--items N]
                   [--seed S] [--version V] [-o KEY=VALUE]
                               a load on three brokers under faults, and its audit";

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some((task, rest)) = args.split_first() else { bail!("which task?\n{TASKS}") };
    match task.as_str() {
        "ci" => ci::main(),
        "test" => test::main(),
        "tidy" => tidy::main(),
        "codegen" => codegen::main(rest),
        "docs" => ci::docs(rest.iter().any(|arg| arg == "--check")),
        "deny" => ci::deny(),
        "kafka" => kafka::main(rest),
        "oracles" => oracles::fetch(),
        "faults" => faults::main(rest),
        "fuzz" => fuzz::main(rest),
        "static" => standalone::main(rest),
        "dist" => dist::main(),
        "bench" => bench::main(rest),
        other => bail!("no task {other:?}\n{TASKS}"),
    }
}
