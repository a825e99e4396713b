//! Hops 2 and 4 of OTLP/HTTP: route, media type, content encoding.

use ::http::header::{self, HeaderMap};
use ::http::{Method, Request, Response};
use bytes::Bytes;
use http_body::Body;
use otlp::Signal;
use pipeline::{Encoding, Intake, Transport};

use crate::body::{Coding, Length, Reader};
use crate::config::Settings;
use crate::exchange::{Head, Packed, Service};
use crate::reply::{self, Answer, JSON, Media, ReplyBody};

/// What the head of a request asks for.
#[derive(Debug)]
struct Asked {
    head: Head,
    media: Media,
    coding: Coding,
    length: Length,
}

/// Answers one request, and says whether its body was read to the end.
pub(crate) async fn request<I, B>(
    service: &Service<I>,
    piece_bytes_max: usize,
    request: Request<B>,
) -> (Response<ReplyBody>, bool)
where
    I: Intake,
    B: Body<Data = Bytes> + Unpin,
{
    let (parts, body) = request.into_parts();
    // Users configure their exporters with and without it.
    let path = parts.uri.path();
    let signal = Signal::from_http_path(path.strip_suffix('/').unwrap_or(path));
    let judged = judge(&parts, signal, &service.settings);
    let media = media(&parts.headers).unwrap_or(JSON);
    // Waiting for a place in line holds the body alone.
    drop(parts);
    let asked = match judged {
        Ok(asked) => asked,
        Err(answer) => {
            service.turned_away(Transport::Http, signal, &answer);
            let response = reply::http(&answer, None, media, service.settings.retry_delay);
            return (response, body.is_end_stream());
        }
    };
    let Asked { head, media, coding, length } = asked;
    let mut complete = body.is_end_stream();
    let read = async |reader| {
        let packed = whole(reader, coding, length).await?;
        complete = true;
        Ok(packed)
    };
    let signal = head.signal;
    let answer = service.exchange(head, body, piece_bytes_max, read).await;
    (reply::http(&answer, Some(signal), media, service.settings.retry_delay), complete)
}

async fn whole<B>(mut reader: Reader<B>, coding: Coding, length: Length) -> Result<Packed, Answer>
where
    B: Body<Data = Bytes> + Unpin,
{
    let bytes = match reader.piece().await? {
        Some(first) => reader.rest(first, length).await?,
        None => Bytes::new(),
    };
    Ok(Packed { bytes, coding, charge: reader.into_charge() })
}

fn judge(
    parts: &::http::request::Parts,
    signal: Option<Signal>,
    settings: &Settings,
) -> Result<Asked, Answer> {
    let signal = signal.ok_or(Answer::UnknownPath)?;
    if parts.method != Method::POST {
        return Err(Answer::Method);
    }
    let media = media(&parts.headers).ok_or(Answer::MediaType)?;
    let coding = coding(&parts.headers).ok_or(Answer::Coding)?;
    // hyper has refused what is no number, and lengths that differ.
    let declared = parts.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    let length = match declared.map(str::parse::<u64>) {
        Some(Ok(length)) => {
            let bytes_max = settings.request_bytes_max;
            let length = usize::try_from(length).ok().filter(|length| *length <= bytes_max);
            Length::Declared(length.ok_or_else(|| Answer::too_large(bytes_max))?)
        }
        Some(Err(_)) | None => Length::Unknown,
    };
    let (encoding, carried) = (media.encoding, settings.carried(&parts.headers));
    let head = Head { transport: Transport::Http, signal, encoding, timeout: None, carried };
    Ok(Asked { head, media, coding, length })
}

/// The media type, when it is one of ours and its charset, if any, is UTF-8.
fn media(headers: &HeaderMap) -> Option<Media> {
    const TYPES: [Media; 3] = [
        Media { encoding: Encoding::Protobuf, name: "application/x-protobuf" },
        Media { encoding: Encoding::Protobuf, name: "application/protobuf" },
        JSON,
    ];
    let mut parts = headers.get(header::CONTENT_TYPE)?.to_str().ok()?.split(';');
    let name = parts.next()?.trim();
    let media = TYPES.into_iter().find(|media| media.name.eq_ignore_ascii_case(name))?;
    let charset = parts.filter_map(|parameter| parameter.split_once('=')).find_map(|(name, value)| {
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"'))
    });
    let utf8 = charset
        .is_none_or(|charset| charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("utf8"));
    utf8.then_some(media)
}

/// How the body is packed; `None` for what is not taken, and for several on top of each other.
fn coding(headers: &HeaderMap) -> Option<Coding> {
    let mut codings = headers.get_all(header::CONTENT_ENCODING).iter();
    let Some(first) = codings.next() else { return Some(Coding::Identity) };
    if codings.next().is_some() {
        return None;
    }
    match first.as_bytes().trim_ascii().to_ascii_lowercase().as_slice() {
        b"" | b"identity" => Some(Coding::Identity),
        b"gzip" | b"x-gzip" => Some(Coding::Gzip),
        b"deflate" => Some(Coding::Zlib),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(header::HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn media_types() {
        let of = |text| media(&headers(&[(header::CONTENT_TYPE, text)])).map(|media| media.name);
        assert_eq!(of("application/x-protobuf"), Some("application/x-protobuf"));
        assert_eq!(of("application/protobuf"), Some("application/protobuf"));
        assert_eq!(of("APPLICATION/JSON;v=1"), Some("application/json"));
        assert_eq!(of("application/json; charset=utf-8"), Some("application/json"));
        assert_eq!(of("application/json; Charset=\"UTF-8\""), Some("application/json"));
        for other in ["application/json; charset=latin1", "text/plain", "application/jsonx", "", ";", "json"]
        {
            assert_eq!(of(other), None, "{other:?}");
        }
        assert_eq!(media(&headers(&[])), None);
    }

    #[test]
    fn codings() {
        let of = |text| coding(&headers(&[(header::CONTENT_ENCODING, text)]));
        assert_eq!(coding(&headers(&[])), Some(Coding::Identity));
        assert_eq!(of("identity"), Some(Coding::Identity));
        assert_eq!(of("GZIP"), Some(Coding::Gzip));
        assert_eq!(of("x-gzip"), Some(Coding::Gzip));
        assert_eq!(of("deflate"), Some(Coding::Zlib));
        for other in ["zstd", "br", "gzip, gzip", "identity, gzip"] {
            assert_eq!(of(other), None, "{other}");
        }
        let mut twice = headers(&[(header::CONTENT_ENCODING, "gzip")]);
        twice.append(header::CONTENT_ENCODING, "gzip".parse().unwrap());
        assert_eq!(coding(&twice), None);
    }
}
