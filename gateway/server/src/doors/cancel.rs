//! `DELETE /v1/query`: ends a query that runs.

use axum::extract::Query;
use axum::response::Response;
use http::HeaderValue;
use http::request::Parts;
use lockgate_engine::{Error, Session};
use serde::Serialize;

use super::accept::negotiate_among;
use super::answer::POLICY;
use super::catalog::json;
use super::http::Door;
use super::progress::Parameters;
use super::query::odd_parameters;

/// The answer.
#[derive(Debug, Serialize)]
struct Cancelled {
    query_id: uuid::Uuid,
    /// Whether the caller had such a query.
    cancelled: bool,
}

/// `DELETE /v1/query`
pub(super) fn delete(door: &Door, session: &Session, parts: &Parts) -> Result<Response, Error> {
    negotiate_among(&parts.headers, &["application/json"])?;
    let parameters = Query::<Parameters>::try_from_uri(&parts.uri);
    let Query(Parameters { query_id }) = parameters.map_err(|rejection| odd_parameters(&rejection))?;
    let mut response = json(&Cancelled { query_id, cancelled: door.engine().cancel(session, query_id) })?;
    if let Ok(value) = HeaderValue::from_str(door.policies().in_force().version()) {
        response.headers_mut().insert(POLICY, value);
    }
    Ok(response)
}
