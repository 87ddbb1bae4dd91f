//! What a caller asks for.

use serde::{Deserialize, Serialize};

/// One governed query, as it arrives at any door. Who asks and for which purpose never stands in here: those come
/// from credentials and headers, never from the body.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueryRequest {
    /// One read-only SQL statement.
    pub sql: String,
    /// The caller's own id for this query (a UUID); the gateway makes one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query_id: Option<uuid::Uuid>,
    /// End the query after this many milliseconds; the gateway's own limit still holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// Return at most this many rows; the result says when it was cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_rows: Option<u64>,
}

impl QueryRequest {
    /// A request with nothing but its SQL text.
    pub fn new(sql: impl Into<String>) -> Self {
        Self { sql: sql.into(), ..Self::default() }
    }
}
