//! Under which address the client has called, which `Location` repeats.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::HeaderValue;
use http::header::HOST;
use http::request::Parts;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::router::Handle;

/// What stays as it is in a path's segment (RFC 3986, unreserved).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Set on requests that came over TLS.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OverTls;

/// `scheme://host:port` as the client has it.
pub(super) struct Base(String);

impl FromRequestParts<Handle> for Base {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &Handle) -> Result<Self, Infallible> {
        let scheme = if parts.extensions.get::<OverTls>().is_some() { "https" } else { "http" };
        let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or(&state.worker_id);
        Ok(Self(format!("{scheme}://{host}")))
    }
}

impl Base {
    /// Where a connector is; `None` when the client's own name for the host cannot stand in a header.
    pub(super) fn connector(&self, name: &str) -> Option<HeaderValue> {
        let name = utf8_percent_encode(name, SEGMENT);
        HeaderValue::try_from(format!("{}/connectors/{name}", self.0)).ok()
    }
}
