//! Queries against the oracle.

use anyhow::ensure;
use futures::future::try_join_all;

use super::super::data::ORDERS;
use super::super::fixture::Fixture;
use super::super::oracle::{self, Order, agree, agree_on_nothing};
use super::super::{Check, Need, Outcome};
use super::reads;

pub(super) const CHECKS: &[Check] = &[
    reads("any_columns_in_any_order_can_be_read", &[], |f| all(f, PROJECTIONS)),
    reads("comparisons_select_the_same_rows", &[], |f| Box::pin(comparisons(f))),
    reads("in_between_is_null_and_their_negations_select_the_same_rows", &[], |f| all(f, PREDICATES)),
    reads("odd_texts_are_found_by_equality", &[], |f| Box::pin(odd_texts(f))),
    reads("limits_give_that_many_rows_of_the_table", &[], |f| Box::pin(limits(f))),
    reads("sorted_rows_come_in_order", &[], |f| Box::pin(sorted(f))),
    reads("an_empty_table_has_a_schema_and_no_rows", &[], |f| Box::pin(empty(f))),
    reads("aggregates_and_windows_agree", &[], |f| all(f, AGGREGATES)),
    reads("joins_and_two_scans_of_one_table_agree", &[], |f| all(f, JOINS)),
    reads("rows_come_in_the_same_order_each_time", &[Need::Order], |f| Box::pin(stable(f))),
    reads("queries_side_by_side_do_not_disturb_each_other", &[], |f| Box::pin(side_by_side(f))),
];

fn all<'a>(fixture: &'a Fixture, queries: &'static [&'static str]) -> Outcome<'a> {
    Box::pin(async move {
        for sql in queries {
            agree(fixture, sql, Order::Free).await?;
        }
        Ok(())
    })
}

const PROJECTIONS: &[&str] = &[
    "SELECT * FROM src.suite.orders",
    "SELECT note, id FROM src.suite.orders",
    "SELECT qty FROM src.suite.orders",
    "SELECT city FROM src.suite.orders",
    "SELECT city, id, city AS again FROM src.suite.orders",
    "SELECT count(*) AS n FROM src.suite.orders",
    "SELECT 1 AS one FROM src.suite.orders",
    "SELECT id + 1 AS next, upper(note) AS loud FROM src.suite.orders WHERE paid",
    "SELECT count(*) AS n FROM src.suite.orders WHERE day IS NOT NULL",
];

async fn comparisons(fixture: &Fixture) -> anyhow::Result<()> {
    let values = [
        ("id", "500"),
        ("amount", "12.5"),
        ("qty", "4"),
        ("day", "DATE '2022-06-01'"),
        ("city", "'Amsterdam'"),
        ("note", "'a,b'"),
        ("paid", "true"),
    ];
    for (column, value) in values {
        for operator in ["=", "<>", "<", "<=", ">", ">="] {
            let sql =
                format!("SELECT note, {column} AS compared FROM src.suite.orders WHERE {column} {operator} {value}");
            // Nothing is greater than true.
            if column == "paid" && operator == ">" {
                agree_on_nothing(fixture, &sql).await?;
            } else {
                agree(fixture, &sql, Order::Free).await?;
            }
        }
    }
    agree(fixture, "SELECT id FROM src.suite.orders WHERE paid", Order::Free).await?;
    agree(fixture, "SELECT id FROM src.suite.orders WHERE NOT paid", Order::Free).await
}

