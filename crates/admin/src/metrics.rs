//! `/metrics`: the counters in the OpenMetrics text format, which Prometheus reads.

use std::fmt;

use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use crate::router::Handle;

/// The registry of the process, and what brings its gauges up to date before each scrape.
pub struct Exposition {
    registry: Registry,
    refresh: Box<dyn Fn() + Send + Sync>,
}

impl Exposition {
    /// Calls `refresh` before each encoding of `registry`.
    #[must_use]
    pub fn new(registry: Registry, refresh: impl Fn() + Send + Sync + 'static) -> Self {
        Self { registry, refresh: Box::new(refresh) }
    }
}

impl fmt::Debug for Exposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exposition").field("registry", &self.registry).finish_non_exhaustive()
    }
}

pub(crate) async fn scrape(Shared(state): Shared<Handle>) -> Response {
    const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    (state.metrics.refresh)();
    let mut text = String::new();
    match encode(&mut text, &state.metrics.registry) {
        Ok(()) => ([(CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "cannot encode the metrics");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
