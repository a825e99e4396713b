//! Hop 1: what a TLS handshake offers and demands.

use std::sync::Arc;

use ::config::{Key, Problem};
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::keys;

/// From the contents of PEM files: what OTLP/gRPC offers, and what OTLP/HTTP does.
///
/// # Errors
///
/// The first file that does not hold what it should, or a key that is not the certificate's.
pub(crate) fn server_configs(
    cert: &[u8],
    key: &[u8],
    client_ca: Option<&[u8]>,
) -> Result<(Arc<ServerConfig>, Arc<ServerConfig>), Problem> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let chain = certificates(&keys::TLS_CERT_PATH, cert)?;
    let key = PrivateKeyDer::from_pem_slice(key)
        .map_err(|error| Problem::other(keys::TLS_KEY_PATH.name, format!("no PEM private key: {error}")))?;
    let verifier = client_ca.map(|ca| verifier(&provider, ca)).transpose()?;
    let builder = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Problem::other(keys::TLS_ENABLED.name, error.to_string()))?;
    let builder = match verifier {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let config = builder
        .with_single_cert(chain, key)
        .map_err(|error| Problem::other(keys::TLS_CERT_PATH.name, error.to_string()))?;
    let offer = |protocols: &[&[u8]]| {
        let mut config = config.clone();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        Arc::new(config)
    };
    Ok((offer(&[b"h2"]), offer(&[b"h2", b"http/1.1"])))
}

fn certificates(key: &Key, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Problem> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match chain {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        Ok(_) => Err(Problem::other(key.name, "no PEM certificate in this file")),
        Err(error) => Err(Problem::other(key.name, format!("no PEM certificate: {error}"))),
    }
}

fn verifier(provider: &Arc<CryptoProvider>, ca: &[u8]) -> Result<Arc<dyn ClientCertVerifier>, Problem> {
    let key = &keys::TLS_CLIENT_CA_PATH;
    let mut roots = rustls::RootCertStore::empty();
    for certificate in certificates(key, ca)? {
        roots.add(certificate).map_err(|error| Problem::other(key.name, error.to_string()))?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .map_err(|error| Problem::other(key.name, error.to_string()))?;
    Ok(verifier)
}
