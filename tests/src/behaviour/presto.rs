//! The standard tables in a real Presto or Trino.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Field, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    Schema, TimeUnit, TimestampMicrosecondType, TimestampNanosecondType,
};
use lockgate_connector_presto::PrestoConnector;
use lockgate_contract::{Connector, Options};

use super::fixture::{CATALOG, Fixture, Maker};
use super::{Need, data, runtime};
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
    for table in
        server.rows(&format!("SELECT table_name FROM {catalog}.information_schema.tables WHERE table_schema = 'suite'"))
    {
        server.run(&format!("DROP TABLE {catalog}.suite.{}", table[0].as_str().expect("a name")));
    }
    server.run(&format!("CREATE SCHEMA IF NOT EXISTS {catalog}.suite"));
    let mut tables = BTreeMap::new();
    for (table, batch) in data::tables() {
        let batch = held(server.dialect, &batch);
        write(server, catalog, table, &batch);
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
            write(&server, &catalog, table, &held(server.dialect, batch));
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

fn write(server: &Server, catalog: &str, table: &str, batch: &RecordBatch) {
    let schema = batch.schema();
    let columns: Vec<String> = schema
        .fields()
        .iter()
        .map(|field| format!("{} {}", field.name(), sql_type(server.dialect, field.data_type())))
        .collect();
    server.run(&format!("CREATE TABLE {catalog}.suite.{table} ({})", columns.join(", ")));
    for start in (0..batch.num_rows()).step_by(200) {
        let rows: Vec<String> = (start..batch.num_rows().min(start + 200))
            .map(|row| {
                let values = batch.columns().iter().map(|column| value(server.dialect, column, row));
                format!("({})", values.collect::<Vec<_>>().join(", "))
            })
            .collect();
        server.run(&format!("INSERT INTO {catalog}.suite.{table} VALUES {}", rows.join(", ")));
    }
}

fn sql_type(dialect: Dialect, data_type: &DataType) -> String {
    match data_type {
        DataType::Boolean => "boolean".to_owned(),
        DataType::Int8 => "tinyint".to_owned(),
        DataType::Int16 => "smallint".to_owned(),
        DataType::Int32 => "integer".to_owned(),
        DataType::Int64 => "bigint".to_owned(),
        DataType::Float32 => "real".to_owned(),
        DataType::Float64 => "double".to_owned(),
        DataType::Decimal128(precision, scale) => format!("decimal({precision}, {scale})"),
        DataType::Utf8 => "varchar".to_owned(),
        DataType::Binary => "varbinary".to_owned(),
        DataType::Date32 => "date".to_owned(),
        DataType::Timestamp(unit, zone) => {
            let zone = if zone.is_some() { " with time zone" } else { "" };
            match (dialect, unit) {
                (Dialect::Presto, _) => format!("timestamp{zone}"),
                (Dialect::Trino, TimeUnit::Nanosecond) => format!("timestamp(9){zone}"),
                (Dialect::Trino, _) => format!("timestamp(6){zone}"),
            }
        }
        DataType::List(item) => format!("array({})", sql_type(dialect, item.data_type())),
        DataType::Struct(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|field| format!("{} {}", field.name(), sql_type(dialect, field.data_type())))
                .collect();
            format!("row({})", fields.join(", "))
        }
        other => panic!("no column of type {other}"),
    }
}

fn value(dialect: Dialect, array: &ArrayRef, row: usize) -> String {
    let sql_type = sql_type(dialect, array.data_type());
    if array.is_null(row) {
        return format!("CAST(NULL AS {sql_type})");
    }
    let text = match array.data_type() {
        DataType::Boolean => return array.as_boolean().value(row).to_string(),
        DataType::Int8 => array.as_primitive::<Int8Type>().value(row).to_string(),
        DataType::Int16 => array.as_primitive::<Int16Type>().value(row).to_string(),
        DataType::Int32 => array.as_primitive::<Int32Type>().value(row).to_string(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Float32 => format!("{:e}", array.as_primitive::<Float32Type>().value(row)),
        DataType::Float64 => {
            let value = array.as_primitive::<Float64Type>().value(row);
            if value.is_finite() { format!("{value:e}") } else { value.to_string().replace("inf", "Infinity") }
        }
        DataType::Decimal128(..) => array.as_primitive::<Decimal128Type>().value_as_string(row),
        DataType::Utf8 => return format!("'{}'", array.as_string::<i32>().value(row).replace('\'', "''")),
        DataType::Binary => {
            let bytes = array.as_binary::<i32>().value(row);
            return format!("X'{}'", bytes.iter().map(|byte| format!("{byte:02X}")).collect::<String>());
        }
        DataType::Date32 => array.as_primitive::<Date32Type>().value_as_date(row).expect("a day").to_string(),
        DataType::Timestamp(unit, zone) => {
            let time = match unit {
                TimeUnit::Nanosecond => array.as_primitive::<TimestampNanosecondType>().value_as_datetime(row),
                _ => array.as_primitive::<TimestampMicrosecondType>().value_as_datetime(row),
            };
            let digits = if dialect == Dialect::Presto { "%.3f" } else { "%.9f" };
            let text = time.expect("a time").format(&format!("%Y-%m-%d %H:%M:%S{digits}")).to_string();
            let utc = if zone.is_some() { " UTC" } else { "" };
            return format!("CAST(TIMESTAMP '{text}{utc}' AS {sql_type})");
        }
        DataType::List(_) => {
            let items = array.as_list::<i32>().value(row);
            let items: Vec<String> = (0..items.len()).map(|item| value(dialect, &items, item)).collect();
            return format!("CAST(ARRAY[{}] AS {sql_type})", items.join(", "));
        }
        DataType::Struct(_) => {
            let fields: Vec<String> =
                array.as_struct().columns().iter().map(|column| value(dialect, column, row)).collect();
            return format!("CAST(ROW({}) AS {sql_type})", fields.join(", "));
        }
        other => panic!("no value of type {other}"),
    };
    format!("CAST('{text}' AS {sql_type})")
}
