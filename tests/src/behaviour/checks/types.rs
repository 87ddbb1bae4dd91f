//! Values of every type.

use anyhow::ensure;
use arrow::array::Array;

use super::super::fixture::Fixture;
use super::super::oracle::{self, Order, agree};
use super::super::{Check, Need};
use super::reads;

pub(super) const CHECKS: &[Check] = &[
    reads("every_value_of_every_type_comes_back_unchanged", &[], |f| Box::pin(round_trip(f))),
    reads("nulls_of_every_type_are_null", &[], |f| Box::pin(nulls(f))),
    reads("every_type_can_be_grouped_and_counted", &[], |f| Box::pin(grouped(f))),
    reads("fields_of_structs_and_items_of_lists_can_be_read", &[Need::Nested], |f| Box::pin(nested(f))),
];

async fn round_trip(fixture: &Fixture) -> anyhow::Result<()> {
    let expected = &fixture.tables["types"];
    let answer = fixture.query("SELECT * FROM src.suite.types ORDER BY id").await?;
    let found = oracle::whole(&answer.schema, &answer.batches)?;
    ensure!(found.num_rows() == expected.num_rows(), "{} rows", found.num_rows());
    for (i, field) in expected.schema().fields().iter().enumerate() {
        // Arrays of Arrow are equal when every value is, NaN and the sign of zero included.
        ensure!(
            found.column(i).as_ref() == expected.column(i).as_ref(),
            "{field}: {:?}, expected {:?}",
            found.column(i),
            expected.column(i)
        );
    }
    Ok(())
}

fn columns(fixture: &Fixture) -> Vec<String> {
    fixture.tables["types"].schema().fields().iter().map(|field| field.name().clone()).collect()
}

async fn nulls(fixture: &Fixture) -> anyhow::Result<()> {
    for (i, column) in columns(fixture).iter().enumerate() {
        let array = fixture.tables["types"].column(i);
        let sql = format!(
            "SELECT count(*) FILTER (WHERE {column} IS NULL) AS gone, count({column}) AS there FROM src.suite.types"
        );
        agree(fixture, &sql, Order::Free).await?;
        let answer = fixture.query(&format!("SELECT id FROM src.suite.types WHERE {column} IS NULL")).await?;
        ensure!(
            answer.n_rows() == array.null_count(),
            "{column}: {} rows, expected {}",
            answer.n_rows(),
            array.null_count()
        );
    }
    Ok(())
}

async fn grouped(fixture: &Fixture) -> anyhow::Result<()> {
    for column in columns(fixture).iter().filter(|column| !matches!(column.as_str(), "tags" | "who")) {
        agree(fixture, &format!("SELECT {column}, count(*) AS n FROM src.suite.types GROUP BY {column}"), Order::Free)
            .await?;
        agree(fixture, &format!("SELECT min({column}) AS lo, max({column}) AS hi FROM src.suite.types"), Order::Free)
            .await?;
    }
    Ok(())
}

async fn nested(fixture: &Fixture) -> anyhow::Result<()> {
    for sql in [
        "SELECT id, who['phone'] AS phone FROM src.suite.types",
        "SELECT id, who['home']['zip'] AS zip FROM src.suite.types WHERE who['home']['zip'] IS NOT NULL",
        "SELECT id, tags[1] AS first FROM src.suite.types",
        "SELECT id FROM src.suite.types WHERE who['phone'] = '+31'",
        "SELECT id FROM src.suite.types WHERE who['home'] IS NULL",
        "SELECT count(*) AS n FROM src.suite.types WHERE tags IS NULL",
    ] {
        agree(fixture, sql, Order::Free).await?;
    }
    Ok(())
}
