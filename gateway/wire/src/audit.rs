//! The ledger's records: one open and one close record for each query. They never hold a row value or a literal.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// One line of the ledger, before it is chained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AuditRecord {
    /// Written and made durable before the first byte of a result leaves.
    Open(OpenRecord),
    /// Written when the query ended, however it ended.
    Close(CloseRecord),
    /// A query that was refused before it could read anything (policy, parse, admission).
    Refused(RefusedRecord),
    /// Which policy version is in force from here on.
    Policy(PolicyRecord),
    /// The ledger was opened for writing, or could be written again after a failure.
    Writer(WriterRecord),
}

/// Who is about to see what, decided by which rules of which policy version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenRecord {
    /// The query's id, as the caller sees it.
    pub query_id: uuid::Uuid,
    /// When the decision was taken, UTC.
    pub at: DateTime<Utc>,
    /// Principal that asked.
    pub principal: String,
    /// Purpose that the principal declared.
    pub purpose: String,
    /// Where the result is delivered.
    pub dc: String,
    /// Door through which the query came, such as `http`.
    pub door: String,
    /// Policy version label and digest.
    pub policy: String,
    /// SHA-256 (hex) of the SQL text.
    pub sql_digest: String,
    /// Tables that are read, with what of each is shown.
    pub tables: Vec<AuditTable>,
    /// Names of the sources that are read.
    pub sources: Vec<String>,
}

/// A table of an [`OpenRecord`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditTable {
    /// Full table name, `catalog.schema.table`.
    pub table: String,
    /// Column (or struct leaf) to treatment, for every column that the query reads.
    pub columns: BTreeMap<String, String>,
    /// Names of the row rules in force (`all` when every row is visible).
    pub rows: Vec<String>,
    /// Ids of all policy rules that decided.
    pub rules: Vec<String>,
}

/// How a query ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloseRecord {
    /// The query's id.
    pub query_id: uuid::Uuid,
    /// When it ended, UTC.
    pub at: DateTime<Utc>,
    /// How it ended.
    pub outcome: Outcome,
    /// Stable error code of a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Rows handed to the door.
    pub rows: u64,
    /// Bytes of Arrow memory handed to the door.
    pub bytes: u64,
    /// Time from open to close in milliseconds.
    pub elapsed_ms: u64,
    /// Sources at which a statement of the query was given up before its end, with whether each confirmed that it no longer
    /// works on it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub given_up: BTreeMap<String, bool>,
}

/// How a query ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All rows were handed over.
    Finished,
    /// An error ended it.
    Failed,
    /// The caller went away or cancelled.
    Cancelled,
}

/// A query that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedRecord {
    /// The query's id.
    pub query_id: uuid::Uuid,
    /// When it was refused, UTC.
    pub at: DateTime<Utc>,
    /// Principal that asked.
    pub principal: String,
    /// Purpose that the principal declared.
    pub purpose: String,
    /// Door through which the query came.
    pub door: String,
    /// Policy version label and digest.
    pub policy: String,
    /// SHA-256 (hex) of the SQL text.
    pub sql_digest: String,
    /// Stable error code.
    pub code: String,
    /// Tables that were named and exist, whether visible or not.
    pub tables: Vec<String>,
}

/// A policy version came into force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyRecord {
    /// When, UTC.
    pub at: DateTime<Utc>,
    /// Policy version label and digest.
    pub policy: String,
}

/// The ledger's writer began, or began again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriterRecord {
    /// When, UTC.
    pub at: DateTime<Utc>,
    /// Why the writer began.
    pub event: WriterEvent,
    /// Version of the gateway that writes from here on.
    pub gateway: String,
    /// What had to be cut off the end of the ledger before it could be written on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut: Option<CutTail>,
}

/// Why the ledger's writer began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WriterEvent {
    /// A gateway process started; queries that are still open above this record ended with the process before it.
    Started,
    /// The same process could write again after an error; nothing was read in between.
    Resumed,
}

/// Bytes after the last whole record, which a crash or a full disk left; kept in a file beside the segments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutTail {
    /// Name of the file, within the ledger's folder, that keeps them.
    pub file: String,
    /// How many bytes.
    pub bytes: u64,
    /// SHA-256 (hex) of the bytes.
    pub sha256: String,
}
