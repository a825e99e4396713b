//! Hop 9: what became of a request becomes an answer. The only file that chooses a status code.
//!
//! The table follows the OTLP specification ("OTLP/gRPC Response", "OTLP/HTTP Response") and the gRPC
//! protocol over HTTP/2:
//!
//! | what | gRPC | HTTP | come again |
//! |---|---|---|---|
//! | stored, in part or whole | 0 OK | 200 | |
//! | a condition that passes or can be cured; slow body; shutdown | 14 UNAVAILABLE | 503 | yes |
//! | malformed | 3 INVALID_ARGUMENT | 400 | no |
//! | over a limit | 8 RESOURCE_EXHAUSTED | 413 | no |
//! | unknown path | 12 UNIMPLEMENTED | 404 | no |
//! | unknown content encoding | 12 UNIMPLEMENTED | 415 | no |
//! | framing that gRPC forbids | 13 INTERNAL | – | no |
//! | other method | HTTP 405 | 405 | no |
//! | other content type | HTTP 415 | 415 | no |
//! | HTTP/1 on the gRPC port | HTTP 400 | – | no |
//! | a panic on this request | 13 INTERNAL | 500 | no |
//!
//! 429, RESOURCE_EXHAUSTED and 500 never stand for load: several exporters drop the data then.

use std::borrow::Cow;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use ::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use ::http::{Response, StatusCode};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use otlp::Signal;
use pipeline::{Encoding, Refusal, Rejected, RetryReason, Verdict};

use crate::keys;

mod status;

/// Codings of a gRPC request that are taken.
const GRPC_CODINGS: HeaderValue = HeaderValue::from_static("identity,gzip");
/// Codings of an HTTP request that are taken.
const HTTP_CODINGS: HeaderValue = HeaderValue::from_static("gzip, x-gzip, deflate, identity");
const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const GRPC_ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");
const GRPC_STATUS_DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");
/// Where the Python exporter looks, and only there.
const RETRY_INFO: HeaderName = HeaderName::from_static("google.rpc.retryinfo-bin");

/// What became of a request, or why it is turned away before anybody could say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// What the sink says, and what reading says in the same words.
    Verdict(Verdict),
    /// The body paused too long, or was not complete at the deadline.
    SlowBody,
    /// No such method or path.
    UnknownPath,
    /// Not a POST.
    Method,
    /// A content type that is not served here.
    MediaType,
    /// A content encoding that is not taken.
    Coding,
    /// What the gRPC protocol forbids, in its own words.
    Framing(&'static str),
    /// HTTP/1 on the gRPC port.
    NotHttp2,
    /// The handler of this request panicked.
    Panicked,
}

impl Answer {
    pub(crate) fn retry(reason: RetryReason) -> Self {
        Self::Verdict(Verdict::Retry(reason))
    }

    pub(crate) fn malformed(why: impl Into<String>) -> Self {
        Self::Verdict(Verdict::Refused(Refusal::Malformed(why.into())))
    }

    pub(crate) fn too_large(bytes_max: usize) -> Self {
        let key = keys::REQUEST_MAX_BYTES.name;
        let why = format!("larger than {key} = {bytes_max} bytes");
        Self::Verdict(Verdict::Refused(Refusal::TooLarge(why)))
    }

