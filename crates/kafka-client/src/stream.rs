//! Hop 7: a TCP connection to a broker, plain or under TLS.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::{Error, HostPort, Settings};

/// What requests are written to and answers read from.
#[derive(Debug)]
pub(crate) enum Stream {
    /// As it is.
    Plain(TcpStream),
    /// Under TLS.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// Connects to one address of the broker, and agrees on TLS where the settings ask for it. The caller bounds the
    /// time.
    pub(crate) async fn connect(
        settings: &Settings,
        broker: &HostPort,
        address: SocketAddr,
    ) -> Result<Self, Error> {
        let connecting = async {
            let tcp = TcpStream::connect(address).await?;
            tune(&tcp, settings)?;
            io::Result::Ok(tcp)
        };
        match connecting.await {
            Ok(tcp) => Self::secure(settings, broker, tcp).await,
            Err(error) => Err(Error::Connect { broker: broker.clone(), why: format!("{address}: {error}") }),
        }
    }

    async fn secure(settings: &Settings, broker: &HostPort, tcp: TcpStream) -> Result<Self, Error> {
        let Some(tls) = &settings.security.tls else { return Ok(Self::Plain(tcp)) };
        let failed = |why: String| Error::Tls { broker: broker.clone(), why };
        let name = rustls_pki_types::ServerName::try_from(broker.host.clone())
            .map_err(|error| failed(error.to_string()))?;
        let stream = tls.connector().connect(name, tcp).await.map_err(|error| failed(tls.explain(&error)))?;
        Ok(Self::Tls(Box::new(stream)))
    }
}

fn tune(tcp: &TcpStream, settings: &Settings) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    let socket = SockRef::from(tcp);
    socket.set_keepalive(true)?;
    if let Some(bytes) = settings.send_buffer_bytes {
        socket.set_send_buffer_size(bytes)?;
    }
    if let Some(bytes) = settings.receive_buffer_bytes {
        socket.set_recv_buffer_size(bytes)?;
    }
    Ok(())
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(context, buffer),
            Self::Tls(tls) => Pin::new(tls).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write(context, bytes),
            Self::Tls(tls) => Pin::new(tls).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write_vectored(context, slices),
            Self::Tls(tls) => Pin::new(tls).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_flush(context),
            Self::Tls(tls) => Pin::new(tls).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_shutdown(context),
            Self::Tls(tls) => Pin::new(tls).poll_shutdown(context),
        }
    }
}
