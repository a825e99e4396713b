//! From checked values to what the receivers obey; mistakes that one key alone does not show are found here.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use ::config::{Key, Problem, Values};
use ::http::HeaderName;
use ::http::header::HeaderMap;
use pipeline::Carried;

use crate::connection::Door;
use crate::{keys, tls};

/// A configuration of the receivers that can be in force.
#[derive(Debug, Clone)]
pub struct Config {
    grpc: Option<Address>,
    http: Option<Address>,
    /// `None`: as the bytes come.
    pub tls: Option<Tls>,
    /// Open connections of both receivers.
    pub connections_max: usize,
    pub(crate) settings: Settings,
}

/// Where a receiver is to listen. Two that are equal are the same port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The key that names the port.
    pub key: &'static str,
    /// `otlp.bind.address`.
    pub host: String,
    /// 0: any that is free.
    pub port: u16,
}

/// The TLS side of both receivers; they differ in the protocols they offer.
#[derive(Debug, Clone)]
pub struct Tls {
    pub(crate) grpc: Arc<rustls::ServerConfig>,
    pub(crate) http: Arc<rustls::ServerConfig>,
    made_of: Arc<Files>,
}

/// The files that a TLS configuration was made from.
#[derive(PartialEq, Eq)]
struct Files {
    cert: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

/// A private key is not shown.
impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Files").finish_non_exhaustive()
    }
}

/// The same files make the same TLS.
impl PartialEq for Tls {
    fn eq(&self, other: &Self) -> bool {
        self.made_of == other.made_of
    }
}

impl Eq for Tls {}

impl Tls {
    pub(crate) fn of(&self, door: Door) -> Arc<rustls::ServerConfig> {
        Arc::clone(match door {
            Door::Grpc => &self.grpc,
            Door::Http => &self.http,
        })
    }
}

/// What every worker needs to know.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) request_bytes_max: usize,
    pub(crate) hold: Duration,
    pub(crate) retry_delay: Duration,
    pub(crate) streams_max: u32,
    pub(crate) header_bytes_max: u32,
    pub(crate) header_timeout: Duration,
    pub(crate) body_timeout: Duration,
    pub(crate) idle_timeout: Duration,
    pub(crate) write_timeout: Duration,
    pub(crate) handshake_timeout: Duration,
    /// Names of the headers that requests take along.
    pub(crate) carried: Arc<[HeaderName]>,
}

impl Config {
    /// Takes the values of [`keys::KEYS`]. `read` reads the PEM files.
    ///
    /// # Errors
    ///
    /// Every problem: both receivers off, one port for both, TLS without certificate or key, client
    /// authorities without TLS, a file that can't be read or does not hold what it should.
    pub fn from_values(
        values: &Values,
        read: &dyn Fn(&str) -> io::Result<Vec<u8>>,
    ) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let port = |enabled: &Key, port: &Key| {
            values.bool(enabled).then(|| u16::try_from(values.int(port)).unwrap_or(0))
        };
        let grpc_port = port(&keys::GRPC_ENABLED, &keys::GRPC_PORT);
        let http_port = port(&keys::HTTP_ENABLED, &keys::HTTP_PORT);
        if grpc_port.is_none() && http_port.is_none() {
            let what = "at least one of otlp.grpc.enabled and otlp.http.enabled must be true";
            problems.push(Problem::other(keys::GRPC_ENABLED.name, what));
        }
        if grpc_port == http_port && grpc_port.is_some_and(|port| port != 0) {
            let what = "the port is that of otlp.grpc.port; each receiver needs its own";
            problems.push(Problem::other(keys::HTTP_PORT.name, what));
        }
        let tls = tls_of(values, read, &mut problems);
        if !problems.is_empty() {
            return Err(problems);
        }
        let host = values.text(&keys::BIND_ADDRESS).unwrap_or_default();
        let address = |key: &Key, port: Option<u16>| {
            port.map(|port| Address { key: key.name, host: host.to_owned(), port })
        };
        Ok(Self {
            grpc: address(&keys::GRPC_PORT, grpc_port),
            http: address(&keys::HTTP_PORT, http_port),
            tls,
            connections_max: values.size(&keys::CONNECTIONS_MAX),
            settings: Settings::from_values(values),
        })
    }

    /// Where a receiver is to listen; `None` when it is off.
    #[must_use]
    pub fn address(&self, door: Door) -> Option<&Address> {
        match door {
            Door::Grpc => self.grpc.as_ref(),
            Door::Http => self.http.as_ref(),
        }
    }

    /// The longest time that a request waits for its answer.
    #[must_use]
    pub fn hold(&self) -> Duration {
        self.settings.hold
    }
}