    /// The word by which metrics count it; `None` for a success.
    pub(crate) fn label(&self) -> Option<&'static str> {
        Some(match self {
            Self::Verdict(Verdict::Stored { .. }) => return None,
            Self::Verdict(Verdict::Retry(reason)) => reason.label(),
            Self::Verdict(Verdict::Refused(refusal)) => refusal.label(),
            Self::SlowBody => "slow_body",
            Self::UnknownPath => "unknown_path",
            Self::Method => "method",
            Self::MediaType => "content_type",
            Self::Coding => "content_encoding",
            Self::Framing(_) => "framing",
            Self::NotHttp2 => "not_http2",
            Self::Panicked => "panic",
        })
    }

    /// What the sender is told; no payload, no inside of the server.
    fn message(&self) -> Cow<'_, str> {
        match self {
            Self::Verdict(Verdict::Stored { .. }) => "".into(),
            Self::Verdict(Verdict::Retry(reason)) => reason.to_string().into(),
            Self::Verdict(Verdict::Refused(Refusal::Malformed(why) | Refusal::TooLarge(why))) => why.into(),
            Self::SlowBody => "the body did not come in time".into(),
            Self::UnknownPath => {
                format!("unknown path; this server takes {}", Signal::ALL.map(Signal::http_path).join(", "))
                    .into()
            }
            Self::Method => "only POST is served here".into(),
            Self::MediaType => "the content type must be application/x-protobuf or application/json".into(),
            Self::Coding => "the content encoding must be gzip or identity".into(),
            Self::Framing(what) => (*what).into(),
            Self::NotHttp2 => {
                "this port speaks OTLP/gRPC over HTTP/2; OTLP/HTTP has a port of its own (default 4318)"
                    .into()
            }
            Self::Panicked => "the server failed on this request".into(),
        }
    }

    /// The same on the gRPC port, where two things have other names.
    fn grpc_message(&self) -> Cow<'_, str> {
        match self {
            Self::UnknownPath => "unknown method; this server takes Export of the OTLP services".into(),
            Self::MediaType => "the content type must be application/grpc".into(),
            other => other.message(),
        }
    }

    fn row(&self) -> Row {
        let row = |grpc, http| Row { grpc, http };
        match self {
            Self::Verdict(Verdict::Stored { .. }) => row(Grpc::Code(OK), StatusCode::OK),
            Self::Verdict(Verdict::Retry(_)) | Self::SlowBody => {
                row(Grpc::Code(UNAVAILABLE), StatusCode::SERVICE_UNAVAILABLE)
            }
            Self::Verdict(Verdict::Refused(Refusal::Malformed(_))) => {
                row(Grpc::Code(INVALID_ARGUMENT), StatusCode::BAD_REQUEST)
            }
            Self::Verdict(Verdict::Refused(Refusal::TooLarge(_))) => {
                row(Grpc::Code(RESOURCE_EXHAUSTED), StatusCode::PAYLOAD_TOO_LARGE)
            }
            Self::UnknownPath => row(Grpc::Code(UNIMPLEMENTED), StatusCode::NOT_FOUND),
            Self::Coding => row(Grpc::Code(UNIMPLEMENTED), StatusCode::UNSUPPORTED_MEDIA_TYPE),
            Self::Framing(_) => row(Grpc::Code(INTERNAL), StatusCode::BAD_REQUEST),
            Self::Method => row(Grpc::PlainHttp, StatusCode::METHOD_NOT_ALLOWED),
            Self::MediaType => row(Grpc::PlainHttp, StatusCode::UNSUPPORTED_MEDIA_TYPE),
            Self::NotHttp2 => row(Grpc::PlainHttp, StatusCode::BAD_REQUEST),
            Self::Panicked => row(Grpc::Code(INTERNAL), StatusCode::INTERNAL_SERVER_ERROR),
        }
    }
}

/// A row of the table above.
struct Row {
    grpc: Grpc,
    http: StatusCode,
}

/// What a row is in gRPC.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Grpc {
    /// HTTP 200 and this `grpc-status`.
    Code(u8),
    /// Not gRPC at all: the row's HTTP status.
    PlainHttp,
}

const OK: u8 = 0;
const INVALID_ARGUMENT: u8 = 3;
const RESOURCE_EXHAUSTED: u8 = 8;
const UNIMPLEMENTED: u8 = 12;
const INTERNAL: u8 = 13;
const UNAVAILABLE: u8 = 14;

/// Answers a gRPC call. `retry_delay` is what a sender that should come again is told to wait.
///
/// Errors are one HEADERS frame ("Trailers-Only"): the Java exporter looks nowhere else before it retries.
pub(crate) fn grpc(answer: &Answer, retry_delay: Duration) -> Response<ReplyBody> {
    let Grpc::Code(code) = answer.row().grpc else {
        return plain(answer);
    };
    let mut headers = HeaderMap::with_capacity(5);
    headers.insert(header::CONTENT_TYPE, GRPC);
    if code == OK {
        let message = match answer {
            Answer::Verdict(Verdict::Stored { rejected: Some(rejected) }) => {
                status::framed(&status::partial_success(rejected))
            }
            _ => Bytes::from_static(&[0; 5]),
        };
        return respond(StatusCode::OK, headers, ReplyBody::grpc(message));
    }
    let message = answer.grpc_message();
    let details = match code {
        UNAVAILABLE => {
            headers.insert(RETRY_INFO, binary(&status::retry_info(retry_delay)));
            Some(status::Detail::RetryInfo(retry_delay))
        }
        INVALID_ARGUMENT => Some(status::Detail::BadRequest),
        _ => None,
    };
    if let Some(details) = details {
        let status = status::protobuf(code, &message, Some(details));
        headers.insert(GRPC_STATUS_DETAILS, binary(&status));
    }
    if code == UNIMPLEMENTED {
        headers.insert(GRPC_ACCEPT_ENCODING, GRPC_CODINGS);
    }
    headers.insert(GRPC_STATUS, HeaderValue::from(u16::from(code)));
    headers.insert(GRPC_MESSAGE, status::percent_encoded(&message));
    respond(StatusCode::OK, headers, ReplyBody::default())
}

