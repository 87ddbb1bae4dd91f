//! Columns that come from the path.

use std::fs;

use anyhow::{Context, ensure};
use lockgate_wire::ErrorCode;

use super::super::data::CITIES;
use super::super::files::Kind;
use super::super::fixture::Fixture;
use super::super::oracle::{self, Order, agree};
use super::super::{Check, Need};
use super::{changes, reads};

pub(super) const CHECKS: &[Check] = &[
    reads("every_partition_is_found_by_its_value", &[Need::Partitions], |f| Box::pin(found(f))),
    reads("a_query_of_partition_columns_alone_counts_every_row", &[Need::Partitions], |f| Box::pin(alone(f))),
    changes("partitions_that_cannot_match_are_not_read", &[Need::Partitions, Need::Files(Kind::Csv)], |f| {
        Box::pin(pruned(f))
    }),
];

async fn found(fixture: &Fixture) -> anyhow::Result<()> {
    for city in CITIES {
        let city = city.replace('\'', "''");
        for predicate in [
            format!("city = '{city}'"),
            format!("city IN ('{city}', 'none')"),
            format!("city >= '{city}' AND city <= '{city}'"),
        ] {
            agree(fixture, &format!("SELECT id, city FROM src.suite.orders WHERE {predicate}"), Order::Free).await?;
        }
        agree(fixture, &format!("SELECT id FROM src.suite.orders WHERE city <> '{city}'"), Order::Free).await?;
    }
    for sql in [
        "SELECT id, city FROM src.suite.orders WHERE city IS NULL",
        "SELECT id, city FROM src.suite.orders WHERE city IS NULL OR city = '50% off'",
        "SELECT id, city FROM src.suite.orders WHERE city LIKE 'x%' AND qty > 1",
        "SELECT id, city FROM src.suite.orders WHERE city IS NOT NULL AND length(city) > 8",
        "SELECT o.id FROM src.suite.orders o JOIN src.suite.cities c ON o.city = c.name WHERE c.people > 1000000",
    ] {
        agree(fixture, sql, Order::Free).await?;
    }
    Ok(())
}

async fn alone(fixture: &Fixture) -> anyhow::Result<()> {
    for sql in [
        "SELECT city FROM src.suite.orders",
        "SELECT city, count(*) AS n FROM src.suite.orders GROUP BY city",
        "SELECT count(city) AS n FROM src.suite.orders",
        "SELECT max(city) AS m FROM src.suite.orders WHERE city < 'B'",
    ] {
        agree(fixture, sql, Order::Free).await?;
    }
    Ok(())
}

/// A partition whose file is damaged behind the sample makes only those queries fail that read it.
async fn pruned(fixture: &Fixture) -> anyhow::Result<()> {
    let place = fixture.files.as_ref().context("files")?;
    let damaged = place
        .files("orders")
        .into_iter()
        .find(|path| path.to_string_lossy().contains("city=Amsterdam"))
        .context("a file")?;
    let mut text = fs::read_to_string(&damaged)?;
    for id in 0..2000 {
        text += &format!("{id},1.0,1,2022-01-01,true,x\n");
    }
    fs::write(&damaged, text + "one field\n")?;
    let answer = fixture.query("SELECT id FROM src.suite.orders WHERE city = '50% off'").await?;
    let expected =
        fixture.oracle.sql("SELECT id FROM src.suite.orders WHERE city = '50% off'").await?.collect().await?;
    let rows = oracle::rows(&answer.schema, &answer.batches)?;
    ensure!(!rows.is_empty() && rows == oracle::rows(&answer.schema, &expected)?, "{} rows", rows.len());
    let error =
        fixture.query("SELECT id FROM src.suite.orders WHERE city = 'Amsterdam'").await.err().context("no error")?;
    ensure!(error.code() == ErrorCode::SourceData, "{error}");
    Ok(())
}
