//! Hop 7: TLS by rustls, with stores that are read again when they were replaced.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ring::digest::{SHA256, digest};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore,
    SignatureScheme,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::TlsConnector;

use super::ReadFile;
use super::der::{Certificate, Der};
use super::store::{self, Passwords, STORE_BYTES_MAX, StoreError};

const WANTS_CERTIFICATE: &str = "the broker wants a certificate of this client: ssl.keystore.location";

/// Where a store's bytes are.
#[derive(Clone, PartialEq, Eq)]
pub enum Source {
    /// In the file of this path, which is read again at new connections.
    File(String),
    /// Here: PEM that is written into a property.
    Inline(Vec<u8>),
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Inline(_) => f.write_str("Inline([hidden])"),
        }
    }
}

/// As errors name it. A login line or a pass phrase that came to the wrong place is not repeated.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_odd = |c: char| c.is_whitespace() || c.is_control() || "\"'=;".contains(c);
        match self {
            Self::File(path) if path.contains(is_odd) => f.write_str("what is given as its path"),
            Self::File(path) => f.write_str(path),
            Self::Inline(_) => f.write_str("the PEM in the property"),
        }
    }
}

/// PEM, PKCS #12 or Java's own store: which of them, its bytes tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// Where it is.
    pub source: Source,
    /// What opens it.
    pub passwords: Passwords,
}

/// What TLS is made of.
#[derive(Clone)]
pub struct TlsOptions {
    /// Certificates to trust; `None`: those of the platform.
    pub trust: Option<Store>,
    /// One's own key and certificates, for brokers that ask for them (`ssl.client.auth`).
    pub identity: Option<Store>,
    /// Whether a broker's certificate must be for the host that was connected to. The chain is verified in any case.
    pub verify_host_name: bool,
    /// Reads the files.
    pub read: ReadFile,
}

impl fmt::Debug for TlsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsOptions")
            .field("trust", &self.trust)
            .field("identity", &self.identity)
            .field("verify_host_name", &self.verify_host_name)
            .finish_non_exhaustive()
    }
}

/// Why TLS cannot be set up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The certificates to trust cannot be had.
    #[error("certificates to trust, {place}: {why}")]
    Trust {
        /// The file, or that it is in the property.
        place: String,
        /// What is wrong with it.
        why: StoreError,
    },
    /// The platform has none.
    #[error(
        "this system has no certificates to trust ({why}); install ca-certificates, or give a trust store"
    )]
    Platform {
        /// The system's words.
        why: String,
    },
    /// One's own key or certificates cannot be had.
    #[error("own certificate and key, {place}: {why}")]
    Identity {
        /// The file, or that it is in the property.
        place: String,
        /// What is wrong with it.
        why: StoreError,
    },
    /// rustls refuses what was read.
    #[error("TLS cannot be set up: {0}")]
    Rustls(String),
}

/// What TLS needs: trusted certificates, and one's own where brokers ask for it.
#[derive(Clone)]
pub struct Tls(Arc<Shared>);

struct Shared {
    options: TlsOptions,
    absent: Arc<Absent>,
    loaded: Mutex<Loaded>,
}

struct Loaded {
    config: Arc<ClientConfig>,
    /// Of what `config` was made.
    seen: Fingerprints,
    /// What new bytes were refused for last, so that it is said once.
    refused: Option<TlsError>,
}

/// Digests of the bytes of both stores.
type Fingerprints = [Option<[u8; 32]>; 2];

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tls").field(&self.0.options).finish()
    }
}

impl Tls {
    /// Reads the stores.
    ///
    /// # Errors
    ///
    /// If one cannot be read or used.
    pub fn new(options: TlsOptions) -> Result<Self, TlsError> {
        let bytes = StoreBytes::read(&options)?;
        let absent = Arc::<Absent>::default();
        let config = bytes.config(&options, &absent)?;
        let loaded = Loaded { config: Arc::new(config), seen: bytes.fingerprints(), refused: None };
        Ok(Self(Arc::new(Shared { options, absent, loaded: Mutex::new(loaded) })))
    }

    /// For a new connection; certificates that were replaced on disk since are taken then. Where the new ones cannot
    /// be used, the old ones are kept.
    pub(crate) fn connector(&self) -> TlsConnector {
        let mut loaded = self.0.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        match self.reload(&loaded.seen) {
            Ok(None) => loaded.refused = None,
            Ok(Some((config, seen))) => {
                tracing::info!("the certificates were replaced; new connections use the new ones");
                *loaded = Loaded { config: Arc::new(config), seen, refused: None };
            }
            Err(error) if loaded.refused.as_ref() != Some(&error) => {
                tracing::warn!(%error, "certificates cannot be read again; the old ones stay in use");
                loaded.refused = Some(error);
            }
            Err(_) => {}
        }
        TlsConnector::from(Arc::clone(&loaded.config))
    }

