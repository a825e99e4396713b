//! Hops 2 and 4 of OTLP/gRPC: a unary call, framed by hand ("gRPC over HTTP2" of the gRPC project).

use std::time::Duration;

use ::http::header::{self, HeaderMap};
use ::http::{Method, Request, Response, Version};
use bytes::Bytes;
use http_body::Body;
use otlp::Signal;
use pipeline::{Encoding, Intake, Transport};

use crate::body::{Coding, Length, Reader};
use crate::config::Settings;
use crate::exchange::{Head, Packed, Service};
use crate::reply::{self, Answer, ReplyBody};

/// Length-Prefixed-Message: the compressed flag, then the length.
const PREFIX_BYTES: usize = 5;

/// Answers one call.
pub(crate) async fn call<I, B>(
    service: &Service<I>,
    piece_bytes_max: usize,
    request: Request<B>,
) -> Response<ReplyBody>
where
    I: Intake,
    B: Body<Data = Bytes> + Unpin,
{
    let (parts, body) = request.into_parts();
    let signal = Signal::from_grpc_path(parts.uri.path());
    let judged = head(&parts, signal, &service.settings);
    // Waiting for a place in line holds the body alone.
    drop(parts);
    let (head, gzip) = match judged {
        Ok(judged) => judged,
        Err(answer) => {
            service.turned_away(Transport::Grpc, signal, &answer);
            return reply::grpc(&answer, service.retry_delay());
        }
    };
    let bytes_max = service.settings.request_bytes_max;
    let read = async |reader| message(reader, gzip, bytes_max).await;
    let answer = service.exchange(head, body, piece_bytes_max, read).await;
    reply::grpc(&answer, service.retry_delay())
}

/// The call, and whether its messages may be gzip.
fn head(
    parts: &::http::request::Parts,
    signal: Option<Signal>,
    settings: &Settings,
) -> Result<(Head, bool), Answer> {
    if parts.version < Version::HTTP_2 {
        return Err(Answer::NotHttp2);
    }
    if parts.method != Method::POST {
        return Err(Answer::Method);
    }
    let content_type = parts.headers.get(header::CONTENT_TYPE).map(header::HeaderValue::as_bytes);
    if !content_type.is_some_and(is_grpc) {
        return Err(Answer::MediaType);
    }
    let signal = signal.ok_or(Answer::UnknownPath)?;
    let gzip = match parts.headers.get("grpc-encoding").map(header::HeaderValue::as_bytes) {
        None | Some(b"identity") => false,
        Some(b"gzip") => true,
        Some(_) => return Err(Answer::Coding),
    };
    let timeout = timeout(&parts.headers);
    let carried = settings.carried(&parts.headers);
    Ok((Head { transport: Transport::Grpc, signal, encoding: Encoding::Protobuf, timeout, carried }, gzip))
}

/// `application/grpc`, bare or as `+proto`, with or without parameters.
fn is_grpc(content_type: &[u8]) -> bool {
    const GRPC: &[u8] = b"application/grpc";
    let Some((media, rest)) = content_type.split_at_checked(GRPC.len()) else { return false };
    if !media.eq_ignore_ascii_case(GRPC) {
        return false;
    }
    let rest = rest.strip_prefix(b"+proto").unwrap_or(rest).trim_ascii_start();
    rest.is_empty() || rest[0] == b';'
}

/// `grpc-timeout`: up to eight digits and a unit. Anything else counts as absent.
fn timeout(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(number * 3600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

/// Exactly one message. Its prefix is judged before anything is held for it.
async fn message<B>(mut reader: Reader<B>, gzip: bool, bytes_max: usize) -> Result<Packed, Answer>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut prefix = [0; PREFIX_BYTES];
    let mut have = 0;
    let mut piece = Bytes::new();
    while have < PREFIX_BYTES {
        let Some(next) = reader.piece().await? else {
            let what = if have == 0 { "no message" } else { "the body ends in its gRPC prefix" };
            return Err(Answer::malformed(what));
        };
        piece = next;
        let take = piece.len().min(PREFIX_BYTES - have);
        prefix[have..have + take].copy_from_slice(&piece[..take]);
        reader.skip(&mut piece, take);
        have += take;
    }
    let [flag, length @ ..] = prefix;
    let coding = match (flag, gzip) {
        (0, _) => Coding::Identity,
        (1, true) => Coding::Gzip,
        (1, false) => return Err(Answer::Framing("a compressed message without a grpc-encoding")),
        _ => return Err(Answer::Framing("a compressed flag that is neither 0 nor 1")),
    };
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > bytes_max {
        return Err(Answer::too_large(bytes_max));
    }
    let bytes = reader.rest(piece, Length::Exactly(length)).await?;
    Ok(Packed { bytes, coding, charge: reader.into_charge() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types() {
        for ok in [
            "application/grpc",
            "application/grpc+proto",
            "Application/gRPC; charset=utf-8",
            "application/grpc+proto;a",
        ] {
            assert!(is_grpc(ok.as_bytes()), "{ok}");
        }
        for bad in
            ["application/grp", "application/grpc-web", "application/grpc+json", "application/json", ""]
        {
            assert!(!is_grpc(bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn timeouts() {
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-timeout", text.parse().unwrap());
            timeout(&headers)
        };
        assert_eq!(of("2S"), Some(Duration::from_secs(2)));
        assert_eq!(of("99999999H"), Some(Duration::from_secs(99_999_999 * 3600)));
        assert_eq!(of("1500m"), Some(Duration::from_millis(1500)));
        assert_eq!(of("7u"), Some(Duration::from_micros(7)));
        assert_eq!(of("7n"), Some(Duration::from_nanos(7)));
        assert_eq!(of("1M"), Some(Duration::from_secs(60)));
        for garbage in ["", "S", "1", "-1S", "+1S", "1.5S", "999999999S", "1s", "1 S"] {
            assert_eq!(of(garbage), None, "{garbage:?}");
        }
    }
}
