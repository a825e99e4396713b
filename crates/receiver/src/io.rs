//! Hop 1: the bytes of a connection, and what its timeouts need to know of them.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};
use tokio_rustls::server::TlsStream;

/// With or without TLS.
#[derive(Debug)]
pub(crate) enum Socket {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// When a connection last did what.
#[derive(Debug)]
pub(crate) struct Activity {
    /// Requests without an answer.
    open: Cell<usize>,
    /// Since when there is none.
    quiet_since: Cell<Instant>,
    /// Since when a head is on its way; HTTP/1 only.
    head_since: Cell<Option<Instant>>,
    watch_heads: Cell<bool>,
    /// A body was left unread: closing at once would take the answer with it.
    linger: Cell<bool>,
    /// The socket, once HTTP is done with it.
    socket: RefCell<Option<Socket>>,
}

/// One open request of a connection.
#[derive(Debug)]
pub(crate) struct OpenRequest(Rc<Activity>);

impl Activity {
    pub(crate) fn new() -> Rc<Self> {
        Rc::new(Self {
            open: Cell::new(0),
            quiet_since: Cell::new(Instant::now()),
            head_since: Cell::new(None),
            watch_heads: Cell::new(false),
            linger: Cell::new(false),
            socket: RefCell::new(None),
        })
    }

    /// From here on heads are timed; the first one is due now.
    pub(crate) fn watch_heads(&self) {
        self.watch_heads.set(true);
        self.head_since.set(Some(Instant::now()));
    }

    pub(crate) fn request(self: &Rc<Self>) -> OpenRequest {
        self.open.set(self.open.get() + 1);
        self.head_since.set(None);
        OpenRequest(Rc::clone(self))
    }

    /// The moment when a head is late or the connection was idle for too long; `None` while requests are open.
    pub(crate) fn due(&self, header_timeout: Duration, idle_timeout: Duration) -> Option<Instant> {
        if self.open.get() > 0 {
            return None;
        }
        let idle = self.quiet_since.get() + idle_timeout;
        Some(self.head_since.get().map_or(idle, |since| idle.min(since + header_timeout)))
    }

    /// Whether a head has begun and not ended.
    pub(crate) fn is_head_open(&self) -> bool {
        self.head_since.get().is_some()
    }

    pub(crate) fn linger(&self) {
        self.linger.set(true);
    }

    /// The socket, when it has to be read on for the last answer's sake.
    pub(crate) fn take_lingering(&self) -> Option<Socket> {
        self.socket.borrow_mut().take().filter(|_| self.linger.get())
    }

    fn read(&self) {
        if self.watch_heads.get() && self.open.get() == 0 && self.head_since.get().is_none() {
            self.head_since.set(Some(Instant::now()));
        }
    }
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        self.0.open.set(self.0.open.get() - 1);
        self.0.quiet_since.set(Instant::now());
    }
}

/// What HTTP reads and writes: the socket behind the bytes that were read to tell the protocol, with a limit
/// to how long the peer may leave what we write unread.
#[derive(Debug)]
pub(crate) struct Io {
    /// Present until this is dropped.
    socket: Option<Socket>,
    seen: BytesMut,
    activity: Rc<Activity>,
    write_timeout: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Io {
    pub(crate) fn new(
        socket: Socket,
        seen: BytesMut,
        activity: Rc<Activity>,
        write_timeout: Duration,
    ) -> Self {
        Self { socket: Some(socket), seen, activity, write_timeout, stalled: None }
    }

    fn socket(&mut self) -> Pin<&mut Socket> {
        Pin::new(self.socket.as_mut().expect("the socket leaves in drop"))
    }

    /// Starts, keeps or ends the time of a stall.
    fn watch<T>(&mut self, context: &mut Context<'_>, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.stalled = None;
            return polled;
        }
        let timeout = self.write_timeout;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
        match stalled.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl Drop for Io {
    fn drop(&mut self) {
        *self.activity.socket.borrow_mut() = self.socket.take();
    }
}

impl AsyncRead for Io {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let io = self.get_mut();
        if !io.seen.is_empty() {
            let take = io.seen.len().min(buffer.remaining());
            buffer.put_slice(&io.seen[..take]);
            io.seen.advance(take);
            if io.seen.is_empty() {
                io.seen = BytesMut::new();
            }
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let polled = io.socket().poll_read(context, buffer);
        if buffer.filled().len() > before {
            io.activity.read();
        }
        polled
    }
}

impl AsyncWrite for Io {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let io = self.get_mut();
        let polled = io.socket().poll_write(context, bytes);
        io.watch(context, polled)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let io = self.get_mut();
        let polled = io.socket().poll_flush(context);
        // Without TLS there is nothing to flush, which says nothing of the peer.
        if matches!(io.socket, Some(Socket::Plain(_))) { polled } else { io.watch(context, polled) }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let io = self.get_mut();
        let polled = io.socket().poll_shutdown(context);
        io.watch(context, polled)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let io = self.get_mut();
        let polled = io.socket().poll_write_vectored(context, bytes);
        io.watch(context, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.as_ref().is_some_and(AsyncWrite::is_write_vectored)
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_read(context, buffer),
            Self::Tls(socket) => Pin::new(socket).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_write(context, bytes),
            Self::Tls(socket) => Pin::new(socket).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_flush(context),
            Self::Tls(socket) => Pin::new(socket).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_shutdown(context),
            Self::Tls(socket) => Pin::new(socket).poll_shutdown(context),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_write_vectored(context, bytes),
            Self::Tls(socket) => Pin::new(socket).poll_write_vectored(context, bytes),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(socket) => socket.is_write_vectored(),
            Self::Tls(socket) => socket.is_write_vectored(),
        }
    }
}
