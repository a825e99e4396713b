//! A gRPC client on bare HTTP/2 that shows exactly what came back, trailers-only answers included.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::{BufMut, Bytes, BytesMut};
use h2::client::SendRequest;
use http::{HeaderMap, Request};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// One connection; any number of calls at a time.
#[derive(Debug)]
pub struct Client {
    send: SendRequest<Bytes>,
    addr: SocketAddr,
    driver: JoinHandle<()>,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub http_status: u16,
    /// `grpc-status`, wherever it stood.
    pub status: Option<u32>,
    /// Whether the first and only HEADERS frame carried the status.
    pub trailers_only: bool,
    /// The first HEADERS frame.
    pub headers: HeaderMap,
    /// The trailers, or the headers of a trailers-only answer.
    pub trailers: HeaderMap,
    /// The DATA frames together, framing included.
    pub body: Bytes,
}

/// How to send a call.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// More headers.
    pub headers: Vec<(&'static str, String)>,
    /// Compress the message with gzip.
    pub gzip: bool,
}

impl Client {
    /// Connects with prior knowledge of HTTP/2.
    ///
    /// # Errors
    ///
    /// When nobody listens, or not for HTTP/2.
    pub async fn connect(addr: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(addr).await?;
        stream.set_nodelay(true)?;
        let mut builder = h2::client::Builder::new();
        builder.initial_window_size(4 << 20).initial_connection_window_size(16 << 20);
        let (send, connection) = builder.handshake::<_, Bytes>(stream).await?;
        let driver = tokio::spawn(async move { drop(connection.await) });
        Ok(Self { send, addr, driver })
    }

    /// A unary call with one message.
    ///
    /// # Errors
    ///
    /// When the connection or the stream fails without an answer.
    pub async fn call(&self, path: &str, message: &[u8], options: &Options) -> Result<Answer> {
        let packed = if options.gzip { Some(gzip(message)) } else { None };
        let bytes = packed.as_deref().unwrap_or(message);
        let mut frame = BytesMut::with_capacity(bytes.len() + 5);
        frame.put_u8(u8::from(options.gzip));
        frame.put_u32(u32::try_from(bytes.len())?);
        frame.put_slice(bytes);
        self.call_raw(path, frame.freeze(), options).await
    }

    /// A call whose framing is the caller's.
    ///
    /// # Errors
    ///
    /// As [`Client::call`].
    pub async fn call_raw(&self, path: &str, frame: Bytes, options: &Options) -> Result<Answer> {
        let uri = format!("http://{}{path}", self.addr);
        let mut head = Request::builder().method("POST").uri(uri).header("te", "trailers");
        if !options.headers.iter().any(|(name, _)| *name == "content-type") {
            head = head.header("content-type", "application/grpc");
        }
        if options.gzip {
            head = head.header("grpc-encoding", "gzip");
        }
        for (name, value) in &options.headers {
            head = head.header(*name, value);
        }
        let mut send = self.send.clone().ready().await?;
        let (response, mut stream) = send.send_request(head.body(())?, false)?;
        let upload = async move {
            let mut left = frame;
            while !left.is_empty() {
                stream.reserve_capacity(left.len());
                let Some(capacity) = poll_fn(|context| stream.poll_capacity(context)).await else {
                    return Ok(());
                };
                let part = left.split_to(capacity?.min(left.len()));
                if !part.is_empty() {
                    stream.send_data(part, false)?;
                }
            }
            stream.send_data(Bytes::new(), true)
        };
        let answer = read_answer(response);
        tokio::pin!(upload, answer);
        // An early refusal ends the upload.
        tokio::select! {
            biased;
            answer = &mut answer => answer,
            _sent = &mut upload => answer.await,
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

async fn read_answer(response: h2::client::ResponseFuture) -> Result<Answer> {
    let response =
        tokio::time::timeout(Duration::from_secs(60), response).await.context("no answer in 60 s")??;
    let http_status = response.status().as_u16();
    let headers = response.headers().clone();
    let mut stream = response.into_body();
    let mut body = BytesMut::new();
    while let Some(chunk) = stream.data().await {
        let chunk = chunk?;
        stream.flow_control().release_capacity(chunk.len())?;
        body.put(chunk);
    }
    let trailers_only = headers.contains_key("grpc-status");
    let trailers = match stream.trailers().await? {
        Some(_) if trailers_only => bail!("grpc-status in headers and trailers"),
        Some(trailers) => trailers,
        None => headers.clone(),
    };
    let status = trailers.get("grpc-status").and_then(|value| value.to_str().ok()?.parse().ok());
    Ok(Answer { http_status, status, trailers_only, headers, trailers, body: body.freeze() })
}

/// A gzip member at level 6.
#[must_use]
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("a Vec takes everything")
}
