//! A release's bill of materials: CycloneDX of the crates that are in the program, and of no others.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::{Crates, Release};
use crate::shell;

const CYCLONEDX_VERSION: &str = "0.5.9";
const SPEC_VERSION: &str = "1.5";

/// Writes it into the release's folder, and gives its name.
pub(super) fn write(release: &Release) -> Result<String> {
    let tools = shell::root().join("target/tools");
    let program = tools.join("bin/cargo-cyclonedx");
    if !program.exists() {
        let root = tools.display().to_string();
        let package = ["cargo-cyclonedx", "--version", CYCLONEDX_VERSION, "--locked", "--debug"];
        shell::run("cargo", &[&["install", "--quiet"], &package[..], &["--root", &root]].concat())?;
    }
    let bill = format!("{}.cdx", release.name);
    let what = ["cyclonedx", "--manifest-path", "crates/app/Cargo.toml", "--target", &release.target];
    let how = ["--no-build-deps", "--format", "json", "--spec-version", SPEC_VERSION];
    let mut command = shell::command(&program.display().to_string(), &[&what[..], &how].concat());
    // With a date it has no random number either, and the same sources give the same file.
    command.args(["--override-filename", &bill]).env("SOURCE_DATE_EPOCH", &release.seconds);
    shell::run_command(&mut command)?;
    let bill = format!("{bill}.json");
    let written = shell::root().join("crates/app").join(&bill);
    // Where it was built is nobody's business.
    let text = fs::read_to_string(&written)?.replace(&shell::root().display().to_string(), "");
    // It writes one for each other member of the workspace as well.
    for members in ["crates", "."] {
        for member in fs::read_dir(shell::root().join(members))? {
            let other = member?.path().join(&bill);
            if other.exists() {
                fs::remove_file(other)?;
            }
        }
    }
    let mut whole: Value = serde_json::from_str(&text)?;
    keep(&mut whole, &release.crates)?;
    fs::write(release.folder.join(&bill), serde_json::to_string_pretty(&whole)? + "\n")?;
    Ok(bill)
}

/// Takes out what is not in the program: cargo tells the tool of macros, and of what other packages of the workspace
/// switch on. All that is in the program has to be there.
fn keep(bill: &mut Value, crates: &Crates) -> Result<()> {
    let id = |component: &Value| {
        let text = |key: &str| component[key].as_str().unwrap_or_default().to_owned();
        (text("name"), text("version"))
    };
    let own = &bill["metadata"]["component"];
    let mut known = BTreeSet::from([id(own)]);
    let mut references = BTreeSet::from([own["bom-ref"].clone().to_string()]);
    let components = bill["components"].as_array_mut().context("a bill has components")?;
    components.retain(|component| crates.contains(&id(component)));
    for component in components {
        known.insert(id(component));
        references.insert(component["bom-ref"].to_string());
    }
    if let Some((name, version)) = crates.difference(&known).next() {
        bail!("{name} {version} is in the program and not in its bill of materials");
    }
    let dependencies = bill["dependencies"].as_array_mut().context("a bill has dependencies")?;
    dependencies.retain(|dependency| references.contains(&dependency["ref"].to_string()));
    for on in dependencies.iter_mut().filter_map(|dependency| dependency.get_mut("dependsOn")?.as_array_mut())
    {
        on.retain(|reference| references.contains(&reference.to_string()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bill_has_what_is_in_the_program_and_nothing_else() {
        let bill = serde_json::json!({
            "metadata": {"component": {"bom-ref": "own", "name": "own", "version": "1.0.0"}},
            "components": [
                {"bom-ref": "a", "name": "a", "version": "1.0.0"},
                {"bom-ref": "macro", "name": "macro", "version": "1.0.0"}
            ],
            "dependencies": [
                {"ref": "own", "dependsOn": ["a", "macro"]},
                {"ref": "a"},
                {"ref": "macro", "dependsOn": ["a"]}
            ]
        });
        let crates = |names: &[&str]| {
            names.iter().map(|name| ((*name).to_owned(), "1.0.0".to_owned())).collect::<Crates>()
        };
        let mut kept = bill.clone();
        keep(&mut kept, &crates(&["own", "a"])).unwrap();
        assert_eq!(kept["components"].as_array().unwrap().len(), 1);
        assert_eq!(
            kept["dependencies"],
            serde_json::json!([{"ref": "own", "dependsOn": ["a"]}, {"ref": "a"}])
        );
        assert!(keep(&mut bill.clone(), &crates(&["own", "a", "other"])).is_err());
    }
}
