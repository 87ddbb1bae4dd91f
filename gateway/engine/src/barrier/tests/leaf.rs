//! What crosses the barrier on purpose: leakproof filters and dynamic filters, so that pruning still works. And that the
//! leaf tells nothing else.

use std::sync::Arc;

use datafusion::arrow::array::{Array, UInt64Array};
use datafusion::arrow::compute::take;
use datafusion::common::Statistics;
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};
use datafusion::physical_plan::{ExecutionPlan, collect};

use super::world::{Raw, World};
use crate::barrier::sealed::SealedExec;
use crate::edges;

/// Rows that the raw scan below every seal gave.
fn raw_rows(plan: &Arc<dyn ExecutionPlan>) -> usize {
    if let Some(sealed) = plan.downcast_ref::<SealedExec>() {
        return scan_rows(sealed.hidden());
    }
    plan.children().into_iter().map(raw_rows).sum()
}

fn scan_rows(plan: &Arc<dyn ExecutionPlan>) -> usize {
    if plan.children().is_empty() {
        return plan.metrics().and_then(|metrics| metrics.output_rows()).unwrap_or(0);
    }
    plan.children().into_iter().map(scan_rows).sum()
}

async fn rows_read(world: &World, sql: &str) -> usize {
    let plan = world.governed.sql(sql).await.unwrap().create_physical_plan().await.unwrap();
    collect(Arc::clone(&plan), world.governed.task_ctx()).await.unwrap();
    raw_rows(&plan)
}

#[tokio::test]
async fn leakproof_filter_prunes_row_groups_below_a_row_rule() {
    let world = World::new(Raw::Parquet, 50).await;
    let all = rows_read(&world, "SELECT email FROM t").await;
    let some = rows_read(&world, "SELECT email FROM t WHERE id BETWEEN 10 AND 20").await;
    assert_eq!(all, 2_000);
    assert!(some <= 400, "{some} rows were read for a filter that one row group satisfies");
}

#[tokio::test]
async fn filter_on_a_treated_column_does_not_go_below() {
    let world = World::new(Raw::Parquet, 50).await;
    assert_eq!(rows_read(&world, "SELECT id FROM t WHERE born > DATE '1990-01-01'").await, 2_000);
}

#[tokio::test]
async fn dynamic_filter_of_a_join_crosses_on_a_clear_column_alone() {
    let world = World::new(Raw::ParquetWithPushdown, 100).await;
    let clear = rows_read(&world, "SELECT t.id FROM (VALUES (5), (6)) v(k) JOIN t ON t.id = v.k").await;
    let treated = rows_read(&world, "SELECT t.id FROM (VALUES ('x'), ('y')) v(k) JOIN t ON t.email = v.k").await;
    assert!(clear < 2_000, "{clear} rows were read although the join's bounds name one row group");
    assert_eq!(treated, 2_000);
}

#[tokio::test]
async fn rows_weigh_what_they_are() {
    for raw in [Raw::Memory, Raw::Parquet, Raw::ParquetWithPushdown] {
        for keep in [10, 50, 100] {
            let world = World::new(raw, keep).await;
            let plan = world.governed.sql("SELECT * FROM t").await.unwrap().create_physical_plan().await.unwrap();
            for batch in collect(plan, world.governed.task_ctx()).await.unwrap() {
                let positions = UInt64Array::from_iter_values(0..batch.num_rows() as u64);
                for (column, field) in batch.columns().iter().zip(batch.schema().fields()) {
                    let alone = edges::own(&take(column, &positions, None).unwrap()).unwrap();
                    let (heavy, light) = (column.get_array_memory_size(), alone.get_array_memory_size());
                    assert_eq!(heavy, light, "{raw:?} keep {keep}: `{}`", field.name());
                }
            }
        }
    }
}

/// The one sealed plan in `plan`.
fn sealed(plan: &Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
    if plan.is::<SealedExec>() {
        return Arc::clone(plan);
    }
    sealed(plan.children().first().expect("a sealed plan at the end of the branch"))
}

#[tokio::test]
async fn a_sealed_plan_tells_nothing_of_what_is_below() {
    for raw in [Raw::Memory, Raw::Parquet] {
        let world = World::new(raw, 100).await;
        let plan = world.governed.sql("SELECT id FROM t").await.unwrap().create_physical_plan().await.unwrap();
        collect(Arc::clone(&plan), world.governed.task_ctx()).await.unwrap();
        let sealed = sealed(&plan);
        assert!(sealed.children().is_empty());
        assert!(sealed.metrics().is_none());
        for partition in [None, Some(0)] {
            let args = StatisticsArgs::new().with_partition(partition);
            let told = StatisticsContext::new().compute(sealed.as_ref(), &args).unwrap();
            assert_eq!(*told, Statistics::new_unknown(&sealed.schema()));
        }
    }
}
