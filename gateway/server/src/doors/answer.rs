//! Answers that are not results: problem documents, JSON and texts.

use axum::body::Body;
use axum::response::Response;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, RETRY_AFTER, VARY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, StatusCode};
use lockgate_engine::Error;
use lockgate_wire::{ErrorCode, ErrorKind};

use super::endpoints::{PROBLEM, allowed};

/// Header with the query's id.
pub(crate) const QUERY_ID: HeaderName = HeaderName::from_static("query-id");
/// Header with the version of the policy that decided.
pub(crate) const POLICY: HeaderName = HeaderName::from_static("lockgate-policy");
/// Header with the number of notices.
pub(crate) const NOTICES: HeaderName = HeaderName::from_static("lockgate-notices");

/// Seconds after which a request may be tried again.
const RETRY_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// A 200 answer.
pub(super) fn ok(content_type: &'static str, body: impl Into<Body>) -> Response {
    with_status(StatusCode::OK, content_type, body)
}

/// An answer that no cache keeps and no browser takes for anything else.
pub(super) fn with_status(status: StatusCode, content_type: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    guard(headers);
    response
}

/// Headers that every answer has.
pub(super) fn guard(headers: &mut HeaderMap) {
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(VARY, HeaderValue::from_static("Accept, Authorization, Lockgate-Purpose"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

/// Tells which version of the policy decided.
pub(super) fn name_policy(headers: &mut HeaderMap, version: &str) {
    if let Ok(value) = HeaderValue::from_str(version) {
        headers.insert(POLICY, value);
    }
}

/// The problem document of an error.
pub(super) fn problem(error: &Error) -> Response {
    let code = error.code();
    let status = StatusCode::from_u16(code.spec().http).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    // A problem is plain data and always has a JSON form.
    let body = serde_json::to_vec(&error.problem).unwrap_or_default();
    let mut response = with_status(status, PROBLEM, body);
    let headers = response.headers_mut();
    if let Some(value) = error.problem.query_id.and_then(|id| HeaderValue::from_str(&id.to_string()).ok()) {
        headers.insert(QUERY_ID, value);
    }
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"lockgate\""));
    }
    if code.spec().retryable {
        headers.insert(RETRY_AFTER, RETRY_SECONDS);
    }
    response
}

/// The answer to OPTIONS, or to a method that the path does not take, or for a path that does not exist.
pub(super) fn elsewhere(method: &http::Method, path: &str) -> Response {
    let methods = allowed(path);
    if methods.is_empty() {
        let error = Error::new(ErrorCode::NotFound, "there is nothing at this path");
        return problem(&error.with_hint("GET /openapi.json lists what there is"));
    }
    let methods = methods.join(", ");
    let mut response = match *method == http::Method::OPTIONS {
        true => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NO_CONTENT;
            guard(response.headers_mut());
            response
        }
        false => {
            let error = Error::new(ErrorCode::MethodNotAllowed, "the resource does not take this method");
            problem(&error.with_hint(format!("it takes {methods}")))
        }
    };
    if let Ok(value) = HeaderValue::from_str(&methods) {
        response.headers_mut().insert(ALLOW, value);
    }
    response
}

/// Writes an error to the operator's log: never the SQL text, and what the engine or a source said only where the operator has to
/// act.
pub(super) fn log(error: &Error, when: &'static str) {
    let code = error.code();
    let query_id = error.problem.query_id.map(tracing::field::display);
    match code.spec().kind {
        ErrorKind::User | ErrorKind::Denied => tracing::info!(query_id, %code, when, "request refused"),
        ErrorKind::Source | ErrorKind::Resources => {
            tracing::warn!(query_id, %code, when, cause = error.internal, "query failed");
        }
        ErrorKind::Internal => tracing::error!(query_id, %code, when, cause = error.internal, "query failed"),
    }
}
