//! Certificates for loopback and the stores that hold them, made once by Java's keytool.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use super::jvm::{root, run, target};

/// The password of every store and key.
pub const PASSWORD: &str = "changeit";

/// Makes each store beside the others; `$1` is the program that writes keys as PEM.
const SCRIPT: &str = r#"
set -e
pem=$1
key() { name=$1; shift; keytool -genkeypair -alias "$name" -dname "CN=$name" -keyalg RSA -keysize 2048 -validity 3650 \
    -keystore "$name.p12" -storetype PKCS12 -storepass changeit "$@"; }
key ca -ext bc:c
key other -ext bc:c
keytool -exportcert -rfc -alias ca -keystore ca.p12 -storepass changeit -file ca.pem
keytool -exportcert -rfc -alias other -keystore other.p12 -storepass changeit -file other.pem
for name in server client; do
    key "$name"
    keytool -certreq -alias $name -keystore $name.p12 -storepass changeit -file $name.csr
    keytool -gencert -rfc -alias ca -keystore ca.p12 -storepass changeit -infile $name.csr -validity 3650 \
        -ext san=ip:127.0.0.1,dns:localhost -outfile $name.crt
    keytool -importcert -noprompt -alias ca -keystore $name.p12 -storepass changeit -file ca.pem
    keytool -importcert -noprompt -alias $name -keystore $name.p12 -storepass changeit -file $name.crt
done
keytool -importkeystore -noprompt -srckeystore client.p12 -srcstorepass changeit -srcalias client \
    -destkeystore client.jks -deststoretype JKS -deststorepass changeit -destkeypass changeit
java "$pem" client.p12 changeit client > client.pem
for name in ca other; do
    keytool -importcert -noprompt -alias $name -keystore $name-trust.p12 -storetype PKCS12 \
        -storepass changeit -file $name.pem
    keytool -importcert -noprompt -alias $name -keystore $name-trust.jks -storetype JKS \
        -storepass changeit -file $name.pem
done
"#;

static MAKING: Mutex<()> = Mutex::new(());

/// The folder of the stores: `server.p12`; `client.{p12,jks,pem}` with a key that brokers trust;
/// `ca.pem`, `ca-trust.{p12,jks}` to trust the brokers; `other.pem`, `other-trust.{p12,jks}` that do not.
///
/// # Panics
///
/// When keytool fails.
#[must_use]
pub fn folder() -> PathBuf {
    let _making = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    let made = target().join("kafka/stores-1");
    if made.exists() {
        return made;
    }
    fs::create_dir_all(target().join("kafka")).expect("a folder");
    let fresh = tempfile::tempdir_in(target().join("kafka")).expect("a temporary folder");
    let pem = fs::canonicalize(root().join("tools/java/Pem.java")).expect("the program is there");
    let mut sh = Command::new("sh");
    drop(run(sh.args(["-c", SCRIPT, "sh"]).arg(pem).current_dir(fresh.path())));
    // Another process may have been faster; its stores are as good.
    if fs::rename(fresh.path(), &made).is_ok() {
        drop(fresh.keep());
    }
    made
}
