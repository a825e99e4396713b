//! The program as one file that needs nothing of its system: built against musl, looked at, and run by its tests.

use std::env::consts::ARCH;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::shell;

/// Largest file that is shipped, in bytes.
const BYTES_MAX: u64 = 15_000_000;
/// What a newcomer does with it. Other tests can be named.
const TESTS: &str = "laptop::";
/// What a musl program begins and ends with, of musl and of gcc.
const OF_MUSL: [&str; 5] = ["rcrt1.o", "crt1.o", "crti.o", "crtn.o", "libc.a"];
const OF_GCC: [&str; 4] = ["crtbegin.o", "crtbeginS.o", "crtend.o", "crtendS.o"];

/// `[TEST…]`: builds it, and runs these black-box tests with it.
pub(crate) fn main(args: &[String]) -> Result<()> {
    let program = build()?;
    let mut tests = shell::command("cargo", &["test", "--package", "otlp2kafka", "--test", "blackbox", "--"]);
    tests.env("OTLP2KAFKA_TEST_PROGRAM", &program);
    match args {
        [] => tests.arg(TESTS),
        args => tests.args(args),
    };
    shell::run_command(&mut tests)?;
    shell::say(&format!("{} passed these tests: that file alone is the program", program.display()));
    Ok(())
}

/// The target that it is built for.
pub(crate) fn target() -> String {
    format!("{ARCH}-unknown-linux-musl")
}

/// Builds it and gives its path, after a look at what came out.
pub(crate) fn build() -> Result<PathBuf> {
    let target = target();
    let package = ["build", "--package", "otlp2kafka", "--locked", "--profile", "dist", "--target", &target];
    let mut build = shell::command("cargo", &package);
    if !has_library(&target)? {
        with_library_from_source(&target, &mut build)?;
    }
    shell::run_command(&mut build)?;
    let program = shell::root().join("target").join(&target).join("dist/otlp2kafka");
    let file = fs::read(&program)?;
    if wants_loader(&file)? {
        bail!("{} is not static: it names a loader", program.display());
    }
    let bytes = file.len() as u64;
    if bytes > BYTES_MAX {
        bail!("{} has {bytes} bytes, more than {BYTES_MAX}", program.display());
    }
    shell::say(&format!("{}: static, {bytes} bytes", program.display()));
    Ok(program)
}

/// Whether the toolchain has Rust's standard library for it: after `rustup target add`.
fn has_library(target: &str) -> Result<bool> {
    let folder = printed(&["--print", "target-libdir", "--target", target])?;
    Ok(Path::new(&folder).is_dir())
}

/// Where the toolchain cannot be given the target, Debian has what is missing: `rust-src` of the compiler's version,
/// `musl-tools`, and LLVM's `libunwind-*-dev`.
fn with_library_from_source(target: &str, build: &mut Command) -> Result<()> {
    let version = printed(&["--version"])?;
    let version = version.split(' ').nth(1).context("rustc has a version")?;
    let source = PathBuf::from(format!("/usr/src/rustc-{version}/library"));
    let unwinder = unwinder();
    let (true, Some(unwinder)) = (source.is_dir(), unwinder) else {
        bail!(
            "no standard library for {target}: rustup target add {target}\n\
            or, from packages of Debian: rust-src {version}, musl-tools and libunwind-14-dev"
        );
    };
    let parts = shell::root().join("target").join(target).join("parts");
    fs::create_dir_all(&parts)?;
    let of_musl = PathBuf::from(format!("/usr/lib/{ARCH}-linux-musl"));
    for name in OF_MUSL {
        link(&of_musl.join(name), &parts.join(name))?;
    }
    for name in OF_GCC {
        let asked = shell::command("cc", &[&format!("-print-file-name={name}")]).output()?;
        link(Path::new(String::from_utf8(asked.stdout)?.trim()), &parts.join(name))?;
    }
    link(&unwinder, &parts.join("libunwind.a"))?;
    // Debian's unwinder is hardened with glibc's own functions: the one that prints why it gives up is left out. And
    // what C code asks of its compiler is in a Rust that is built for others, and not in one that is built here.
    let flags =
        format!("-Lnative={} -Clink-arg=-Wl,--defsym,__fprintf_chk=abort -Clink-arg=-lgcc", parts.display());
    let variable = target.to_uppercase().replace('-', "_");
    build
        .arg("-Zbuild-std=std,panic_unwind")
        // A stable compiler builds its own library only when told so.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("__CARGO_TESTS_ONLY_SRC_ROOT", source)
        .env(format!("CARGO_TARGET_{variable}_RUSTFLAGS"), flags);
    Ok(())
}

fn unwinder() -> Option<PathBuf> {
    let folders = fs::read_dir("/usr/lib").ok()?.filter_map(Result::ok).map(|entry| entry.path());
    let of_llvm = folders.filter(|folder| folder.to_string_lossy().contains("/llvm-"));
    of_llvm.map(|folder| folder.join("lib/libunwind.a")).find(|file| file.is_file())
}

fn link(from: &Path, to: &Path) -> Result<()> {
    if !from.is_file() {
        bail!("{} is missing; it is of the package musl-tools or gcc", from.display());
    }
    if to.is_symlink() {
        fs::remove_file(to)?;
    }
    Ok(symlink(from, to)?)
}

/// Whether the kernel has to start a loader of shared libraries for it (`PT_INTERP` of ELF64, little-endian).
fn wants_loader(file: &[u8]) -> Result<bool> {
    const INTERPRETER: u64 = 3;
    let number = |at: u64, bytes: usize| -> Result<u64> {
        let at = usize::try_from(at)?;
        let digits = file.get(at..at + bytes).context("an ELF file ends too early")?;
        Ok(digits.iter().rev().fold(0, |sum, digit| sum << 8 | u64::from(*digit)))
    };
    if !file.starts_with(b"\x7fELF\x02\x01") {
        bail!("not a program of a 64-bit little-endian Linux");
    }
    let (first, size, count) = (number(0x20, 8)?, number(0x36, 2)?, number(0x38, 2)?);
    for header in 0..count {
        if number(first + header * size, 4)? == INTERPRETER {
            return Ok(true);
        }
    }
    Ok(false)
}

fn printed(args: &[&str]) -> Result<String> {
    let output = shell::command("rustc", args).output()?;
    if !output.status.success() {
        bail!("`rustc {}`: {}", args.join(" "), String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_with_shared_libraries_is_found() {
        // This one: Rust links the C library of a GNU system as a shared one.
        let own = fs::read(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(wants_loader(&own).unwrap(), cfg!(not(target_feature = "crt-static")));
        let mut header = own[..64].to_vec();
        assert!(wants_loader(&header).is_err(), "its program headers are cut off");
        header[0x38..0x3a].fill(0);
        assert!(!wants_loader(&header).unwrap());
        assert!(wants_loader(b"#!/bin/sh").is_err());
    }
}
