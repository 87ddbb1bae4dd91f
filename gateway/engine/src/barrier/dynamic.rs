//! Dynamic filters that may cross the barrier: a join's or a top-k's running bounds on clear columns. They only ever drop
//! rows that could not be in the result, and comparing a clear column cannot fail on a hidden row.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, internal_err};
use datafusion::config::ConfigOptions;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::{Column, DynamicFilterPhysicalExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::filter_pushdown::FilterPushdown;
use datafusion::physical_plan::filter::batch_filter;
use datafusion::physical_plan::filter_pushdown::{
    ChildFilterDescription, ChildPushdownResult, FilterDescription, FilterPushdownPhase, FilterPushdownPropagation,
};
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PhysicalExpr, PlanProperties};

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
    let probe: Arc<dyn ExecutionPlan> = Arc::new(Probe { hidden: Arc::clone(hidden), filters });
    let pushed = FilterPushdown::new_post_optimization().optimize(probe, config)?;
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

/// Stands above a hidden plan for the time of a push-down and owns the filters.
struct Probe {
    hidden: Arc<dyn ExecutionPlan>,
    filters: Vec<Arc<dyn PhysicalExpr>>,
}

impl fmt::Debug for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Probe")
    }
}

impl DisplayAs for Probe {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Probe")
    }
}

impl ExecutionPlan for Probe {
    fn name(&self) -> &str {
        "Probe"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.hidden.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.hidden]
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        match children.into_iter().next() {
            Some(hidden) => Ok(Arc::new(Self { hidden, filters: self.filters.clone() })),
            None => internal_err!("a probe needs its input"),
        }
    }

    fn execute(&self, _partition: usize, _context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        internal_err!("a probe never runs")
    }

    fn gather_filters_for_pushdown(
        &self,
        _phase: FilterPushdownPhase,
        parent_filters: Vec<Arc<dyn PhysicalExpr>>,
        _config: &ConfigOptions,
    ) -> Result<FilterDescription> {
        let child = ChildFilterDescription::all_unsupported(&parent_filters).with_self_filters(self.filters.clone());
        Ok(FilterDescription::new().with_child(child))
    }

    fn handle_child_pushdown_result(
        &self,
        _phase: FilterPushdownPhase,
        result: ChildPushdownResult,
        _config: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        Ok(FilterPushdownPropagation::all_unsupported(result))
    }
}
