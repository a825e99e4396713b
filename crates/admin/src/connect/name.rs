//! Names in paths: percent-decoded, any text of Unicode.

use axum::extract::{FromRequestParts, Path};
use http::StatusCode;
use http::request::Parts;
use serde::de::DeserializeOwned;

use super::error::Error;

/// What a path's variable parts say.
pub(super) struct In<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for In<T> {
    type Rejection = Error;

    /// A part that is no text is a bad request; one that is no number where a number is due names nothing.
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(value)) => Ok(Self(value)),
            Err(rejection) if rejection.body_text().contains("UTF-8") => {
                Err(Error::framework(StatusCode::BAD_REQUEST))
            }
            Err(_) => Err(Error::framework(StatusCode::NOT_FOUND)),
        }
    }
}