    fn reload(&self, seen: &Fingerprints) -> Result<Option<(ClientConfig, Fingerprints)>, TlsError> {
        let bytes = StoreBytes::read(&self.0.options)?;
        let found = bytes.fingerprints();
        if found == *seen {
            return Ok(None);
        }
        Ok(Some((bytes.config(&self.0.options, &self.0.absent)?, found)))
    }

    /// As [`explain`], of a handshake. Kafka 2.1 breaks off without an alert where it misses a certificate: that it has
    /// asked for one tells.
    pub(crate) fn explain(&self, error: &io::Error) -> String {
        let said = explain(error);
        let known = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        match known {
            Some(rustls::Error::InvalidCertificate(_) | rustls::Error::AlertReceived(_)) => said,
            _ if self.0.absent.0.load(Ordering::Relaxed) => format!("{WANTS_CERTIFICATE} ({said})"),
            _ => said,
        }
    }
}

/// Both stores as they are now.
struct StoreBytes {
    trust: Option<Vec<u8>>,
    identity: Option<Vec<u8>>,
}

impl StoreBytes {
    fn read(options: &TlsOptions) -> Result<Self, TlsError> {
        let read = |store: &Store| read_store(store, &*options.read);
        Ok(Self {
            trust: options
                .trust
                .as_ref()
                .map(|store| read(store).map_err(|why| trust_error(store, why)))
                .transpose()?,
            identity: options
                .identity
                .as_ref()
                .map(|store| read(store).map_err(|why| identity_error(store, why)))
                .transpose()?,
        })
    }

    fn fingerprints(&self) -> Fingerprints {
        let of = |bytes: &Option<Vec<u8>>| {
            bytes.as_ref().and_then(|bytes| digest(&SHA256, bytes).as_ref().try_into().ok())
        };
        [of(&self.trust), of(&self.identity)]
    }

    fn config(&self, options: &TlsOptions, absent: &Arc<Absent>) -> Result<ClientConfig, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let trusted = match (&options.trust, &self.trust) {
            (Some(store), Some(bytes)) => {
                store::trusted(bytes, &store.passwords).map_err(|why| trust_error(store, why))?
            }
            _ => platform()?,
        };
        let verifier = Verifier::new(trusted, options.verify_host_name, &provider);
        if verifier.roots.is_empty() {
            return Err(match &options.trust {
                Some(store) => trust_error(store, StoreError::NothingToTrust),
                None => TlsError::Platform { why: "none can be read".to_owned() },
            });
        }
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::Rustls(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let (Some(store), Some(bytes)) = (&options.identity, &self.identity) else {
            let absent: Arc<Absent> = Arc::clone(absent);
            return Ok(builder.with_client_cert_resolver(absent));
        };
        let key = own_key(bytes, &store.passwords, &provider).map_err(|why| identity_error(store, why))?;
        Ok(builder.with_client_cert_resolver(Arc::new(Own(Arc::new(key)))))
    }
}

/// A store's bytes.
pub(super) fn read_store(
    store: &Store,
    read: &dyn Fn(&str) -> io::Result<Vec<u8>>,
) -> Result<Vec<u8>, StoreError> {
    match &store.source {
        Source::Inline(bytes) => Ok(bytes.clone()),
        Source::File(path) => match read(path) {
            Ok(bytes) if bytes.len() > STORE_BYTES_MAX => Err(StoreError::TooLarge),
            Ok(bytes) => Ok(bytes),
            Err(error) => Err(StoreError::Read(error.to_string())),
        },
    }
}

pub(super) fn trust_error(store: &Store, why: StoreError) -> TlsError {
    TlsError::Trust { place: store.source.to_string(), why }
}

pub(super) fn identity_error(store: &Store, why: StoreError) -> TlsError {
    TlsError::Identity { place: store.source.to_string(), why }
}

fn platform() -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() {
        let why = found.errors.first().map_or_else(|| "none found".to_owned(), ToString::to_string);
        return Err(TlsError::Platform { why });
    }
    Ok(found.certs)
}

