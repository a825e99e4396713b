//! Jars from Maven Central: what a pom of `tools` asks for, in the versions that it pins.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;

use crate::shell;

/// The folder of a pom's jars, filled if the pom is another one than what is there.
pub(crate) fn jars(pom_file: &str, folder: &str) -> Result<PathBuf> {
    let folder = shell::root().join(folder);
    let stamp = folder.join("pom.xml");
    let pom = fs::read_to_string(shell::root().join(pom_file))?;
    if fs::read_to_string(&stamp).is_ok_and(|done| done == pom) {
        return Ok(folder);
    }
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let output = format!("-DoutputDirectory={}", folder.display());
    let goal = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";
    shell::run("mvn", &["-q", "-B", "-f", pom_file, goal, &output, "-DincludeScope=runtime"])?;
    fs::write(stamp, pom)?;
    Ok(folder)
}
