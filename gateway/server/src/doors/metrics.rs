//! `/metrics`: figures for Prometheus.

use axum::response::Response;
use http::HeaderMap;
use lockgate_engine::Error;
use lockgate_wire::ErrorCode;

use super::accept::negotiate_among;
use super::answer;
use super::endpoints::PROMETHEUS;
use super::http::Door;

/// `GET /metrics`
pub(super) fn get(door: &Door, headers: &HeaderMap) -> Result<Response, Error> {
    let content_type = match negotiate_among(headers, PROMETHEUS)? {
        "text/plain" => "text/plain; charset=utf-8",
        _ => "application/openmetrics-text; version=1.0.0; charset=utf-8",
    };
    let text =
        door.metrics().text().map_err(|_| Error::new(ErrorCode::Internal, "the figures could not be written"))?;
    Ok(answer::ok(content_type, text))
}
