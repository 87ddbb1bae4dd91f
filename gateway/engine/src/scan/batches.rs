//! Tables whose source makes the rows itself: `BatchAccess` -> a scan of one partition.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DataFusionError, Result, internal_err};
use datafusion::datasource::TableType;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use futures::StreamExt;
use lockgate_contract::{BatchAccess, SourceError};

use crate::bind;

/// A raw table over the batches of a source.
#[derive(Debug)]
pub(crate) struct BatchTable {
    /// Columns of the table.
    pub(crate) schema: SchemaRef,
    /// Makes the rows.
    pub(crate) access: Arc<dyn BatchAccess>,
}

#[async_trait]
impl TableProvider for BatchTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let columns = match projection {
            Some(columns) => columns.clone(),
            None => (0..self.schema.fields().len()).collect(),
        };
        let schema = Arc::new(self.schema.project(&columns)?);
        let rows = Rows { schema: Arc::clone(&schema), columns, access: Arc::clone(&self.access) };
        Ok(Arc::new(StreamingTableExec::try_new(schema, vec![Arc::new(rows)], None, [], false, limit)?))
    }
}

#[derive(Debug)]
struct Rows {
    schema: SchemaRef,
    columns: Vec<usize>,
    access: Arc<dyn BatchAccess>,
}

impl PartitionStream for Rows {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let schema = Arc::clone(&self.schema);
        let batches = self.access.read(&self.columns, context.session_config().batch_size());
        let batches = batches.map(move |batch| checked(batch, &schema));
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), batches))
    }
}

/// Treatments and row rules go by position: a batch with other columns than declared must not reach them.
fn checked(batch: Result<RecordBatch, SourceError>, declared: &SchemaRef) -> Result<RecordBatch> {
    let batch = batch.map_err(|error| DataFusionError::External(Box::new(bind::source_error(&error))))?;
    if batch.schema().fields() != declared.fields() {
        return internal_err!("a source gave other columns than it declared");
    }
    Ok(batch)
}
