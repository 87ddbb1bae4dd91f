//! Every endpoint of the HTTP door, declared once: routed, described in `/openapi.json`, printed into the docs and walked by the
//! tests from this list.

use super::accept::Format;

/// Which endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndpointId {
    /// `POST /v1/query`
    QueryPost,
    /// `GET /v1/query`
    QueryGet,
    /// `DELETE /v1/query`
    QueryDelete,
    /// `GET /v1/progress`
    Progress,
    /// `GET /v1/catalog`
    Catalog,
    /// `GET /v1/policy/explain`
    PolicyExplain,
    /// `GET /healthz`
    Healthz,
    /// `GET /metrics`
    Metrics,
    /// `GET /openapi.json`
    OpenApi,
}

/// What a request must bring before anything else of it is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing; the answer holds nothing that needs protection.
    Nothing,
    /// Nothing for a one-word answer; with a token there are details.
    TokenForDetails,
    /// A token, unless `server.metrics_open` is set.
    TokenUnlessOpen,
    /// A token and a declared purpose.
    TokenAndPurpose,
}

/// The type of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterKind {
    /// A text.
    Text,
    /// A whole number.
    Integer,
    /// A UUID.
    Uuid,
}

/// A query parameter.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    /// Name.
    pub name: &'static str,
    /// Type.
    pub kind: ParameterKind,
    /// Whether it must be given.
    pub required: bool,
    /// What it does.
    pub help: &'static str,
}

/// What an endpoint answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// A result, in the form that `Accept` picks.
    Result,
    /// These media types, the first by default.
    Media(&'static [&'static str]),
}

impl Answer {
    /// The media types, the default first.
    pub fn media_types(self) -> Vec<&'static str> {
        match self {
            Self::Result => Format::ALL.iter().map(|format| format.media_type()).collect(),
            Self::Media(types) => types.to_vec(),
        }
    }
}

/// One endpoint.
#[derive(Debug, Clone, Copy)]
pub struct Endpoint {
    /// Which.
    pub id: EndpointId,
    /// HTTP method. Where it is GET, HEAD is answered too, unless a query would have to run for it.
    pub method: &'static str,
    /// Path.
    pub path: &'static str,
    /// What a request must bring.
    pub needs: Needs,
    /// Query parameters; others are refused.
    pub parameters: &'static [Parameter],
    /// Media types of the request body.
    pub bodies: &'static [&'static str],
    /// What it answers with.
    pub answer: Answer,
    /// What it does, one sentence.
    pub summary: &'static str,
    /// What else one should know.
    pub notes: &'static str,
}

const fn parameter(name: &'static str, kind: ParameterKind, required: bool, help: &'static str) -> Parameter {
    Parameter { name, kind, required, help }
}

/// Media type of the problem document in every error answer.
pub const PROBLEM: &str = "application/problem+json";
/// Media types of the Prometheus text format; the text is the same.
pub const PROMETHEUS: &[&str] = &["application/openmetrics-text", "text/plain"];
const JSON: &[&str] = &["application/json"];

/// Media types that a statement may be sent in. The last is what `curl -d` and Python's `urllib` claim to send when they are not
/// told otherwise; it is taken as SQL text like the others.
pub const SQL_BODIES: &[&str] = &["text/plain", "application/sql", "application/x-www-form-urlencoded"];
/// Media types of the request body of `POST /v1/query`.
const QUERY_BODIES: &[&str] =
    &["text/plain", "application/sql", "application/x-www-form-urlencoded", "application/json"];

