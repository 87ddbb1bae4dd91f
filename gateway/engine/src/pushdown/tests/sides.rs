//! What the plan above a source is told of how many rows come, and which side of a join is held in memory then.

use datafusion::common::Statistics;
use datafusion::common::stats::Precision;
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};
use datafusion::physical_plan::{ExecutionPlan, displayable};

use super::*;
use crate::barrier::SealedExec;

const MANY: u64 = 1_000_000;

/// The physical plan over a large and a small table of two servers, and over two of which policy hides rows: their source
/// counts `hidden` rows.
async fn physical(sql: &str, hidden: u64) -> Arc<dyn ExecutionPlan> {
    let state = SessionStateBuilder::new()
        .with_default_features()
        .with_config(SessionConfig::new().with_target_partitions(2))
        .with_optimizer_rules(rules::logical())
        .with_physical_optimizer_rules(rules::physical())
        .build();
    let context = SessionContext::new_with_state(state);
    let rule = Some("city = 'x'");
    for (name, table) in [
        ("large", counted("large", "one", None, &[], Some(MANY), &tokens())),
        ("small", counted("small", "other", None, &[], Some(10), &tokens())),
        ("unknown", counted("unknown", "other", None, &[], None, &tokens())),
        ("ruled", counted("ruled", "one", rule, &[], Some(hidden), &tokens())),
        ("erased", counted("erased", "other", None, &["4711"], Some(hidden), &tokens())),
    ] {
        context.register_table(name, Arc::new(table)).unwrap();
    }
    let plan = context.sql(sql).await.unwrap().into_optimized_plan().unwrap();
    let state = context.state();
    state.query_planner().create_physical_plan(&cut(&plan).unwrap().plan, &state).await.unwrap()
}

/// The first sealed plan in `plan`.
fn sealed(plan: &Arc<dyn ExecutionPlan>) -> Option<Arc<dyn ExecutionPlan>> {
    if plan.is::<SealedExec>() {
        return Some(Arc::clone(plan));
    }
    plan.children().into_iter().find_map(sealed)
}

#[tokio::test]
async fn a_table_with_hidden_rows_tells_nothing_of_how_many_there_are() {
    for (sql, expected) in [
        ("SELECT id FROM large", Some(1_000_000)),
        ("SELECT id FROM large WHERE id = 3 AND fare > 2", Some(200_000)),
        ("SELECT id FROM large LIMIT 7", Some(7)),
        ("SELECT id FROM unknown", None),
        ("SELECT id FROM ruled", None),
        ("SELECT id FROM ruled WHERE id = 3", None),
        ("SELECT id FROM erased", None),
        // What a source answers: a token is made here, so these are statements.
        ("SELECT email, count(*) FROM large GROUP BY email", Some(1_000_000)),
        ("SELECT email, count(*) FROM ruled GROUP BY email", None),
        ("SELECT count(*) FROM ruled", Some(1)),
        ("SELECT count(*) FROM erased WHERE fare > 3 OR id = 3", Some(1)),
        ("SELECT l.fare FROM large l JOIN ruled r ON l.id = r.id", None),
        ("SELECT fare FROM large UNION ALL SELECT fare FROM large", Some(2_000_000)),
        ("SELECT fare FROM large UNION ALL SELECT fare FROM ruled", None),
        // The caller's own numbers.
        ("SELECT id FROM ruled LIMIT 7", Some(7)),
        ("SELECT id, fare FROM ruled ORDER BY fare LIMIT 5", Some(5)),
    ] {
        let plan = physical(sql, 77).await;
        let sealed = sealed(&plan).unwrap();
        let told = StatisticsContext::new().compute(sealed.as_ref(), &StatisticsArgs::new()).unwrap();
        let mut statistics = Statistics::new_unknown(&sealed.schema());
        statistics.num_rows = expected.map_or(Precision::Absent, Precision::Inexact);
        assert_eq!(*told, statistics, "{sql}");
        let args = StatisticsArgs::new().with_partition(Some(0));
        let part = StatisticsContext::new().compute(sealed.as_ref(), &args).unwrap();
        assert_eq!(*part, Statistics::new_unknown(&sealed.schema()), "{sql}");
    }
}

/// What the hash table of the one join in `plan` is built on.
fn held(plan: &Arc<dyn ExecutionPlan>) -> Option<String> {
    match plan.downcast_ref::<HashJoinExec>() {
        Some(join) => Some(displayable(sealed(join.left())?.as_ref()).one_line().to_string()),
        None => plan.children().into_iter().find_map(held),
    }
}

#[tokio::test]
async fn the_smaller_side_of_a_join_is_held_however_it_is_written() {
    for (left, right, expected) in [
        ("large", "small", "small"),
        ("small", "large", "small"),
        ("(SELECT id, max(fare) AS fare FROM large GROUP BY id LIMIT 5)", "small", "large"),
        ("small", "(SELECT id, max(fare) AS fare FROM large GROUP BY id LIMIT 5)", "large"),
        // Nothing is known of one side: the other is held if it is small, else as it is written.
        ("ruled", "small", "small"),
        ("small", "ruled", "small"),
        ("large", "unknown", "large"),
        ("unknown", "large", "unknown"),
        ("large", "erased", "large"),
        ("erased", "large", "erased"),
        ("ruled", "erased", "ruled"),
    ] {
        let sql = format!("SELECT a.fare, b.fare FROM {left} a JOIN {right} b ON a.id = b.id");
        let held = held(&physical(&sql, 77).await).unwrap();
        assert!(held.contains(expected), "{sql}: {held}");
    }
}

#[tokio::test]
async fn plans_are_the_same_for_twins_however_many_rows_are_hidden() {
    for sql in [
        "SELECT a.fare, b.fare FROM ruled a JOIN small b ON a.id = b.id",
        "SELECT a.fare, b.fare FROM large a JOIN erased b ON a.id = b.id WHERE a.city = 'y'",
        "SELECT a.fare FROM erased a JOIN small b ON a.id = b.id JOIN ruled c ON a.id = c.id",
        "SELECT a.city, count(*) FROM ruled a LEFT JOIN small b ON a.id = b.id GROUP BY a.city",
    ] {
        let mut twins = Vec::new();
        for hidden in [0, 3, MANY * 1_000] {
            twins.push(displayable(physical(sql, hidden).await.as_ref()).indent(true).to_string());
        }
        assert!(twins.windows(2).all(|pair| matches!(pair, [one, two] if one == two)), "{sql}: {twins:#?}");
    }
}
