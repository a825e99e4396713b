//! Hop 7: PEM (RFC 7468), from a file or written into a property, where its line ends may have become spaces.

use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs1KeyDer, PrivateSec1KeyDer};

use super::encryption::decrypt_key;
use super::store::{KEY_PASSWORD, Passwords, StoreError, pkcs8};

const BEGIN: &str = "-----BEGIN ";
const DASHES: &str = "-----";

/// What a text holds: its certificates in their order, and its first key.
#[derive(Debug, Default)]
pub(super) struct Pem {
    pub(super) certificates: Vec<CertificateDer<'static>>,
    pub(super) key: Option<PemKey>,
}

/// A private key, maybe under a password. Its `Debug` shows nothing of it.
pub(super) enum PemKey {
    Plain(PrivateKeyDer<'static>),
    /// `EncryptedPrivateKeyInfo` (RFC 5958).
    Encrypted(Vec<u8>),
}

impl std::fmt::Debug for PemKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PemKey")
    }
}

impl PemKey {
    /// The key itself.
    pub(super) fn open(self, passwords: &Passwords) -> Result<PrivateKeyDer<'static>, StoreError> {
        match self {
            Self::Plain(key) => Ok(key),
            Self::Encrypted(info) => StoreError::decrypting(KEY_PASSWORD, passwords.for_key(), |password| {
                decrypt_key(&info, password).map(pkcs8)
            }),
        }
    }
}

/// Reads all sections; those of other kinds are passed over.
pub(super) fn read(bytes: &[u8]) -> Result<Pem, StoreError> {
    let broken = |why: &str| StoreError::Broken(why.to_owned());
    let text = std::str::from_utf8(bytes).map_err(|_| broken("PEM that is not UTF-8"))?;
    let mut pem = Pem::default();
    let mut rest = text;
    while let Some(at) = rest.find(BEGIN) {
        let section = &rest[at + BEGIN.len()..];
        let (label, body) =
            section.split_once(DASHES).ok_or_else(|| broken("a BEGIN line of PEM is cut off"))?;
        let end = format!("-----END {label}{DASHES}");
        let (body, after) = body
            .split_once(&end)
            .ok_or_else(|| broken("a section of PEM has no END line; is it cut off?"))?;
        rest = after;
        let key = match label {
            "CERTIFICATE" | "TRUSTED CERTIFICATE" | "X509 CERTIFICATE" => {
                pem.certificates.push(decode(body)?.into());
                continue;
            }
            "PRIVATE KEY" => PemKey::Plain(pkcs8(decode(body)?)),
            "ENCRYPTED PRIVATE KEY" => PemKey::Encrypted(decode(body)?),
            "RSA PRIVATE KEY" | "EC PRIVATE KEY" if body.contains("ENCRYPTED") => {
                return Err(broken(
                    "its key is encrypted as OpenSSL once did; convert it with openssl pkcs8 -topk8",
                ));
            }
            "RSA PRIVATE KEY" => PemKey::Plain(PrivatePkcs1KeyDer::from(decode(body)?).into()),
            "EC PRIVATE KEY" => PemKey::Plain(PrivateSec1KeyDer::from(decode(body)?).into()),
            _ => continue,
        };
        pem.key.get_or_insert(key);
    }
    Ok(pem)
}

fn decode(body: &str) -> Result<Vec<u8>, StoreError> {
    let digits: Vec<u8> = body.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    base64_simd::STANDARD
        .decode_to_vec(digits)
        .map_err(|_| StoreError::Broken("a section of PEM is not base64".to_owned()))
}
