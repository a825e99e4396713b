//! Hop 7: Certificates and stores, made by openssl and keytool when a test needs them.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use tempfile::TempDir;

use crate::security::{Passwords, ReadFile, Secret, Source, Store};

pub(super) const STORE: &str = "store-pencil";
pub(super) const KEY: &str = "key-pencil";

/// A folder with `ca`, `broker` and `client`, each a `.pem` and a `.key`.
pub(super) struct Pki(TempDir);

impl Pki {
    pub(super) fn new() -> Self {
        let pki = Self(tempfile::tempdir().unwrap());
        pki.authority("ca");
        pki.certificate("broker", "ca", "subjectAltName=DNS:localhost");
        pki.certificate("client", "ca", "subjectAltName=DNS:client");
        pki
    }

    pub(super) fn authority(&self, name: &str) {
        self.openssl(&format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
             -subj /CN={name} -keyout {name}.key -out {name}.pem"
        ));
    }

    pub(super) fn certificate(&self, name: &str, authority: &str, extensions: &str) {
        self.openssl(&format!(
            "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN={name} \
             -keyout {name}.key -out {name}.csr"
        ));
        fs::write(self.0.path().join("extensions"), extensions).unwrap();
        let extensions = if extensions.is_empty() { "" } else { "-extfile extensions" };
        self.openssl(&format!(
            "x509 -req -in {name}.csr -CA {authority}.pem -CAkey {authority}.key -CAcreateserial -days 2 \
             {extensions} -out {name}.pem"
        ));
    }

    pub(super) fn openssl(&self, arguments: &str) {
        run(self.0.path(), "openssl", arguments);
    }

    pub(super) fn keytool(&self, arguments: &str) {
        run(self.0.path(), "keytool", arguments);
    }

    pub(super) fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    pub(super) fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.0.path().join(name)).unwrap()
    }

    pub(super) fn text(&self, name: &str) -> String {
        String::from_utf8(self.bytes(name)).unwrap()
    }

    pub(super) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.0.path().join(name), bytes).unwrap();
    }

    pub(super) fn copy(&self, from: &str, to: &str) {
        self.write(to, self.bytes(from));
    }

    /// The certificate and the key of this name in one file.
    pub(super) fn both(&self, name: &str) -> String {
        self.write(
            &format!("{name}.both.pem"),
            self.text(&format!("{name}.pem")) + &self.text(&format!("{name}.key")),
        );
        format!("{name}.both.pem")
    }

    pub(super) fn store(&self, name: &str) -> Store {
        Store { source: Source::File(self.path(name)), passwords: passwords(Some(STORE), None) }
    }
}

pub(super) fn passwords(store: Option<&str>, key: Option<&str>) -> Passwords {
    Passwords { store: store.map(Secret::new), key: key.map(Secret::new) }
}

pub(super) fn read() -> ReadFile {
    Arc::new(|path: &str| fs::read(path))
}

fn run(folder: &Path, program: &str, arguments: &str) {
    let arguments: Vec<&str> = arguments.split_whitespace().collect();
    let output = Command::new(program).args(&arguments).current_dir(folder).output().unwrap();
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
