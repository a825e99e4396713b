//! Errors in Connect's shape, the status once more as a number; and the one table from a refusal to its answer.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use serde::Serialize;

use crate::Refusal;
use crate::connect::problems;

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

/// Connect's three ways to say that there is no such connector, each with its own calls.
#[derive(Debug, Clone, Copy)]
pub(super) enum Unknown {
    /// Calls that read or delete.
    Looked,
    /// Pause, resume and stop.
    Targeted,
    /// Restart.
    Restarted,
}

impl Unknown {
    fn message(self, name: &str) -> String {
        match self {
            Self::Looked => format!("Connector {name} not found"),
            Self::Targeted => format!("Unknown connector {name}"),
            Self::Restarted => format!("Unknown connector: {name}"),
        }
    }
}

impl Error {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    /// 400.
    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// 404 with Connect's own sentence for what is missing.
    pub(crate) fn missing(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// 404 for a connector.
    pub(super) fn no_connector(name: &str) -> Self {
        Self::missing(Unknown::Looked.message(name))
    }

    /// What Connect's HTTP framework says where no handler of Connect was reached.
    pub(crate) fn framework(status: StatusCode) -> Self {
        Self::new(status, format!("HTTP {} {}", status.as_u16(), status.canonical_reason().unwrap_or("")))
    }

    /// The table: what a refused command answers.
    pub(super) fn refused(refusal: &Refusal, name: &str, unknown: Unknown) -> Self {
        match refusal {
            Refusal::Invalid(problems) => Self::bad(problems::message(problems)),
            Refusal::Exists => Self::new(StatusCode::CONFLICT, format!("Connector {name} already exists")),
            Refusal::Missing => Self::missing(unknown.message(name)),
            Refusal::MissingTask => Self::missing(format!("Task of connector {name} not found")),
            Refusal::NotStopped => Self::bad(format!(
                "Connectors must be in the STOPPED state before their offsets can be modified. This can be done for \
                 the specified connector by issuing a 'PUT' request to the '/connectors/{name}/stop' endpoint"
            )),
            Refusal::BadOffsets(why) => Self::bad(why.clone()),
            Refusal::Conflict => Self::new(
                StatusCode::CONFLICT,
                "Cannot complete request because of a conflicting operation (e.g. worker rebalance)",
            ),
            Refusal::Busy => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "Too many changes wait for this worker; come again",
            ),
            Refusal::Closing => Self::new(StatusCode::SERVICE_UNAVAILABLE, "This worker is shutting down"),
            Refusal::Failed(why) => Self::new(StatusCode::INTERNAL_SERVER_ERROR, why.clone()),
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let body = Body { error_code: self.status.as_u16(), message: &self.message };
        let mut response = (self.status, Json(body)).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

pub(crate) async fn not_found() -> Error {
    Error::framework(StatusCode::NOT_FOUND)
}
