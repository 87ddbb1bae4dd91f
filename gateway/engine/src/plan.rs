//! plan: optimise the governed plan, cut out what sources answer (`pushdown`), and make the rest physical.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::source_as_provider;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use lockgate_policies::{TableAccess, TableName};
use lockgate_wire::Notice;

use crate::barrier::{PolicyTable, may_hide_rows};
use crate::govern::{Governed, GovernedTable};
use crate::pushdown::{self, Cut, Sent};
use crate::{Error, notices, rewrite};

/// A query ready to run.
pub(crate) struct Planned {
    /// The governed query it comes from.
    pub(crate) governed: Governed,
    /// The optimised logical plan, for EXPLAIN.
    pub(crate) logical: LogicalPlan,
    /// What sources are sent, for EXPLAIN.
    pub(crate) sent: Vec<Sent>,
    /// What runs.
    pub(crate) physical: Arc<dyn ExecutionPlan>,
    /// Columns that are read, for each table.
    pub(crate) reads: BTreeMap<TableName, BTreeSet<String>>,
    /// What the caller is told.
    pub(crate) notices: Vec<Notice>,
    /// Whether policy hides rows of any of its tables.
    pub(crate) hides_rows: bool,
}

/// Optimises, cuts out what sources answer, and makes physical.
///
/// # Errors
/// Errors of types and constant expressions, rewritten.
pub(crate) async fn plan(state: &mut SessionState, governed: Governed, pushes: bool) -> Result<Planned, Error> {
    // INVARIANT: which visible rows an expression sees never hangs on where hidden rows lie. The bounds of a top-k and of
    // an aggregate move while rows flow, batch by batch of the raw table; a join's bounds stand before its first row.
    let hides_rows = governed.tables.iter().any(hides_rows);
    if hides_rows {
        let optimizer = &mut state.config_mut().options_mut().optimizer;
        optimizer.enable_topk_dynamic_filter_pushdown = false;
        optimizer.enable_aggregate_dynamic_filter_pushdown = false;
    }
    let state = &*state;
    let logical = state.optimize(governed.plan()).map_err(|error| governed.error(&error))?;
    let reads = reads(&logical);
    let cut = if pushes { pushdown::cut(&logical) } else { Ok(Cut { plan: logical.clone(), sent: Vec::new() }) };
    let cut = cut.map_err(|error| rewrite::physical_error(&error))?;
    let physical = state
        .query_planner()
        .create_physical_plan(&cut.plan, state)
        .await
        .map_err(|error| rewrite::physical_error(&error))?;
    let notices = notices::of(&governed, &reads);
    Ok(Planned { governed, logical, sent: cut.sent, physical, reads, notices, hides_rows })
}

fn hides_rows(table: &GovernedTable) -> bool {
    match &table.decision.access {
        TableAccess::Visible { rows, .. } => may_hide_rows(rows),
        TableAccess::Withheld(_) | TableAccess::Hidden => true,
    }
}

/// Which governed columns the optimised plan reads: what it projects, and what its pushed filters look at.
fn reads(plan: &LogicalPlan) -> BTreeMap<TableName, BTreeSet<String>> {
    let mut reads: BTreeMap<TableName, BTreeSet<String>> = BTreeMap::new();
    let _ = plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node
            && let Ok(provider) = source_as_provider(&scan.source)
            && let Some(table) = provider.downcast_ref::<PolicyTable>()
        {
            let columns = reads.entry(table.name().clone()).or_default();
            columns.extend(scan.projected_schema.fields().iter().map(|field| field.name().clone()));
            for filter in &scan.filters {
                columns.extend(filter.column_refs().into_iter().map(|column| column.name.clone()));
            }
        }
        Ok(TreeNodeRecursion::Continue)
    });
    reads
}
