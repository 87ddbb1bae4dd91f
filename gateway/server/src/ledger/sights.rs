//! Who saw a column.

use std::io;
use std::path::Path;

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::error::Break;
use super::pattern::ColumnPattern;
use super::search::{self, Filter, Finding, Findings, QueryOutcome};

/// One column that one query read.
#[derive(Debug, Clone, Serialize)]
pub struct Sight {
    /// Number of the record that the query begins with.
    pub seq: u64,
    /// When it was decided, UTC.
    pub at: DateTime<Utc>,
    /// Who saw it.
    pub principal: String,
    /// For which purpose.
    pub purpose: String,
    /// Where the result was delivered.
    pub dc: Option<String>,
    /// Full table name.
    pub table: String,
    /// Column or struct leaf.
    pub column: String,
    /// How it was shown.
    pub treatment: String,
    /// Row rules in force.
    pub row_rules: Vec<String>,
    /// Rows of the whole result that were handed over; absent while the query is unfinished.
    pub rows: Option<u64>,
    /// How the query ended.
    pub outcome: QueryOutcome,
    /// Policy version.
    pub policy: String,
    /// Policy rules that decided.
    pub rules: Vec<String>,
    /// The query's id.
    pub query_id: Uuid,
}

/// Who saw the columns that fit a pattern, in the order in which they asked. Refused queries and withheld columns showed nothing.
///
/// # Errors
/// When the folder cannot be listed.
pub fn sights(
    dir: &Path,
    pattern: ColumnPattern,
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
) -> io::Result<impl Iterator<Item = Result<Sight, Break>>> {
    let filter = Filter { column: Some(pattern.clone()), from, to, ..Filter::default() };
    Ok(sights_among(search::search(dir, filter)?, pattern))
}

/// The columns of some queries that fit a pattern.
pub(super) fn sights_among(findings: Findings, pattern: ColumnPattern) -> impl Iterator<Item = Result<Sight, Break>> {
    findings.flat_map(move |finding| match finding {
        Ok(finding) => sights_of(finding, &pattern).into_iter().map(Ok).collect::<Vec<_>>(),
        Err(broken) => vec![Err(broken)],
    })
}

fn sights_of(finding: Finding, pattern: &ColumnPattern) -> Vec<Sight> {
    if finding.outcome == QueryOutcome::Refused {
        return Vec::new();
    }
    let mut sights = Vec::new();
    for table in finding.tables.iter().filter(|table| pattern.fits_table(&table.table)) {
        let shown =
            table.columns.iter().filter(|(column, treatment)| pattern.fits_column(column) && *treatment != "withheld");
        sights.extend(shown.map(|(column, treatment)| Sight {
            seq: finding.seq,
            at: finding.at,
            principal: finding.principal.clone(),
            purpose: finding.purpose.clone(),
            dc: finding.dc.clone(),
            table: table.table.clone(),
            column: column.clone(),
            treatment: treatment.clone(),
            row_rules: table.rows.clone(),
            rows: finding.rows,
            outcome: finding.outcome,
            policy: finding.policy.clone(),
            rules: table.rules.clone(),
            query_id: finding.query_id,
        }));
    }
    sights
}
