//! `/v1/query`: one statement in, its result out.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::Query;
use axum::response::Response;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, TE, TRAILER};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Version};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use lockgate_engine::{Error, Running, Session};
use lockgate_wire::{ErrorCode, QueryRequest};
use mediatype::{MediaType, Name, ReadParams};
use serde::Deserialize;
use uuid::Uuid;

use super::accept::{Format, negotiate};
use super::answer::{self, NOTICES, QUERY_ID};
use super::endpoints::SQL_BODIES;
use super::http::Door;
use super::pack::{self, Ending, Frame};
use super::parcel::Parcel;
use crate::metrics::Meter;

/// How long a request body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(30);
/// Header, or trailer when it is not known before, with the number of rows.
const ROWS: HeaderName = HeaderName::from_static("lockgate-rows");
/// Header, or trailer when it is not known before, that tells whether a limit cut the result.
const TRUNCATED: HeaderName = HeaderName::from_static("lockgate-truncated");

/// `POST /v1/query`
pub(super) async fn post(door: &Door, session: &Session, parts: &Parts, body: Body) -> Result<Response, Error> {
    let started = Instant::now();
    let format = negotiate(&parts.headers)?;
    no_parameters(&parts.uri)?;
    let wire = BodyKind::of(&parts.headers)?;
    let bytes = read_body(&parts.headers, body, door.max_body()).await?;
    let mut query = wire.parse(bytes)?;
    query.query_id = query_id(&parts.headers, query.query_id)?;
    run(door, session, Ask { started, format, headers: &parts.headers, version: parts.version }, query).await
}

/// Parameters of `GET /v1/query`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    q: String,
    query_id: Option<Uuid>,
    timeout_ms: Option<u64>,
    max_rows: Option<u64>,
}

/// `GET /v1/query`
pub(super) async fn get(door: &Door, session: &Session, parts: &Parts) -> Result<Response, Error> {
    let started = Instant::now();
    let format = negotiate(&parts.headers)?;
    let Query(parameters) =
        Query::<Parameters>::try_from_uri(&parts.uri).map_err(|rejection| odd_parameters(&rejection))?;
    let Parameters { q, query_id: id, timeout_ms, max_rows } = parameters;
    let query = QueryRequest { sql: q, query_id: query_id(&parts.headers, id)?, timeout_ms, max_rows };
    let ask = Ask { started, format, headers: &parts.headers, version: parts.version };
    run(door, session, ask, query).await
}

/// The error for query parameters that do not fit.
pub(super) fn odd_parameters(rejection: &axum::extract::rejection::QueryRejection) -> Error {
    Error::new(ErrorCode::BadRequest, format!("the query parameters do not fit: {}", rejection.body_text()))
        .with_hint("GET /openapi.json lists the parameters")
}

fn no_parameters(uri: &http::Uri) -> Result<(), Error> {
    match uri.query() {
        None | Some("") => Ok(()),
        Some(_) => Err(Error::new(ErrorCode::BadRequest, "POST takes no query parameters")
            .with_hint("send a JSON body with `sql`, `timeout_ms` and `max_rows`")),
    }
}

/// What of a request decides the form of its answer.
struct Ask<'a> {
    started: Instant,
    format: Format,
    headers: &'a HeaderMap,
    version: Version,
}

async fn run(door: &Door, session: &Session, ask: Ask<'_>, query: QueryRequest) -> Result<Response, Error> {
    let mut running =
        door.engine().query(session, query).await.inspect_err(|error| door.metrics().refused(error.code()))?;
    let query_id = running.query_id();
    let mut headers = result_headers(&running, ask.format);
    let answer = async {
        let frame = Frame {
            schema: running.schema(),
            query_id,
            policy: running.policy().to_owned(),
            notices: running.notices().to_vec(),
        };
        let packing = pack::packing(ask.format, frame).map_err(Error::from).inspect_err(|error| {
            running.fail(error);
            door.metrics().refused(error.code());
        })?;
        let mut parcel = Parcel::new(running, packing, Meter::new(door.metrics().clone(), ask.started));
        parcel.begin().await?;
        settle(&mut parcel, &ask, &mut headers).map_err(|error| parcel.break_off(error))?;
        Ok::<_, Error>(parcel)
    };
    let parcel = answer.await.map_err(|mut error| {
        error.problem.query_id = Some(query_id);
        error
    })?;
    let mut response = Response::new(Body::new(parcel));
    *response.headers_mut() = headers;
    Ok(response)
}

fn result_headers(running: &Running, format: Format) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
    answer::guard(&mut headers);
    headers.insert(NOTICES, HeaderValue::from(running.notices().len()));
    if let Ok(value) = HeaderValue::from_str(&running.query_id().to_string()) {
        headers.insert(QUERY_ID, value);
    }
    answer::name_policy(&mut headers, running.policy());
    headers
}

