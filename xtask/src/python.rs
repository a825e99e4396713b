//! Python clients for tests: SDKs and Kafka clients from PyPI, in an environment of the project's own.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;

use crate::shell;

const REQUIREMENTS: &str = "tools/python/requirements.txt";

/// The interpreter that has the packages, installed if the list changed.
pub(crate) fn prepare() -> Result<PathBuf> {
    let folder = shell::root().join("target/python");
    let python = folder.join("bin/python");
    let stamp = folder.join("requirements.txt");
    let wanted = fs::read_to_string(shell::root().join(REQUIREMENTS))?;
    if fs::read_to_string(&stamp).is_ok_and(|done| done == wanted) {
        return Ok(python);
    }
    let target = folder.display().to_string();
    shell::run("python3", &["-m", "venv", "--clear", &target])?;
    let pip = python.display().to_string();
    shell::run(
        &pip,
        &["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", REQUIREMENTS],
    )?;
    fs::write(stamp, wanted)?;
    Ok(python)
}
