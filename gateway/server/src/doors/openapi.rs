//! `/openapi.json`: the door's description, made from the list of endpoints and the table of error codes.

mod schemas;

use std::sync::OnceLock;

use axum::response::Response;
use http::HeaderMap;
use lockgate_engine::Error;
use lockgate_wire::ErrorCode;
use serde_json::{Map, Value, json};

use super::accept::negotiate_among;
use super::answer;
use super::endpoints::{Answer, ENDPOINTS, Endpoint, EndpointId, Needs, PROBLEM, Parameter, ParameterKind};

/// `GET /openapi.json`
pub(super) fn get(headers: &HeaderMap) -> Result<Response, Error> {
    static TEXT: OnceLock<String> = OnceLock::new();
    negotiate_among(headers, &["application/json"])?;
    Ok(answer::ok("application/json", TEXT.get_or_init(|| format!("{:#}\n", document())).as_str()))
}

/// The OpenAPI 3.1 document.
pub(crate) fn document() -> Value {
    let mut paths = Map::new();
    for endpoint in ENDPOINTS {
        let path = paths.entry(endpoint.path).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(endpoint.method.to_ascii_lowercase(), operation(endpoint));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Lockgate",
            "version": env!("CARGO_PKG_VERSION"),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": "One governed SQL door to a company's data. Every request to /v1 brings a bearer token and declares its purpose. \
                            Policy decides what is shown; `Lockgate-Notices` counts what was treated, and the result says what.",
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas::schemas(),
            "headers": headers(),
            "parameters": {"Purpose": {
                "name": "Lockgate-Purpose", "in": "header", "required": true, "schema": {"type": "string"},
                "description": "Why the request is made: a purpose that the policy knows.",
            }},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "A token of the users file."}},
        },
    })
}

fn headers() -> Value {
    let header = |description: &str, schema: Value| json!({"description": description, "schema": schema});
    json!({
        "Query-Id": header("The query's id, as the ledger and the operator's log have it.", json!({"type": "string", "format": "uuid"})),
        "Lockgate-Policy": header("Version of the policy that decided.", json!({"type": "string"})),
        "Lockgate-Notices": header("Number of notices: what policy treated in this query.", json!({"type": "integer"})),
        "Lockgate-Rows": header("Rows of the result, where they are known when it begins; else a trailer for who sends `TE: trailers`.",
            json!({"type": "integer"})),
        "Lockgate-Truncated": header("Whether a row limit cut the result; known as `Lockgate-Rows` is.", json!({"type": "boolean"})),
        "Retry-After": header("Seconds after which the request may be tried again.", json!({"type": "integer"})),
        "WWW-Authenticate": header("How to sign in.", json!({"type": "string"})),
    })
}

fn operation(endpoint: &Endpoint) -> Value {
    let mut operation = Map::new();
    operation.insert("operationId".into(), json!(operation_id(endpoint.id)));
    operation.insert("summary".into(), json!(endpoint.summary));
    if !endpoint.notes.is_empty() {
        operation.insert("description".into(), json!(endpoint.notes));
    }
    operation.insert("security".into(), security(endpoint.needs));
    let mut parameters: Vec<Value> = endpoint.parameters.iter().map(parameter).collect();
    if endpoint.needs == Needs::TokenAndPurpose {
        parameters.push(json!({"$ref": "#/components/parameters/Purpose"}));
    }
    operation.insert("parameters".into(), json!(parameters));
    if !endpoint.bodies.is_empty() {
        let content: Map<String, Value> =
            endpoint.bodies.iter().map(|body| ((*body).to_owned(), body_schema(body))).collect();
        operation.insert("requestBody".into(), json!({"required": true, "content": content}));
    }
    operation.insert("responses".into(), responses(endpoint));
    Value::Object(operation)
}

fn operation_id(id: EndpointId) -> &'static str {
    match id {
        EndpointId::QueryPost => "query",
        EndpointId::QueryGet => "queryByAddress",
        EndpointId::QueryDelete => "cancel",
        EndpointId::Progress => "progress",
        EndpointId::Catalog => "catalog",
        EndpointId::PolicyExplain => "explainPolicy",
        EndpointId::Healthz => "health",
        EndpointId::Metrics => "metrics",
        EndpointId::OpenApi => "openapi",
    }
}

fn security(needs: Needs) -> Value {
    match needs {
        Needs::Nothing => json!([]),
        Needs::TokenForDetails | Needs::TokenUnlessOpen => json!([{}, {"token": []}]),
        Needs::TokenAndPurpose => json!([{"token": []}]),
    }
}

fn parameter(parameter: &Parameter) -> Value {
    let schema = match parameter.kind {
        ParameterKind::Text => json!({"type": "string"}),
        ParameterKind::Integer => json!({"type": "integer", "minimum": 0}),
        ParameterKind::Uuid => json!({"type": "string", "format": "uuid"}),
    };
    json!({
        "name": parameter.name, "in": "query", "required": parameter.required, "description": parameter.help, "schema": schema,
    })
}

fn body_schema(media_type: &str) -> Value {
    match media_type {
        "application/json" => json!({"schema": {"$ref": "#/components/schemas/QueryRequest"}}),
        _ => json!({"schema": {"type": "string", "description": "The SQL text."}}),
    }
}

