//! The control plane's sockets, with a bound on connections, header size, and the time that reading a header and
//! writing an answer may take.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::response::IntoResponse;
use http::uri::PathAndQuery;
use http::{Request, Response, StatusCode, Uri};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use pipeline::{Drain, Phase};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;

use crate::connect::{Error, OverTls};
use crate::router::router;
use crate::{Serves, State};

/// Bytes of a request's head.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// Pause after a failed accept, which mostly means that file descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// An address could not be bound.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {addr}")]
pub struct BindError {
    /// The address asked for.
    pub addr: SocketAddr,
    /// What the system said.
    #[source]
    pub source: io::Error,
}

impl BindError {
    /// Whether somebody else listens there.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        self.source.kind() == io::ErrorKind::AddrInUse
    }
}

/// A bound socket that does not answer yet.
pub struct Bound {
    listener: TcpListener,
    addr: SocketAddr,
    serves: Serves,
    tls: Option<Arc<ServerConfig>>,
}

impl fmt::Debug for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bound")
            .field("addr", &self.addr)
            .field("serves", &self.serves)
            .finish_non_exhaustive()
    }
}

/// Binds `addr`; port 0 takes any free one. Must run within a runtime.
///
/// # Errors
///
/// [`BindError`] when the system refuses.
pub async fn bind(
    addr: SocketAddr,
    serves: Serves,
    tls: Option<Arc<ServerConfig>>,
) -> Result<Bound, BindError> {
    let listener = TcpListener::bind(addr).await.map_err(|source| BindError { addr, source })?;
    let addr = listener.local_addr().map_err(|source| BindError { addr, source })?;
    Ok(Bound { listener, addr, serves, tls })
}

impl Bound {
    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Answers until [`Phase::Closing`], then lets each connection end the answer that it is at. Needs a
    /// runtime for the connections' tasks.
    pub async fn serve(self, state: Arc<State>, mut drain: Drain) {
        let (header_timeout, write_timeout) = (state.options.header_timeout, state.options.write_timeout);
        let places = Arc::new(Semaphore::new(state.options.connections_max));
        let router = TowerToHyperService::new(router(state, self.serves));
        let tls = self.tls.map(TlsAcceptor::from);
        let mut closing = drain.clone();
        loop {
            let accepted = tokio::select! {
                accepted = async {
                    let place = Arc::clone(&places).acquire_owned().await;
                    (place, self.listener.accept().await)
                } => accepted,
                () = drain.reached(Phase::Closing) => break,
            };
            match accepted {
                (Ok(place), Ok((stream, _))) => {
                    // Else an answer of several packets would wait for acknowledgements of the first.
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "a connection to the REST API ended");
                        continue;
                    }
                    let (router, drain) = (router.clone(), closing.clone());
                    let connection = Connection { router, header_timeout, write_timeout, drain };
                    let tls = tls.clone();
                    tokio::spawn(async move {
                        connection.accept(stream, tls).await;
                        drop(place);
                    });
                }
                (_, Err(error)) => {
                    tracing::warn!(%error, "cannot accept a connection to the REST API");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
                (Err(_), Ok(_)) => break,
            }
        }
        closing.reached(Phase::Closing).await;
    }
}

/// What one connection needs.
struct Connection {
    router: TowerToHyperService<axum::Router>,
    header_timeout: Duration,
    write_timeout: Duration,
    drain: Drain,
}

impl Connection {
    async fn accept(self, stream: TcpStream, tls: Option<TlsAcceptor>) {
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(self.write_timeout));
        let stream = Box::pin(stream);
        let Some(tls) = tls else { return self.serve(stream, false).await };
        match timeout(self.header_timeout, tls.accept(stream)).await {
            Ok(Ok(stream)) => self.serve(stream, true).await,
            Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake with the REST API failed"),
            Err(_) => tracing::debug!("a TLS handshake with the REST API took too long"),
        }
    }

    async fn serve<S: AsyncRead + AsyncWrite + Unpin>(self, stream: S, tls: bool) {
        let Self { router, header_timeout, write_timeout, mut drain } = self;
        let service = service_fn(move |mut request: Request<Incoming>| {
            trim_path(request.uri_mut());
            if tls {
                request.extensions_mut().insert(OverTls);
            }
            let answer = is_percent_encoded(request.uri().path()).then(|| router.call(request));
            async move {
                match answer {
                    Some(answer) => answer.await,
                    None => Ok::<Response<_>, Infallible>(
                        Error::framework(StatusCode::BAD_REQUEST).into_response(),
                    ),
                }
            }
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(header_timeout).max_buf_size(HEAD_BYTES_MAX);
        let mut serving = std::pin::pin!(http.serve_connection(TokioIo::new(stream), service));
        let ended = tokio::select! {
            ended = serving.as_mut() => ended,
            () = drain.reached(Phase::Closing) => {
                serving.as_mut().graceful_shutdown();
                let Ok(ended) = timeout(write_timeout, serving).await else {
                    return tracing::debug!("a connection to the REST API was cut off at the end");
                };
                ended
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection to the REST API ended");
        }
    }
}

/// Whether each percent sign has its two digits.
fn is_percent_encoded(path: &str) -> bool {
    path.split('%')
        .skip(1)
        .all(|rest| rest.as_bytes().get(..2).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit)))
}

/// Takes slashes off a path's end: clients of Connect put them there.
fn trim_path(uri: &mut Uri) {
    let path = uri.path();
    let trimmed = path.trim_end_matches('/');
    if trimmed.is_empty() || trimmed.len() == path.len() {
        return;
    }
    let path_and_query = match uri.query() {
        Some(query) => format!("{trimmed}?{query}"),
        None => trimmed.to_owned(),
    };
    if let Ok(path_and_query) = PathAndQuery::try_from(path_and_query) {
        let mut parts = std::mem::take(uri).into_parts();
        parts.path_and_query = Some(path_and_query);
        *uri = Uri::from_parts(parts).unwrap_or_default();
    }
}
