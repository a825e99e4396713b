//! Hop 7: PKCS #12 (RFC 7292), as keytool and openssl write it.

use ring::{digest, hmac};
use rustls_pki_types::CertificateDer;

use super::der::{Der, tag};
use super::encryption::{DecryptError, Purpose, bmp_string, decrypt, decrypt_key, derive, rounds};
use super::store::{Identity, KEY_PASSWORD, Passwords, STORE_PASSWORD, StoreError, chain, pkcs8};

/// Encrypted parts above this are refused: each takes the time of a key derivation, and tools write one to three.
const ENCRYPTED_PARTS_MAX: usize = 16;

/// `pkcs-7`; 1 is data, 6 encrypted data.
const PKCS7: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07];
const DATA: u8 = 1;
const ENCRYPTED_DATA: u8 = 6;
/// `pkcs-12 10 1`, the kinds of bags.
const BAG: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x0C, 0x0A, 0x01];
const KEY_BAG: u8 = 1;
const SHROUDED_KEY_BAG: u8 = 2;
const CERTIFICATE_BAG: u8 = 3;
/// `x509Certificate`, 1.2.840.113549.1.9.22.1.
const X509: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x16, 0x01];
/// `localKeyId`, 1.2.840.113549.1.9.21.
const LOCAL_KEY_ID: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x15];
/// `trustedKeyUsage` of Oracle, 2.16.840.1.113894.746875.1.1: Java trusts only what has it.
const TRUSTED_USAGE: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x86, 0xF9, 0x66, 0xAD, 0xCA, 0x7B, 0x01, 0x01];
/// SHA-1 of NIST and OIW, and the arc of the SHA-2 family.
const SHA1: &[u8] = &[0x2B, 0x0E, 0x03, 0x02, 0x1A];
const SHA2: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02];

/// What a store holds; keys are still under their passwords.
#[derive(Default)]
pub(super) struct Pkcs12 {
    certificates: Vec<Bag<CertificateDer<'static>>>,
    keys: Vec<Bag<Key>>,
}

struct Bag<T> {
    held: T,
    key_id: Option<Vec<u8>>,
    trusted: bool,
}

enum Key {
    Plain(Vec<u8>),
    Encrypted(Vec<u8>),
}

/// Reads a store. Without a password its integrity is not checked, as in Java.
pub(super) fn read(bytes: &[u8], password: Option<&str>) -> Result<Pkcs12, StoreError> {
    let mut pfx = Der::new(bytes).sequence()?;
    pfx.number()?;
    let safe = data(pfx.sequence()?)?;
    // Without a password an empty one is tried. Only the checksum tells whether it is the one: what a wrong one
    // decrypts can pass for padded.
    let mut wants_password = false;
    if !pfx.is_empty() {
        let checked = check_mac(pfx.sequence()?, password.unwrap_or_default(), safe);
        match password {
            Some(_) => checked?,
            None => wants_password = checked.is_err(),
        }
    }
    let mut store = Pkcs12::default();
    for mut part in parts(safe)? {
        match part.oid()?.strip_prefix(PKCS7) {
            Some([DATA]) => {
                let bags = part.inside(tag::CONTEXT_0)?.take(tag::OCTET_STRING)?;
                store.bags(bags)?;
            }
            Some([ENCRYPTED_DATA]) => {
                let mut encrypted = part.inside(tag::CONTEXT_0)?.sequence()?;
                encrypted.number()?;
                let mut content = encrypted.sequence()?;
                content.oid()?;
                let algorithm = content.sequence()?;
                let data = content.take(tag::CONTEXT_0_BYTES)?;
                if wants_password {
                    return Err(StoreError::NoPassword { which: STORE_PASSWORD });
                }
                let bags = StoreError::decrypting(STORE_PASSWORD, password, |password| {
                    decrypt(algorithm, password, data)
                })?;
                store.bags(&bags)?;
            }
            _ => {
                return Err(StoreError::Broken("it is protected by certificates, not a password".to_owned()));
            }
        }
    }
    Ok(store)
}