fn responses(endpoint: &Endpoint) -> Value {
    let mut responses = Map::new();
    let content: Map<String, Value> = endpoint
        .answer
        .media_types()
        .into_iter()
        .map(|media_type| (media_type.to_owned(), json!({"schema": answer_schema(endpoint.id, media_type)})))
        .collect();
    let mut ok = json!({"description": "As asked.", "content": content});
    let names: &[&str] = match (endpoint.answer, endpoint.needs) {
        (Answer::Result, _) => {
            &["Query-Id", "Lockgate-Policy", "Lockgate-Notices", "Lockgate-Rows", "Lockgate-Truncated"]
        }
        (Answer::Media(_), Needs::TokenAndPurpose) => &["Lockgate-Policy"],
        (Answer::Media(_), Needs::Nothing | Needs::TokenForDetails | Needs::TokenUnlessOpen) => &[],
    };
    if let Some(ok) = ok.as_object_mut().filter(|_| !names.is_empty()) {
        ok.insert("headers".into(), header_refs(names));
    }
    responses.insert("200".into(), ok);
    if endpoint.id == EndpointId::Healthz {
        let content = json!({"application/json": {"schema": {"$ref": "#/components/schemas/Health"}}});
        responses.insert("503".into(), json!({"description": "The ledger cannot be written.", "content": content}));
    }
    for (status, codes) in errors(endpoint) {
        let names: Vec<String> = codes.iter().map(|code| format!("`{code}`: {}", code.spec().meaning)).collect();
        let mut response = json!({
            "description": names.join("; "),
            "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        });
        let headers = match status {
            401 => Some(header_refs(&["WWW-Authenticate"])),
            _ if codes.iter().any(|code| code.spec().retryable) => Some(header_refs(&["Retry-After"])),
            _ => None,
        };
        if let (Some(response), Some(headers)) = (response.as_object_mut(), headers) {
            response.insert("headers".into(), headers);
        }
        responses.insert(status.to_string(), response);
    }
    Value::Object(responses)
}

fn header_refs(names: &[&str]) -> Value {
    names
        .iter()
        .map(|name| ((*name).to_owned(), json!({"$ref": format!("#/components/headers/{name}")})))
        .collect::<Map<_, _>>()
        .into()
}

fn answer_schema(id: EndpointId, media_type: &str) -> Value {
    let named = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    let table = || json!({"type": "array", "items": named("CatalogTable")});
    match (id, media_type) {
        (EndpointId::QueryPost | EndpointId::QueryGet, "application/json") => named("Result"),
        (EndpointId::QueryPost | EndpointId::QueryGet, "text/csv" | "application/x-ndjson") => {
            json!({"type": "string"})
        }
        (EndpointId::QueryPost | EndpointId::QueryGet, _) => json!({"type": "string", "format": "binary"}),
        (EndpointId::QueryDelete, _) => named("Cancelled"),
        (EndpointId::Progress, _) => named("Progress"),
        (EndpointId::Catalog, _) => table(),
        (EndpointId::PolicyExplain, "application/json") => named("Explanation"),
        (EndpointId::Healthz, _) => named("Health"),
        (EndpointId::OpenApi, _) => json!({"type": "object"}),
        (EndpointId::PolicyExplain | EndpointId::Metrics, _) => json!({"type": "string"}),
    }
}

/// The codes that an endpoint can answer with, by status.
pub(crate) fn errors(endpoint: &Endpoint) -> Vec<(u16, Vec<ErrorCode>)> {
    let possible = |code: &&ErrorCode| match code {
        ErrorCode::Internal | ErrorCode::NotAcceptable | ErrorCode::MethodNotAllowed => true,
        ErrorCode::BadRequest => true,
        ErrorCode::Unauthenticated => matches!(endpoint.needs, Needs::TokenAndPurpose | Needs::TokenUnlessOpen),
        ErrorCode::PurposeRequired | ErrorCode::PurposeUnknown | ErrorCode::PolicyUnavailable => {
            endpoint.needs == Needs::TokenAndPurpose
        }
        ErrorCode::TableNotFound
        | ErrorCode::ColumnNotFound
        | ErrorCode::SourceUnavailable
        | ErrorCode::SourceData
        | ErrorCode::SourceChanged => endpoint.answer == Answer::Result || endpoint.id == EndpointId::PolicyExplain,
        ErrorCode::BodyTooLarge | ErrorCode::UnsupportedMediaType => !endpoint.bodies.is_empty(),
        ErrorCode::SqlSyntax
        | ErrorCode::SqlInvalid
        | ErrorCode::UnsupportedStatement
        | ErrorCode::UnsupportedFeature
        | ErrorCode::EvaluationFailed
        | ErrorCode::PolicyDenied
        | ErrorCode::AccessRevoked
        | ErrorCode::TimeLimit
        | ErrorCode::MemoryLimit
        | ErrorCode::SpillLimit
        | ErrorCode::QueueFull
        | ErrorCode::Cancelled
        | ErrorCode::LedgerUnavailable => endpoint.answer == Answer::Result,
        ErrorCode::NotFound => false,
    };
    let mut by_status: std::collections::BTreeMap<u16, Vec<ErrorCode>> = std::collections::BTreeMap::new();
    for code in ErrorCode::ALL.iter().filter(possible) {
        by_status.entry(code.spec().http).or_default().push(*code);
    }
    by_status.into_iter().collect()
}