/// The key, if it is the certificate's.
pub(super) fn own_key(
    bytes: &[u8],
    passwords: &Passwords,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, StoreError> {
    let identity = store::identity(bytes, passwords)?;
    let leaf = identity.chain.first().ok_or(StoreError::NoCertificate)?;
    let public = Certificate::read(leaf)?.key.to_vec();
    // rustls' own words could name what it found in the key.
    let key = provider.key_provider.load_private_key(identity.key).map_err(|_| {
        StoreError::Broken("its private key is neither RSA, ECDSA nor Ed25519, or is too weak".to_owned())
    })?;
    // Not rustls' comparison, which reads the certificate as a broker's and so refuses version 1.
    let differs = key
        .public_key()
        .is_some_and(|of_key| Der::new(&of_key).sequence_bytes().is_ok_and(|of_key| of_key != public));
    if differs {
        return Err(StoreError::Broken("its first certificate is not that of its private key".to_owned()));
    }
    Ok(CertifiedKey::new(identity.chain, key))
}

/// Offers one's own certificate to whoever asks, as Java does where there is only one.
#[derive(Debug)]
struct Own(Arc<CertifiedKey>);

impl ResolvesClientCert for Own {
    fn resolve(&self, _issuers: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.key.choose_scheme(schemes).map(|_| Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// Has no certificate, and remembers that one was asked for.
#[derive(Debug, Default)]
struct Absent(AtomicBool);

impl ResolvesClientCert for Absent {
    fn resolve(&self, _issuers: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.store(true, Ordering::Relaxed);
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

/// Verifies a broker as Java does: its chain always, its host name if asked for.
#[derive(Debug)]
struct Verifier {
    roots: RootCertStore,
    /// The trusted certificates as they are: a broker may show one of them itself.
    trusted: BTreeSet<Vec<u8>>,
    host_name: bool,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    fn new(trusted: Vec<CertificateDer<'static>>, host_name: bool, provider: &Arc<CryptoProvider>) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(trusted.iter().cloned());
        let trusted = trusted.iter().map(|certificate| certificate.to_vec()).collect();
        Self { roots, trusted, host_name, provider: Arc::clone(provider) }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let parsed = ParsedCertificate::try_from(shown).map_err(|error| {
            let version_1 = Certificate::read(shown).is_ok_and(|it| it.version_1);
            if version_1 { CertificateError::Other(OtherError(Arc::new(Version1))).into() } else { error }
        })?;
        // A certificate that was put into the trust store is trusted as it stands, as in Java: self-signed ones are
        // handed out so, and those of `openssl req -x509` call themselves authorities.
        if !self.trusted.contains(shown.as_ref()) {
            verify_server_cert_signed_by_trust_anchor(
                &parsed,
                &self.roots,
                intermediates,
                now,
                self.provider.signature_verification_algorithms.all,
            )?;
        }
        if self.host_name {
            verify_server_name(&parsed, name)
                .or_else(|error| if common_name_is(shown, name) { Ok(()) } else { Err(error) })?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, shown, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, shown, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Certificates of version 1 cannot say what they are for, and rustls takes none.
#[derive(Debug, thiserror::Error)]
#[error(
    "it is of X.509 version 1; make it anew with an extension, such as openssl x509 -req -extfile with subjectAltName"
)]
struct Version1;

/// Whether a certificate without alternative names has the host as its common name, or `*.` and the host's domain.
/// keytool makes such certificates unless told otherwise, and Java and OpenSSL accept them.
fn common_name_is(certificate: &[u8], host: &ServerName<'_>) -> bool {
    let ServerName::DnsName(host) = host else { return false };
    let Ok(Some(name)) = Certificate::read(certificate).and_then(|it| it.name_without_alternatives()) else {
        return false;
    };
    let host = host.as_ref().trim_end_matches('.');
    match (name.strip_prefix("*."), host.split_once('.')) {
        (Some(domain), Some((_, of_host))) => domain.contains('.') && domain.eq_ignore_ascii_case(of_host),
        _ => name.eq_ignore_ascii_case(host),
    }
}

/// An error of a stream in words that say what to do, where it is TLS's.
pub(crate) fn explain(error: &io::Error) -> String {
    let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) else {
        return error.to_string();
    };
    let hint = match error {
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "no certificate in the trust store has signed the broker's certificate"
        }
        rustls::Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        ) => "the broker's certificate has expired",
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
        ) => "the broker's certificate is not valid yet; is the clock right?",
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => "the broker's certificate is for another host",
        rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(why))) => {
            return format!("the broker's certificate cannot be used: {why}");
        }
        rustls::Error::InvalidMessage(_) => "the broker does not speak TLS on this port",
        rustls::Error::PeerIncompatible(_)
        | rustls::Error::AlertReceived(
            AlertDescription::HandshakeFailure
            | AlertDescription::ProtocolVersion
            | AlertDescription::InsufficientSecurity,
        ) => "the broker has neither TLS 1.3, nor TLS 1.2 with ECDHE and AES-GCM or ChaCha20",
        rustls::Error::AlertReceived(AlertDescription::CertificateRequired) => WANTS_CERTIFICATE,
        rustls::Error::AlertReceived(
            AlertDescription::UnknownCA
            | AlertDescription::BadCertificate
            | AlertDescription::CertificateUnknown
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateRevoked
            | AlertDescription::UnsupportedCertificate,
        ) => "the broker does not accept this client's certificate",
        _ => return error.to_string(),
    };
    format!("{hint} ({error})")
}
