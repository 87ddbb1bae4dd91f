//! From answers about tags to the decision for a table.

mod asker;
mod columns;
pub(crate) mod remedy;
mod rows;
mod tags;

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_schema::SchemaRef;

pub(crate) use asker::{CompiledAsker, RulesByTag};
pub use columns::UNREADABLE_TYPE;
pub(crate) use columns::{Outcome, classified_outcome, columns, outcome_of, parts_of, path_segment};
pub(crate) use rows::grants;
pub(crate) use tags::TagAnswer;

use crate::classification::{Residency, TableClass};
use crate::{PolicySet, TableAccess, TableDecision, TableName, Withheld, WithheldReason};

/// A table together with who asks for it.
#[derive(Clone, Copy)]
pub(crate) struct Case<'a> {
    pub(crate) set: &'a PolicySet,
    pub(crate) asker: &'a CompiledAsker,
    pub(crate) table: &'a TableName,
    pub(crate) class: &'a TableClass,
}

/// Decides for a table; one that is not classified is hidden.
pub(crate) fn decide(set: &PolicySet, asker: &CompiledAsker, table: &TableName, schema: &SchemaRef) -> TableDecision {
    let mut rules: BTreeSet<String> = BTreeSet::new();
    let access = match set.table_class(table) {
        Some(class) => access(Case { set, asker, table, class }, schema, &mut rules),
        None => TableAccess::Hidden,
    };
    TableDecision { table: table.clone(), policy: Arc::clone(&set.version), access, rules: rules.into_iter().collect() }
}

fn access(case: Case<'_>, schema: &SchemaRef, rules: &mut BTreeSet<String>) -> TableAccess {
    let grants = grants(case);
    rules.extend(grants.rules.iter().cloned());
    if let Some(withheld) = grants.withheld {
        return if case.class.hidden { TableAccess::Hidden } else { TableAccess::Withheld(withheld) };
    }
    if let Some(withheld) = wrong_site(case) {
        return TableAccess::Withheld(withheld);
    }
    let filter = match rows::filter(case, grants.granted, schema) {
        Ok(filter) => filter,
        Err(withheld) => return TableAccess::Withheld(withheld),
    };
    let columns = columns(case, schema);
    for column in &columns {
        rules.extend(column.rules.iter().cloned());
    }
    TableAccess::Visible { columns, rows: filter }
}

/// Data of another site stays there.
pub(crate) fn wrong_site(case: Case<'_>) -> Option<Withheld> {
    let Some(Residency::Site(site)) = &case.class.residency else {
        return None;
    };
    if *site == case.asker.asker.env.site {
        return None;
    }
    let remedy = format!("ask the gateway at site `{site}`; the data may be read there only");
    Some(Withheld { reason: WithheldReason::Residency { site: site.clone() }, rule: None, remedy })
}

#[cfg(test)]
mod tests;