/// The parts of a store, each a `ContentInfo`.
fn parts(safe: &[u8]) -> Result<Vec<Der<'_>>, StoreError> {
    let mut left = Der::new(safe).sequence()?;
    let mut parts = Vec::new();
    let mut encrypted = 0;
    while !left.is_empty() {
        let part = left.sequence()?;
        let kind = { part }.oid()?.strip_prefix(PKCS7);
        encrypted += usize::from(kind == Some(&[ENCRYPTED_DATA]));
        if encrypted > ENCRYPTED_PARTS_MAX {
            let why = format!("it has more than {ENCRYPTED_PARTS_MAX} encrypted parts");
            return Err(StoreError::Broken(why));
        }
        parts.push(part);
    }
    Ok(parts)
}

/// The octets of a `ContentInfo` that holds data.
fn data(mut content: Der<'_>) -> Result<&[u8], StoreError> {
    if content.oid()?.strip_prefix(PKCS7) != Some(&[DATA]) {
        return Err(StoreError::Broken("it is signed, which is not read here".to_owned()));
    }
    Ok(content.inside(tag::CONTEXT_0)?.take(tag::OCTET_STRING)?)
}

fn check_mac(mut mac: Der<'_>, password: &str, safe: &[u8]) -> Result<(), StoreError> {
    let mut info = mac.sequence()?;
    let oid = info.sequence()?.oid()?;
    let (digest, hmac) = match oid.strip_prefix(SHA2) {
        None if oid == SHA1 => (&digest::SHA1_FOR_LEGACY_USE_ONLY, hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY),
        Some([1]) => (&digest::SHA256, hmac::HMAC_SHA256),
        Some([2]) => (&digest::SHA384, hmac::HMAC_SHA384),
        Some([3]) => (&digest::SHA512, hmac::HMAC_SHA512),
        _ => return Err(StoreError::Broken(DecryptError::Algorithm.to_string())),
    };
    let expected = info.take(tag::OCTET_STRING)?;
    let salt = mac.take(tag::OCTET_STRING)?;
    let count = if mac.is_empty() { 1 } else { mac.number()? };
    let count = rounds(count).map_err(|error| StoreError::Broken(error.to_string()))?;
    let key = derive(digest, Purpose::Mac, &bmp_string(password), salt, count, digest.output_len());
    hmac::verify(&hmac::Key::new(hmac, &key), safe, expected)
        .map_err(|_| StoreError::WrongPassword { which: STORE_PASSWORD })
}

impl Pkcs12 {
    fn bags(&mut self, safe: &[u8]) -> Result<(), StoreError> {
        let mut bags = Der::new(safe).sequence()?;
        while !bags.is_empty() {
            let mut bag = bags.sequence()?;
            let kind = bag.oid()?.strip_prefix(BAG);
            let value = bag.take(tag::CONTEXT_0)?;
            let (key_id, trusted) = if bag.is_empty() { (None, false) } else { attributes(bag)? };
            match kind {
                Some([KEY_BAG]) => {
                    self.keys.push(Bag { held: Key::Plain(value.to_vec()), key_id, trusted });
                }
                Some([SHROUDED_KEY_BAG]) => {
                    self.keys.push(Bag { held: Key::Encrypted(value.to_vec()), key_id, trusted });
                }
                Some([CERTIFICATE_BAG]) => {
                    let mut certificate = Der::new(value).sequence()?;
                    if certificate.oid()? == X509 {
                        let der = certificate.inside(tag::CONTEXT_0)?.take(tag::OCTET_STRING)?;
                        self.certificates.push(Bag { held: der.to_vec().into(), key_id, trusted });
                    }
                }
                // Secrets and revocations; nothing of TLS.
                _ => {}
            }
        }
        Ok(())
    }

