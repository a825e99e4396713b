//! A release: the program with its documents, an image, a bill of materials, and the checksums of all three.

use std::collections::BTreeSet;
use std::env::consts::ARCH;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::{shell, standalone};

mod bill;
mod image;
mod licences;

/// Beside the program in its archive: what README.md refers to is there.
const DOCUMENTS: [&str; 8] = [
    "LICENSE",
    "README.md",
    "CHANGELOG.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "docs",
    "examples",
];
/// Beside it, and in the image.
const LICENCES: &str = "THIRD-PARTY-LICENCES.txt";
/// Who owns what is only read.
const ROOT: &str = "0";
const SUMS: &str = "SHA256SUMS";

/// Names and versions.
type Crates = BTreeSet<(String, String)>;

/// What is released, and where to.
struct Release {
    /// How its files' names begin.
    name: String,
    version: String,
    target: String,
    /// In the program.
    crates: Crates,
    /// Of the last commit, so that the same sources give the same files; in words, and in seconds since 1970.
    date: String,
    seconds: String,
    /// Where its files go.
    folder: PathBuf,
}

/// Writes everything to `target/release-files`, starts the program out of the image, and says what is where.
pub(crate) fn main() -> Result<()> {
    let program = standalone::build()?;
    let version = told("cargo", &["pkgid", "--package", "otlp2kafka"])?;
    let version = version.rsplit(['@', '#']).next().context("a package has a version")?.to_owned();
    let folder = shell::root().join("target/release-files");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let target = standalone::target();
    let crates = linked(&target)?;
    fs::write(folder.join(LICENCES), licences::text(&target, &crates)?)?;
    let release = Release {
        name: format!("otlp2kafka-{version}-{ARCH}-linux"),
        version,
        target,
        crates,
        date: told("git", &["log", "-1", "--format=%cI"])?,
        seconds: told("git", &["log", "-1", "--format=%ct"])?,
        folder,
    };
    let archive = archive(&program, &release)?;
    let image = image::write(&program, &release)?;
    let bill = bill::write(&release)?;
    fs::remove_file(release.folder.join(LICENCES))?;
    let sums = told_in(&release.folder, "sha256sum", &[&archive, &image, &bill])?;
    fs::write(release.folder.join(SUMS), sums + "\n")?;
    report(
        &release,
        &[
            (&archive, "the program, its licence, documents and examples"),
            (&image, "the image: docker load --input, podman load --input"),
            (&bill, &format!("CycloneDX of the {} crates in the program", release.crates.len())),
            (SUMS, "of these three: sha256sum --check SHA256SUMS"),
        ],
    )
}

/// Names and versions of the crates whose code is in the program: none that only computes while it is built.
fn linked(target: &str) -> Result<Crates> {
    let package = ["tree", "--package", "otlp2kafka", "--locked", "--target", target];
    let shape = ["--edges", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}"];
    let tree = told("cargo", &[&package[..], &shape].concat())?;
    let crates = tree.lines().map(|line| {
        let mut words = line.split(' ');
        let (name, version) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        (name.to_owned(), version.trim_start_matches('v').to_owned())
    });
    Ok(crates.collect())
}

fn report(release: &Release, files: &[(&str, &str)]) -> Result<()> {
    let (commit, changes) = (
        told("git", &["rev-parse", "--short", "HEAD"])?,
        said(&shell::root(), "git", &["status", "--porcelain"])?,
    );
    let changed = if changes.is_empty() { "" } else { ", and of changes that are not committed" };
    shell::say(&format!("written to {}, of commit {commit}{changed}:", release.folder.display()));
    for (name, what) in files {
        let bytes = fs::metadata(release.folder.join(name))?.len();
        shell::say(&format!("  {name:<40} {bytes:>10} bytes  {what}"));
    }
    Ok(())
}

/// What a program says, which has to be something.
fn told(program: &str, args: &[&str]) -> Result<String> {
    told_in(&shell::root(), program, args)
}

fn told_in(folder: &Path, program: &str, args: &[&str]) -> Result<String> {
    let said = said(folder, program, args)?;
    if said.is_empty() {
        bail!("`{program} {}` says nothing", args.join(" "));
    }
    Ok(said)
}

fn said(folder: &Path, program: &str, args: &[&str]) -> Result<String> {
    let output = shell::command(program, args).current_dir(folder).output()?;
    if !output.status.success() {
        bail!("`{program} {}`: {}", args.join(" "), String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// `tar` of what is in `folder`, the same for the same files wherever it is made. `how`: `--create` or `--append`.
fn tar(how: &str, to: &Path, folder: &Path, owner: &str, date: &str, what: &[&str]) -> Result<()> {
    let to = to.display().to_string();
    let from = folder.display().to_string();
    let args = [how, "--file", &to, "--directory", &from, "--sort=name", "--numeric-owner"];
    let (owner, group, date) =
        (format!("--owner={owner}"), format!("--group={owner}"), format!("--mtime={date}"));
    let mode = "--mode=u+rwX,go+rX,go-w";
    shell::run("tar", &[&args[..], &[&owner, &group, &date, mode], what].concat())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to.parent().context("it has a folder")?)?;
    shell::run("cp", &["--recursive", &from.display().to_string(), &to.display().to_string()])
}

fn archive(program: &Path, release: &Release) -> Result<String> {
    let Release { folder, name, date, .. } = release;
    let staged = folder.join("staged");
    copy(program, &staged.join(name).join("otlp2kafka"))?;
    for document in DOCUMENTS {
        copy(&shell::root().join(document), &staged.join(name).join(document))?;
    }
    copy(&folder.join(LICENCES), &staged.join(name).join(LICENCES))?;
    let file = folder.join(format!("{name}.tar"));
    tar("--create", &file, &staged, ROOT, date, &[name])?;
    shell::run("gzip", &["--no-name", "--best", &file.display().to_string()])?;
    fs::remove_dir_all(staged)?;
    Ok(format!("{name}.tar.gz"))
}
