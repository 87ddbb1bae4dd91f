use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder, col, exists, in_subquery, lit, scalar_subquery};

use super::check_plan;

/// A scan of a table that is not governed.
fn raw() -> LogicalPlan {
    let schema = Arc::new(Schema::new(vec![Field::new("x", DataType::Int64, true)]));
    let table = MemTable::try_new(schema, vec![Vec::new()]).unwrap();
    LogicalPlanBuilder::scan("raw", provider_as_source(Arc::new(table)), None).unwrap().build().unwrap()
}

/// A plan that reads nothing.
fn nothing() -> LogicalPlanBuilder {
    LogicalPlanBuilder::values(vec![vec![lit(1_i64)]]).unwrap()
}

#[test]
fn a_raw_scan_is_refused_wherever_it_stands() {
    let inside = |plan: LogicalPlan| nothing().filter(exists(Arc::new(plan))).unwrap().build().unwrap();
    check_plan(&inside(nothing().build().unwrap())).unwrap();
    let plans = [
        raw(),
        nothing().cross_join(raw()).unwrap().build().unwrap(),
        nothing().union(raw()).unwrap().build().unwrap(),
        inside(raw()),
        inside(inside(raw())),
        nothing().filter(in_subquery(col("column1"), Arc::new(raw()))).unwrap().build().unwrap(),
        nothing().project(vec![scalar_subquery(Arc::new(raw()))]).unwrap().build().unwrap(),
        nothing().sort(vec![scalar_subquery(Arc::new(raw())).sort(true, true)]).unwrap().build().unwrap(),
    ];
    for plan in plans {
        let refused = check_plan(&plan).unwrap_err();
        assert_eq!(refused.code().name(), "UNSUPPORTED_STATEMENT", "{}", plan.display_indent());
    }
}

#[test]
fn contract_and_policy_mean_the_same_by_a_column_that_cannot_be_read() {
    assert_eq!(lockgate_contract::UNREADABLE_TYPE, lockgate_policies::UNREADABLE_TYPE);
}
