//! Dynamic filters, kept from places where DataFusion would take a column for another one of the same name.
//!
//! It passes filters down by the names of columns. Where two columns of an input have one name, the first is taken, and rows are
//! dropped that belong to the answer. So before filters are passed, a fence is put above each such input, and taken away after.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{JoinType, Result};
use datafusion::config::ConfigOptions;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::filter_pushdown::FilterPushdown;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::HashJoinExec;

use crate::passage::Passage;

/// DataFusion's rule that passes dynamic filters down, between fences.
#[derive(Debug)]
pub(crate) struct FencedFilters;

impl PhysicalOptimizerRule for FencedFilters {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let fenced = plan.transform_up(|node| {
            let is_misleading = has_twins(&node) || takes_key_for_another(&node);
            Ok(if is_misleading {
                Transformed::yes(Arc::new(Passage::new(node, Vec::new())))
            } else {
                Transformed::no(node)
            })
        })?;
        let pushed = FilterPushdown::new_post_optimization().optimize(fenced.data, config)?;
        let bare = pushed.transform_up(|node| {
            let inner = node.downcast_ref::<Passage>().map(|fence| Arc::clone(fence.below()));
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