impl Config {
    /// Has requests take along their headers of these names, in this order ([`pipeline::Request::carried`]).
    ///
    /// # Errors
    ///
    /// The first name that no header can have.
    pub fn carry(&mut self, names: &[String]) -> Result<(), String> {
        let parse = |name: &String| HeaderName::from_bytes(name.as_bytes()).map_err(|_| name.clone());
        self.settings.carried = names.iter().map(parse).collect::<Result<_, _>>()?;
        Ok(())
    }
}

impl Settings {
    fn from_values(values: &Values) -> Self {
        let small = |key: &Key| u32::try_from(values.int(key)).unwrap_or(u32::MAX);
        Self {
            request_bytes_max: values.size(&keys::REQUEST_MAX_BYTES),
            hold: values.millis(&keys::REQUEST_HOLD_MS),
            retry_delay: values.millis(&keys::RETRY_DELAY_MS),
            streams_max: small(&keys::STREAMS_MAX),
            header_bytes_max: small(&keys::HEADER_MAX_BYTES),
            header_timeout: values.millis(&keys::HEADER_TIMEOUT_MS),
            body_timeout: values.millis(&keys::BODY_TIMEOUT_MS),
            idle_timeout: values.millis(&keys::IDLE_TIMEOUT_MS),
            write_timeout: values.millis(&keys::WRITE_TIMEOUT_MS),
            handshake_timeout: values.millis(&keys::TLS_HANDSHAKE_TIMEOUT_MS),
            carried: Arc::default(),
        }
    }

    /// What a request with this head takes along: the first value of each name.
    pub(crate) fn carried(&self, headers: &HeaderMap) -> Carried {
        Carried::new(self.carried.iter().map(|name| headers.get(name).map(|value| value.as_bytes())))
    }
}

/// Reads the files even when TLS is off, as the users' tools expect of a path that is set.
fn tls_of(
    values: &Values,
    read: &dyn Fn(&str) -> io::Result<Vec<u8>>,
    problems: &mut Vec<Problem>,
) -> Option<Tls> {
    let enabled = values.bool(&keys::TLS_ENABLED);
    let before = problems.len();
    let mut pem = |key: &Key, needed: bool| {
        let Some(path) = values.text(key) else {
            if needed {
                problems.push(Problem::other(key.name, "must be set when otlp.tls.enabled is true"));
            }
            return None;
        };
        read(path)
            .map_err(|error| problems.push(Problem::invalid(key.name, Some(path), error.to_string())))
            .ok()
    };
    let cert = pem(&keys::TLS_CERT_PATH, enabled);
    let key = pem(&keys::TLS_KEY_PATH, enabled);
    let client_ca = pem(&keys::TLS_CLIENT_CA_PATH, false);
    if !enabled {
        if client_ca.is_some() {
            let what = "clients cannot be checked while otlp.tls.enabled is false";
            problems.push(Problem::other(keys::TLS_CLIENT_CA_PATH.name, what));
        }
        return None;
    }
    if problems.len() > before {
        return None;
    }
    let made_of = Arc::new(Files { cert: cert?, key: key?, client_ca });
    match tls::server_configs(&made_of.cert, &made_of.key, made_of.client_ca.as_deref()) {
        Ok((grpc, http)) => Some(Tls { grpc, http, made_of }),
        Err(problem) => {
            problems.push(problem);
            None
        }
    }
}
