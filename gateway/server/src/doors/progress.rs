//! `/v1/progress`: how far the sources are with a query that runs.

use axum::extract::Query;
use axum::response::Response;
use http::request::Parts;
use lockgate_engine::{Error, Session, SourceProgress};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::accept::negotiate_among;
use super::answer;
use super::catalog::json;
use super::http::Door;
use super::query::odd_parameters;

/// Parameters of what is asked of a query that runs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    query_id: Uuid,
}

/// The answer.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    /// The query's id.
    pub(crate) query_id: Uuid,
    /// Whether the caller has such a query.
    pub(crate) running: bool,
    /// Statements that sources were sent.
    pub(crate) sources: Vec<Statement>,
}

/// How far a source is with a statement.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Statement {
    /// Name of the source.
    pub(crate) source: String,
    /// `queued`, `running` or `ended`.
    pub(crate) state: String,
    /// Counts, where they may be told.
    #[serde(flatten)]
    pub(crate) done: Option<Done>,
}

/// What a source has done.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Done {
    /// Pieces of work that are done.
    pub(crate) parts_done: u64,
    /// Pieces of work as far as they are known.
    pub(crate) parts: u64,
    /// Rows that it has read.
    pub(crate) rows: u64,
    /// Bytes that it has read.
    pub(crate) bytes: u64,
}

/// `GET /v1/progress`
pub(super) fn get(door: &Door, session: &Session, parts: &Parts) -> Result<Response, Error> {
    negotiate_among(&parts.headers, &["application/json"])?;
    let query_id = query_asked_about(parts)?;
    let progress = door.engine().progress(session, query_id);
    let running = progress.is_some();
    let sources = progress.unwrap_or_default().into_iter().map(statement).collect();
    let mut response = json(&Report { query_id, running, sources })?;
    answer::name_policy(response.headers_mut(), door.policies().in_force().version());
    Ok(response)
}

/// The id of the query that a request is about.
pub(super) fn query_asked_about(parts: &Parts) -> Result<Uuid, Error> {
    let parameters = Query::<Parameters>::try_from_uri(&parts.uri);
    let Query(Parameters { query_id }) = parameters.map_err(|rejection| odd_parameters(&rejection))?;
    Ok(query_id)
}

fn statement(progress: SourceProgress) -> Statement {
    let done = progress.done.map(|done| Done {
        parts_done: done.parts_done,
        parts: done.parts,
        rows: done.rows,
        bytes: done.bytes,
    });
    Statement { source: progress.source, state: progress.state.name().to_owned(), done }
}
