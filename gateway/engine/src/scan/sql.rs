//! Tables that a server's SQL reads: a scan is one statement with the columns, the filters and the limit that the server
//! understands as the gateway does.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DataFusionError, Result, internal_err};
use datafusion::datasource::TableType;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use futures::StreamExt;
use lockgate_contract::{QueryContext, SourceError, SqlAccess, SqlServer, SqlStatement};

use crate::bind;
use crate::pushdown::{Select, Stays, TableScope, truth};

/// A raw table of a server.
#[derive(Debug)]
pub(crate) struct SqlTable {
    /// Columns of the table.
    pub(crate) schema: SchemaRef,
    /// How a statement reads them.
    pub(crate) access: SqlAccess,
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
        let rows = StatementRows {
            sql: select.sql,
            given: select.schema,
            schema: Arc::clone(&schema),
            server: Arc::clone(&self.access.server),
            make: first_columns,
        };
        Ok(Arc::new(StreamingTableExec::try_new(schema, vec![Arc::new(rows)], None, [], false, limit)?))
    }
}

/// Without any columns, a statement still gives one number for each row.
fn first_columns(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let columns = batch.columns().get(..schema.fields().len()).unwrap_or_default().to_vec();
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}

/// The rows of one statement.
#[derive(Debug)]
pub(crate) struct StatementRows {
    /// The statement.
    pub(crate) sql: String,
    /// Columns as the server gives them.
    pub(crate) given: SchemaRef,
    /// Columns as the plan wants them.
    pub(crate) schema: SchemaRef,
    /// Who answers.
    pub(crate) server: Arc<dyn SqlServer>,
    /// Makes a batch of the plan's columns out of one of the server's.
    pub(crate) make: fn(&RecordBatch, &SchemaRef) -> Result<RecordBatch>,
}

impl PartitionStream for StatementRows {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let config = context.session_config();
        let statement = SqlStatement {
            sql: self.sql.clone(),
            schema: Arc::clone(&self.given),
            batch_rows: config.batch_size(),
            query: config.get_extension::<QueryContext>().unwrap_or_default(),
        };
        let (given, schema, make) = (Arc::clone(&self.given), Arc::clone(&self.schema), self.make);
        let batches = self.server.run(statement).map(move |batch| make(&checked(batch, &given)?, &schema));
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), batches))
    }
}

/// Treatments and row rules go by position: a batch with other columns than asked for must not reach them.
fn checked(batch: Result<RecordBatch, SourceError>, given: &SchemaRef) -> Result<RecordBatch> {
    let batch = batch.map_err(|error| DataFusionError::External(Box::new(bind::source_error(&error))))?;
    if batch.schema().fields() != given.fields() {
        return internal_err!("a source gave other columns than it was asked for");
    }
    Ok(batch)
}
