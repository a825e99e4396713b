//! What has to pass before a change lands: one command for a person and for CI.

use std::fs;

use anyhow::{Context, Result, bail};

use crate::{bench, fuzz, shell, test, tidy};

const DENY_VERSION: &str = "0.20.2";
const CONFIGURATION: &str = "docs/configuration.md";

/// Cheap checks first, then the tests.
pub(crate) fn main() -> Result<()> {
    shell::run("cargo", &["fmt", "--all", "--check"])?;
    shell::run("cargo", &["fmt", "--manifest-path", fuzz::MANIFEST, "--check"])?;
    shell::run("cargo", &["fmt", "--manifest-path", bench::MANIFEST, "--check"])?;
    tidy::main()?;
    clippy(&["--workspace"])?;
    clippy(&["-p", "otlp2kafka", "-p", "otlp2kafka-sink", "--features", "otlp2kafka/librdkafka"])?;
    bench::check()?;
    shell::run("cargo", &["xtask", "codegen", "--check"])?;
    docs(true)?;
    deny()?;
    fuzz::smoke()?;
    test::main()
}

/// All lints of these packages, each of them an error.
fn clippy(packages: &[&str]) -> Result<()> {
    let lints = ["--all-targets", "--", "-D", "warnings"];
    shell::run("cargo", &[&["clippy", "--quiet"], packages, &lints].concat())
}

/// Licences, duplicate versions and sources of all dependencies.
pub(crate) fn deny() -> Result<()> {
    let tools = shell::root().join("target/tools");
    let program = tools.join("bin/cargo-deny");
    if !program.exists() {
        let root = tools.display().to_string();
        let install = [
            "install",
            "--quiet",
            "cargo-deny",
            "--version",
            DENY_VERSION,
            "--locked",
            "--debug",
            "--no-default-features",
            "--root",
            &root,
        ];
        shell::run("cargo", &install)?;
    }
    // Those of other systems too, which no build here brings.
    shell::run("cargo", &["fetch", "--locked", "--quiet"])?;
    shell::run(&program.display().to_string(), &["--offline", "check", "bans", "licenses", "sources"])
}

/// Writes `docs/configuration.md` from the table of keys, or checks that it is what the table says.
pub(crate) fn docs(check: bool) -> Result<()> {
    let output =
        shell::command("cargo", &["run", "--quiet", "--package", "otlp2kafka", "--", "keys"]).output()?;
    if !output.status.success() {
        bail!("`otlp2kafka keys`: {}", String::from_utf8_lossy(&output.stderr));
    }
    let text = String::from_utf8(output.stdout)?;
    let file = shell::root().join(CONFIGURATION);
    if !check {
        fs::create_dir_all(file.parent().context("it has a folder")?)?;
        fs::write(file, text)?;
        return Ok(());
    }
    if fs::read_to_string(file).unwrap_or_default() != text {
        bail!("{CONFIGURATION} is not what the table of keys says; run `cargo xtask docs`");
    }
    Ok(())
}