const PREDICATES: &[&str] = &[
    "SELECT id FROM src.suite.orders WHERE city IN ('Amsterdam', '50% off')",
    "SELECT id FROM src.suite.orders WHERE city NOT IN ('Amsterdam', '50% off')",
    "SELECT id FROM src.suite.orders WHERE qty IN (1, 2, NULL)",
    "SELECT id FROM src.suite.orders WHERE id BETWEEN 100 AND 110",
    "SELECT id FROM src.suite.orders WHERE day NOT BETWEEN DATE '2022-02-01' AND DATE '2022-12-31'",
    "SELECT id FROM src.suite.orders WHERE amount IS NULL",
    "SELECT id FROM src.suite.orders WHERE city IS NULL",
    "SELECT id FROM src.suite.orders WHERE city IS NOT NULL AND note IS NULL",
    "SELECT id FROM src.suite.orders WHERE city LIKE '%o%' OR note LIKE '\\%%'",
    "SELECT id FROM src.suite.orders WHERE NOT (qty > 3 OR paid)",
    "SELECT id FROM src.suite.orders WHERE city IS DISTINCT FROM 'Amsterdam'",
    "SELECT id FROM src.suite.orders WHERE coalesce(city, 'none') = 'none' AND id < 300",
    "SELECT id FROM src.suite.orders WHERE city = 'Amsterdam' AND qty > 0 AND amount < 100",
    "SELECT id FROM src.suite.orders WHERE city = 'Amsterdam' OR id = 3",
    "SELECT id FROM src.suite.orders WHERE CASE WHEN paid THEN qty ELSE id END > 5",
];

async fn odd_texts(fixture: &Fixture) -> anyhow::Result<()> {
    for column in ["city", "note"] {
        let distinct = fixture
            .query(&format!("SELECT DISTINCT {column} FROM src.suite.orders WHERE {column} IS NOT NULL"))
            .await?;
        for row in oracle::rows(&distinct.schema, &distinct.batches)? {
            let text = row[0].clone().unwrap_or_default().replace('\'', "''");
            agree(
                fixture,
                &format!("SELECT id, {column} FROM src.suite.orders WHERE {column} = '{text}'"),
                Order::Free,
            )
            .await?;
        }
    }
    Ok(())
}

async fn limits(fixture: &Fixture) -> anyhow::Result<()> {
    for (limit, expected) in
        [("LIMIT 0", 0), ("LIMIT 1", 1), ("LIMIT 70", 70), ("LIMIT 5000", ORDERS), ("LIMIT 10 OFFSET 995", 5)]
    {
        let answer = fixture.query(&format!("SELECT id, note FROM src.suite.orders {limit}")).await?;
        ensure!(answer.n_rows() == expected, "{limit}: {} rows", answer.n_rows());
    }
    let filtered = fixture.query("SELECT id FROM src.suite.orders WHERE city = 'Amsterdam' LIMIT 3").await?;
    ensure!(filtered.n_rows() == 3, "{} rows", filtered.n_rows());
    agree(fixture, "SELECT id FROM src.suite.orders WHERE qty = 4 ORDER BY id LIMIT 7 OFFSET 3", Order::Given).await?;
    agree(fixture, "SELECT count(*) AS n FROM (SELECT id FROM src.suite.orders LIMIT 17)", Order::Free).await
}

async fn sorted(fixture: &Fixture) -> anyhow::Result<()> {
    for sql in [
        "SELECT id FROM src.suite.orders ORDER BY id DESC",
        "SELECT city, id FROM src.suite.orders ORDER BY city NULLS FIRST, id",
        "SELECT amount, id FROM src.suite.orders ORDER BY amount DESC NULLS LAST, id LIMIT 20",
        "SELECT note, id FROM src.suite.orders ORDER BY note, id DESC",
    ] {
        agree(fixture, sql, Order::Given).await?;
    }
    Ok(())
}

async fn empty(fixture: &Fixture) -> anyhow::Result<()> {
    agree_on_nothing(fixture, "SELECT * FROM src.suite.empty").await?;
    agree_on_nothing(fixture, "SELECT a FROM src.suite.empty WHERE b = 'x' ORDER BY a LIMIT 3").await?;
    agree_on_nothing(fixture, "SELECT e.a FROM src.suite.empty e JOIN src.suite.orders o ON e.a = o.id").await?;
    agree(fixture, "SELECT count(*) AS n, max(a) AS most FROM src.suite.empty", Order::Free).await?;
    agree(fixture, "SELECT o.id, e.b FROM src.suite.orders o LEFT JOIN src.suite.empty e ON e.a = o.id", Order::Free)
        .await
}

