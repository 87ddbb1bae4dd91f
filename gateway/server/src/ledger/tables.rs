//! The ledger's tables: which columns they have, and how rows become batches. `docs/reference/ledger-tables.md` is printed
//! from here.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Int64Builder, ListBuilder, RecordBatch, RecordBatchOptions, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use chrono::{DateTime, Utc};

use super::search::Finding;
use super::sights::Sight;

/// One column of a table whose rows are `R`.
#[derive(Debug)]
pub struct Column<R> {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub help: &'static str,
    value: Value<R>,
}

/// How a row's value is read, which gives the column its type.
#[derive(Debug)]
enum Value<R> {
    Text(fn(&R) -> Cow<'_, str>),
    MaybeText(fn(&R) -> Option<&str>),
    Number(fn(&R) -> u64),
    MaybeNumber(fn(&R) -> Option<u64>),
    Time(fn(&R) -> DateTime<Utc>),
    Texts(fn(&R) -> Vec<&str>),
}

const fn column<R>(name: &'static str, help: &'static str, value: Value<R>) -> Column<R> {
    Column { name, help, value }
}

/// `lockgate.audit.queries`: one row for each query, as `lockgate audit search` lists them.
pub const QUERIES: &[Column<Finding>] = &[
    column("seq", "number of the record that the query begins with", Value::Number(|query| query.seq)),
    column("query_id", "the query's id", Value::Text(|query| query.query_id.to_string().into())),
    column("at", "when it was decided or refused", Value::Time(|query| query.at)),
    column("principal", "who asked", Value::Text(|query| Cow::Borrowed(&query.principal))),
    column("purpose", "the purpose that was declared", Value::Text(|query| Cow::Borrowed(&query.purpose))),
    column(
        "dc",
        "where the result was delivered; null for a refused query",
        Value::MaybeText(|query| query.dc.as_deref()),
    ),
    column("door", "the door through which it came", Value::Text(|query| Cow::Borrowed(&query.door))),
    column("policy", "the policy version that decided", Value::Text(|query| Cow::Borrowed(&query.policy))),
    column(
        "outcome",
        "`finished`, `failed`, `cancelled`, `refused`, or `unfinished` while there is no close record",
        Value::Text(|query| Cow::Borrowed(query.outcome.name())),
    ),
    column("code", "the error code of a failed or refused query", Value::MaybeText(|query| query.code.as_deref())),
    column("rows", "rows handed to the door; null without a close record", Value::MaybeNumber(|query| query.rows)),
    column("bytes", "bytes handed to the door, as Arrow in memory", Value::MaybeNumber(|query| query.bytes)),
    column(
        "elapsed_ms",
        "milliseconds from the open to the close record",
        Value::MaybeNumber(|query| query.elapsed_ms),
    ),
    column("sql_digest", "SHA-256 of the SQL text", Value::Text(|query| Cow::Borrowed(&query.sql_digest))),
    column(
        "tables",
        "the tables that it read; those that it named, for a refused query, whether visible to the asker or not",
        Value::Texts(|query| query.tables.iter().map(|table| table.table.as_str()).collect()),
    ),
    column("sources", "the sources that it read", Value::Texts(|query| texts(&query.sources))),
    column(
        "ended_at",
        "the sources at which it was ended before its time, and which confirmed that they no longer work on it",
        Value::Texts(|query| given_up(query, true)),
    ),
    column(
        "not_confirmed_at",
        "the sources at which it was to be ended, and which have not confirmed it: it may still run there",
        Value::Texts(|query| given_up(query, false)),
    ),
];

/// `lockgate.audit.columns`: one row for each query, table and column that was shown, as `lockgate audit who-saw` lists
/// them.
pub const COLUMNS: &[Column<Sight>] = &[
    column("seq", "number of the record that the query begins with", Value::Number(|sight| sight.seq)),
    column("query_id", "the query's id", Value::Text(|sight| sight.query_id.to_string().into())),
    column("at", "when it was decided", Value::Time(|sight| sight.at)),
    column("principal", "who saw it", Value::Text(|sight| Cow::Borrowed(&sight.principal))),
    column("purpose", "the purpose that was declared", Value::Text(|sight| Cow::Borrowed(&sight.purpose))),
    column("dc", "where the result was delivered", Value::MaybeText(|sight| sight.dc.as_deref())),
    column("table_name", "the table's full name", Value::Text(|sight| Cow::Borrowed(&sight.table))),
    column(
        "column_name",
        "the column, or the path of a struct's field",
        Value::Text(|sight| Cow::Borrowed(&sight.column)),
    ),
    column("treatment", "how it was shown", Value::Text(|sight| Cow::Borrowed(&sight.treatment))),
    column("row_rules", "the row rules in force on the table", Value::Texts(|sight| texts(&sight.row_rules))),
    column("rules", "the policy rules that decided about the table", Value::Texts(|sight| texts(&sight.rules))),
    column("policy", "the policy version that decided", Value::Text(|sight| Cow::Borrowed(&sight.policy))),
    column(
        "outcome",
        "`finished`, `failed`, `cancelled`, or `unfinished` while there is no close record",
        Value::Text(|sight| Cow::Borrowed(sight.outcome.name())),
    ),
    column(
        "rows",
        "rows of the query's whole result that were handed to the door; null without a close record",
        Value::MaybeNumber(|sight| sight.rows),
    ),
];

fn given_up(query: &Finding, confirmed: bool) -> Vec<&str> {
    query.given_up.iter().filter(|(_, ended)| **ended == confirmed).map(|(source, _)| source.as_str()).collect()
}

fn texts(list: &[String]) -> Vec<&str> {
    list.iter().map(String::as_str).collect()
}

impl<R> Column<R> {
    /// The column's field in the table's schema.
    pub fn field(&self) -> Field {
        let (data_type, nullable) = match self.value {
            Value::Text(_) => (DataType::Utf8, false),
            Value::MaybeText(_) => (DataType::Utf8, true),
            Value::Number(_) => (DataType::Int64, false),
            Value::MaybeNumber(_) => (DataType::Int64, true),
            Value::Time(_) => (DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), false),
            Value::Texts(_) => (DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true))), false),
        };
        Field::new(self.name, data_type, nullable)
    }
}

