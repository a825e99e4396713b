//! The repository's own tasks: `cargo xtask <task>`; what a person or CI runs, written once.

use anyhow::{Result, bail};

mod codegen;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.first().map(String::as_str) {
        Some("codegen") => codegen::main(&args[1..]),
        Some(other) => bail!("no task {other:?}; there is: codegen"),
        None => bail!("which task? there is: codegen"),
    }
}
