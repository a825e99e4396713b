//! The client's side: HTTP/1 by hand, HTTP/2 by the `h2` crate, and HTTP/2 frames as they are on the wire.

use std::net::SocketAddr;

use ::http::{HeaderMap, Request};
use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{connect, within};

pub(super) const TRACES: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// An answer over HTTP/1.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// Reads one answer with a Content-Length.
pub(super) async fn answer(socket: &mut (impl tokio::io::AsyncRead + Unpin)) -> Answer {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let byte = within(socket.read_u8()).await;
        head.push(byte.unwrap_or_else(|error| panic!("{error} after {:?}", String::from_utf8_lossy(&head))));
    }
    let head = String::from_utf8(head).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let mut answer = Answer { status, head, body: Vec::new() };
    if status >= 200 {
        let length = answer.header("content-length").expect("a length").parse().unwrap();
        answer.body.resize(length, 0);
        within(socket.read_exact(&mut answer.body)).await.unwrap();
    }
    answer
}

/// One POST on a connection of its own. `headers` end in CRLF each.
pub(super) async fn post(address: SocketAddr, path: &str, headers: &str, body: &[u8]) -> Answer {
    let mut socket = connect(address).await;
    let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
    within(socket.write_all(head.as_bytes())).await.unwrap();
    let _early = within(socket.write_all(body)).await;
    answer(&mut socket).await
}

/// A gRPC answer.
#[derive(Debug)]
pub(super) struct Called {
    pub(super) http_status: u16,
    pub(super) headers: HeaderMap,
    /// Whether the headers ended the stream.
    pub(super) trailers_only: bool,
    pub(super) data: Bytes,
    pub(super) trailers: Option<HeaderMap>,
}

impl Called {
    pub(super) fn status(&self) -> Option<u16> {
        let headers = self.trailers.as_ref().unwrap_or(&self.headers);
        headers.get("grpc-status")?.to_str().unwrap().parse().ok()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

pub(super) type Sender = h2::client::SendRequest<Bytes>;

/// An HTTP/2 connection that lives as long as its sender.
pub(super) async fn http2(address: SocketAddr) -> Sender {
    let (sender, connection) = within(h2::client::handshake(connect(address).await)).await.unwrap();
    tokio::spawn(async move { drop(connection.await) });
    sender
}

/// A message with its prefix.
pub(super) fn framed(flag: u8, message: &[u8]) -> Bytes {
    let mut framed = vec![flag];
    framed.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
    framed.extend_from_slice(message);
    framed.into()
}

pub(super) fn head(path: &str, headers: &[(&str, &str)]) -> Request<()> {
    let mut request = Request::post(format!("http://localhost{path}")).header("te", "trailers");
    if !headers.iter().any(|(name, _)| *name == "content-type") {
        request = request.header("content-type", "application/grpc");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap()
}

/// One call whose body is `body`.
pub(super) async fn call(sender: &Sender, path: &str, headers: &[(&str, &str)], body: Bytes) -> Called {
    let mut sender = within(sender.clone().ready()).await.unwrap();
    let (response, mut stream) = sender.send_request(head(path, headers), body.is_empty()).unwrap();
    if !body.is_empty() {
        stream.send_data(body, true).unwrap();
    }
    called(response).await
}

pub(super) async fn called(response: h2::client::ResponseFuture) -> Called {
    let (parts, mut body) = within(response).await.unwrap().into_parts();
    let trailers_only = body.is_end_stream();
    let mut data = Vec::new();
    while let Some(piece) = within(body.data()).await {
        let piece = piece.unwrap();
        body.flow_control().release_capacity(piece.len()).unwrap();
        data.extend_from_slice(&piece);
    }
    let trailers = within(body.trailers()).await.unwrap();
    Called {
        http_status: parts.status.as_u16(),
        headers: parts.headers,
        trailers_only,
        data: data.into(),
        trailers,
    }
}

/// A frame as it is on the wire (RFC 9113, 4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WireFrame {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
    pub(super) length: usize,
}

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const END_STREAM: u8 = 1;

/// HTTP/2 without a library, for what a library hides.
pub(super) struct Wire(TcpStream);

impl Wire {
    pub(super) async fn open(address: SocketAddr) -> Self {
        let mut socket = connect(address).await;
        socket.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        let mut wire = Self(socket);
        wire.send(4, 0, 0, &[]).await;
        wire
    }

    pub(super) async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let mut frame = vec![length[1], length[2], length[3], kind, flags];
        frame.extend_from_slice(&stream.to_be_bytes());
        frame.extend_from_slice(payload);
        within(self.0.write_all(&frame)).await.unwrap();
    }

    /// The head of a call, as literals without an index (RFC 7541, 6.2.2).
    pub(super) async fn call(&mut self, stream: u32, path: &str) {
        let fields = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", path),
            (":authority", "x"),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
        ];
        let mut block = Vec::new();
        for (name, value) in fields {
            block.push(0);
            for text in [name, value] {
                block.push(u8::try_from(text.len()).unwrap());
                block.extend_from_slice(text.as_bytes());
            }
        }
        const END_HEADERS: u8 = 4;
        self.send(HEADERS, END_HEADERS, stream, &block).await;
    }

    pub(super) async fn frame(&mut self) -> WireFrame {
        let mut head = [0; 9];
        within(self.0.read_exact(&mut head)).await.unwrap();
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let mut payload = vec![0; length];
        within(self.0.read_exact(&mut payload)).await.unwrap();
        let stream = u32::from_be_bytes(head[5..9].try_into().unwrap());
        WireFrame { kind: head[3], flags: head[4], stream, length }
    }

    /// Frames of one stream until one ends it.
    pub(super) async fn frames_of(&mut self, stream: u32) -> Vec<WireFrame> {
        let mut frames = Vec::new();
        loop {
            let frame = self.frame().await;
            if frame.stream != stream {
                continue;
            }
            frames.push(frame);
            if matches!(frame.kind, DATA | HEADERS) && frame.flags & END_STREAM != 0 {
                return frames;
            }
        }
    }
}
