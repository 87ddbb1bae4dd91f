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
use lockgate_contract::{QueryContext, SourceError, SqlAccess, SqlStatement};

use crate::bind;
use crate::pushdown::{Select, predicate};

/// A raw table of a server.
#[derive(Debug)]
pub(crate) struct SqlTable {
    /// Columns of the table.
    pub(crate) schema: SchemaRef,
    /// How a statement reads them.
    pub(crate) access: SqlAccess,
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
        let answer = |filter: &&Expr| match predicate(filter, &self.schema, &self.access) {
            Some(_) => TableProviderFilterPushDown::Exact,
            None => TableProviderFilterPushDown::Unsupported,
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
        let written: Option<Vec<String>> =
            filters.iter().map(|filter| predicate(filter, &self.schema, &self.access)).collect();
        let select = written.and_then(|filters| Select::new(&self.access, &self.schema, &columns, &filters, limit));
        let Some(select) = select else { return internal_err!("a filter that the source does not understand") };
        let schema = Arc::new(self.schema.project(&columns)?);
        let rows = Rows { schema: Arc::clone(&schema), select, access: self.access.clone() };
        Ok(Arc::new(StreamingTableExec::try_new(schema, vec![Arc::new(rows)], None, [], false, limit)?))
    }
}

#[derive(Debug)]
struct Rows {
    schema: SchemaRef,
    select: Select,
    access: SqlAccess,
}

impl PartitionStream for Rows {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let config = context.session_config();
        let statement = SqlStatement {
            sql: self.select.sql.clone(),
            schema: Arc::clone(&self.select.schema),
            batch_rows: config.batch_size(),
            query: config.get_extension::<QueryContext>().unwrap_or_default(),
        };
        let asked = Arc::clone(&self.select.schema);
        let schema = Arc::clone(&self.schema);
        let batches = self.access.server.run(statement).map(move |batch| checked(batch, &asked, &schema));
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), batches))
    }
}

/// Treatments and row rules go by position: a batch with other columns than asked for must not reach them.
fn checked(batch: Result<RecordBatch, SourceError>, asked: &SchemaRef, schema: &SchemaRef) -> Result<RecordBatch> {
    let batch = batch.map_err(|error| DataFusionError::External(Box::new(bind::source_error(&error))))?;
    if batch.schema().fields() != asked.fields() {
        return internal_err!("a source gave other columns than it was asked for");
    }
    let columns = batch.columns().get(..schema.fields().len()).unwrap_or_default().to_vec();
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}
