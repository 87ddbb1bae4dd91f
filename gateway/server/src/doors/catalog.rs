//! `/v1/catalog`: what this caller may see.

use axum::response::Response;
use http::request::Parts;
use lockgate_engine::{Error, Session};
use lockgate_wire::ErrorCode;
use serde::Serialize;

use super::accept::negotiate_among;
use super::answer;
use super::http::Door;

/// `GET /v1/catalog`
pub(super) async fn get(door: &Door, session: &Session, parts: &Parts) -> Result<Response, Error> {
    negotiate_among(&parts.headers, &["application/json"])?;
    no_parameters(parts)?;
    let policy = door.parts().policies.current();
    let tables = door.engine().catalog(session).await?;
    let mut response = json(&tables)?;
    answer::name_policy(response.headers_mut(), policy.version());
    Ok(response)
}

/// A 200 answer with a JSON document.
pub(super) fn json(value: &impl Serialize) -> Result<Response, Error> {
    let body = serde_json::to_vec(value).map_err(|error| {
        Error::new(ErrorCode::Internal, "the answer could not be written").with_internal(error.to_string())
    })?;
    Ok(answer::ok("application/json", body))
}

/// Refuses parameters, which would otherwise be ignored in silence.
fn no_parameters(parts: &Parts) -> Result<(), Error> {
    match parts.uri.query() {
        None | Some("") => Ok(()),
        Some(_) => Err(Error::new(ErrorCode::BadRequest, "this endpoint takes no query parameters")
            .with_hint("GET /openapi.json lists the parameters of each endpoint")),
    }
}
