//! `/livez` and `/readyz`: whether the process answers, and whether exports sent to it now would be stored.

use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use pipeline::Phase;

use crate::router::Handle;

pub(crate) async fn livez() -> &'static str {
    "ok\n"
}

/// 200 when everything works, else 503 with one line for each part that does not.
pub(crate) async fn readyz(Shared(state): Shared<Handle>) -> Response {
    let mut reasons = String::new();
    if state.drain.phase() != Phase::Serving {
        reasons.push_str("drain: the server is shutting down\n");
    }
    for (part, why) in state.health.troubles() {
        reasons.push_str(&format!("{part}: {}\n", one_line(&why)));
    }
    if reasons.is_empty() {
        "ready\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, reasons).into_response()
    }
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