    /// What Java trusts in it: what is marked as trusted, and certificates of its keys. A store of openssl marks
    /// nothing: without any of these, all.
    pub(super) fn trusted(self) -> Vec<CertificateDer<'static>> {
        let as_java = |bag: &Bag<_>| bag.trusted || bag.key_id.is_some();
        let marked = self.certificates.iter().any(as_java);
        self.certificates.into_iter().filter(|bag| !marked || as_java(bag)).map(|bag| bag.held).collect()
    }

    /// The first key, its certificate and those that vouch for that.
    pub(super) fn identity(self, passwords: &Passwords) -> Result<Identity, StoreError> {
        let key = self.keys.into_iter().next().ok_or(StoreError::NoKey)?;
        let own = |bag: &Bag<CertificateDer<'static>>| key.key_id.is_some() && bag.key_id == key.key_id;
        let at = self.certificates.iter().position(own).unwrap_or(0);
        let certificates: Vec<_> = self.certificates.into_iter().map(|bag| bag.held).collect();
        let leaf = certificates.get(at).ok_or(StoreError::NoCertificate)?.clone();
        let chain = chain(leaf, &certificates)?;
        let key = match key.held {
            Key::Plain(key) => key,
            Key::Encrypted(info) => StoreError::decrypting(KEY_PASSWORD, passwords.for_key(), |password| {
                decrypt_key(&info, password)
            })?,
        };
        Ok(Identity { chain, key: pkcs8(key) })
    }
}

/// The key's id, and whether the bag is marked as trusted.
fn attributes(mut bag: Der<'_>) -> Result<(Option<Vec<u8>>, bool), StoreError> {
    let (mut key_id, mut trusted) = (None, false);
    let mut attributes = bag.inside(tag::SET)?;
    while !attributes.is_empty() {
        let mut attribute = attributes.sequence()?;
        let oid = attribute.oid()?;
        let mut values = attribute.inside(tag::SET)?;
        if oid == LOCAL_KEY_ID {
            key_id = Some(values.take(tag::OCTET_STRING)?.to_vec());
        }
        trusted |= oid == TRUSTED_USAGE;
    }
    Ok((key_id, trusted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let content = parts.concat();
        let length = u16::try_from(content.len()).unwrap().to_be_bytes();
        [&[tag, 0x82, length[0], length[1]], content.as_slice()].concat()
    }

    fn pkcs7(kind: u8, content: &[u8]) -> Vec<u8> {
        let oid = der(tag::OID, &[PKCS7, &[kind]]);
        der(tag::SEQUENCE, &[&oid, &der(tag::CONTEXT_0, &[content])])
    }

    /// A store with so many encrypted parts, each with a round of key derivation and nothing in it.
    fn store(count: usize) -> Vec<u8> {
        // `pbeWithSHAAnd3-KeyTripleDES-CBC`.
        let pbe = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x0C, 0x01, 0x03];
        let parameters = [der(tag::OCTET_STRING, &[&[0; 8]]), der(tag::INTEGER, &[&[1]])].concat();
        let algorithm = [der(tag::OID, &[&pbe]), der(tag::SEQUENCE, &[&parameters])].concat();
        let content = [
            der(tag::OID, &[PKCS7, &[DATA]]),
            der(tag::SEQUENCE, &[&algorithm]),
            der(tag::CONTEXT_0_BYTES, &[&[0; 8]]),
        ];
        let encrypted = [der(tag::INTEGER, &[&[0]]), der(tag::SEQUENCE, &[&content.concat()])].concat();
        let part = pkcs7(ENCRYPTED_DATA, &der(tag::SEQUENCE, &[&encrypted]));
        let safe = der(tag::SEQUENCE, &[&part.repeat(count)]);
        let safe = pkcs7(DATA, &der(tag::OCTET_STRING, &[&safe]));
        der(tag::SEQUENCE, &[&der(tag::INTEGER, &[&[3]]), &safe])
    }

    #[test]
    fn encrypted_parts_are_counted_before_their_keys_are_derived() {
        let refused = |count: usize| read(&store(count), Some("pencil")).err().unwrap().to_string();
        assert!(refused(16).contains("password"), "{}", refused(16));
        assert!(refused(17).contains("more than 16 encrypted parts"), "{}", refused(17));
    }
}
