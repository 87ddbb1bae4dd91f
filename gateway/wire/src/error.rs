//! Stable error codes and the problem document (RFC 9457) that carries them.

use serde::{Deserialize, Serialize};

/// Whose move it is after an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The request is wrong; the caller can mend it.
    User,
    /// Policy or sign-in says no.
    Denied,
    /// A source failed.
    Source,
    /// A limit was reached.
    Resources,
    /// The gateway failed.
    Internal,
}

/// One row of the table of codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorSpec {
    /// The code as clients see it.
    pub name: &'static str,
    /// Whose move it is.
    pub kind: ErrorKind,
    /// HTTP status.
    pub http: u16,
    /// gRPC status code number.
    pub grpc: i32,
    /// Whether the same request may succeed later, unchanged.
    pub retryable: bool,
    /// What it means and what to do, one sentence.
    pub meaning: &'static str,
}

macro_rules! error_codes {
    ($( $variant:ident $name:literal $kind:ident $http:literal $grpc:literal $retry:literal $meaning:literal )+) => {
        /// A stable error code. Codes are never renamed or reused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum ErrorCode {
            $( #[doc = $meaning] #[serde(rename = $name)] $variant, )+
        }
        impl ErrorCode {
            /// Every code, in the order of the docs.
            pub const ALL: &'static [ErrorCode] = &[ $( ErrorCode::$variant, )+ ];
            /// The code's row in the table.
            pub const fn spec(self) -> ErrorSpec {
                match self {
                    $( ErrorCode::$variant => ErrorSpec {
                        name: $name, kind: ErrorKind::$kind, http: $http, grpc: $grpc, retryable: $retry, meaning: $meaning,
                    }, )+
                }
            }
        }
    };
}

error_codes! {
    SqlSyntax           "SQL_SYNTAX"            User      400 3  false "the SQL text could not be parsed; the error gives line and column"
    SqlInvalid          "SQL_INVALID"           User      400 3  false "the statement parses but is not valid (types, grouping, arguments); the error says where"
    UnsupportedStatement "UNSUPPORTED_STATEMENT" User     400 12 false "only one read-only query (SELECT, EXPLAIN, SHOW, DESCRIBE) is accepted"
    UnsupportedFeature  "UNSUPPORTED_FEATURE"   User      400 12 false "a function or clause that the gateway does not allow; the error names it"
    TableNotFound       "TABLE_NOT_FOUND"       User      404 5  false "no table of that name is visible to this caller; GET /v1/catalog lists those that are"
    ColumnNotFound      "COLUMN_NOT_FOUND"      User      400 3  false "no column of that name is visible in the query's tables"
    EvaluationFailed    "EVALUATION_FAILED"     User      422 3  false "an expression failed on a visible row (cast, division by zero, overflow); use try_cast or nullif"
    PolicyDenied        "POLICY_DENIED"         Denied    403 7  false "policy withholds a named table or column; the error names the rule and what would give it"
    PurposeRequired     "PURPOSE_REQUIRED"      Denied    400 3  false "every request declares why it asks: send the header Lockgate-Purpose"
    PurposeUnknown      "PURPOSE_UNKNOWN"       Denied    400 3  false "the purpose is not one that the policy knows"
    Unauthenticated     "UNAUTHENTICATED"       Denied    401 16 false "the request carries no valid credentials: send Authorization: Bearer TOKEN"
    AccessRevoked       "ACCESS_REVOKED"        Denied    403 7  false "access was withdrawn while the query ran; what was sent is not the whole result"
    BadRequest          "BAD_REQUEST"           User      400 3  false "the request is malformed; the error says which part"
    NotFound            "NOT_FOUND"             User      404 5  false "no such resource; GET /openapi.json lists those that exist"
    MethodNotAllowed    "METHOD_NOT_ALLOWED"    User      405 12 false "the resource does not take this method; the Allow header lists those it takes"
    NotAcceptable       "NOT_ACCEPTABLE"        User      406 3  false "none of the media types in Accept can be served; the error lists those that can"
    BodyTooLarge        "BODY_TOO_LARGE"        User      413 8  false "the request body is larger than the gateway's limit"
    UnsupportedMediaType "UNSUPPORTED_MEDIA_TYPE" User    415 3  false "send the statement as text/plain, application/sql or application/json"
    SourceUnavailable   "SOURCE_UNAVAILABLE"    Source    502 14 true  "a source did not answer; other sources are not affected"
    SourceData          "SOURCE_DATA"           Source    502 15 false "a source holds data that cannot be read faithfully; the operator's log names the file"
    SourceChanged       "SOURCE_CHANGED"        Source    502 10 true  "a table changed while it was being read; run the query again"
    TimeLimit           "TIME_LIMIT"            Resources 504 4  false "the query ran into its time limit; narrow it or raise timeout_ms"
    MemoryLimit         "MEMORY_LIMIT"          Resources 503 8  false "the query needs more memory than it may use; narrow it or aggregate earlier"
    SpillLimit          "SPILL_LIMIT"           Resources 503 8  false "the query needs more temporary disk than it may use; narrow it"
    QueueFull           "QUEUE_FULL"            Resources 429 8  true  "too many queries wait already; try again after the time in Retry-After"
    Cancelled           "CANCELLED"             User      409 1  false "the query was cancelled"
    LedgerUnavailable   "LEDGER_UNAVAILABLE"    Internal  503 14 true  "the audit ledger cannot be written, so nothing may be read"
    PolicyUnavailable   "POLICY_UNAVAILABLE"    Internal  503 14 true  "no valid policy is loaded, so nothing may be read"
    Internal            "INTERNAL"              Internal  500 13 false "the gateway failed; the operator finds the cause by the query id"
}

impl ErrorCode {
    /// The code as clients see it.
    pub const fn name(self) -> &'static str {
        self.spec().name
    }
}

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// The body of every error answer (`application/problem+json`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// `urn:lockgate:error:CODE`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The code's meaning.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// Stable code.
    pub code: ErrorCode,
    /// What happened, in this case. Never a row value, secret, host or hidden name.
    pub detail: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Line in the SQL text, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// Column in that line, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u64>,
    /// Policy rules that decided, for `POLICY_DENIED`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
    /// The query's id, for the operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query_id: Option<uuid::Uuid>,
}

impl Problem {
    /// A problem with a code and a detail text.
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        let spec = code.spec();
        Self {
            kind: format!("urn:lockgate:error:{}", spec.name),
            title: spec.meaning.to_owned(),
            status: spec.http,
            code,
            detail: detail.into(),
            hint: None,
            line: None,
            column: None,
            rules: Vec::new(),
            query_id: None,
        }
    }
}
