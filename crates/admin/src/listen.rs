//! The control plane's sockets, with a bound on connections, header size and the time a header may take.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::header::SERVER;
use http::uri::PathAndQuery;
use http::{HeaderValue, Request, Uri};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use pipeline::{Drain, Phase};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::State;
use crate::router::router;

/// Open connections; more wait in the socket's backlog.
const CONNECTIONS_MAX: usize = 256;
/// Bytes of a request's head.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// Longest wait for a request's head, idle time of a kept connection included.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);
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
#[derive(Debug)]
pub struct Bound {
    listener: TcpListener,
    addr: SocketAddr,
}

/// Binds `addr`; port 0 takes any free one. Must run within a runtime.
///
/// # Errors
///
/// [`BindError`] when the system refuses.
pub async fn bind(addr: SocketAddr) -> Result<Bound, BindError> {
    let listener = TcpListener::bind(addr).await.map_err(|source| BindError { addr, source })?;
    let addr = listener.local_addr().map_err(|source| BindError { addr, source })?;
    Ok(Bound { listener, addr })
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
        let router = TowerToHyperService::new(router(state));
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
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
                    let connection = connection(stream, router.clone(), closing.clone());
                    tokio::spawn(async move {
                        connection.await;
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

async fn connection(stream: TcpStream, router: TowerToHyperService<axum::Router>, mut drain: Drain) {
    let service = service_fn(move |mut request: Request<Incoming>| {
        trim_path(request.uri_mut());
        let answer = router.call(request);
        async move {
            let mut answer = answer.await?;
            answer.headers_mut().insert(SERVER, HeaderValue::from_static(PRODUCT));
            Ok::<_, std::convert::Infallible>(answer)
        }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(HEAD_BYTES_MAX);
    let mut serving = std::pin::pin!(http.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = drain.reached(Phase::Closing) => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection to the REST API ended");
    }
}

const PRODUCT: &str = concat!("otlp2kafka/", env!("CARGO_PKG_VERSION"));

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
