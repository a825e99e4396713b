//! TLS of a server, from the same stores as a client's.

use std::io;
use std::sync::Arc;

use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

use super::store;
use super::tls::{Store, TlsError, identity_error, own_key, read_store, trust_error};

/// Whether clients show certificates of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClientAuth {
    /// They are not asked.
    None,
    /// They may.
    Requested,
    /// They must.
    Required,
}

/// What a listener offers and demands.
pub(super) fn config(
    identity: &Store,
    trust: Option<&Store>,
    demand: ClientAuth,
    read: &dyn Fn(&str) -> io::Result<Vec<u8>>,
) -> Result<Arc<ServerConfig>, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let refused = |error: rustls::Error| TlsError::Rustls(error.to_string());
    let bytes = read_store(identity, read).map_err(|why| identity_error(identity, why))?;
    let key = own_key(&bytes, &identity.passwords, &provider).map_err(|why| identity_error(identity, why))?;
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(refused)?;
    let builder = match trust.filter(|_| demand != ClientAuth::None) {
        None => builder.with_no_client_auth(),
        Some(trust) => {
            let bytes = read_store(trust, read).map_err(|why| trust_error(trust, why))?;
            let trusted = store::trusted(&bytes, &trust.passwords).map_err(|why| trust_error(trust, why))?;
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(trusted);
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            let verifier =
                if demand == ClientAuth::Requested { verifier.allow_unauthenticated() } else { verifier };
            let verifier = verifier.build().map_err(|error| TlsError::Rustls(error.to_string()))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut config = builder.with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(key)));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