const AGGREGATES: &[&str] = &[
    "SELECT count(*) AS n, count(city) AS c, count(DISTINCT city) AS d, sum(amount) AS s, min(day) AS lo, max(note) AS hi FROM src.suite.orders",
    "SELECT city, count(*) AS n, sum(qty) AS q FROM src.suite.orders GROUP BY city",
    "SELECT city, paid, avg(amount) AS mean FROM src.suite.orders GROUP BY city, paid HAVING count(*) > 20",
    "SELECT DISTINCT city, paid FROM src.suite.orders",
    "SELECT day, min(id) AS first FROM src.suite.orders WHERE paid GROUP BY day",
    "SELECT id, row_number() OVER (PARTITION BY city ORDER BY id) AS k FROM src.suite.orders",
    "SELECT id, sum(qty) OVER (ORDER BY id ROWS BETWEEN 3 PRECEDING AND CURRENT ROW) AS running FROM src.suite.orders",
    "SELECT city FROM src.suite.orders UNION SELECT name FROM src.suite.cities",
    "SELECT city FROM src.suite.orders EXCEPT SELECT name FROM src.suite.cities",
];

const JOINS: &[&str] = &[
    "SELECT o.id, c.country FROM src.suite.orders o JOIN src.suite.cities c ON o.city = c.name",
    "SELECT o.id, c.country FROM src.suite.orders o LEFT JOIN src.suite.cities c ON o.city = c.name AND c.people > 0",
    "SELECT c.name, count(o.id) AS n FROM src.suite.cities c LEFT JOIN src.suite.orders o ON o.city = c.name GROUP BY c.name",
    "SELECT o.id, c.name FROM src.suite.orders o FULL JOIN src.suite.cities c ON o.city = c.name",
    "SELECT name FROM src.suite.cities WHERE name NOT IN (SELECT city FROM src.suite.orders WHERE city IS NOT NULL)",
    "SELECT id FROM src.suite.orders o WHERE EXISTS (SELECT 1 FROM src.suite.cities c WHERE c.name = o.city AND c.country IS NULL)",
    "SELECT a.id, b.id AS other FROM src.suite.orders a JOIN src.suite.orders b ON a.id = b.id + 1 AND a.city = b.city OR a.id = b.id",
    "SELECT a.id FROM src.suite.orders a JOIN src.suite.orders b ON a.id = b.id WHERE a.qty < b.qty + 1",
    "SELECT id FROM src.suite.orders UNION ALL SELECT id FROM src.suite.orders WHERE paid",
    "WITH paid AS (SELECT * FROM src.suite.orders WHERE paid) SELECT count(*) AS n FROM paid p JOIN paid q ON p.id = q.id",
    "SELECT id, amount FROM src.suite.orders WHERE amount > (SELECT avg(amount) FROM src.suite.orders)",
    "SELECT c.name, o.id FROM src.suite.cities c CROSS JOIN src.suite.orders o WHERE o.id < 5",
];

async fn stable(fixture: &Fixture) -> anyhow::Result<()> {
    for sql in [
        "SELECT * FROM src.suite.orders",
        "SELECT id FROM src.suite.orders WHERE qty > 2",
        "SELECT city, count(*) AS n FROM src.suite.orders GROUP BY city",
    ] {
        let (first, second) = (fixture.query(sql).await?, fixture.query(sql).await?);
        ensure!(first.n_rows() > 0 && first.batches == second.batches, "{sql}");
    }
    // A scan gives the rows in the order in which they are stored.
    let found = fixture.query("SELECT * FROM src.suite.orders").await?;
    let expected = oracle::rows(&found.schema, &[fixture.tables["orders"].clone()])?;
    ensure!(oracle::rows(&found.schema, &found.batches)? == expected, "another order than that of the data");
    Ok(())
}

async fn side_by_side(fixture: &Fixture) -> anyhow::Result<()> {
    let queries = PREDICATES.iter().chain(PROJECTIONS).map(|sql| agree(fixture, sql, Order::Free));
    try_join_all(queries).await?;
    Ok(())
}