/// Every endpoint, in the order of the docs.
pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        id: EndpointId::QueryPost,
        method: "POST",
        path: "/v1/query",
        needs: Needs::TokenAndPurpose,
        parameters: &[],
        bodies: QUERY_BODIES,
        answer: Answer::Result,
        summary: "Run one read-only SQL statement and stream its result.",
        notes: "The body is the SQL text, or a JSON object with `sql` and optionally `query_id`, `timeout_ms` and `max_rows`; unknown \
                members are refused. The answer begins with the first rows, so an error before them has a status of its own. An \
                error after that aborts the connection: a result that ends cleanly is whole.",
    },
    Endpoint {
        id: EndpointId::QueryGet,
        method: "GET",
        path: "/v1/query",
        needs: Needs::TokenAndPurpose,
        parameters: &[
            parameter("q", ParameterKind::Text, true, "The SQL text."),
            parameter("query_id", ParameterKind::Uuid, false, "The caller's own id for this query."),
            parameter("timeout_ms", ParameterKind::Integer, false, "End the query after this many milliseconds."),
            parameter("max_rows", ParameterKind::Integer, false, "Return at most this many rows."),
        ],
        bodies: &[],
        answer: Answer::Result,
        summary: "Run one read-only SQL statement given in the address.",
        notes: "For one-liners and tools that can only read an address. HEAD is refused, because a query would have to run for it.",
    },
    Endpoint {
        id: EndpointId::QueryDelete,
        method: "DELETE",
        path: "/v1/query",
        needs: Needs::TokenAndPurpose,
        parameters: &[parameter("query_id", ParameterKind::Uuid, true, "The id of a query of the caller's own.")],
        bodies: &[],
        answer: Answer::Media(JSON),
        summary: "Cancel a query that runs.",
        notes: "It is ended at the sources too. Whoever reads its result gets `CANCELLED`, or a connection that is aborted if rows have \
                left already. Without a query of this id that runs, `cancelled` is false.",
    },
    Endpoint {
        id: EndpointId::Progress,
        method: "GET",
        path: "/v1/progress",
        needs: Needs::TokenAndPurpose,
        parameters: &[parameter("query_id", ParameterKind::Uuid, true, "The id of a query of the caller's own.")],
        bodies: &[],
        answer: Answer::Media(JSON),
        summary: "Tell how far the sources are with a query that runs.",
        notes: "Give the query an id of its own to ask for it before its first rows. Counts are left out where policy hides rows of what a \
                source reads. Without a query of this id that runs, `running` is false.",
    },
    Endpoint {
        id: EndpointId::Catalog,
        method: "GET",
        path: "/v1/catalog",
        needs: Needs::TokenAndPurpose,
        parameters: &[],
        bodies: &[],
        answer: Answer::Media(JSON),
        summary: "List the tables that this caller may query for this purpose, with each column's treatment.",
        notes: "Tables that the caller may not read, and those of a source that is down, are left out.",
    },
    Endpoint {
        id: EndpointId::PolicyExplain,
        method: "GET",
        path: "/v1/policy/explain",
        needs: Needs::TokenAndPurpose,
        parameters: &[
            parameter("table", ParameterKind::Text, true, "Full table name, `catalog.schema.table`."),
            parameter("column", ParameterKind::Text, false, "Column or struct leaf; all columns when absent."),
        ],
        bodies: &[],
        answer: Answer::Media(&["application/json", "text/plain"]),
        summary: "Tell why this caller sees a table or a column as they do, and what would give more.",
        notes: "`text/plain` is for reading.",
    },
    Endpoint {
        id: EndpointId::Healthz,
        method: "GET",
        path: "/healthz",
        needs: Needs::TokenForDetails,
        parameters: &[],
        bodies: &[],
        answer: Answer::Media(JSON),
        summary: "Tell whether queries can be answered.",
        notes: "`ok` and `degraded` (a changed policy or users file is refused and the one before it is in force) come with status 200, \
                `unavailable` (the ledger cannot be written) with 503.",
    },
    Endpoint {
        id: EndpointId::Metrics,
        method: "GET",
        path: "/metrics",
        needs: Needs::TokenUnlessOpen,
        parameters: &[],
        bodies: &[],
        answer: Answer::Media(PROMETHEUS),
        summary: "Figures for Prometheus.",
        notes: "Needs a token, unless `server.metrics_open` is set. No user, table or SQL text stands in them.",
    },
    Endpoint {
        id: EndpointId::OpenApi,
        method: "GET",
        path: "/openapi.json",
        needs: Needs::Nothing,
        parameters: &[],
        bodies: &[],
        answer: Answer::Media(JSON),
        summary: "This description, as OpenAPI 3.1.",
        notes: "",
    },
];

/// The methods that a path takes, for the `Allow` header; empty when there is no such path.
pub fn allowed(path: &str) -> Vec<&'static str> {
    let mut methods = Vec::new();
    for endpoint in ENDPOINTS.iter().filter(|endpoint| endpoint.path == path) {
        methods.push(endpoint.method);
        if endpoint.takes_head() {
            methods.push("HEAD");
        }
    }
    if !methods.is_empty() {
        methods.push("OPTIONS");
    }
    methods
}

impl Endpoint {
    /// The endpoint for a method and a path.
    pub fn find(method: &str, path: &str) -> Option<&'static Endpoint> {
        let mut at_path = ENDPOINTS.iter().filter(|endpoint| endpoint.path == path);
        at_path.find(|endpoint| endpoint.method == method || (method == "HEAD" && endpoint.takes_head()))
    }

    fn takes_head(&self) -> bool {
        self.method == "GET" && self.id != EndpointId::QueryGet
    }
}