/// Tells the ending where it is known already, and promises it in trailers to who takes them.
fn settle(parcel: &mut Parcel, ask: &Ask<'_>, headers: &mut HeaderMap) -> Result<(), Error> {
    if parcel.is_packed() {
        headers.extend(ending_headers(parcel.ending()));
        return Ok(());
    }
    if ask.version < Version::HTTP_11 {
        // Its results end with the connection, whether they are whole or not.
        return Err(Error::new(ErrorCode::BadRequest, "HTTP/1.0 cannot tell a whole result from one that was cut off")
            .with_hint("use HTTP/1.1, also between a proxy and the gateway"));
    }
    let takes_trailers = ask.headers.get_all(TE).iter().any(|value| value.as_bytes().eq_ignore_ascii_case(b"trailers"));
    if takes_trailers {
        headers.insert(TRAILER, HeaderValue::from_static("Lockgate-Rows, Lockgate-Truncated"));
        parcel.add_trailers(ending_headers);
    }
    Ok(())
}

fn ending_headers(ending: Ending) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(ROWS, HeaderValue::from(ending.rows));
    headers.insert(TRUNCATED, HeaderValue::from_static(if ending.truncated { "true" } else { "false" }));
    headers
}

/// How a request body is to be read.
#[derive(Debug, Clone, Copy)]
enum BodyKind {
    Sql,
    Json,
}

impl BodyKind {
    fn of(headers: &HeaderMap) -> Result<Self, Error> {
        // A body is taken as it is: what it unpacks to could be far larger than the limit.
        if headers.get_all(CONTENT_ENCODING).iter().any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
            return Err(Error::new(ErrorCode::UnsupportedMediaType, "the request body is packed")
                .with_hint("send it without `Content-Encoding`"));
        }
        let mut values = headers.get_all(CONTENT_TYPE).iter();
        let text = match (values.next(), values.next()) {
            (None, None | Some(_)) => return Ok(Self::Sql),
            (Some(value), None) => value.to_str().map_err(|_| unsupported())?,
            (Some(_), Some(_)) => return Err(unsupported()),
        };
        let media_type = MediaType::parse(text).map_err(|_| unsupported())?;
        if media_type.get_param(Name::new_unchecked("charset")).is_some_and(|charset| {
            !charset.unquoted_str().eq_ignore_ascii_case("utf-8")
                && !charset.unquoted_str().eq_ignore_ascii_case("us-ascii")
        }) {
            return Err(unsupported());
        }
        let essence = media_type.essence().to_string().to_ascii_lowercase();
        match essence.as_str() {
            "application/json" => Ok(Self::Json),
            sql if SQL_BODIES.contains(&sql) => Ok(Self::Sql),
            _ => Err(unsupported()),
        }
    }

    fn parse(self, body: Vec<u8>) -> Result<QueryRequest, Error> {
        match self {
            Self::Sql => String::from_utf8(body)
                .map(QueryRequest::new)
                .map_err(|_| Error::new(ErrorCode::BadRequest, "the request body is not UTF-8 text")),
            // A list of the members' values would be taken for the object.
            Self::Json if !body.trim_ascii_start().starts_with(b"{") => Err(no_query("it is no object")),
            Self::Json => serde_json::from_slice(&body).map_err(|error| no_query(&error.to_string())),
        }
    }
}

fn no_query(why: &str) -> Error {
    Error::new(ErrorCode::BadRequest, format!("the JSON body is not a query: {why}"))
        .with_hint("send `{\"sql\": \"...\"}`, optionally with `query_id`, `timeout_ms` and `max_rows`")
}

fn unsupported() -> Error {
    let spec = ErrorCode::UnsupportedMediaType.spec();
    Error::new(ErrorCode::UnsupportedMediaType, "the request body has a media type that is not taken")
        .with_hint(spec.meaning)
}

async fn read_body(headers: &HeaderMap, body: Body, limit: usize) -> Result<Vec<u8>, Error> {
    let too_large = || {
        Error::new(ErrorCode::BodyTooLarge, format!("the request body is larger than {limit} bytes"))
            .with_hint("shorten the statement, or have the operator raise `server.max_body`")
    };
    let announced =
        headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()).and_then(|text| text.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(too_large());
    }
    match tokio::time::timeout(BODY_TIME, Limited::new(body, limit).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes().into()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(Error::new(ErrorCode::BadRequest, "the request body did not arrive whole")),
        Err(_) => Err(Error::new(ErrorCode::BadRequest, "the request body did not arrive in time")),
    }
}

/// The caller's own id, from the `Query-Id` header or from the request.
fn query_id(headers: &HeaderMap, given: Option<Uuid>) -> Result<Option<Uuid>, Error> {
    let mut values = headers.get_all(QUERY_ID).iter();
    let odd = |text: &str| Err(Error::new(ErrorCode::BadRequest, text).with_hint("send one UUID, or none"));
    let header = match (values.next(), values.next()) {
        (None, None | Some(_)) => return Ok(given),
        (Some(value), None) => value.to_str().ok().and_then(|text| text.parse::<Uuid>().ok()),
        (Some(_), Some(_)) => return odd("the request carries more than one `Query-Id` header"),
    };
    match (header, given) {
        (None, None | Some(_)) => odd("the `Query-Id` header is not a UUID"),
        (Some(header), Some(given)) if header != given => odd("`Query-Id` and `query_id` differ"),
        (Some(header), None | Some(_)) => Ok(Some(header)),
    }
}
