//! `/v1/policy/explain`: why this caller sees a table or a column as they do.

use axum::extract::Query;
use axum::response::Response;
use http::request::Parts;
use lockgate_engine::{Error, Session};
use serde::Deserialize;

use super::accept::negotiate_among;
use super::answer;
use super::catalog::json;
use super::http::Door;
use super::query::odd_parameters;

/// Parameters of `GET /v1/policy/explain`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    table: String,
    column: Option<String>,
}

/// `GET /v1/policy/explain`
pub(super) async fn get(door: &Door, session: &Session, parts: &Parts) -> Result<Response, Error> {
    let media_type = negotiate_among(&parts.headers, &["application/json", "text/plain"])?;
    let parameters = Query::<Parameters>::try_from_uri(&parts.uri);
    let Query(Parameters { table, column }) = parameters.map_err(|rejection| odd_parameters(&rejection))?;
    let explanation = door.engine().explain_policy(session, &table, column.as_deref()).await?;
    let mut response = match media_type {
        "text/plain" => answer::ok("text/plain; charset=utf-8", explanation.to_string()),
        _ => json(&explanation)?,
    };
    answer::name_policy(response.headers_mut(), &explanation.policy);
    Ok(response)
}
