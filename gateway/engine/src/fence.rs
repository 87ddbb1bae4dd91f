//! Dynamic filters, kept from places where DataFusion would take a column for another one of the same name.
//!
//! It passes filters down by the names of columns. Where two columns of an input have one name, the first is taken, and rows are
//! dropped that belong to the answer. So before filters are passed, a fence is put above each such input, and taken away after.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{JoinType, Result, internal_err};
use datafusion::config::ConfigOptions;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::filter_pushdown::FilterPushdown;
use datafusion::physical_plan::filter_pushdown::{FilterDescription, FilterPushdownPhase};
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PhysicalExpr, PlanProperties};

/// DataFusion's rule that passes dynamic filters down, between fences.
#[derive(Debug)]
pub(crate) struct FencedFilters;

impl PhysicalOptimizerRule for FencedFilters {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let fenced = plan.transform_up(|node| {
            let is_misleading = has_twins(&node) || takes_key_for_another(&node);
            Ok(if is_misleading { Transformed::yes(Arc::new(Fence(node))) } else { Transformed::no(node) })
        })?;
        let pushed = FilterPushdown::new_post_optimization().optimize(fenced.data, config)?;
        let bare = pushed.transform_up(|node| {
            let inner = node.downcast_ref::<Fence>().map(|fence| Arc::clone(&fence.0));
            Ok(inner.map_or_else(|| Transformed::no(node), Transformed::yes))
        })?;
        Ok(bare.data)
    }

    fn name(&self) -> &str {
        "fenced_filter_pushdown"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Whether two columns have one name.
fn has_twins(node: &Arc<dyn ExecutionPlan>) -> bool {
    let schema = node.schema();
    let mut names = HashSet::new();
    schema.fields().iter().any(|field| !names.insert(field.name().as_str()))
}

/// Whether a filter on a key of a semi join's rows would be passed to a column of the other side that has the key's name and is
/// not what the key is set equal to.
fn takes_key_for_another(node: &Arc<dyn ExecutionPlan>) -> bool {
    let Some(join) = node.downcast_ref::<HashJoinExec>() else { return false };
    let is_left = match join.join_type() {
        JoinType::LeftSemi => true,
        JoinType::RightSemi => false,
        _ => return false,
    };
    let other = if is_left { join.right().schema() } else { join.left().schema() };
    join.on().iter().any(|(left, right)| {
        let (kept, set_equal) = if is_left { (left, right) } else { (right, left) };
        let kept = kept.downcast_ref::<Column>().map(Column::name);
        let set_equal = set_equal.downcast_ref::<Column>().map(Column::index);
        let same_name = kept.and_then(|name| other.index_of(name).ok());
        same_name.is_some() && same_name != set_equal
    })
}

/// Lets no filter pass.
struct Fence(Arc<dyn ExecutionPlan>);

impl fmt::Debug for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fence")
    }
}

impl DisplayAs for Fence {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fence")
    }
}

impl ExecutionPlan for Fence {
    fn name(&self) -> &str {
        "Fence"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.0.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.0]
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        match children.into_iter().next() {
            Some(child) => Ok(Arc::new(Self(child))),
            None => internal_err!("a fence needs its input"),
        }
    }

    fn execute(&self, _partition: usize, _context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        internal_err!("a fence never runs")
    }

    fn gather_filters_for_pushdown(
        &self,
        _phase: FilterPushdownPhase,
        parent_filters: Vec<Arc<dyn PhysicalExpr>>,
        _config: &ConfigOptions,
    ) -> Result<FilterDescription> {
        Ok(FilterDescription::all_unsupported(&parent_filters, &self.children()))
    }
}
