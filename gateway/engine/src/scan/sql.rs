//! Tables that a server's SQL reads: a scan is one statement with the columns, the filters and the limit that the server
//! understands as the gateway does.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Result, internal_err};
use datafusion::datasource::TableType;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use lockgate_contract::SqlAccess;

use super::statement::{Make, StatementExec, StatementRows};
use crate::pushdown::{Narrowing, Select, Stays, TableScope, truth};

/// A raw table of a server.
#[derive(Debug)]
pub(crate) struct SqlTable {
    /// Columns of the table.
    pub(crate) schema: SchemaRef,
    /// How a statement reads them.
    pub(crate) access: SqlAccess,
    /// Name of the source.
    pub(crate) source: String,
    /// Whether policy hides rows of it.
    pub(crate) hides_rows: bool,
}

impl SqlTable {
    fn written(&self, filter: &Expr) -> Result<String, Stays> {
        truth(filter, &TableScope { access: &self.access, schema: &self.schema })
    }
}

#[async_trait]
impl TableProvider for SqlTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let answer = |filter: &&Expr| match self.written(filter) {
            Ok(_) => TableProviderFilterPushDown::Exact,
            Err(_stays) => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(answer).collect())
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let columns = match projection {
            Some(columns) => columns.clone(),
            None => (0..self.schema.fields().len()).collect(),
        };
        let written: Result<Vec<String>, Stays> = filters.iter().map(|filter| self.written(filter)).collect();
        let select =
            written.ok().and_then(|filters| Select::new(&self.access, &self.schema, &columns, &filters, limit));
        let Some(select) = select else { return internal_err!("a filter that the source does not understand") };
        let schema = Arc::new(self.schema.project(&columns)?);
        let narrowing = columns.iter().map(|&at| match self.access.columns.get(at) {
            Some(column) if column.comparable => Narrowing::Plain,
            _ => Narrowing::Nothing,
        });
        let rows = StatementRows {
            sql: select.sql,
            dialect: self.access.dialect,
            narrowing: narrowing.collect(),
            given: select.schema,
            schema,
            server: Arc::clone(&self.access.server),
            source: self.source.clone(),
            hides_rows: self.hides_rows,
            make: Make::new(first_columns),
        };
        Ok(Arc::new(StatementExec::new(rows)))
    }
}

/// Without any columns, a statement still gives one number for each row.
fn first_columns(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let columns = batch.columns().get(..schema.fields().len()).unwrap_or_default().to_vec();
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}
