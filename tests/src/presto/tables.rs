//! Arrow batches as tables of a server, by plain SQL.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, new_empty_array};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Field, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    Schema, TimeUnit, TimestampMicrosecondType, TimestampNanosecondType,
};

use crate::servers::{Dialect, Server};

/// Puts a table, `schema.table`, into a catalogue in place of what was there.
///
/// # Panics
/// When the server refuses.
pub fn write(server: &Server, catalog: &str, table: &str, batch: &RecordBatch) {
    let (schema_name, _) = table.split_once('.').expect("a schema");
    server.run(&format!("CREATE SCHEMA IF NOT EXISTS {catalog}.{schema_name}"));
    server.run(&format!("DROP TABLE IF EXISTS {catalog}.{table}"));
    let schema = batch.schema();
    let columns: Vec<String> = schema
        .fields()
        .iter()
        .map(|field| format!("{} {}", field.name(), sql_type(server.dialect, field.data_type())))
        .collect();
    server.run(&format!("CREATE TABLE {catalog}.{table} ({})", columns.join(", ")));
    for start in (0..batch.num_rows()).step_by(200) {
        let rows: Vec<String> = (start..batch.num_rows().min(start + 200))
            .map(|row| {
                let values = batch.columns().iter().map(|column| value(server.dialect, column, row));
                format!("({})", values.collect::<Vec<_>>().join(", "))
            })
            .collect();
        server.run(&format!("INSERT INTO {catalog}.{table} VALUES {}", rows.join(", ")));
    }
}

/// A table of these columns without rows, for what is classified; types are looked up at the server.
pub fn empty(columns: &[&str]) -> RecordBatch {
    let fields: Vec<Field> = columns.iter().map(|name| Field::new(*name, DataType::Boolean, true)).collect();
    let arrays = fields.iter().map(|field| new_empty_array(field.data_type())).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("no rows")
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