/// What is no gRPC gets no gRPC answer.
fn plain(answer: &Answer) -> Response<ReplyBody> {
    let text = answer.grpc_message().into_owned();
    let mut headers = HeaderMap::with_capacity(3);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    if *answer == Answer::Method {
        headers.insert(header::ALLOW, HeaderValue::from_static("POST"));
    }
    if *answer == Answer::NotHttp2 {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    respond(answer.row().http, headers, ReplyBody::http(text.into()))
}

/// The media type of an HTTP request, which the reply repeats exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Media {
    pub(crate) encoding: Encoding,
    /// As exporters compare it: without parameters.
    pub(crate) name: &'static str,
}

/// What a request that names neither of the two is answered in.
pub(crate) const JSON: Media = Media { encoding: Encoding::Json, name: "application/json" };

/// Answers an HTTP request. `retry_delay` is what a sender that should come again is told to wait.
pub(crate) fn http(
    answer: &Answer,
    signal: Option<Signal>,
    media: Media,
    retry_delay: Duration,
) -> Response<ReplyBody> {
    let Row { http: code, grpc } = answer.row();
    let body = match (answer, media.encoding, signal) {
        (Answer::Verdict(Verdict::Stored { rejected }), encoding, Some(signal)) => {
            success(rejected.as_ref(), encoding, signal)
        }
        (_, encoding, _) => {
            let number = match grpc {
                Grpc::Code(code) => code,
                Grpc::PlainHttp => UNIMPLEMENTED,
            };
            let bad_request = (number == INVALID_ARGUMENT).then_some(status::Detail::BadRequest);
            match encoding {
                Encoding::Protobuf => status::protobuf(number, &answer.message(), bad_request).into(),
                Encoding::Json => status::json(number, &answer.message(), bad_request).into(),
            }
        }
    };
    let mut headers = HeaderMap::with_capacity(6);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media.name));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    if code == StatusCode::SERVICE_UNAVAILABLE {
        let seconds = retry_delay.as_millis().div_ceil(1000).max(1);
        headers.insert(header::RETRY_AFTER, HeaderValue::from(u64::try_from(seconds).unwrap_or(u64::MAX)));
    }
    if *answer == Answer::Method {
        headers.insert(header::ALLOW, HeaderValue::from_static("POST"));
    }
    if *answer == Answer::Coding {
        headers.insert(header::ACCEPT_ENCODING, HTTP_CODINGS);
    }
    respond(code, headers, ReplyBody::http(body))
}

fn success(rejected: Option<&Rejected>, encoding: Encoding, signal: Signal) -> Bytes {
    match (encoding, rejected) {
        (Encoding::Protobuf, None) => Bytes::new(),
        (Encoding::Protobuf, Some(rejected)) => status::partial_success(rejected).into(),
        (Encoding::Json, None) => Bytes::from_static(b"{}"),
        (Encoding::Json, Some(rejected)) => status::partial_success_json(rejected, signal).into(),
    }
}

fn respond(code: StatusCode, headers: HeaderMap, body: ReplyBody) -> Response<ReplyBody> {
    let mut response = Response::new(body);
    *response.status_mut() = code;
    *response.headers_mut() = headers;
    response
}

fn binary(bytes: &[u8]) -> HeaderValue {
    let text = status::base64(bytes);
    HeaderValue::from_maybe_shared(Bytes::from(text)).expect("base64 has only visible ASCII")
}

/// The body of an answer: nothing, one piece, or one gRPC message and its trailers.
#[derive(Debug, Default)]
pub(crate) struct ReplyBody {
    data: Option<Bytes>,
    trailers: bool,
}

impl ReplyBody {
    fn http(data: Bytes) -> Self {
        Self { data: Some(data).filter(|data| !data.is_empty()), trailers: false }
    }

    fn grpc(message: Bytes) -> Self {
        Self { data: Some(message), trailers: true }
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Some(data) = self.data.take() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        if std::mem::take(&mut self.trailers) {
            let mut trailers = HeaderMap::with_capacity(1);
            trailers.insert(GRPC_STATUS, HeaderValue::from_static("0"));
            return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
        }
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_none() && !self.trailers
    }

    fn size_hint(&self) -> SizeHint {
        if self.trailers {
            return SizeHint::new();
        }
        SizeHint::with_exact(self.data.as_ref().map_or(0, |data| data.len() as u64))
    }
}

#[cfg(test)]
mod tests;
