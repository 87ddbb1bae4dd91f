//! The hostile matrix.

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::prelude::SessionContext;

use super::world::{HIDDEN_FROM, Raw, World};

/// Each tries to run an expression on hidden rows, to learn of them by an error, or to see a raw value.
const QUERIES: &[&str] = &[
    "SELECT count(*) FROM t",
    "SELECT 1 FROM t",
    "SELECT min(id), max(id), count(id) FROM t",
    "SELECT min(fare), max(fare) FROM t",
    "SELECT * FROM t",
    "SELECT spy(id) FROM t",
    "SELECT spy_pure(id) FROM t",
    "SELECT id FROM t WHERE spy(id) >= 0",
    "SELECT id FROM t WHERE spy_pure(id) >= 0",
    "SELECT id FROM t WHERE spy_pure(id) >= 0 OR true",
    "SELECT id FROM t WHERE id >= 0 AND spy_pure(id) >= 0",
    "SELECT id FROM t WHERE spy(id) >= 0 AND grp < 1000",
    "SELECT count(*) FROM t WHERE 1 / CAST(fare AS BIGINT) >= 0",
    "SELECT count(*) FROM t WHERE 1 / (CASE WHEN fare = 0 THEN 0 ELSE 1 END) = 1",
    "SELECT count(*) FROM t WHERE CAST(city AS BIGINT) = 1",
    "SELECT count(*) FROM t WHERE CAST(CAST(id AS VARCHAR) AS INT) < 0",
    "SELECT id FROM t WHERE CAST(code AS BIGINT) = 3",
    "SELECT id FROM t WHERE CAST(code AS BIGINT) BETWEEN 1 AND 9 OR CAST(code AS INT) IN (11, 12, 13, 14)",
    "SELECT id FROM t WHERE CAST(code AS DOUBLE) < 4.5 AND grp < 1000",
    "SELECT max(CAST(code AS BIGINT)) FROM t",
    "SELECT a.id FROM t a JOIN (VALUES (3), (4)) v(k) ON CAST(a.code AS BIGINT) = v.k",
    "SELECT id FROM t ORDER BY CAST(code AS BIGINT), id LIMIT 4",
    "SELECT count(*) FROM t WHERE regexp_like(city, '(a+)+$')",
    "SELECT count(*) FROM t WHERE email LIKE 'u1%'",
    "SELECT count(*) FROM t WHERE email = 'u1@example.com'",
    "SELECT count(*) FROM t WHERE name IS NOT NULL",
    "SELECT count(*) FROM t WHERE name = 'Name 1'",
    "SELECT count(*) FROM t WHERE born = DATE '1970-01-06'",
    "SELECT born, count(*) FROM t GROUP BY born ORDER BY born",
    "SELECT max(born), min(email), count(DISTINCT email), count(DISTINCT name) FROM t",
    "SELECT CASE WHEN id >= 1000000 THEN 1 / (id - id) ELSE 0 END FROM t",
    "SELECT coalesce(name, city, 'none') FROM t WHERE id < 500",
    "SELECT id FROM t ORDER BY id DESC LIMIT 5",
    "SELECT id FROM t ORDER BY spy_pure(id) DESC LIMIT 5",
    "SELECT id FROM t ORDER BY fare, id LIMIT 3",
    "SELECT id, row_number() OVER (ORDER BY fare, id) FROM t",
    "SELECT id, sum(fare) OVER (PARTITION BY city ORDER BY id) FROM t",
    "SELECT id, lag(born) OVER (ORDER BY id) FROM t",
    "SELECT city, count(*) FROM t GROUP BY city HAVING count(*) > 1 AND min(spy_pure(id)) >= 0",
    "SELECT city, sum(fare) FROM t GROUP BY city HAVING sum(1 / CAST(fare AS BIGINT)) >= 0",
    "SELECT DISTINCT grp FROM t",
    "SELECT a.id FROM t a JOIN t b ON a.id = b.id AND spy_pure(a.id) >= 0",
    "SELECT a.id FROM t a JOIN t b ON a.id = spy_pure(b.id)",
    "SELECT a.id FROM t a LEFT JOIN t b ON a.id = b.id AND b.fare = 0",
    "SELECT a.id, b.id FROM t a FULL JOIN t b ON a.id = b.id",
    "SELECT count(*) FROM t a JOIN t b USING (email)",
    "SELECT count(*) FROM t a CROSS JOIN (SELECT 1) b WHERE spy_pure(a.id) >= 0",
    "SELECT id FROM t WHERE EXISTS (SELECT 1 FROM t u WHERE u.id = t.id AND spy_pure(u.id) >= 0)",
    "SELECT id FROM t WHERE id IN (SELECT spy_pure(id) FROM t)",
    "SELECT id FROM t WHERE id NOT IN (SELECT id FROM t WHERE 1 / CAST(fare AS BIGINT) > 5)",
    "SELECT (SELECT max(spy_pure(id)) FROM t)",
    "SELECT id, (SELECT count(*) FROM t u WHERE u.grp = t.grp AND spy_pure(u.id) >= 0) FROM t",
    "SELECT x.id FROM (SELECT id, fare FROM t) x WHERE 1 / CAST(x.fare AS BIGINT) >= 0",
    "WITH c AS (SELECT id, fare FROM t WHERE spy_pure(id) >= 0) SELECT count(*) FROM c",
    "WITH RECURSIVE r AS (SELECT 0 AS n, (SELECT max(id) FROM t) AS m UNION ALL SELECT n + 1, m FROM r WHERE n < 3) SELECT * FROM r",
    "WITH RECURSIVE r AS (SELECT 0 AS n UNION ALL SELECT n + 1 FROM r JOIN t ON t.id = r.n WHERE n < 3) SELECT * FROM r",
    "SELECT id FROM t UNION SELECT spy_pure(id) FROM t",
    "SELECT email FROM t INTERSECT SELECT 'u1@example.com'",
    "SELECT id FROM t EXCEPT SELECT id FROM t WHERE spy_pure(id) < 0",
    "SELECT count(*) FROM t WHERE 1 = 1 / (SELECT count(*) FROM t WHERE id >= 1000000)",
    "SELECT count(*) FROM t WHERE 1 = 0",
    "SELECT count(*) FROM t WHERE 1 / 0 = 1",
    "SELECT count(*) FROM t WHERE CAST('x' AS INT) = 1",
    "SELECT count(*) FROM t WHERE CAST(concat('x', random()) AS INT) = 1",
    "SELECT count(*) FROM t WHERE random() < 2 AND spy(id) >= 0",
    "SELECT count(*) FROM (SELECT id FROM t WHERE spy_pure(id) >= 0 LIMIT 1)",
    "SELECT city, array_agg(id ORDER BY id) FROM t GROUP BY city",
    "SELECT count(*) FROM t WHERE id BETWEEN 1000000 AND 2000000",
    "SELECT id FROM t WHERE id IN (1, 2, 3, 1000099) AND fare >= 0",
    "SELECT a.id FROM t a JOIN (SELECT id FROM t WHERE fare < 3) b ON a.id = b.id WHERE spy_pure(a.id) >= 0",
    "SELECT secret FROM t",
    "SELECT count(*) FROM t WHERE secret LIKE 'secret%'",
    "SELECT approx_distinct(email), median(fare) FROM t",
    "SELECT t.city FROM t LEFT ANTI JOIN (SELECT id FROM t WHERE grp < 5) u ON t.id = u.id",
];

const RAWS: &[Raw] = &[Raw::Memory, Raw::Parquet, Raw::ParquetWithPushdown, Raw::ClaimsExact];

/// Runs the whole matrix over one kind of raw scan; gives what leaked or diverged, and how many rows were compared.
async fn attack(raw: Raw) -> (Vec<String>, usize) {
    let mut failures = Vec::new();
    let mut n_rows = 0;
    for keep in [0, 10, 50, 80, 100] {
        let world = World::new(raw, keep).await;
        for sql in QUERIES {
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
    let n_runs = QUERIES.len() * RAWS.len() * 5;
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
