//! The standard tables in a real Presto or Trino.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use lockgate_connector_presto::PrestoConnector;
use lockgate_contract::{Connector, Options};

use super::fixture::{CATALOG, Fixture, Maker};
use super::{Need, data, runtime};
use crate::presto::tables::write;
use crate::servers::{Dialect, Server};

/// Catalogues `suite0`, `suite1`, ... that the servers are started with: a fixture has one of its own.
const CATALOGS: usize = 16;

/// One maker for each server; one whose server was not started makes nothing, and its trials are ignored.
pub fn makers() -> Vec<(Maker, bool)> {
    Dialect::ALL
        .into_iter()
        .map(|dialect| {
            let next = AtomicUsize::new(0);
            let make = Box::new(move || {
                let at = next.fetch_add(1, Ordering::Relaxed);
                assert!(at < CATALOGS, "more fixtures than catalogues; see tests/servers");
                make(&Server::of_environment(dialect).expect("the server was started"), &format!("suite{at}"))
            });
            let can = vec![Need::Change, Need::Nested];
            (Maker { name: dialect.name().to_owned(), can, make }, Server::of_environment(dialect).is_some())
        })
        .collect()
}

fn make(server: &Server, catalog: &str) -> Fixture {
    let dir = tempfile::tempdir().expect("a folder");
    let there = format!("SELECT table_name FROM {catalog}.information_schema.tables WHERE table_schema = 'suite'");
    for table in server.rows(&there) {
        server.run(&format!("DROP TABLE {catalog}.suite.{}", table[0].as_str().expect("a name")));
    }
    let mut tables = BTreeMap::new();
    for (table, batch) in data::tables() {
        let batch = held(server.dialect, &batch);
        write(server, catalog, &format!("suite.{table}"), &batch);
        tables.insert(table.to_owned(), batch);
    }
    let options = serde_json::json!({"url": server.url, "catalog": catalog, "user": "lockgate", "cache_seconds": 0});
    let options = Options(options.as_object().expect("options").clone());
    let source = runtime().block_on(PrestoConnector.open(CATALOG, &options)).expect("the options are right");
    let mut fixture = Fixture::new(dir, source, tables, &[("late", data::scratch(0..1))]);
    let (server, catalog) = (server.clone(), catalog.to_owned());
    fixture.change = Some(Box::new(move |table, batch| {
        server.run(&format!("DROP TABLE IF EXISTS {catalog}.suite.{table}"));
        if let Some(batch) = batch {
            write(&server, &catalog, &format!("suite.{table}"), &held(server.dialect, batch));
        }
    }));
    fixture
}

/// What the server can hold of a table, as it must be shown: no unsigned numbers, and no finer times than it has.
fn held(dialect: Dialect, batch: &RecordBatch) -> RecordBatch {
    let kept = data::only(batch, |field| match field.data_type() {
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 => false,
        DataType::Timestamp(TimeUnit::Nanosecond | TimeUnit::Microsecond, _) => dialect == Dialect::Trino,
        _ => true,
    });
    let mut fields: Vec<Field> = Vec::new();
    let mut columns: Vec<ArrayRef> = Vec::new();
    for (field, column) in kept.schema().fields().iter().zip(kept.columns()) {
        let shown = match field.data_type() {
            DataType::Timestamp(TimeUnit::Millisecond, zone) => {
                DataType::Timestamp(TimeUnit::Microsecond, zone.clone())
            }
            other => other.clone(),
        };
        columns.push(cast(column, &shown).expect("a finer unit"));
        fields.push(Field::new(field.name(), shown, true));
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("the same rows")
}
