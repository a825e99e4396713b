//! `cargo xtask codegen [--check]`: writes `crates/otlp/src/schema/generated.rs` from the published .proto files.
//!
//! The .proto texts are taken from the newest package on Maven Central and stay out of the repository.
//! A second, older package tells which fields are newer than the schema that OTLP/Kafka consumers know.

use anyhow::Result;

#[cfg(feature = "codegen")]
mod emit;
#[cfg(feature = "codegen")]
mod model;
#[cfg(feature = "codegen")]
mod package;

/// Where `--descriptors` writes the parsed .proto files, for those who generate code of their own from them.
pub(crate) const DESCRIPTORS: &str = "target/codegen/descriptors.bin";

/// Runs the task. Without the feature that brings the .proto parser, runs itself again with it.
#[cfg(not(feature = "codegen"))]
pub(crate) fn main(args: &[String]) -> Result<()> {
    let status = std::process::Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--package", "xtask", "--features", "codegen", "--", "codegen"])
        .args(args)
        .status()?;
    anyhow::ensure!(status.success(), "codegen failed: {status}");
    Ok(())
}

/// Runs the task: writes the file, with `--check` fails when it differs from what would be written, with
/// `--descriptors` writes [`DESCRIPTORS`] instead.
#[cfg(feature = "codegen")]
pub(crate) fn main(args: &[String]) -> Result<()> {
    use anyhow::{Context, bail};

    let root =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask has a parent folder")?;
    let cache = root.join("target/codegen");
    let check = match args {
        [] => false,
        [flag] if flag == "--check" => true,
        [flag] if flag == "--descriptors" => {
            let (path, descriptors) = (root.join(DESCRIPTORS), package::CURRENT.encoded_descriptors(&cache)?);
            // A new file would have whatever is generated from it built again.
            if std::fs::read(&path).is_ok_and(|there| there == descriptors) {
                return Ok(());
            }
            return Ok(std::fs::write(path, descriptors)?);
        }
        _ => bail!("usage: cargo xtask codegen [--check | --descriptors]"),
    };
    let current = package::CURRENT.descriptors(&cache)?;
    let first = package::FIRST_STABLE.descriptors(&cache)?;
    let schema = model::Schema::build(&current, &first)?;
    let text = emit::rust(&schema, package::CURRENT.version)?;
    let path = root.join("crates/otlp/src/schema/generated.rs");
    if check {
        let there = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        anyhow::ensure!(there == text, "{} is out of date: run `cargo xtask codegen`", path.display());
    } else {
        std::fs::write(&path, text).with_context(|| path.display().to_string())?;
    }
    Ok(())
}
