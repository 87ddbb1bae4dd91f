//! `DELETE /v1/query`: ends a query that runs.

use axum::response::Response;
use http::request::Parts;
use lockgate_engine::{Error, Session};
use serde::Serialize;

use super::accept::negotiate_among;
use super::answer;
use super::catalog::json;
use super::http::Door;
use super::progress::query_asked_about;

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
    let query_id = query_asked_about(parts)?;
    let mut response = json(&Cancelled { query_id, cancelled: door.engine().cancel(session, query_id) })?;
    answer::name_policy(response.headers_mut(), door.policies().in_force().version());
    Ok(response)
}
