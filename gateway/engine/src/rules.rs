//! Which optimiser rules run, and where: DataFusion's own, but for two places.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::config::ConfigOptions;
use datafusion::optimizer::decorrelate_predicate_subquery::DecorrelatePredicateSubquery;
use datafusion::optimizer::push_down_filter::PushDownFilter;
use datafusion::optimizer::simplify_expressions::SimplifyExpressions;
use datafusion::optimizer::{Optimizer, OptimizerRule};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::filter_pushdown::FilterPushdown;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::filter::FilterExec;

use crate::fence::FencedFilters;

/// Rules over logical plans: subqueries become joins once more after filters were pushed. A filter over a column that stands
/// for `CASE WHEN x IN (SELECT ..)` holds the subquery only then, and is taken apart for its common parts right after. It is
/// simplified first, as in the next round of all rules: `(x NOT IN ..) = true` would become another join, one that takes
/// nulls for no match.
pub(crate) fn logical() -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    let mut rules = Optimizer::new().rules;
    if let Some(at) = rules.iter().position(|rule| rule.name() == PushDownFilter::new().name()) {
        let again: [Arc<dyn OptimizerRule + Send + Sync>; 2] =
            [Arc::new(SimplifyExpressions::new()), Arc::new(DecorrelatePredicateSubquery::new())];
        rules.splice(at.saturating_add(1)..at.saturating_add(1), again);
    }
    rules
}

/// Rules over physical plans, without the push-down of static filters: below a join whose sides were swapped it takes a
/// column for one of the same name on the other side, and rows come out that should not. The logical optimiser has pushed
/// them all before; dynamic filters have a rule of their own, which is kept from the same mistake, and scans below a barrier
/// have [`push_filters`].
pub(crate) fn physical() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let mut rules = PhysicalOptimizer::new().rules;
    rules.retain(|rule| rule.name() != FilterPushdown::new().name());
    let dynamic = FilterPushdown::new_post_optimization();
    for rule in rules.iter_mut().filter(|rule| rule.name() == dynamic.name()) {
        *rule = Arc::new(FencedFilters);
    }
    rules
}

/// Pushes the static filters of a plan without joins into its scan, where files are pruned by them.
pub(crate) fn push_filters(plan: Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
    FilterPushdown::new().optimize(plan, config)
}

/// Rows of the first batch behind a row filter, and of the batches that the filter itself gathers: so few that the first
/// rows leave early.
pub(crate) fn early_rows(batch_size: usize) -> usize {
    (batch_size / 4).max(1)
}

/// Has filters hand on their first rows early. The seal above gathers batches anew.
pub(crate) fn give_early(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let given = plan.transform_up(|node| match node.downcast_ref::<FilterExec>() {
        Some(filter) => Ok(Transformed::yes(Arc::new(filter.with_batch_size(early_rows(filter.batch_size()))?))),
        None => Ok(Transformed::no(node)),
    })?;
    Ok(given.data)
}
