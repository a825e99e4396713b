//! Hop 7: stores that keytool and openssl make, and handshakes over loopback with them.

mod endpoint;
mod handshake;
mod kafka;
mod listener;
mod pki;
mod properties;
mod stores;
