//! Names and schemas.

use std::sync::Arc;

use anyhow::ensure;
use arrow::datatypes::{DataType, Field, FieldRef};
use lockgate_contract::TablePath;
use lockgate_wire::ErrorCode;

use super::super::Check;
use super::super::data::SCHEMA;
use super::super::fixture::Fixture;
use super::reads;

pub(super) const CHECKS: &[Check] = &[
    reads("tables_are_listed_sorted_and_whole", &[], |f| Box::pin(listed(f))),
    reads("an_unknown_table_is_none", &[], |f| Box::pin(unknown(f))),
    reads("a_name_in_another_case_is_unknown_or_the_same_table", &[], |f| Box::pin(other_case(f))),
    reads("the_schema_is_that_of_the_data", &[], |f| Box::pin(schema(f))),
    reads("looking_twice_gives_one_schema", &[], |f| Box::pin(twice(f))),
    reads("no_schema_holds_views_dictionaries_or_metadata", &[], |f| Box::pin(plain(f))),
    reads("the_source_says_that_it_can_be_used", &[], |f| Box::pin(usable(f))),
];

async fn listed(fixture: &Fixture) -> anyhow::Result<()> {
    let expected: Vec<_> = fixture.tables.keys().map(|table| TablePath::new(SCHEMA, table)).collect();
    let found = fixture.source.tables().await?;
    ensure!(found == expected, "{found:?}");
    Ok(())
}

async fn unknown(fixture: &Fixture) -> anyhow::Result<()> {
    for (schema, table) in [
        (SCHEMA, "nothing"),
        ("nothing", "orders"),
        (SCHEMA, ""),
        ("", ""),
        ("..", "orders"),
        (SCHEMA, "../suite/orders"),
    ] {
        let found = fixture.source.table(&TablePath::new(schema, table)).await?;
        ensure!(found.is_none(), "{schema}.{table} is {found:?}");
        let sql = format!("SELECT * FROM src.\"{schema}\".\"{table}\"");
        let error = fixture.query(&sql).await.err().ok_or_else(|| anyhow::anyhow!("{sql} is a table"))?;
        let fits = error.code() == ErrorCode::TableNotFound || table.is_empty() || schema.is_empty();
        ensure!(fits, "{sql}: {error}");
    }
    Ok(())
}

async fn other_case(fixture: &Fixture) -> anyhow::Result<()> {
    // A source that folds names answers with its own spelling; one that does not has no such table. A third answer would be a
    // second name for a table, under which policy does not know it.
    for (schema, table) in [(SCHEMA, "ORDERS"), ("SUITE", "orders"), ("Suite", "Orders")] {
        match fixture.source.table(&TablePath::new(schema, table)).await? {
            None => {}
            Some(found) => ensure!(found.path == TablePath::new(SCHEMA, "orders"), "{:?}", found.path),
        }
    }
    Ok(())
}

async fn schema(fixture: &Fixture) -> anyhow::Result<()> {
    for (name, batch) in &fixture.tables {
        let table = fixture.look_up(name).await?.ok_or_else(|| anyhow::anyhow!("no {name}"))?;
        let columns = |fields: &[FieldRef]| -> Vec<(String, DataType)> {
            fields.iter().map(|field| (field.name().clone(), field.data_type().clone())).collect()
        };
        let (found, expected) = (columns(table.schema.fields()), columns(batch.schema().fields()));
        ensure!(found == expected, "{name}: {found:#?}, expected {expected:#?}");
        ensure!(table.path == TablePath::new(SCHEMA, name), "{:?}", table.path);
    }
    Ok(())
}

async fn twice(fixture: &Fixture) -> anyhow::Result<()> {
    for name in fixture.tables.keys() {
        let (first, second) = (fixture.look_up(name).await?, fixture.look_up(name).await?);
        let same = first.zip(second).is_some_and(|(first, second)| Arc::ptr_eq(&first.schema, &second.schema));
        ensure!(same, "{name}: another schema object for an unchanged table makes the gateway decide anew");
    }
    Ok(())
}

async fn plain(fixture: &Fixture) -> anyhow::Result<()> {
    fn check(field: &Field) -> anyhow::Result<()> {
        ensure!(field.metadata().is_empty(), "{field}");
        match field.data_type() {
            DataType::Dictionary(..)
            | DataType::Utf8View
            | DataType::BinaryView
            | DataType::ListView(_)
            | DataType::LargeListView(_)
            | DataType::RunEndEncoded(..) => anyhow::bail!("{field}"),
            DataType::Struct(children) => children.iter().try_for_each(|child| check(child)),
            DataType::List(item) | DataType::LargeList(item) | DataType::Map(item, _) => check(item),
            _ => Ok(()),
        }
    }
    for name in fixture.tables.keys() {
        let table = fixture.look_up(name).await?.ok_or_else(|| anyhow::anyhow!("no {name}"))?;
        ensure!(table.schema.metadata().is_empty(), "{name}");
        table.schema.fields().iter().try_for_each(|field| check(field))?;
    }
    Ok(())
}

async fn usable(fixture: &Fixture) -> anyhow::Result<()> {
    fixture.source.check().await?;
    ensure!(fixture.engine.check_sources().await.iter().all(|(name, result)| name == "src" && result.is_ok()));
    Ok(())
}
