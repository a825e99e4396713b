//! The published packages of .proto files that `codegen` reads: fetched by Maven, held to their checksum.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use prost_types::FileDescriptorSet;
use protox::Compiler;
use sha2::{Digest, Sha256};

/// One version of the artifact `io.opentelemetry.proto:opentelemetry-proto`.
pub(crate) struct Package {
    pub(crate) version: &'static str,
    sha256: &'static str,
}

/// The schema that the tables follow.
pub(crate) const CURRENT: Package = Package {
    version: "1.11.0-alpha",
    sha256: "a5f47de1368ca82aec597e74d0be6969763707483da6672471d703d454d65b5b",
};

/// The schema that fields are called "newer than": opentelemetry-proto v1.0.0.
pub(crate) const FIRST_STABLE: Package = Package {
    version: "1.0.0-alpha",
    sha256: "b2a21e986b0d41193f8514c213ed79955afd17c8cdfe7bbb9e3d3e1a4512b56a",
};

/// The files of the four services; what they import comes with them.
const ROOTS: [&str; 4] = [
    "opentelemetry/proto/collector/trace/v1/trace_service.proto",
    "opentelemetry/proto/collector/metrics/v1/metrics_service.proto",
    "opentelemetry/proto/collector/logs/v1/logs_service.proto",
    "opentelemetry/proto/collector/profiles/v1development/profiles_service.proto",
];

impl Package {
    /// The parsed .proto files, all type names resolved. A service the package does not have is left out.
    pub(crate) fn descriptors(&self, cache: &Path) -> Result<FileDescriptorSet> {
        Ok(self.compiled(cache)?.file_descriptor_set())
    }

    /// The same in protobuf's own encoding.
    pub(crate) fn encoded_descriptors(&self, cache: &Path) -> Result<Vec<u8>> {
        Ok(self.compiled(cache)?.encode_file_descriptor_set())
    }

    fn compiled(&self, cache: &Path) -> Result<Compiler> {
        let folder = self.unpack(cache)?;
        let there: Vec<_> = ROOTS.into_iter().filter(|root| folder.join(root).is_file()).collect();
        let mut compiler = Compiler::new([folder])?;
        compiler.include_imports(true);
        compiler.open_files(there).with_context(|| format!("parse the .proto files of {}", self.version))?;
        Ok(compiler)
    }

    fn unpack(&self, cache: &Path) -> Result<PathBuf> {
        let folder = cache.join(self.version);
        std::fs::create_dir_all(&folder)?;
        self.maven("copy", &folder, &[])?;
        let jar = folder.join(format!("opentelemetry-proto-{}.jar", self.version));
        let bytes = std::fs::read(&jar).with_context(|| jar.display().to_string())?;
        let sha256: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        ensure!(sha256 == self.sha256, "{} has sha256 {sha256}, expected {}", jar.display(), self.sha256);
        self.maven("unpack", &folder, &["-Dmdep.unpack.includes=**/*.proto"])?;
        Ok(folder)
    }

    fn maven(&self, goal: &str, folder: &Path, more: &[&str]) -> Result<()> {
        let status = Command::new("mvn")
            .args(["--quiet", "--batch-mode", &format!("dependency:{goal}")])
            .arg(format!("-Dartifact=io.opentelemetry.proto:opentelemetry-proto:{}", self.version))
            .arg(format!("-DoutputDirectory={}", folder.display()))
            .args(more)
            .current_dir(folder)
            .status()
            .context("start mvn")?;
        ensure!(
            status.success(),
            "mvn dependency:{goal} of opentelemetry-proto {} failed: {status}",
            self.version
        );
        Ok(())
    }
}
