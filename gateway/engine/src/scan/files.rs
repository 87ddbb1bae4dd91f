//! Tables made of files: `FileAccess` -> a DataFusion scan of Parquet, with pruning of partitions, row groups and pages, or
//! streams of the other formats ([`super::streams`]).

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{Field, FieldRef, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Result, ScalarValue};
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::{CachedParquetFileReaderFactory, ParquetFileReaderFactory};
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::cache::cache_manager::FileMetadataCache;
use datafusion::execution::cache::default_cache::DefaultCache;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::parquet::arrow::async_reader::AsyncFileReader;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use lockgate_contract::{FileAccess, FileFormat, FilePart};
use parking_lot::Mutex;

use super::fault::Opened;
use super::partitions;
use super::streams::{self, Part, Wanted};

/// Bytes of Parquet footers kept for each store.
const FOOTER_CACHE_BYTES: usize = 64 << 20;

/// The object stores of all file sources, and a cache of Parquet footers for each.
///
/// DataFusion keys footers by path alone, so one cache for several stores could mix them up.
#[derive(Debug)]
pub(crate) struct FileStores {
    runtime: Arc<RuntimeEnv>,
    footers: Mutex<HashMap<String, Arc<FileMetadataCache>>>,
}

impl FileStores {
    /// Stores are registered with `runtime` as they come by.
    pub(crate) fn new(runtime: Arc<RuntimeEnv>) -> Self {
        Self { runtime, footers: Mutex::new(HashMap::new()) }
    }

    /// A raw table over the files of `access`; `opened` hears which of them are read.
    pub(crate) fn table(
        &self,
        schema: &SchemaRef,
        access: FileAccess,
        opened: Arc<Opened>,
    ) -> Result<Arc<dyn TableProvider>> {
        let hex: String = access.store_name.bytes().map(|byte| format!("{byte:02x}")).collect();
        let url = ObjectStoreUrl::parse(format!("lockgate://store-{hex}"))?;
        self.runtime.register_object_store(url.as_ref(), Arc::clone(&access.store));
        let footers = Arc::clone(
            self.footers
                .lock()
                .entry(access.store_name.clone())
                .or_insert_with(|| Arc::new(DefaultCache::new(FOOTER_CACHE_BYTES))),
        );
        let partition_fields: Vec<FieldRef> = access
            .partition_columns
            .iter()
            .map(|column| Arc::new(Field::new(&column.name, column.data_type.clone(), true)))
            .collect();
        let table_schema =
            TableSchema::builder(Arc::clone(&access.file_schema)).with_table_partition_cols(partition_fields).build();
        Ok(Arc::new(FileTable { schema: Arc::clone(schema), table_schema, access, url, footers, opened }))
    }
}

#[derive(Debug)]
struct FileTable {
    schema: SchemaRef,
    table_schema: TableSchema,
    access: FileAccess,
    url: ObjectStoreUrl,
    footers: Arc<FileMetadataCache>,
    opened: Arc<Opened>,
}

#[async_trait]
impl TableProvider for FileTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        // Inexact: they prune whole files by partition value; a FilterExec above still decides each row, and physical
        // pushdown takes that one into the Parquet reader.
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let files = partitions::prune(&self.access, filters, state)?;
        if files.is_empty() {
            let schema = match projection {
                Some(indices) => Arc::new(self.schema.project(indices)?),
                None => Arc::clone(&self.schema),
            };
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        let limit = if filters.is_empty() { limit } else { None };
        let files = files.into_iter().map(|file| self.partitioned(file)).collect::<Result<Vec<_>>>()?;
        let groups = FileGroup::new(files).split_files(state.config().target_partitions());
        if self.access.format == FileFormat::Parquet {
            return self.parquet(state, groups, projection, limit);
        }
        let wanted = Wanted::new(self.access.format.clone(), &self.access.file_schema, &self.schema, projection);
        let part =
            |file: &PartitionedFile| Part { meta: file.object_meta.clone(), values: file.partition_values.clone() };
        let groups = groups.iter().map(|group| group.iter().map(part).collect()).collect();
        streams::exec(&self.url, &wanted, groups, limit)
    }
}

impl FileTable {
    fn partitioned(&self, file: &FilePart) -> Result<PartitionedFile> {
        let mut values = Vec::with_capacity(self.access.partition_columns.len());
        for (column, text) in self.access.partition_columns.iter().zip(&file.partition_values) {
            values.push(partition_value(text.as_deref(), &column.data_type)?);
        }
        Ok(PartitionedFile::new_from_meta(file.meta.clone()).with_partition_values(values))
    }

    /// Parquet goes through DataFusion, which prunes row groups and pages.
    fn parquet(
        &self,
        state: &dyn Session,
        groups: Vec<FileGroup>,
        projection: Option<&Vec<usize>>,
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let store = state.runtime_env().object_store(&self.url)?;
        let readers = Arc::new(NotedReaders {
            readers: CachedParquetFileReaderFactory::new(store, Arc::clone(&self.footers)),
            opened: Arc::clone(&self.opened),
        });
        let source = ParquetSource::new(self.table_schema.clone())
            .with_table_parquet_options(state.default_table_options().parquet)
            .with_parquet_file_reader_factory(readers);
        let config = FileScanConfigBuilder::new(self.url.clone(), Arc::new(source))
            .with_file_groups(groups)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}

/// Notes which files are opened.
#[derive(Debug)]
struct NotedReaders {
    readers: CachedParquetFileReaderFactory,
    opened: Arc<Opened>,
}

impl ParquetFileReaderFactory for NotedReaders {
    fn create_reader(
        &self,
        partition_index: usize,
        file: PartitionedFile,
        metadata_size_hint: Option<usize>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Box<dyn AsyncFileReader + Send>> {
        self.opened.note(&file.object_meta.location);
        self.readers.create_reader(partition_index, file, metadata_size_hint, metrics)
    }
}

/// A partition value of the path as a typed scalar.
pub(super) fn partition_value(
    text: Option<&str>,
    data_type: &datafusion::arrow::datatypes::DataType,
) -> Result<ScalarValue> {
    match text {
        None => ScalarValue::try_from(data_type),
        Some(text) => ScalarValue::try_from_string(text.to_owned(), data_type),
    }
}
