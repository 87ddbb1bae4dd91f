//! What should come out: the same SQL in plain DataFusion over the tables in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, ensure};
use arrow::array::RecordBatch;
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::catalog::{CatalogProvider, MemoryCatalogProvider, MemorySchemaProvider, SchemaProvider};
use datafusion::datasource::MemTable;
use datafusion::prelude::{SessionConfig, SessionContext};

use super::data::SCHEMA;
use super::fixture::{Answer, CATALOG, Fixture};

/// Plain DataFusion that knows the tables under the names of the suite.
pub fn context(tables: &BTreeMap<String, RecordBatch>) -> SessionContext {
    let schema = Arc::new(MemorySchemaProvider::new());
    for (name, batch) in tables {
        let table = MemTable::try_new(batch.schema(), vec![vec![batch.clone()]]).expect("a table in memory");
        schema.register_table(name.clone(), Arc::new(table)).expect("a new name");
    }
    let catalog = Arc::new(MemoryCatalogProvider::new());
    catalog.register_schema(SCHEMA, schema).expect("a new schema");
    let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(1));
    context.register_catalog(CATALOG, catalog);
    context
}

/// Whether rows must come in the oracle's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The query says so.
    Given,
    /// Any.
    Free,
}

/// Runs `sql` through the engine and through the oracle and compares schema and rows. An answer without rows proves nothing,
/// so it is an error unless `may_be_empty`.
pub async fn agree(fixture: &Fixture, sql: &str, order: Order) -> anyhow::Result<()> {
    let answer = compare(fixture, sql, order).await.with_context(|| sql.to_owned())?;
    ensure!(answer.n_rows() > 0, "no rows: {sql}");
    Ok(())
}

/// Like [`agree`], for queries whose right answer has no rows.
pub async fn agree_on_nothing(fixture: &Fixture, sql: &str) -> anyhow::Result<()> {
    let answer = compare(fixture, sql, Order::Free).await.with_context(|| sql.to_owned())?;
    ensure!(answer.n_rows() == 0, "{} rows: {sql}", answer.n_rows());
    Ok(())
}

async fn compare(fixture: &Fixture, sql: &str, order: Order) -> anyhow::Result<Answer> {
    let answer = fixture.query(sql).await.map_err(|error| anyhow::anyhow!("{error} [{}]", error.internal))?;
    let frame = fixture.oracle.sql(sql).await.context("the oracle")?;
    let schema: SchemaRef = Arc::new(frame.schema().as_arrow().clone());
    let batches = frame.collect().await.context("the oracle")?;
    let shape = |schema: &SchemaRef| -> Vec<(String, DataType)> {
        schema.fields().iter().map(|field| (field.name().clone(), plain(field.data_type()))).collect()
    };
    let (found, expected) = (shape(&answer.schema), shape(&schema));
    ensure!(found == expected, "columns {found:?}, expected {expected:?}");
    let plain_only = answer.schema.fields().iter().all(|field| plain(field.data_type()) == *field.data_type());
    ensure!(plain_only, "views or dictionaries in {}", answer.schema);
    let mut found = rows(&answer.schema, &answer.batches)?;
    let mut expected = rows(&answer.schema, &batches)?;
    if order == Order::Free {
        found.sort();
        expected.sort();
    }
    if let Some(at) = (0..found.len().max(expected.len())).find(|at| found.get(*at) != expected.get(*at)) {
        let (n_found, n_expected) = (found.len(), expected.len());
        anyhow::bail!(
            "row {at} is {:?}, expected {:?} ({n_found} rows, expected {n_expected})",
            found.get(at),
            expected.get(at)
        );
    }
    Ok(answer)
}

/// The types that leave the gateway in place of views.
fn plain(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        other => other.clone(),
    }
}

/// All rows as text, columns cast to those of `schema`.
pub fn rows(schema: &SchemaRef, batches: &[RecordBatch]) -> anyhow::Result<Vec<Vec<Option<String>>>> {
    let mut rows = Vec::new();
    for batch in batches {
        let mut columns = Vec::new();
        for (array, field) in batch.columns().iter().zip(schema.fields()) {
            columns.push(if array.data_type() == field.data_type() {
                Arc::clone(array)
            } else {
                cast(array, field.data_type())?
            });
        }
        let options = FormatOptions::default().with_null("null");
        let formatters: Vec<_> =
            columns.iter().map(|array| ArrayFormatter::try_new(array.as_ref(), &options)).collect::<Result<_, _>>()?;
        for i in 0..batch.num_rows() {
            let cell = |(array, formatter): (&arrow::array::ArrayRef, &ArrayFormatter<'_>)| {
                array.is_valid(i).then(|| formatter.value(i).to_string())
            };
            rows.push(columns.iter().zip(&formatters).map(cell).collect());
        }
    }
    Ok(rows)
}

/// One batch out of all.
pub fn whole(schema: &SchemaRef, batches: &[RecordBatch]) -> anyhow::Result<RecordBatch> {
    Ok(concat_batches(schema, batches)?)
}
