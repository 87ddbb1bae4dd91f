//! Which rows: grants are ORed; retention, erasure and region are ANDed.

use std::collections::BTreeSet;

use arrow_schema::{DataType, SchemaRef};

use crate::classification::Residency;
use crate::decide::{Case, path_segment, remedy};
use crate::{Erased, Region, RowFilter, RowRule, Withheld};

/// Row rules that an asker is granted on a table.
#[derive(Debug)]
pub(crate) struct RowGrants {
    pub(crate) granted: Vec<RowRule>,
    /// Why there is none.
    pub(crate) withheld: Option<Withheld>,
    /// Ids of the rules that decided, sorted.
    pub(crate) rules: Vec<String>,
}

/// Asks for every row rule that is for the table.
pub(crate) fn grants(case: Case<'_>) -> RowGrants {
    let question = case.asker.about(case.set, &format!("tag:{}", case.class.rows));
    let mut granted = Vec::new();
    let mut rules: BTreeSet<String> = BTreeSet::new();
    let mut denied_by: Option<String> = None;
    let id_of = |number: &usize| case.set.book.rules.get(*number).map(|rule| rule.id.clone());
    for spec in case.set.class.row_rules_of(case.table) {
        let verdict = question.ask(&format!("rows:{}", spec.name));
        if verdict.allowed {
            rules.extend(verdict.allows.iter().filter_map(id_of));
            granted.push(RowRule {
                name: spec.name.clone(),
                rule: verdict.allows.first().and_then(id_of).unwrap_or_default(),
                expr: spec.expr.clone(),
                all: spec.all,
                columns: spec.columns.clone(),
            });
        } else if !verdict.allows.is_empty() {
            rules.extend(verdict.denies.iter().filter_map(id_of));
            denied_by = denied_by.or(verdict.denies.first().and_then(id_of));
        }
    }
    let withheld = granted.is_empty().then(|| remedy::no_row_grant(case, denied_by));
    RowGrants { granted, withheld, rules: rules.into_iter().collect() }
}

/// The filter of a table that rows are granted on. A duty that cannot be kept, because its column is gone or has
/// another type, withholds the table.
pub(crate) fn filter(case: Case<'_>, granted: Vec<RowRule>, schema: &SchemaRef) -> Result<RowFilter, Withheld> {
    let sees_all = granted.iter().any(|rule| rule.all);
    for column in granted.iter().flat_map(|rule| &rule.columns) {
        if !sees_all {
            present(case, column, schema)?;
        }
    }
    if let Some(retention) = &case.class.retention {
        let found = present(case, &retention.column, schema)?;
        if !matches!(found, DataType::Date32 | DataType::Date64 | DataType::Timestamp(_, _)) {
            return Err(remedy::drifted("a date or timestamp", Some(found)));
        }
    }
    let region = match &case.class.residency {
        Some(Residency::Column(column)) => {
            let found = present(case, column, schema)?;
            if !is_text(found) {
                return Err(remedy::drifted("Utf8", Some(found)));
            }
            Some(Region { column: column.clone(), value: case.asker.asker.env.site.clone() })
        }
        Some(Residency::Site(_)) | None => None,
    };
    Ok(RowFilter { granted, retention: case.class.retention.clone(), erased: erased(case, schema)?, region })
}

fn erased(case: Case<'_>, schema: &SchemaRef) -> Result<Option<Erased>, Withheld> {
    let Some(subject) = &case.class.subject else {
        return Ok(None);
    };
    let found = present(case, &subject.column, schema)?;
    let Some(keys) = case.set.erasures.of(&subject.subject) else {
        return Ok(None);
    };
    if !is_text(found) && !found.is_integer() {
        return Err(remedy::drifted("a text or whole number", Some(found)));
    }
    Ok(Some(Erased { column: subject.column.clone(), keys }))
}

/// The type of a column that a row rule or a duty needs.
fn present<'s>(case: Case<'_>, column: &str, schema: &'s SchemaRef) -> Result<&'s DataType, Withheld> {
    let Ok(field) = schema.field_with_name(column) else {
        return Err(remedy::drifted("a column", None));
    };
    let declared = case.class.columns.get(&path_segment(column)).and_then(|entry| entry.declared.as_ref());
    match declared {
        Some(declared) if !declared.accepts(field.data_type()) => {
            Err(remedy::drifted(&declared.to_string(), Some(field.data_type())))
        }
        Some(_) | None => Ok(field.data_type()),
    }
}

fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}
