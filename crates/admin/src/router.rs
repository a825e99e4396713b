//! Which path leads where, and what all handlers read.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State as Shared};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{ACCEPT, CONTENT_TYPE, SERVER};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use pipeline::Drain;

use crate::connect::{self, Error};
use crate::{
    Cluster, Commands, Connectors, Exposition, Loggers, Options, Plugin, Troubles, access, health, metrics,
};

/// What the handlers read.
#[derive(Debug)]
pub struct State {
    /// `host:port` under which others reach this worker's REST calls.
    pub worker_id: String,
    /// What this build is; Connect's `commit`.
    pub commit: String,
    /// What runs.
    pub connectors: Connectors,
    /// The way to change what runs.
    pub commands: Commands,
    /// The class that connectors here have.
    pub plugin: Plugin,
    /// The Kafka that connectors here write to.
    pub cluster: Cluster,
    /// Which log lines are written.
    pub loggers: Loggers,
    /// What keeps the server from being ready.
    pub troubles: Troubles,
    /// How far the shutdown has come.
    pub drain: Drain,
    /// What `/metrics` shows.
    pub metrics: Exposition,
    /// How all this is served.
    pub options: Options,
}

pub(crate) type Handle = Arc<State>;

/// What a listener serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Serves {
    /// Everything.
    All,
    /// Everything but `/admin`, which has listeners of its own or is off.
    AllButAdmin,
    /// `/admin`.
    Admin,
}

pub(crate) fn router(state: Handle, serves: Serves) -> Router {
    let open = Router::new().route("/livez", get(health::livez)).route("/readyz", get(health::readyz));
    let calls = match serves {
        Serves::All => connect::routes().merge(connect::admin_routes()),
        Serves::AllButAdmin => connect::routes(),
        Serves::Admin => connect::admin_routes(),
    };
    let users_only = from_fn_with_state(Arc::clone(&state), access::users_only);
    let calls = calls.route_layer(from_fn(json_only)).route_layer(users_only.clone());
    let metrics = Router::new().route("/metrics", get(metrics::scrape)).route_layer(users_only);
    let all = if serves == Serves::Admin { calls } else { calls.merge(metrics) };
    all.merge(open)
        .fallback(connect::not_found)
        .method_not_allowed_fallback(other_method)
        .layer(DefaultBodyLimit::max(state.options.request_bytes_max))
        .layer(from_fn_with_state(Arc::clone(&state), in_time))
        .layer(from_fn_with_state(Arc::clone(&state), access::cross_origin))
        .layer(from_fn_with_state(Arc::clone(&state), head))
        .with_state(state)
}

/// The headers of every answer.
async fn head(Shared(state): Shared<Handle>, request: Request, next: Next) -> Response {
    const PRODUCT: &str = concat!("otlp2kafka/", env!("CARGO_PKG_VERSION"));
    let mut response = next.run(request).await;
    response.headers_mut().insert(SERVER, HeaderValue::from_static(PRODUCT));
    state.options.headers.apply(response.headers_mut());
    response
}

/// No call takes longer than its time limit.
async fn in_time(Shared(state): Shared<Handle>, request: Request, next: Next) -> Response {
    match tokio::time::timeout(state.options.request_timeout, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Error::new(StatusCode::INTERNAL_SERVER_ERROR, "Request timed out").into_response(),
    }
}

/// Turns away whoever takes no JSON; answers are nothing else.
async fn json_only(request: Request, next: Next) -> Response {
    if takes_json(request.headers()) {
        next.run(request).await
    } else {
        Error::framework(StatusCode::NOT_ACCEPTABLE).into_response()
    }
}

fn takes_json(headers: &HeaderMap) -> bool {
    let mut given = headers.get_all(ACCEPT).iter().peekable();
    given.peek().is_none()
        || given.any(|value| {
            let ranges = value.to_str().unwrap_or("*/*").split(',');
            ranges.map(|range| range.split(';').next().unwrap_or("").trim()).any(|range| {
                range.is_empty()
                    || ["*/*", "application/*", "application/json"]
                        .iter()
                        .any(|json| json.eq_ignore_ascii_case(range))
            })
        })
}

/// A path that is known, with a method that it does not have: OPTIONS says which it has.
async fn other_method(request: Request) -> Response {
    if request.method() == Method::OPTIONS {
        return (StatusCode::OK, [(CONTENT_TYPE, "text/plain")]).into_response();
    }
    Error::framework(StatusCode::METHOD_NOT_ALLOWED).into_response()
}
