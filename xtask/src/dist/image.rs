//! A release's image: an OCI layout of one layer, by umoci, which needs no engine.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use super::{LICENCES, ROOT, Release, copy, tar};
use crate::shell;

/// The authorities that the image trusts: those of the system that builds it.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";
/// Who the program is in the image: nobody that the host knows.
const USER: &str = "65532";
const PORTS: [&str; 3] = ["4317/tcp", "4318/tcp", "8083/tcp"];

/// Writes it into the release's folder as an archive, starts the program out of it, and gives the archive's name.
pub(super) fn write(program: &Path, release: &Release) -> Result<String> {
    let Release { folder, version, date, .. } = release;
    let (root, layout, layer) = (folder.join("root"), folder.join("image"), folder.join("layer.tar"));
    copy(program, &root.join("otlp2kafka"))?;
    copy(Path::new(AUTHORITIES), &root.join(AUTHORITIES.trim_start_matches('/')))?;
    copy(&folder.join(LICENCES), &root.join(LICENCES))?;
    fs::create_dir_all(root.join("data"))?;
    tar("--create", &layer, &root, ROOT, date, &["otlp2kafka", LICENCES, "etc"])?;
    tar("--append", &layer, &root, USER, date, &["data"])?;
    let at = layout.display().to_string();
    let image = format!("{at}:{version}");
    shell::run("umoci", &["init", "--layout", &at]).context("umoci writes the image; Debian has it")?;
    shell::run("umoci", &["new", "--image", &image])?;
    let from = layer.display().to_string();
    shell::run("umoci", &["raw", "add-layer", "--image", &image, "--history.created", date, &from])?;
    let (user, labelled) = (format!("{USER}:{USER}"), format!("org.opencontainers.image.version={version}"));
    let described =
        ["--config.user", &user, "--config.entrypoint", "/otlp2kafka", "--config.volume", "/data"];
    let labels = [
        "--config.label",
        "org.opencontainers.image.title=otlp2kafka",
        "--config.label",
        "org.opencontainers.image.licenses=Apache-2.0",
        "--config.label",
        &labelled,
    ];
    let rest = ["--config.env", "OTLP2KAFKA_DATA_DIR=/data", "--created", date, "--history.created", date];
    let ports = PORTS.map(|port| ["--config.exposedports", port]).concat();
    let config = ["config", "--image", &image];
    shell::run("umoci", &[&config[..], &described, &labels, &rest, &ports].concat())?;
    shell::run("umoci", &["gc", "--layout", &at])?;
    named(&layout, version)?;
    starts(&image, folder)?;
    let name = format!("{}.oci.tar", release.name);
    tar("--create", &folder.join(&name), &layout, ROOT, date, &["blobs", "index.json", "oci-layout"])?;
    fs::remove_dir_all(root)?;
    fs::remove_dir_all(layout)?;
    fs::remove_file(layer)?;
    Ok(name)
}

/// The name that `docker load` and `podman load` give it. umoci knows tags alone.
fn named(layout: &Path, version: &str) -> Result<()> {
    let file = layout.join("index.json");
    let mut index: Value = serde_json::from_slice(&fs::read(&file)?)?;
    let name = format!("docker.io/library/otlp2kafka:{version}");
    index["manifests"][0]["annotations"]["io.containerd.image.name"] = name.into();
    Ok(fs::write(file, serde_json::to_vec(&index)?)?)
}

/// Unpacks the image as an engine does, and asks the program in it for its version.
fn starts(image: &str, folder: &Path) -> Result<()> {
    let bundle = folder.join("bundle");
    shell::run("umoci", &["unpack", "--rootless", "--image", image, &bundle.display().to_string()])?;
    shell::run(&bundle.join("rootfs/otlp2kafka").display().to_string(), &["--version"])?;
    Ok(fs::remove_dir_all(bundle)?)
}
