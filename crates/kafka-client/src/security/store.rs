//! Hop 7: certificates to trust and one's own, from PEM, PKCS #12 or Java's own store, told apart by their bytes.

use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::der::{Certificate, DerError};
use super::encryption::DecryptError;
use super::{Secret, jks, pem, pkcs12};

/// Largest file with keys, certificates or a token that is of use: 16 MiB. Larger stores are refused; the roots of all
/// the world are under 1 MiB.
pub const STORE_BYTES_MAX: usize = 16 << 20;
/// A chain ends here, even if its certificates name each other in a circle.
const CHAIN_MAX: usize = 10;

/// Why a store gives no certificates. Says what to do, and quotes nothing of the store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The file cannot be read.
    #[error("it cannot be read: {0}")]
    Read(String),
    /// It is larger than is taken.
    #[error("it has more than {} MiB", STORE_BYTES_MAX >> 20)]
    TooLarge,
    /// It is broken, in these words.
    #[error("it is not a key store that can be read: {0}")]
    Broken(String),
    /// The password of the store or the key does not fit.
    #[error("the {which} is wrong, or the file is damaged")]
    WrongPassword {
        /// Which password, as the properties name it.
        which: &'static str,
    },
    /// A password is needed.
    #[error("it is encrypted: the {which} is missing")]
    NoPassword {
        /// Which password, as the properties name it.
        which: &'static str,
    },
    /// It holds nothing to trust.
    #[error("it holds no certificate to trust")]
    NothingToTrust,
    /// It holds no private key.
    #[error("it holds no private key")]
    NoKey,
    /// It holds no certificate for its key.
    #[error("it holds a private key and no certificate for it")]
    NoCertificate,
}

/// What passwords are called in messages.
pub(super) const STORE_PASSWORD: &str = "store's password";
pub(super) const KEY_PASSWORD: &str = "key's password";

impl From<DerError> for StoreError {
    fn from(error: DerError) -> Self {
        Self::Broken(error.to_string())
    }
}

impl StoreError {
    /// Decrypts with the password of this name. Where there is none, the empty one may be meant.
    pub(super) fn decrypting<T>(
        which: &'static str,
        password: Option<&str>,
        decrypt: impl FnOnce(&str) -> Result<T, DecryptError>,
    ) -> Result<T, Self> {
        decrypt(password.unwrap_or("")).map_err(|error| match error {
            DecryptError::Password if password.is_none() => Self::NoPassword { which },
            DecryptError::Password => Self::WrongPassword { which },
            other => Self::Broken(other.to_string()),
        })
    }
}

/// Passwords for a store and the key in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Passwords {
    /// `ssl.truststore.password` or `ssl.keystore.password`.
    pub store: Option<Secret>,
    /// `ssl.key.password`; without one, the store's.
    pub key: Option<Secret>,
}

impl Passwords {
    /// The store's password as text.
    pub(super) fn for_store(&self) -> Option<&str> {
        self.store.as_ref().map(Secret::reveal)
    }

    /// The key's password as text.
    pub(super) fn for_key(&self) -> Option<&str> {
        self.key.as_ref().or(self.store.as_ref()).map(Secret::reveal)
    }
}

/// One's own key with its certificates, the key's own first.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
}

/// What a file holds. The declared type does not tell: Java reads either of its types under either name.
fn is_pem(bytes: &[u8]) -> bool {
    bytes.windows(11).any(|window| window == b"-----BEGIN ")
}

/// The certificates to trust.
pub(super) fn trusted(
    bytes: &[u8],
    passwords: &Passwords,
) -> Result<Vec<CertificateDer<'static>>, StoreError> {
    let found = if jks::is_jks(bytes) {
        jks::read(bytes, passwords.for_store())?.trusted()
    } else if is_pem(bytes) {
        pem::read(bytes)?.certificates
    } else {
        pkcs12::read(bytes, passwords.for_store())?.trusted()
    };
    if found.is_empty() { Err(StoreError::NothingToTrust) } else { Ok(found) }
}

/// One's own key and its certificates.
pub(super) fn identity(bytes: &[u8], passwords: &Passwords) -> Result<Identity, StoreError> {
    let identity = if jks::is_jks(bytes) {
        let password = passwords.for_key().ok_or(StoreError::NoPassword { which: KEY_PASSWORD })?;
        jks::read(bytes, passwords.for_store())?.identity(password)?
    } else if is_pem(bytes) {
        let mut pem = pem::read(bytes)?;
        let key = pem.key.take().ok_or(StoreError::NoKey)?.open(passwords)?;
        Identity { chain: pem.certificates, key }
    } else {
        pkcs12::read(bytes, passwords.for_store())?.identity(passwords)?
    };
    if identity.chain.is_empty() { Err(StoreError::NoCertificate) } else { Ok(identity) }
}

/// A key as PKCS #8 has it.
pub(super) fn pkcs8(key: Vec<u8>) -> PrivateKeyDer<'static> {
    PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key))
}

/// The certificate and those that vouch for it among `others`, as far as names lead.
pub(super) fn chain(
    leaf: CertificateDer<'static>,
    others: &[CertificateDer<'static>],
) -> Result<Vec<CertificateDer<'static>>, StoreError> {
    let mut chain = vec![leaf];
    while let Some(last) = chain.last().filter(|_| chain.len() < CHAIN_MAX) {
        let last = Certificate::read(last)?;
        if last.issuer == last.subject {
            break;
        }
        let vouches = |other: &&CertificateDer<'static>| {
            Certificate::read(other).is_ok_and(|other| other.subject == last.issuer)
        };
        let Some(next) = others.iter().find(vouches) else { break };
        chain.push(next.clone());
    }
    Ok(chain)
}
