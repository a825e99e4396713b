//! Errors in Connect's shape: the status once more as a number, and a sentence.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;

/// An error answer.
#[derive(Debug)]
pub(crate) struct Error {
    status: StatusCode,
    message: String,
}

#[derive(Serialize)]
struct Body<'a> {
    error_code: u16,
    message: &'a str,
}

impl Error {
    pub(crate) fn new(status: StatusCode, message: String) -> Self {
        Self { status, message }
    }

    /// 404 with Connect's own sentence for what is missing.
    pub(crate) fn missing(message: String) -> Self {
        Self { status: StatusCode::NOT_FOUND, message }
    }

    /// What Connect's HTTP framework says where no handler of Connect was reached.
    fn framework(status: StatusCode) -> Self {
        Self {
            status,
            message: format!("HTTP {} {}", status.as_u16(), status.canonical_reason().unwrap_or("")),
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let body = Body { error_code: self.status.as_u16(), message: &self.message };
        (self.status, Json(body)).into_response()
    }
}

pub(crate) async fn not_found() -> Error {
    Error::framework(StatusCode::NOT_FOUND)
}

pub(crate) async fn method_not_allowed() -> Error {
    Error::framework(StatusCode::METHOD_NOT_ALLOWED)
}
