//! What the caller is told was treated.

use serde::{Deserialize, Serialize};

/// One thing that policy did to a table of this query. Notices depend on policy and schema only, never on rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Full table name, `catalog.schema.table`.
    pub table: String,
    /// Column or struct leaf (`payload.phone`); absent when the notice is about the table's rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// What was done: a treatment's name, `withheld`, or `rows` for a row rule.
    pub treatment: String,
    /// Ids of the policy rules that decided.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
    /// One sentence for a person.
    pub text: String,
}
