//! What the caller is told, and what the ledger records, about each table of a query.

use std::collections::{BTreeMap, BTreeSet};

use lockgate_policies::{ColumnDecision, Leaf, RowFilter, Shown, TableAccess, TableName, Treatment};
use lockgate_wire::Notice;
use lockgate_wire::audit::AuditTable;

use crate::denial;
use crate::govern::{Governed, GovernedTable};

type Reads = BTreeMap<TableName, BTreeSet<String>>;

/// Notices on treated columns that are read, on withheld columns where a wildcard dropped them, and on row rules.
pub(crate) fn of(governed: &Governed, reads: &Reads) -> Vec<Notice> {
    let mut notices = Vec::new();
    for table in &governed.tables {
        let TableAccess::Visible { columns, rows } = &table.decision.access else { continue };
        let read = reads.get(&table.name);
        for column in columns {
            let is_read = read.is_some_and(|read| read.contains(&column.name));
            let is_dropped = governed.wildcard && matches!(column.shown, Shown::Withheld(_));
            if is_read || is_dropped {
                notices.extend(column.leaves().iter().filter_map(|leaf| column_notice(table, leaf)));
            }
        }
        if let Some(notice) = rows_notice(table, rows) {
            notices.push(notice);
        }
    }
    notices
}

fn column_notice(table: &GovernedTable, leaf: &Leaf<'_>) -> Option<Notice> {
    let path = leaf.path();
    let (treatment, text) = match &leaf.decision.shown {
        Shown::Treated(Treatment::Clear) | Shown::Nested(_) | Shown::Hidden => return None,
        Shown::Treated(treatment) => {
            (treatment.name().to_owned(), format!("`{path}` is shown as `{}`: {}", treatment.name(), treatment.does()))
        }
        Shown::Withheld(withheld) => {
            ("withheld".to_owned(), format!("`{path}` is withheld: {}", denial::reason(withheld)))
        }
    };
    let rules = leaf.decision.rules.clone();
    Some(Notice { table: table.name.to_string(), column: Some(path), treatment, rules, text })
}

fn rows_notice(table: &GovernedTable, rows: &RowFilter) -> Option<Notice> {
    let mut parts = Vec::new();
    if !rows.granted.iter().any(|rule| rule.all) {
        let names: Vec<&str> = rows.granted.iter().map(|rule| rule.name.as_str()).collect();
        parts.push(format!("row rule `{}`", names.join("` or `")));
    }
    if let Some(retention) = &rows.retention {
        parts.push(format!("retention of {} days", retention.days));
    }
    if rows.region.is_some() {
        parts.push("rows of this site".to_owned());
    }
    if parts.is_empty() {
        return None;
    }
    let rules = rows.granted.iter().map(|rule| rule.rule.clone()).collect();
    let text = format!("only some rows are shown: {}", parts.join(", "));
    Some(Notice { table: table.name.to_string(), column: None, treatment: "rows".to_owned(), rules, text })
}

/// Who reads how columns were shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    /// The ledger, which must tell a struct that is clear from one of which a hidden field is missing.
    Ledger,
    /// The asker, who must not.
    Asker,
}

/// Each table with the treatment of every column that is read, nested fields one by one.
pub(crate) fn audit_tables(governed: &Governed, reads: &Reads, reader: Reader) -> Vec<AuditTable> {
    let mut tables = Vec::with_capacity(governed.tables.len());
    for table in &governed.tables {
        let TableAccess::Visible { columns, rows } = &table.decision.access else { continue };
        let read = reads.get(&table.name);
        let read_columns = columns.iter().filter(|column| read.is_some_and(|read| read.contains(&column.name)));
        let leaves = match reader {
            Reader::Ledger => ColumnDecision::leaves,
            Reader::Asker => ColumnDecision::told_leaves,
        };
        let treatments = read_columns.flat_map(leaves).filter_map(|leaf| match &leaf.decision.shown {
            looks if looks.looks_clear() => Some((leaf.path(), Treatment::Clear.name().to_owned())),
            Shown::Treated(treatment) => Some((leaf.path(), treatment.name().to_owned())),
            Shown::Withheld(_) | Shown::Nested(_) | Shown::Hidden => None,
        });
        tables.push(AuditTable {
            table: table.name.to_string(),
            columns: treatments.collect(),
            rows: rows.granted.iter().map(|rule| rule.name.clone()).collect(),
            rules: table.decision.rules.clone(),
        });
    }
    tables
}
