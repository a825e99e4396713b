//! `/livez` and `/readyz`: whether the process answers, and whether exports sent to it now would be stored.

use std::fmt;

use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use pipeline::Phase;

use crate::router::Handle;

/// What keeps the server from being ready, asked for when somebody wants to know.
pub struct Troubles(Box<dyn Fn() -> Vec<(String, String)> + Send + Sync>);

impl Troubles {
    /// `now` names each part that does not work, and says why; none when the server is ready.
    #[must_use]
    pub fn new(now: impl Fn() -> Vec<(String, String)> + Send + Sync + 'static) -> Self {
        Self(Box::new(now))
    }

    pub(crate) fn now(&self) -> Vec<(String, String)> {
        (self.0)()
    }
}

impl fmt::Debug for Troubles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Troubles").field(&self.now()).finish()
    }
}

pub(crate) async fn livez() -> &'static str {
    "ok\n"
}

/// 200 when everything works, else 503 with one line for each part that does not.
pub(crate) async fn readyz(Shared(state): Shared<Handle>) -> Response {
    // Whoever asks while Kafka is there lets `GET /` know which Kafka it is, should all connectors be gone later.
    drop(state.cluster.id());
    let mut reasons = String::new();
    if state.drain.phase() != Phase::Serving {
        reasons.push_str("drain: the server is shutting down\n");
    }
    for (part, why) in state.troubles.now() {
        reasons.push_str(&format!("{}: {}\n", one_line(&part), one_line(&why)));
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
