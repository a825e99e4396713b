//! Hop 7: Java's own key store, as `sun.security.provider.JavaKeyStore` writes it, and Sun's protection of keys in it.

use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY as SHA1};
use rustls_pki_types::CertificateDer;

use super::der::{Der, tag};
use super::store::{Identity, KEY_PASSWORD, STORE_PASSWORD, StoreError, pkcs8};

const MAGIC: [u8; 4] = [0xFE, 0xED, 0xFE, 0xED];
/// Of JCEKS, whose keys are protected in another way.
const JCEKS_MAGIC: [u8; 4] = [0xCE, 0xCE, 0xCE, 0xCE];
/// Goes into the digest of a store; Sun's choice.
const PEPPER: &[u8] = b"Mighty Aphrodite";
const DIGEST: usize = 20;
/// Sun's key protector, 1.3.6.1.4.1.42.2.17.1.1.
const PROTECTOR: &[u8] = &[0x2B, 0x06, 0x01, 0x04, 0x01, 0x2A, 0x02, 0x11, 0x01, 0x01];
const PRIVATE_KEY: u32 = 1;
const TRUSTED: u32 = 2;

/// What a store holds; the key is still protected.
pub(super) struct Jks {
    /// Those of entries of their own.
    certificates: Vec<CertificateDer<'static>>,
    /// Keys, each with its chain.
    keys: Vec<(Vec<u8>, Vec<CertificateDer<'static>>)>,
}

/// Whether it begins as one; JCEKS counts, so that its refusal says what it is.
pub(super) fn is_jks(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC) || bytes.starts_with(&JCEKS_MAGIC)
}

/// Reads a store. Without its password its integrity is not checked, as in Java.
pub(super) fn read(bytes: &[u8], password: Option<&str>) -> Result<Jks, StoreError> {
    if bytes.starts_with(&JCEKS_MAGIC) {
        let why = "it is of the type JCEKS; convert it with keytool -importkeystore -deststoretype PKCS12";
        return Err(StoreError::Broken(why.to_owned()));
    }
    let (body, check) = bytes.split_last_chunk::<DIGEST>().ok_or_else(cut_off)?;
    let store = entries(body);
    // What is cut off fails both; that it is cut off says more than that its digest differs.
    if let (Some(password), Ok(_)) = (password, &store) {
        let digest = hash(&[&utf16(password), PEPPER, body]);
        if digest != check {
            return Err(StoreError::WrongPassword { which: STORE_PASSWORD });
        }
    }
    store
}

impl Jks {
    /// What Java trusts in it: certificates of entries of their own, and those of its keys.
    pub(super) fn trusted(self) -> Vec<CertificateDer<'static>> {
        let of_keys = self.keys.into_iter().filter_map(|(_, chain)| chain.into_iter().next());
        self.certificates.into_iter().chain(of_keys).collect()
    }

    /// The first key.
    pub(super) fn identity(self, password: &str) -> Result<Identity, StoreError> {
        let (protected, chain) = self.keys.into_iter().next().ok_or(StoreError::NoKey)?;
        Ok(Identity { chain, key: pkcs8(unprotect(&protected, password)?) })
    }
}

fn cut_off() -> StoreError {
    StoreError::Broken("it ends too early".to_owned())
}

fn entries(bytes: &[u8]) -> Result<Jks, StoreError> {
    let mut rest = Bytes(bytes.get(MAGIC.len()..).ok_or_else(cut_off)?);
    let version = rest.number()?;
    if !matches!(version, 1 | 2) {
        return Err(StoreError::Broken(format!("it is of version {version}")));
    }
    let mut store = Jks { certificates: Vec::new(), keys: Vec::new() };
    // Nothing is reserved for counts: each entry takes bytes, and those run out where a count lies.
    for _ in 0..rest.number()? {
        let kind = rest.number()?;
        rest.text()?;
        rest.take(8)?;
        match kind {
            TRUSTED => store.certificates.push(rest.certificate(version)?),
            PRIVATE_KEY => {
                let key = rest.long()?.to_vec();
                let mut chain = Vec::new();
                for _ in 0..rest.number()? {
                    chain.push(rest.certificate(version)?);
                }
                store.keys.push((key, chain));
            }
            other => return Err(StoreError::Broken(format!("it has an entry of kind {other}"))),
        }
    }
    if rest.0.is_empty() { Ok(store) } else { Err(StoreError::Broken("bytes follow its entries".to_owned())) }
}

/// Undoes Sun's protection: a salt, the key under a stream of chained digests, and a digest of the key.
fn unprotect(info: &[u8], password: &str) -> Result<Vec<u8>, StoreError> {
    let mut info = Der::new(info).sequence()?;
    if info.sequence()?.oid()? != PROTECTOR {
        return Err(StoreError::Broken("its key is protected in a way that is not Sun's".to_owned()));
    }
    let protected = info.take(tag::OCTET_STRING)?;
    let (salt, protected) = protected.split_first_chunk::<DIGEST>().ok_or_else(cut_off)?;
    let (masked, check) = protected.split_last_chunk::<DIGEST>().ok_or_else(cut_off)?;
    let password = utf16(password);
    let mut key = masked.to_vec();
    let mut stream = salt.to_vec();
    for block in key.chunks_mut(DIGEST) {
        stream = hash(&[&password, &stream]);
        block.iter_mut().zip(&stream).for_each(|(byte, mask)| *byte ^= mask);
    }
    if hash(&[&password, &key]) == check {
        Ok(key)
    } else {
        Err(StoreError::WrongPassword { which: KEY_PASSWORD })
    }
}

fn utf16(password: &str) -> Vec<u8> {
    password.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

fn hash(parts: &[&[u8]]) -> Vec<u8> {
    let mut context = Context::new(&SHA1);
    parts.iter().for_each(|part| context.update(part));
    context.finish().as_ref().to_vec()
}

/// What `java.io.DataInputStream` would read next.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], StoreError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or_else(cut_off)?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self) -> Result<u32, StoreError> {
        let (number, rest) = self.0.split_first_chunk().ok_or_else(cut_off)?;
        self.0 = rest;
        Ok(u32::from_be_bytes(*number))
    }

    fn long(&mut self) -> Result<&'a [u8], StoreError> {
        let length = self.number()?;
        self.take(usize::try_from(length).map_err(|_| cut_off())?)
    }

    fn text(&mut self) -> Result<&'a [u8], StoreError> {
        let (length, rest) = self.0.split_first_chunk().ok_or_else(cut_off)?;
        self.0 = rest;
        self.take(usize::from(u16::from_be_bytes(*length)))
    }

    fn certificate(&mut self, version: u32) -> Result<CertificateDer<'static>, StoreError> {
        // Version 2 names the type, which is always X.509.
        if version == 2 {
            self.text()?;
        }
        Ok(self.long()?.to_vec().into())
    }
}
