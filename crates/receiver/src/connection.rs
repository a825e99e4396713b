//! Hops 1 and 2: one connection from its handshake to its end.

use std::convert::Infallible;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ::http::header::{CONNECTION, HeaderValue};
use ::http::{Request, Response, Version};
use bytes::BytesMut;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use pipeline::{Intake, Phase};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsAcceptor;

use crate::config::Settings;
use crate::exchange::{InUse, Phases};
use crate::io::{Activity, Io, Socket};
use crate::reply::ReplyBody;
use crate::windows::Window;
use crate::worker::Here;
use crate::{grpc, http};

/// RFC 9113, 3.4: what every HTTP/2 connection begins with.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How long answers may take to leave once everything is closing.
const PARTING: Duration = Duration::from_secs(1);

/// How long a connection whose last body was left unread is read on, so that its peer sees the answer.
const LINGER: Duration = Duration::from_secs(5);

/// Time between two pings of a silent HTTP/2 peer, and for its answer.
const PING_INTERVAL: Duration = Duration::from_secs(60);
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// Streams reset before they are accepted, and after errors of the peer, before the connection is given up
/// (CVE-2023-44487, CVE-2025-8671).
const PENDING_RESETS_MAX: usize = 20;
const ERROR_RESETS_MAX: usize = 1024;

/// Which receiver a connection came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// OTLP/gRPC.
    Grpc,
    /// OTLP/HTTP.
    Http,
}

/// What a connection works for, and with.
struct Ends<I> {
    /// Where each request finds what is in force for it.
    here: Rc<Here<I>>,
    /// What was in force when the connection came: limits of connections hold to their end.
    settings: Settings,
    /// How far the end of its port has come.
    phases: Rc<Phases>,
    activity: Rc<Activity>,
    door: Door,
}

/// Serves `stream` to its end.
pub(crate) async fn serve<I: Intake + 'static>(
    here: Rc<Here<I>>,
    phases: Rc<Phases>,
    stream: TcpStream,
    door: Door,
    tls: Option<Arc<rustls::ServerConfig>>,
) {
    let settings = here.current().settings.clone();
    let opened = tokio::select! {
        opened = open(stream, tls, &settings) => opened,
        () = phases.reached(Phase::Draining) => return,
    };
    let (socket, seen, http2) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            tracing::debug!(%error, ?door, "connection ended before its first request");
            return;
        }
    };
    let activity = Activity::new();
    let io = Io::new(socket, seen, Rc::clone(&activity), settings.write_timeout);
    // Held no longer than it takes to ask it: what is no longer in force must not wait for connections to end.
    let windows = Arc::clone(&here.current().windows);
    let ends = Ends { here, settings, phases, activity, door };
    let served = if http2 {
        let window = windows.http2();
        let connection = http2_connection(&ends, &window, io);
        drive(connection, &ends).await
    } else {
        ends.activity.watch_heads();
        let window = windows.http1();
        let connection = http1_connection(&ends, &window, io);
        drive(connection, &ends).await
    };
    if let Err(error) = served {
        tracing::debug!(%error, ?door, "connection ended");
    }
    if let Some(socket) = ends.activity.take_lingering() {
        let closing = async {
            ends.phases.reached(Phase::Closing).await;
            tokio::time::sleep(PARTING).await;
        };
        tokio::select! {
            () = linger(socket, ends.settings.request_bytes_max) => {}
            () = closing => {}
        }
    }
}

/// TLS, then which HTTP it is: agreed on in the handshake, or told from the first bytes.
async fn open(
    stream: TcpStream,
    tls: Option<Arc<rustls::ServerConfig>>,
    settings: &Settings,
) -> io::Result<(Socket, BytesMut, bool)> {
    let mut socket = match tls {
        None => Socket::Plain(stream),
        Some(config) => {
            let handshake = TlsAcceptor::from(config).accept(stream);
            let stream = timeout(settings.handshake_timeout, handshake).await??;
            if let Some(protocol) = stream.get_ref().1.alpn_protocol() {
                let http2 = protocol == b"h2";
                return Ok((Socket::Tls(Box::new(stream)), BytesMut::new(), http2));
            }
            Socket::Tls(Box::new(stream))
        }
    };
    let mut seen = BytesMut::with_capacity(256);
    let http2 = timeout(settings.header_timeout, async {
        loop {
            let common = seen.len().min(PREFACE.len());
            if seen[..common] != PREFACE[..common] {
                return Ok(false);
            }
            if common == PREFACE.len() {
                return Ok(true);
            }
            if socket.read_buf(&mut seen).await? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
            }
        }
    });
    let http2 = http2.await??;
    Ok((socket, seen, http2))
}

/// Tasks stay on their worker's thread.
#[derive(Debug, Clone, Copy)]
struct Local;

impl<F: Future + 'static> hyper::rt::Executor<F> for Local {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(async move {
            future.await;
        });
    }
}

/// A connection that can be asked to end.
trait Connection: Future<Output = hyper::Result<()>> {
    /// No further requests; those that are open are answered.
    fn leave(self: Pin<&mut Self>);
}

