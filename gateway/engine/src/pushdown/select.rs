//! A statement over one table, and what its columns are called in it.

use std::fmt::Write;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::Column;
use lockgate_contract::{SqlAccess, SqlDialect};

use super::expression::{Known, Scope};

/// The raw columns of one table.
pub(crate) struct TableScope<'a> {
    /// How they stand in a statement.
    pub(crate) access: &'a SqlAccess,
    /// Their names and types.
    pub(crate) schema: &'a Schema,
}

impl Scope for TableScope<'_> {
    fn column(&self, column: &Column) -> Option<Known> {
        let position = self.schema.index_of(&column.name).ok()?;
        let written = self.access.columns.get(position)?;
        Some(Known {
            sql: written.value.clone(),
            null_sql: written.name.clone(),
            data_type: self.schema.fields().get(position)?.data_type().clone(),
            comparable: written.comparable,
        })
    }

    fn dialect(&self) -> &'static SqlDialect {
        self.access.dialect
    }
}

/// `SELECT columns FROM table WHERE filters LIMIT n`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Select {
    /// The statement.
    pub(crate) sql: String,
    /// Names and types of its columns.
    pub(crate) schema: SchemaRef,
}

impl Select {
    /// Selects columns of the table by position. Without any, it gives one number for each row.
    pub(crate) fn new(
        access: &SqlAccess,
        schema: &Schema,
        columns: &[usize],
        filters: &[String],
        limit: Option<usize>,
    ) -> Option<Self> {
        let mut fields = Vec::with_capacity(columns.len());
        let mut values = Vec::with_capacity(columns.len());
        for (at, &position) in columns.iter().enumerate() {
            fields.push(schema.fields().get(position)?.clone());
            values.push(format!("{} AS c{at}", access.columns.get(position)?.value));
        }
        if values.is_empty() {
            fields.push(Field::new("rows", DataType::Int32, true).into());
            values.push("1 AS c0".to_owned());
        }
        let mut sql = format!("SELECT {} FROM {}", values.join(", "), access.relation);
        if !filters.is_empty() {
            write!(sql, " WHERE {}", filters.join(" AND ")).ok()?;
        }
        if let Some(limit) = limit {
            write!(sql, " LIMIT {limit}").ok()?;
        }
        Some(Self { sql, schema: Schema::new(fields).into() })
    }
}
