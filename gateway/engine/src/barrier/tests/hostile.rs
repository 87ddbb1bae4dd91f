//! The hostile matrix.

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::prelude::SessionContext;

use super::world::{HIDDEN_FROM, Raw, World};

/// The statements of `hostile.sql`.
fn queries() -> impl Iterator<Item = &'static str> {
    include_str!("hostile.sql").lines().filter(|line| !line.starts_with("--"))
}

const RAWS: &[Raw] = &[Raw::Memory, Raw::Parquet, Raw::ParquetWithPushdown, Raw::ClaimsExact];

/// Runs the whole matrix over one kind of raw scan; gives what leaked or diverged, and how many rows were compared.
async fn attack(raw: Raw) -> (Vec<String>, usize) {
    let mut failures = Vec::new();
    let mut n_rows = 0;
    for keep in [0, 10, 50, 80, 100] {
        let world = World::new(raw, keep).await;
        for sql in queries() {
            world.seen.lock().clear();
            let governed = answer(&world.governed, sql).await;
            let oracle = answer(&world.oracle, sql).await;
            if let Some(id) = world.seen.lock().iter().find(|id| **id >= HIDDEN_FROM) {
                failures.push(format!("{raw:?} keep {keep}: `{sql}` ran on hidden row {id}"));
            }
            match (governed, oracle) {
                (Ok(governed), Ok(oracle)) => {
                    n_rows += governed.len();
                    if governed != oracle {
                        let (ours, theirs) = (governed.len(), oracle.len());
                        failures.push(format!("{raw:?} keep {keep}: `{sql}` gave {ours} rows, the oracle {theirs}"));
                    }
                }
                (Err(_), Err(_)) => {}
                (Ok(_), Err(error)) => {
                    failures.push(format!("{raw:?} keep {keep}: `{sql}` answered, the oracle failed: {error}"));
                }
                (Err(error), Ok(_)) => {
                    failures.push(format!("{raw:?} keep {keep}: `{sql}` failed, the oracle answered: {error}"));
                }
            }
        }
    }
    (failures, n_rows)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_queries_give_what_the_visible_rows_give() {
    let mut attacks = tokio::task::JoinSet::new();
    for raw in RAWS {
        attacks.spawn(attack(*raw));
    }
    let (mut failures, mut n_rows) = (Vec::new(), 0);
    for (found, compared) in attacks.join_all().await {
        failures.extend(found);
        n_rows += compared;
    }
    let n_runs = queries().count() * RAWS.len() * 5;
    assert!(failures.is_empty(), "{} of {n_runs} runs leaked or diverged:\n{}", failures.len(), failures.join("\n"));
    assert!(n_rows > 100_000, "the matrix compared only {n_rows} rows");
}

#[tokio::test]
async fn explain_shows_nothing_from_below() {
    let world = World::new(Raw::Parquet, 50).await;
    for prefix in ["EXPLAIN", "EXPLAIN VERBOSE", "EXPLAIN ANALYZE", "EXPLAIN FORMAT PGJSON", "EXPLAIN FORMAT TREE"] {
        for sql in [
            "SELECT email FROM t WHERE fare > 3",
            "SELECT count(*) FROM t",
            "SELECT a.id FROM t a JOIN t b ON a.id = b.id",
        ] {
            let Ok(rows) = answer(&world.governed, &format!("{prefix} {sql}")).await else { continue };
            let text = rows.join("\n");
            for hidden in [
                "grp < ",
                "grp@",
                "lockgate_treat",
                "ParquetExec",
                "DataSourceExec",
                "part.parquet",
                "row_groups",
                "raw_files",
            ] {
                assert!(!text.contains(hidden), "`{prefix} {sql}` shows `{hidden}`:\n{text}");
            }
        }
    }
}

#[tokio::test]
async fn errors_from_below_name_the_source_alone() {
    let world = World::new(Raw::Memory, 50).await;
    let error = answer(&world.governed, "SELECT CAST(city AS BIGINT) FROM t").await.unwrap_err();
    let rewritten = crate::rewrite::run_error(&error);
    assert_eq!(rewritten.code().name(), "EVALUATION_FAILED");
    assert!(!rewritten.to_string().contains("city1"), "{rewritten}");
    assert!(!rewritten.internal.contains("city1"), "{}", rewritten.internal);
}

async fn answer(context: &SessionContext, sql: &str) -> datafusion::error::Result<Vec<String>> {
    let batches = context.sql(sql).await?.collect().await?;
    Ok(sorted_rows(&batches))
}

fn sorted_rows(batches: &[RecordBatch]) -> Vec<String> {
    let options = FormatOptions::default().with_null("NULL");
    let mut rows = Vec::new();
    for batch in batches {
        let formatters: Vec<ArrayFormatter<'_>> =
            batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
        for row in 0..batch.num_rows() {
            rows.push(
                formatters.iter().map(|formatter| formatter.value(row).to_string()).collect::<Vec<_>>().join("|"),
            );
        }
    }
    rows.sort();
    rows
}