/// The schema of a table.
pub fn schema<R>(columns: &[Column<R>]) -> SchemaRef {
    Arc::new(Schema::new(columns.iter().map(Column::field).collect::<Vec<_>>()))
}

/// Makes batches out of rows.
pub(super) struct Batcher<R: 'static> {
    schema: SchemaRef,
    columns: Vec<(&'static Value<R>, Builder)>,
    n_rows: usize,
}

enum Builder {
    Text(StringBuilder),
    Number(Int64Builder),
    Time(TimestampMicrosecondBuilder),
    Texts(ListBuilder<StringBuilder>),
}

impl<R> Batcher<R> {
    /// Batches of those columns of `table` that `wanted` names by position.
    pub(super) fn new(table: &'static [Column<R>], wanted: &[usize]) -> Self {
        let wanted: Vec<&'static Column<R>> = wanted.iter().filter_map(|position| table.get(*position)).collect();
        let schema = Arc::new(Schema::new(wanted.iter().map(|column| column.field()).collect::<Vec<_>>()));
        let columns = wanted.into_iter().map(|column| (&column.value, Builder::of(&column.value))).collect();
        Self { schema, columns, n_rows: 0 }
    }

    /// Rows since the last batch.
    pub(super) fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Adds a row.
    pub(super) fn push(&mut self, row: &R) {
        self.n_rows += 1;
        for (value, builder) in &mut self.columns {
            builder.push(value, row);
        }
    }

    /// The rows since the last batch as a batch.
    pub(super) fn batch(&mut self) -> Result<RecordBatch, ArrowError> {
        let columns = self.columns.iter_mut().map(|(_, builder)| builder.finish()).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(std::mem::take(&mut self.n_rows)));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
    }
}

impl Builder {
    fn of<R>(value: &Value<R>) -> Self {
        match value {
            Value::Text(_) | Value::MaybeText(_) => Self::Text(StringBuilder::new()),
            Value::Number(_) | Value::MaybeNumber(_) => Self::Number(Int64Builder::new()),
            Value::Time(_) => Self::Time(TimestampMicrosecondBuilder::new().with_timezone("UTC")),
            Value::Texts(_) => Self::Texts(ListBuilder::new(StringBuilder::new())),
        }
    }

    fn push<R>(&mut self, value: &Value<R>, row: &R) {
        // More than an Int64 holds is more than any result has.
        let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        match (self, value) {
            (Self::Text(builder), Value::Text(read)) => builder.append_value(read(row)),
            (Self::Text(builder), Value::MaybeText(read)) => builder.append_option(read(row)),
            (Self::Number(builder), Value::Number(read)) => builder.append_value(signed(read(row))),
            (Self::Number(builder), Value::MaybeNumber(read)) => builder.append_option(read(row).map(signed)),
            (Self::Time(builder), Value::Time(read)) => builder.append_value(read(row).timestamp_micros()),
            (Self::Texts(builder), Value::Texts(read)) => builder.append_value(read(row).into_iter().map(Some)),
            // `of` made the builder for the same value.
            (Self::Text(_) | Self::Number(_) | Self::Time(_) | Self::Texts(_), _) => {}
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(builder) => Arc::new(builder.finish()),
            Self::Number(builder) => Arc::new(builder.finish()),
            Self::Time(builder) => Arc::new(builder.finish()),
            Self::Texts(builder) => Arc::new(builder.finish()),
        }
    }
}
