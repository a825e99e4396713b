//! A release: the program with its documents, an image, a bill of materials, and the checksums of all three.

use std::env::consts::ARCH;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::{shell, standalone};

const CYCLONEDX_VERSION: &str = "0.5.9";
/// Beside the program in its archive.
const DOCUMENTS: [&str; 5] = ["LICENSE", "README.md", "CHANGELOG.md", "docs", "examples"];
/// The authorities that the image trusts: those of the system that builds it.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";
/// Who the program is in the image: nobody that the host knows.
const USER: &str = "65532";

/// Writes everything to `target/release-files`, and starts the program out of the image.
pub(crate) fn main() -> Result<()> {
    let program = standalone::build()?;
    let version = version()?;
    let folder = shell::root().join("target/release-files");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let name = format!("otlp2kafka-{version}-{ARCH}-linux");
    let date = date()?;
    archive(&program, &folder, &name, &date)?;
    let bill = bill_of_materials(&folder, &name)?;
    image(&program, &folder, (&name, &version), &date)?;
    let files = [format!("{name}.tar.gz"), format!("{name}.oci.tar"), bill];
    let sums = shell::command("sha256sum", &[]).args(&files).current_dir(&folder).output()?;
    if !sums.status.success() {
        bail!("sha256sum: {}", String::from_utf8_lossy(&sums.stderr));
    }
    fs::write(folder.join("SHA256SUMS"), &sums.stdout)?;
    shell::say(&format!("{}:\n{}", folder.display(), String::from_utf8_lossy(&sums.stdout).trim_end()));
    Ok(())
}

fn version() -> Result<String> {
    let id = shell::command("cargo", &["pkgid", "--package", "otlp2kafka"]).output()?;
    let id = String::from_utf8(id.stdout)?;
    Ok(id.trim().rsplit(['@', '#']).next().context("a package has a version")?.to_owned())
}

/// That of the last commit, so that the same sources give the same files.
fn date() -> Result<String> {
    let output = shell::command("git", &["log", "-1", "--format=%cI"]).output()?;
    let date = String::from_utf8(output.stdout)?.trim().to_owned();
    if date.is_empty() {
        bail!("a release is made from a commit: `git log` tells none");
    }
    Ok(date)
}

/// `tar` of what is in `folder`, the same for the same files wherever it is made.
fn tar(to: &Path, folder: &Path, owner: &str, date: &str, what: &[&str]) -> Result<()> {
    let to = to.display().to_string();
    let from = folder.display().to_string();
    let args = ["--create", "--file", &to, "--directory", &from, "--sort=name", "--numeric-owner"];
    let (owner, group, date) =
        (format!("--owner={owner}"), format!("--group={owner}"), format!("--mtime={date}"));
    let mode = "--mode=u+rwX,go+rX,go-w";
    shell::run("tar", &[&args[..], &[&owner, &group, &date, mode], what].concat())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to.parent().context("it has a folder")?)?;
    shell::run("cp", &["--recursive", &from.display().to_string(), &to.display().to_string()])
}

fn archive(program: &Path, folder: &Path, name: &str, date: &str) -> Result<()> {
    let staged = folder.join("staged");
    copy(program, &staged.join(name).join("otlp2kafka"))?;
    for document in DOCUMENTS {
        copy(&shell::root().join(document), &staged.join(name).join(document))?;
    }
    let file = folder.join(format!("{name}.tar"));
    tar(&file, &staged, "0", date, &[name])?;
    shell::run("gzip", &["--no-name", "--best", &file.display().to_string()])?;
    Ok(fs::remove_dir_all(staged)?)
}

/// CycloneDX JSON of the crates that are in the program.
fn bill_of_materials(folder: &Path, name: &str) -> Result<String> {
    let tools = shell::root().join("target/tools");
    let program = tools.join("bin/cargo-cyclonedx");
    if !program.exists() {
        let root = tools.display().to_string();
        let package = ["cargo-cyclonedx", "--version", CYCLONEDX_VERSION, "--locked", "--debug"];
        shell::run("cargo", &[&["install", "--quiet"], &package[..], &["--root", &root]].concat())?;
    }
    let target = standalone::target();
    let bill = format!("{name}.cdx");
    let args =
        ["cyclonedx", "--manifest-path", "crates/app/Cargo.toml", "--format", "json", "--target", &target];
    shell::run(&program.display().to_string(), &[&args[..], &["--override-filename", &bill]].concat())?;
    let bill = format!("{bill}.json");
    fs::rename(shell::root().join("crates/app").join(&bill), folder.join(&bill))?;
    Ok(bill)
}

/// An OCI image layout of one layer, by umoci, which needs no engine.
fn image(program: &Path, folder: &Path, (name, version): (&str, &str), date: &str) -> Result<()> {
    let (root, layout, layer) = (folder.join("root"), folder.join("image"), folder.join("layer.tar"));
    copy(program, &root.join("otlp2kafka"))?;
    copy(Path::new(AUTHORITIES), &root.join(AUTHORITIES.trim_start_matches('/')))?;
    fs::create_dir_all(root.join("data"))?;
    tar(&layer, &root, USER, date, &["otlp2kafka", "etc", "data"])?;
    let at = layout.display().to_string();
    let image = format!("{at}:{version}");
    shell::run("umoci", &["init", "--layout", &at]).context("umoci writes the image; Debian has it")?;
    shell::run("umoci", &["new", "--image", &image])?;
    shell::run("umoci", &["raw", "add-layer", "--image", &image, &layer.display().to_string()])?;
    let user = format!("{USER}:{USER}");
    let described =
        ["--config.user", &user, "--config.entrypoint", "/otlp2kafka", "--config.volume", "/data"];
    let rest = ["--config.env", "OTLP2KAFKA_DATA_DIR=/data", "--created", date, "--history.created", date];
    let ports = ["4317/tcp", "4318/tcp", "8083/tcp"].map(|port| ["--config.exposedports", port]).concat();
    shell::run("umoci", &[&["config", "--image", &image], &described[..], &rest[..], &ports[..]].concat())?;
    shell::run("umoci", &["gc", "--layout", &at])?;
    starts(&image, folder)?;
    tar(&folder.join(format!("{name}.oci.tar")), &layout, "0", date, &["blobs", "index.json", "oci-layout"])?;
    fs::remove_dir_all(root)?;
    fs::remove_dir_all(layout)?;
    Ok(fs::remove_file(layer)?)
}

/// Unpacks the image as an engine does, and asks the program in it for its version.
fn starts(image: &str, folder: &Path) -> Result<()> {
    let bundle: PathBuf = folder.join("bundle");
    shell::run("umoci", &["unpack", "--rootless", "--image", image, &bundle.display().to_string()])?;
    shell::run(&bundle.join("rootfs/otlp2kafka").display().to_string(), &["--version"])?;
    Ok(fs::remove_dir_all(bundle)?)
}
