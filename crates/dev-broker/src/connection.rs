//! One client's connection: frames in, answers out, one request at a time in the order they came.
//!
//! A client may send requests ahead of the answers; they wait in the socket. So what a connection keeps in memory is
//! one frame and one answer, and both are drawn from the broker's shared bounds. Any fault closes the connection, and
//! nothing but it.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kafka_wire::{DecodeError, EncodeError, ErrorCode, Reader, RequestHeader};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::api::{self, Answer};
use crate::node::{Node, Share};

/// The first frame of a connection is there within this time.
const HANDSHAKE_WAIT: Duration = Duration::from_secs(10);
/// A frame is there this long after its length, the wait for memory included; an answer is taken within it.
const TRANSFER_WAIT: Duration = Duration::from_secs(60);
/// Room for frames that are read together, and the most a small frame can hold on to.
const INBOX_BYTES: usize = 32 * 1024;

/// Why a connection is closed by the broker.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("frame of {length} bytes, at most {length_max} are taken")]
    FrameLength { length: i32, length_max: usize },
    #[error("the connection ended inside a frame")]
    Cut,
    #[error("no frame came in time")]
    Late,
    #[error("not a request: {0}")]
    Decode(#[from] DecodeError),
    #[error("{api_key:?} version {api_version} is not offered")]
    Version { api_key: kafka_wire::ApiKey, api_version: i16 },
    #[error("cannot write the answer: {0}")]
    Encode(#[from] EncodeError),
    #[error("a produce request without acknowledgement failed with {code}")]
    Unacknowledged { code: ErrorCode },
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Serves the client until it goes, the broker stops, or it sends what is no request.
pub(crate) async fn serve(node: &std::sync::Arc<Node>, stream: TcpStream, peer: SocketAddr) {
    match answer_requests(node, stream, peer).await {
        Ok(()) => {}
        // How clients go that do not wait for their answers.
        Err(Fault::Io(error)) if is_peers_end(&error) => {}
        Err(fault) => node.complaints.warn(peer, &fault),
    }
}

async fn answer_requests(
    node: &std::sync::Arc<Node>,
    mut stream: TcpStream,
    peer: SocketAddr,
) -> Result<(), Fault> {
    stream.set_nodelay(true)?;
    let mut inbox = BytesMut::with_capacity(INBOX_BYTES);
    let mut wait = HANDSHAKE_WAIT;
    loop {
        let length = tokio::select! {
            biased;
            length = timeout(wait, frame_length(&mut stream, &mut inbox, node.config.frame_bytes_max)) => length,
            () = node.stopped() => return Ok(()),
        };
        let length = match length {
            Ok(length) => length?,
            // An idle client is let go without a word; one that never said anything is odd.
            Err(_) if wait == HANDSHAKE_WAIT => return Err(Fault::Late),
            Err(_) => return Ok(()),
        };
        let Some(length) = length else { return Ok(()) };
        wait = node.config.idle_wait;
        let transfer = async {
            let share = node.requests.share(length).await;
            Ok::<_, Fault>((frame_body(&mut stream, &mut inbox, length).await?, share))
        };
        let (frame, share) = timeout(TRANSFER_WAIT, transfer).await.map_err(|_| Fault::Late)??;
        let request = api::Request { frame: Reader::new(frame), peer };
        let answer = tokio::select! {
            biased;
            answer = handle(node, request, share) => answer?,
            () = hung_up(&stream) => return Ok(()),
        };
        match answer {
            Answer::Frame(mut frame, _share) => {
                timeout(TRANSFER_WAIT, stream.write_all_buf(&mut frame)).await.map_err(|_| Fault::Late)??;
            }
            Answer::Nothing => {}
            Answer::Stopping => return Ok(()),
        }
    }
}

/// The request's memory is given back when it has been worked on, before the answer is sent.
async fn handle(
    node: &std::sync::Arc<Node>,
    mut request: api::Request,
    _share: Share,
) -> Result<Answer, Fault> {
    let header = RequestHeader::read(&mut request.frame)?;
    api::handle(node, header, request).await
}

/// Waits for the next frame's length and takes it; `None` when the client is done.
async fn frame_length(
    stream: &mut TcpStream,
    inbox: &mut BytesMut,
    length_max: usize,
) -> Result<Option<usize>, Fault> {
    loop {
        if let Some(field) = inbox.first_chunk() {
            let length = i32::from_be_bytes(*field);
            drop(inbox.split_to(size_of::<i32>()));
            return match usize::try_from(length) {
                Ok(length) if length <= length_max => Ok(Some(length)),
                _ => Err(Fault::FrameLength { length, length_max }),
            };
        }
        inbox.reserve(INBOX_BYTES);
        if stream.read_buf(inbox).await? == 0 {
            return if inbox.is_empty() { Ok(None) } else { Err(Fault::Cut) };
        }
    }
}

/// Reads until a frame of `length` bytes is whole and takes it. A large frame is read to where it stays.
async fn frame_body(stream: &mut TcpStream, inbox: &mut BytesMut, length: usize) -> Result<Bytes, Fault> {
    inbox.reserve(length.saturating_sub(inbox.len()));
    while inbox.len() < length {
        if stream.read_buf(inbox).await? == 0 {
            return Err(Fault::Cut);
        }
    }
    Ok(inbox.split_to(length).freeze())
}

fn is_peers_end(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
}

/// Waits until the client is gone, so that nothing waits for records or group members on behalf of nobody.
async fn hung_up(stream: &TcpStream) {
    match stream.peek(&mut [0]).await {
        Ok(0) | Err(_) => {}
        // A request sent ahead: it is read after this answer.
        Ok(_) => std::future::pending().await,
    }
}
