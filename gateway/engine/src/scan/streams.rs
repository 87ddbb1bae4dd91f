//! Arrow IPC, CSV and NDJSON files as streams of batches of the table's own columns.
//!
//! DataFusion's sources for these formats are not used: its Arrow source takes columns by position, so that a file with its
//! columns in another order would show values under another column's name; and none says which file an error is about.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{FieldRef, Schema, SchemaRef};
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::execution::TaskContext;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::object_store::{ObjectMeta, ObjectStore};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream, streaming::StreamingTableExec};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, stream};
use lockgate_contract::{FileFormat, PinnedStore};

use super::{ipc, text};

/// Batches of one file.
pub(super) type Batches = BoxStream<'static, Result<RecordBatch>>;

/// What is read of a table.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// Format of every file.
    pub(super) format: FileFormat,
    /// Columns inside the files, in order.
    pub(super) file_schema: SchemaRef,
    /// Which of `file_schema` are read, in the order of the table.
    pub(super) file_columns: Vec<usize>,
    /// The columns that come out: those of `file_columns` and partition columns.
    pub(super) output: SchemaRef,
    /// Where each output column comes from.
    pub(super) origins: Vec<Origin>,
}

/// Where an output column comes from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Origin {
    /// Position in [`Wanted::file_columns`].
    File(usize),
    /// Position among the partition columns.
    Path(usize),
}

/// One file with the values of its path.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) meta: ObjectMeta,
    pub(super) values: Vec<ScalarValue>,
}

impl Wanted {
    /// What a projection of the table's columns means; partition columns stand behind those of the files.
    pub(super) fn new(
        format: FileFormat,
        file_schema: &SchemaRef,
        table: &Schema,
        projection: Option<&Vec<usize>>,
    ) -> Self {
        let all: Vec<usize> = (0..table.fields().len()).collect();
        let projection = projection.unwrap_or(&all);
        let n_file = file_schema.fields().len();
        let mut file_columns: Vec<usize> = projection.iter().copied().filter(|index| *index < n_file).collect();
        file_columns.sort_unstable();
        file_columns.dedup();
        let origin = |index: &usize| match file_columns.binary_search(index) {
            Ok(position) => Origin::File(position),
            Err(_) => Origin::Path(index.saturating_sub(n_file)),
        };
        let origins = projection.iter().map(origin).collect();
        let fields: Vec<FieldRef> = projection.iter().filter_map(|index| table.fields().get(*index).cloned()).collect();
        let output = Arc::new(Schema::new(fields));
        Self { format, file_schema: Arc::clone(file_schema), file_columns, output, origins }
    }

    /// The columns that are read from the files.
    pub(super) fn file_fields(&self) -> Vec<FieldRef> {
        self.file_columns.iter().filter_map(|index| self.file_schema.fields().get(*index).cloned()).collect()
    }

    /// Puts columns of the file and of the path together.
    fn assemble(&self, batch: &RecordBatch, part: &Part) -> Result<RecordBatch> {
        let mut columns = Vec::with_capacity(self.origins.len());
        for origin in &self.origins {
            columns.push(match origin {
                Origin::File(position) => Arc::clone(batch.column(*position)),
                Origin::Path(position) => match part.values.get(*position) {
                    Some(value) => value.to_array_of_size(batch.num_rows())?,
                    None => return Err(DataFusionError::Internal("a file lacks a partition value".to_owned())),
                },
            });
        }
        let options = datafusion::arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.output), columns, &options)?)
    }
}

/// A scan of files, one partition for each group.
pub(super) fn exec(
    url: &ObjectStoreUrl,
    wanted: &Wanted,
    groups: Vec<Vec<Part>>,
    limit: Option<usize>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let mut partitions: Vec<Arc<dyn PartitionStream>> = Vec::with_capacity(groups.len());
    for parts in groups {
        partitions.push(Arc::new(Group { url: url.clone(), wanted: wanted.clone(), parts }));
    }
    let output = Arc::clone(&wanted.output);
    Ok(Arc::new(StreamingTableExec::try_new(output, partitions, None, [], false, limit)?))
}

/// Files that are read one after the other. Plain data: the store is found by its name when it runs.
#[derive(Debug)]
struct Group {
    url: ObjectStoreUrl,
    wanted: Wanted,
    parts: Vec<Part>,
}

impl PartitionStream for Group {
    fn schema(&self) -> &SchemaRef {
        &self.wanted.output
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let schema = Arc::clone(&self.wanted.output);
        let store = match context.runtime_env().object_store(&self.url) {
            Ok(store) => store,
            Err(error) => {
                let failed = stream::once(async { Err(error) });
                return Box::pin(RecordBatchStreamAdapter::new(schema, failed));
            }
        };
        let batch_size = context.session_config().batch_size();
        let wanted = self.wanted.clone();
        let files = stream::iter(self.parts.clone()).map(Ok::<_, DataFusionError>).and_then(move |part| {
            let (store, wanted) = (Arc::clone(&store), wanted.clone());
            async move { Ok(read(store, wanted, part, batch_size)) }
        });
        Box::pin(RecordBatchStreamAdapter::new(schema, files.try_flatten()))
    }
}

/// The rows of one file; an error says which.
fn read(store: Arc<dyn ObjectStore>, wanted: Wanted, part: Part, batch_size: usize) -> Batches {
    let location = &part.meta.location;
    let name = PinnedStore::unpin(location).unwrap_or_else(|| location.clone()).to_string();
    let batches = match &wanted.format {
        FileFormat::ArrowIpc => ipc::read(store, part.meta.clone(), wanted.file_fields(), batch_size),
        // Parquet has a source of its own and never gets here; as text it would be an error, never rows.
        FileFormat::NdJson { .. } | FileFormat::Csv { .. } | FileFormat::Parquet => {
            text::read(store, part.meta.clone(), &wanted, batch_size)
        }
    };
    batches
        .map(move |batch| {
            let in_file = |error: DataFusionError| error.context(name.clone());
            wanted.assemble(&batch.map_err(in_file)?, &part).map_err(in_file)
        })
        .boxed()
}
