//! Java's trust stores and key stores to what OpenSSL reads, or a refusal that says how to convert them.

use config::Problem;

use super::{Given, Mapped, Read};

/// First bytes of a Java key store.
const JKS_MAGIC: [u8; 4] = [0xFE, 0xED, 0xFE, 0xED];

/// What a file holds. The declared type does not tell: Java reads either of its types under either name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Store {
    Pem,
    Jks,
    Pkcs12,
}

fn sniff(bytes: &[u8]) -> Store {
    if bytes.starts_with(&JKS_MAGIC) {
        Store::Jks
    } else if bytes.windows(10).any(|window| window == b"-----BEGIN") {
        Store::Pem
    } else {
        Store::Pkcs12
    }
}

/// Sets librdkafka's `ssl.ca.*`, `ssl.certificate.*`, `ssl.key.*` and `ssl.keystore.*`.
pub(super) fn trust_and_identity(given: &Given, read: Read<'_>, mapped: &mut Mapped) {
    let text = |name: &str| given.get(name).map(|(_, value)| value.as_str());
    let mut set = |name: &str, value: &str| drop(mapped.properties.insert(name.to_owned(), value.to_owned()));
    if let Some(pem) = text("ssl.truststore.certificates") {
        set("ssl.ca.pem", pem);
    }
    match (text("ssl.keystore.certificate.chain"), text("ssl.keystore.key")) {
        (Some(chain), Some(key)) => {
            set("ssl.certificate.pem", chain);
            set("ssl.key.pem", key);
        }
        (None, None) => {}
        _ => mapped.problems.push(Problem::other(
            "ssl.keystore.key",
            "ssl.keystore.certificate.chain and ssl.keystore.key go together",
        )),
    }
    if let Some((key, path)) = given.get("ssl.truststore.location") {
        trust(key, path.trim(), read, mapped);
    }
    if let Some((key, path)) = given.get("ssl.keystore.location") {
        let password = text("ssl.keystore.password");
        identity(key, path.trim(), password, read, mapped);
    }
}

fn trust(key: &str, path: &str, read: Read<'_>, mapped: &mut Mapped) {
    match read(path).map(|bytes| sniff(&bytes)) {
        Ok(Store::Pem) => drop(mapped.properties.insert("ssl.ca.location".into(), path.into())),
        Ok(Store::Jks) => mapped.problems.push(Problem::invalid(
            key,
            Some(path),
            "is a Java key store; convert it: keytool -importkeystore -srckeystore FILE -destkeystore ca.p12 \
             -deststoretype PKCS12, then openssl pkcs12 -in ca.p12 -nokeys -out ca.pem",
        )),
        Ok(Store::Pkcs12) => mapped.problems.push(Problem::invalid(
            key,
            Some(path),
            "certificates to trust are read from PEM files; convert it: openssl pkcs12 -in FILE -nokeys \
                -out ca.pem",
        )),
        Err(error) => mapped.problems.push(Problem::invalid(key, Some(path), error.to_string())),
    }
}

fn identity(key: &str, path: &str, password: Option<&str>, read: Read<'_>, mapped: &mut Mapped) {
    let mut set = |name: &str, value: &str| drop(mapped.properties.insert(name.to_owned(), value.to_owned()));
    match read(path).map(|bytes| sniff(&bytes)) {
        Ok(Store::Pem) => {
            set("ssl.certificate.location", path);
            set("ssl.key.location", path);
        }
        Ok(Store::Pkcs12) => {
            set("ssl.keystore.location", path);
            if let Some(password) = password {
                set("ssl.keystore.password", password);
            }
        }
        Ok(Store::Jks) => mapped.problems.push(Problem::invalid(
            key,
            Some(path),
            "is a Java key store; convert it: keytool -importkeystore -srckeystore FILE -destkeystore key.p12 \
             -deststoretype PKCS12",
        )),
        Err(error) => mapped.problems.push(Problem::invalid(key, Some(path), error.to_string())),
    }
}