impl<S> Connection for http1::Connection<TokioIo<Io>, S>
where
    S: hyper::service::HttpService<Incoming, ResBody = ReplyBody, Error = Infallible>,
{
    fn leave(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<S> Connection for http2::Connection<TokioIo<Io>, S, Local>
where
    S: hyper::service::HttpService<Incoming, ResBody = ReplyBody, Error = Infallible>,
    S::Future: 'static,
{
    fn leave(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

fn http2_connection<I: Intake + 'static>(
    ends: &Ends<I>,
    window: &Window,
    io: Io,
) -> impl Connection + use<I> {
    let (class, settings) = (window.class, &ends.settings);
    let streams_max = class.streams_max.unwrap_or(u32::MAX).min(settings.streams_max);
    let mut builder = http2::Builder::new(Local);
    builder
        .timer(TokioTimer::new())
        .initial_stream_window_size(class.stream_bytes)
        .initial_connection_window_size(class.connection_bytes)
        .max_frame_size(class.frame_bytes)
        .max_concurrent_streams(streams_max)
        .max_header_list_size(settings.header_bytes_max)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .max_pending_accept_reset_streams(PENDING_RESETS_MAX)
        .max_local_error_reset_streams(ERROR_RESETS_MAX)
        // Answers are a few KiB.
        .max_send_buf_size(16 << 10);
    let piece_bytes_max = class.frame_bytes as usize;
    let (here, activity, door) = (Rc::clone(&ends.here), Rc::clone(&ends.activity), ends.door);
    // In a box: hyper and tokio move what they spawn several times, and this is some thousand bytes.
    let answer =
        move |request| Box::pin(answer(here.enter(), Rc::clone(&activity), door, piece_bytes_max, request));
    builder.serve_connection(TokioIo::new(io), service_fn(answer))
}

fn http1_connection<I: Intake + 'static>(
    ends: &Ends<I>,
    window: &Window,
    io: Io,
) -> impl Connection + use<I> {
    let settings = &ends.settings;
    let head_bytes_max = settings.header_bytes_max as usize;
    // A head must fit, and a piece of a body is at most what was read.
    let piece_bytes_max = head_bytes_max.max(window.class.frame_bytes as usize);
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        // hyper's own would run while the connection is idle as well.
        .header_read_timeout(None)
        .max_header_size(head_bytes_max)
        .max_buf_size(piece_bytes_max);
    let (here, activity, door) = (Rc::clone(&ends.here), Rc::clone(&ends.activity), ends.door);
    let answer = move |request| answer(here.enter(), Rc::clone(&activity), door, piece_bytes_max, request);
    builder.serve_connection(TokioIo::new(io), service_fn(answer))
}

async fn answer<I: Intake>(
    service: InUse<I>,
    activity: Rc<Activity>,
    door: Door,
    piece_bytes_max: usize,
    request: Request<Incoming>,
) -> Result<Response<ReplyBody>, Infallible> {
    let _open = activity.request();
    let http1 = request.version() < Version::HTTP_2;
    let (mut response, complete) = match door {
        Door::Grpc => (grpc::call(&service, piece_bytes_max, request).await, !http1),
        Door::Http => http::request(&service, piece_bytes_max, request).await,
    };
    if http1 && !complete {
        activity.linger();
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

/// Runs a connection to its end: its own, a timeout, or the server's.
async fn drive<I: Intake>(connection: impl Connection, ends: &Ends<I>) -> hyper::Result<()> {
    const FAR: Duration = Duration::from_secs(24 * 3600);
    let Ends { settings, phases, activity, .. } = ends;
    let due = || activity.due(settings.header_timeout, settings.idle_timeout);
    let mut connection = pin!(connection);
    let mut draining = pin!(phases.reached(Phase::Draining));
    let mut closing = pin!(phases.reached(Phase::Closing));
    let mut timer = pin!(tokio::time::sleep(settings.header_timeout.min(settings.idle_timeout)));
    let (mut leaving, mut closed, mut cut_at) = (false, false, None::<Instant>);
    loop {
        let step = std::future::poll_fn(|context| {
            if let std::task::Poll::Ready(served) = connection.as_mut().poll(context) {
                return std::task::Poll::Ready(Some(served));
            }
            if let Some(next) = cut_at.or_else(due).filter(|next| *next < timer.deadline()) {
                timer.as_mut().reset(next);
            }
            timer.as_mut().poll(context).map(|()| None)
        });
        tokio::select! {
            biased;
            // First, so that an answer which comes at the same moment says that it is the last.
            () = &mut draining, if !leaving => {
                connection.as_mut().leave();
                leaving = true;
            }
            served = step => match served {
                Some(served) => return served,
                // A request that was under way when the connection seemed idle is answered, and is the last.
                None if cut_at.is_some() && !closed && due().is_none() => {
                    cut_at = None;
                    timer.as_mut().reset(Instant::now() + FAR);
                }
                None if cut_at.is_some_and(|at| at <= Instant::now()) => return Ok(()),
                None => match due() {
                    Some(at) if at <= Instant::now() => {
                        if activity.is_head_open() {
                            return Ok(());
                        }
                        connection.as_mut().leave();
                        leaving = true;
                        cut_at = Some(Instant::now() + PARTING);
                        timer.as_mut().reset(Instant::now() + PARTING);
                    }
                    at => timer.as_mut().reset(at.unwrap_or_else(|| Instant::now() + FAR)),
                },
            },
            () = &mut closing, if !closed => {
                closed = true;
                cut_at = Some(Instant::now() + PARTING);
            }
        }
    }
}

/// Reads on and throws away, so that a peer in the middle of its body gets to the answer instead of a reset.
async fn linger(mut socket: Socket, bytes_max: usize) {
    let mut scratch = BytesMut::with_capacity(8 << 10);
    let discard = async {
        // hyper has sent the end of ours already, unless it failed.
        let _ended = socket.shutdown().await;
        let mut left = bytes_max;
        while left > 0 {
            scratch.clear();
            match socket.read_buf(&mut scratch).await {
                Ok(0) | Err(_) => return,
                Ok(bytes) => left = left.saturating_sub(bytes),
            }
        }
    };
    let _elapsed = timeout(LINGER, discard).await;
}
