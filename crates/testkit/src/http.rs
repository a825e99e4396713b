//! A plain HTTP/1.1 client that shows exactly what came back.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Names in lower case, as they came.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The first header of that name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A request on a connection of its own.
///
/// # Errors
///
/// When the connection fails, ends early, or is silent for 30 s.
pub fn request(
    addr: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> std::io::Result<Answer> {
    let mut stream = connect(addr)?;
    let head = head(addr, method, path, headers, body) + "connection: close\r\n\r\n";
    stream.write_all(head.as_bytes())?;
    // An early refusal may end the upload; the answer still counts.
    let sent = stream.write_all(body);
    let mut bytes = Vec::new();
    let read = stream.read_to_end(&mut bytes);
    if bytes.is_empty() {
        sent?;
        read?;
    }
    parse(&bytes).ok_or_else(|| std::io::Error::other("the answer ended early"))
}

/// A connection that is kept for one request after the other.
#[derive(Debug)]
pub struct Connection {
    addr: SocketAddr,
    stream: TcpStream,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    ///
    /// When nobody answers within 5 s.
    pub fn open(addr: SocketAddr) -> std::io::Result<Self> {
        Ok(Self { addr, stream: connect(addr)? })
    }

    /// A request, and its answer's end.
    ///
    /// # Errors
    ///
    /// As [`request`].
    pub fn request(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> std::io::Result<Answer> {
        let mut bytes = (head(self.addr, method, path, headers, body) + "\r\n").into_bytes();
        bytes.extend_from_slice(body);
        self.stream.write_all(&bytes)?;
        bytes.clear();
        let mut read = vec![0; 64 << 10];
        loop {
            let length = self.stream.read(&mut read)?;
            if length == 0 {
                return Err(std::io::Error::other("the answer ended early"));
            }
            bytes.extend_from_slice(&read[..length]);
            if let Some(answer) = parse(&bytes) {
                return Ok(answer);
            }
        }
    }
}

fn connect(addr: SocketAddr) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&addr, Duration::from_secs(5))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    Ok(stream)
}

/// A request's head without its last line.
fn head(addr: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> String {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {addr}\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head
}

/// An export by POST.
///
/// # Errors
///
/// As [`request`].
pub fn post(addr: SocketAddr, path: &str, content_type: &str, body: &[u8]) -> std::io::Result<Answer> {
    request(addr, "POST", path, &[("content-type", content_type)], body)
}

/// A GET.
///
/// # Errors
///
/// As [`request`].
pub fn get(addr: SocketAddr, path: &str) -> std::io::Result<Answer> {
    request(addr, "GET", path, &[], b"")
}

fn parse(bytes: &[u8]) -> Option<Answer> {
    let mut storage = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut storage);
    let httparse::Status::Complete(head) = response.parse(bytes).ok()? else { return None };
    let headers: Vec<(String, String)> = response
        .headers
        .iter()
        .map(|header| (header.name.to_ascii_lowercase(), String::from_utf8_lossy(header.value).into_owned()))
        .collect();
    let mut answer = Answer { status: response.code?, headers, body: bytes[head..].to_vec() };
    if answer.header("transfer-encoding") == Some("chunked") {
        answer.body = unchunk(&answer.body)?;
        return Some(answer);
    }
    let length = answer.header("content-length").map_or(Some(0), |text| text.parse().ok())?;
    (answer.body.len() >= length).then_some(answer)
}

fn unchunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = rest.windows(2).position(|pair| pair == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..line]).ok()?.trim(), 16).ok()?;
        rest = rest.get(line + 2..)?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size + 2..)?;
    }
}
