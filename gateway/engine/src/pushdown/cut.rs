//! Where a plan is cut: the largest parts that one server can answer.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::{LogicalPlan, Sort, TableScan};

use super::expression::truth;
use super::pushed;
use super::relation::{ROW_RULES, Writer};
use super::select::TableScope;
use crate::barrier::PolicyTable;

/// A plan with its pushed parts in place.
pub(crate) struct Cut {
    /// What is left for the gateway.
    pub(crate) plan: LogicalPlan,
    /// What is sent, in the order of the plan.
    pub(crate) sent: Vec<Sent>,
}

/// A part that a source answers, for people.
pub(crate) struct Sent {
    /// Name of the source.
    pub(crate) source: String,
    /// Its dialect.
    pub(crate) dialect: &'static str,
    /// The statement, with row rules named and not written out.
    pub(crate) sql: String,
    /// Whether it only reads a table, and the gateway does all else.
    pub(crate) is_read: bool,
    /// Why what is above it stays in the gateway; `None` where nothing is.
    pub(crate) because: Option<String>,
    /// Columns that are treated at the source, each after its table's full name.
    pub(crate) treated: BTreeSet<String>,
}

/// Finds the parts of an optimised plan that servers can answer.
///
/// # Errors
/// When a part does not fit in its place.
pub(crate) fn cut(plan: &LogicalPlan) -> Result<Cut> {
    let mut sent = Vec::new();
    let plan = part(plan.clone(), None, &mut sent)?;
    Ok(Cut { plan, sent })
}

fn part(plan: LogicalPlan, above: Option<&str>, sent: &mut Vec<Sent>) -> Result<LogicalPlan> {
    let because = match Writer::new(false).relation(&plan) {
        Ok(relation) => {
            let is_whole = !relation.is_ordered || matches!(plan, LogicalPlan::Sort(_));
            if relation.has_work && is_whole {
                if let Ok(shown) = Writer::new(true).relation(&plan) {
                    sent.push(Sent {
                        source: relation.source.clone(),
                        dialect: relation.dialect.name,
                        sql: shown.sql,
                        is_read: false,
                        because: above.map(str::to_owned),
                        treated: shown.treated,
                    });
                }
                let pushed = pushed::in_place_of(plan.schema(), relation)?;
                return Ok(match plan {
                    // The few rows that come are put in order once more: a scan promises none.
                    LogicalPlan::Sort(sort) => LogicalPlan::Sort(Sort { input: Arc::new(pushed), ..sort }),
                    _ => pushed,
                });
            }
            if relation.has_work {
                "the order of rows is kept in the gateway".to_owned()
            } else {
                above.unwrap_or("nothing is left to do").to_owned()
            }
        }
        Err(stays) => stays.to_string(),
    };
    if let LogicalPlan::TableScan(scan) = &plan {
        sent.extend(read(scan, above.unwrap_or(&because)));
        return Ok(plan);
    }
    let parts = plan.map_children(|child| Ok(Transformed::yes(part(child, Some(&because), sent)?)))?;
    let parts = parts.data.map_subqueries(|query| {
        Ok(Transformed::yes(part(query, Some("a subquery's result is used in the gateway"), sent)?))
    })?;
    Ok(parts.data)
}

/// What is sent for a table that is read by itself.
fn read(scan: &TableScan, because: &str) -> Option<Sent> {
    let provider = source_as_provider(&scan.source).ok()?;
    let table = provider.downcast_ref::<PolicyTable>()?;
    let view = table.sql_view()?;
    let names = scan.projected_schema.fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>();
    let scope = TableScope { access: view.access, schema: view.raw };
    let rule = view.rows.and_then(|rule| truth(rule, &scope).ok()).map(|_| ROW_RULES.to_owned());
    let filters = scan.filters.iter().filter_map(|filter| truth(filter, &scope).ok());
    let filters: Vec<String> = rule.into_iter().chain(filters).collect();
    let columns = if names.is_empty() { "1".to_owned() } else { names.join(", ") };
    let filter = if filters.is_empty() { String::new() } else { format!(" WHERE {}", filters.join(" AND ")) };
    Some(Sent {
        source: table.name().catalog.clone(),
        dialect: view.access.dialect.name,
        sql: format!("SELECT {columns} FROM {}{filter}", view.access.relation),
        is_read: true,
        because: Some(because.to_owned()),
        treated: BTreeSet::new(),
    })
}
