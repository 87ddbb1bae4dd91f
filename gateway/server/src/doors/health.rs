//! `/healthz`: whether queries can be answered.

use axum::response::Response;
use chrono::{DateTime, Utc};
use http::{HeaderMap, StatusCode};
use lockgate_engine::Error;
use lockgate_policies::{Problem, Severity};
use serde::Serialize;

use super::accept::negotiate_among;
use super::catalog::json;
use super::http::Door;

/// The answer. Who has no token sees the status alone.
#[derive(Debug, Serialize)]
struct Health<'a> {
    status: Status,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    details: Option<Details<'a>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Ok,
    Degraded,
    Unavailable,
}

#[derive(Debug, Serialize)]
struct Details<'a> {
    version: &'static str,
    policy: Loaded,
    users: Loaded,
    ledger: Writable,
    sources: &'a [String],
    queries: Queries,
}

/// A file or folder that is followed.
#[derive(Debug, Serialize)]
struct Loaded {
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    loaded_at: DateTime<Utc>,
    /// Why what is on disk now is not in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<Refused>,
}

/// Problems by number and place: their texts may hold names that not everybody may see.
#[derive(Debug, Serialize)]
struct Refused {
    errors: usize,
    places: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Writable {
    writable: bool,
}

#[derive(Debug, Serialize)]
struct Queries {
    running: usize,
    queued: usize,
}

/// Most places that are listed.
const MAX_PLACES: usize = 20;

/// `GET /healthz`
pub(super) fn get(door: &Door, headers: &HeaderMap) -> Result<Response, Error> {
    negotiate_among(headers, &["application/json"])?;
    let parts = door.parts();
    let engine = parts.engine.status();
    let users = parts.users.status();
    let writable = parts.ledger.healthy();
    let status = match writable {
        false => Status::Unavailable,
        true if engine.policy.last_error.is_some() || users.last_error.is_some() => Status::Degraded,
        true => Status::Ok,
    };
    let signed_in = headers.contains_key(http::header::AUTHORIZATION) && door.caller(headers).is_ok();
    let details = signed_in.then(|| Details {
        version: env!("CARGO_PKG_VERSION"),
        policy: Loaded {
            version: Some(engine.policy.version),
            loaded_at: engine.policy.loaded_at,
            refused: engine.policy.last_error.as_deref().map(refused),
        },
        users: Loaded { version: None, loaded_at: users.loaded_at, refused: users.last_error.as_deref().map(refused) },
        ledger: Writable { writable },
        sources: &parts.sources,
        queries: Queries { running: engine.running, queued: engine.queued },
    });
    let mut response = json(&Health { status, details })?;
    if status == Status::Unavailable {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    Ok(response)
}

fn refused(problems: &[Problem]) -> Refused {
    let errors = problems.iter().filter(|problem| problem.severity == Severity::Error);
    let place = |problem: &Problem| {
        // The folder that a file lies in is the operator's business.
        let file = problem.file.rsplit('/').next().unwrap_or_default();
        problem.line.map_or_else(|| file.to_owned(), |line| format!("{file}:{line}"))
    };
    Refused { errors: errors.clone().count(), places: errors.map(place).take(MAX_PLACES).collect() }
}
