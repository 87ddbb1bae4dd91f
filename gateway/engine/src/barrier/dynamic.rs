//! Dynamic filters that may cross the barrier: a join's or a top-k's running bounds on clear columns. They only ever drop
//! rows that could not be in the result, and comparing a clear column cannot fail on a hidden row.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::common::{Result, internal_err};
use datafusion::config::ConfigOptions;
use datafusion::physical_expr::expressions::{Column, DynamicFilterPhysicalExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::filter_pushdown::FilterPushdown;
use datafusion::physical_plan::filter::batch_filter;
use datafusion::physical_plan::{ExecutionPlan, PhysicalExpr};

use crate::passage::Passage;

/// Whether `filter` is a dynamic filter over plain columns, all of which are among `clear`.
pub(super) fn may_cross(filter: &Arc<dyn PhysicalExpr>, clear: &[String]) -> bool {
    let Some(dynamic) = filter.downcast_ref::<DynamicFilterPhysicalExpr>() else { return false };
    let children = dynamic.children();
    !children.is_empty()
        && children.iter().all(|child| {
            child.downcast_ref::<Column>().is_some_and(|column| clear.iter().any(|name| name == column.name()))
        })
}

/// `hidden` with `filters` pushed as deep into it as DataFusion can.
pub(super) fn push_into(
    hidden: &Arc<dyn ExecutionPlan>,
    filters: Vec<Arc<dyn PhysicalExpr>>,
    config: &ConfigOptions,
) -> Result<Arc<dyn ExecutionPlan>> {
    let passage: Arc<dyn ExecutionPlan> = Arc::new(Passage::new(Arc::clone(hidden), filters));
    let pushed = FilterPushdown::new_post_optimization().optimize(passage, config)?;
    match pushed.children().first() {
        Some(child) => Ok(Arc::clone(child)),
        None => internal_err!("a pushed plan lost its input"),
    }
}

/// The rows of a batch that pass all `filters`.
///
/// INVARIANT: which rows leave a seal hangs on these rows alone. A scan drops whole row groups and pages by their bounds,
/// which hidden rows widen, so what it lets through is filtered again row by row.
pub(super) fn keep(batch: RecordBatch, filters: &[Arc<dyn PhysicalExpr>]) -> Result<RecordBatch> {
    filters.iter().try_fold(batch, |kept, filter| batch_filter(&kept, filter))
}
