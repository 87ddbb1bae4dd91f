//! What the caller is told, and what the ledger records, about each table of a query.

use std::collections::{BTreeMap, BTreeSet};

use lockgate_policies::{ColumnDecision, RowFilter, Shown, TableAccess, TableName, Treatment};
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
                column_notices(table, column, "", &mut notices);
            }
        }
        if let Some(notice) = rows_notice(table, rows) {
            notices.push(notice);
        }
    }
    notices
}

fn column_notices(table: &GovernedTable, column: &ColumnDecision, prefix: &str, notices: &mut Vec<Notice>) {
    let path = if prefix.is_empty() { column.name.clone() } else { format!("{prefix}.{}", column.name) };
    let (treatment, text) = match &column.shown {
        Shown::Treated(Treatment::Clear) | Shown::Hidden => return,
        Shown::Treated(treatment) => {
            (treatment.name().to_owned(), format!("`{path}` is shown as `{}`: {}", treatment.name(), treatment.does()))
        }
        Shown::Withheld(withheld) => {
            ("withheld".to_owned(), format!("`{path}` is withheld: {}", denial::reason(withheld)))
        }
        Shown::Nested(children) => {
            children.iter().for_each(|child| column_notices(table, child, &path, notices));
            return;
        }
    };
    notices.push(Notice {
        table: table.name.to_string(),
        column: Some(path),
        treatment,
        rules: column.rules.clone(),
        text,
    });
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

/// The ledger's view of each table: the treatment of every column that is read, nested fields one by one.
pub(crate) fn audit_tables(governed: &Governed, reads: &Reads) -> Vec<AuditTable> {
    let mut tables = Vec::with_capacity(governed.tables.len());
    for table in &governed.tables {
        let TableAccess::Visible { columns, rows } = &table.decision.access else { continue };
        let read = reads.get(&table.name);
        let mut treatments = BTreeMap::new();
        for column in columns.iter().filter(|column| read.is_some_and(|read| read.contains(&column.name))) {
            leaves(column, "", &mut treatments);
        }
        tables.push(AuditTable {
            table: table.name.to_string(),
            columns: treatments,
            rows: rows.granted.iter().map(|rule| rule.name.clone()).collect(),
            rules: table.decision.rules.clone(),
        });
    }
    tables
}

/// One entry for each shown leaf below `column`.
pub(crate) fn leaves(column: &ColumnDecision, prefix: &str, into: &mut BTreeMap<String, String>) {
    let path = if prefix.is_empty() { column.name.clone() } else { format!("{prefix}.{}", column.name) };
    match &column.shown {
        Shown::Treated(treatment) => {
            into.insert(path, treatment.name().to_owned());
        }
        Shown::Nested(children) => children.iter().for_each(|child| leaves(child, &path, into)),
        Shown::Withheld(_) | Shown::Hidden => {}
    }
}
