//! How a table is read.

use std::fmt;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, SchemaRef};
use futures::stream::BoxStream;
use object_store::{ObjectMeta, ObjectStore};

use crate::{SourceError, SqlAccess};

/// How a table is read.
#[derive(Debug, Clone)]
pub enum Access {
    /// The gateway reads the files itself.
    Files(FileAccess),
    /// The source makes the rows itself.
    Batches(Arc<dyn BatchAccess>),
    /// A server answers statements about it.
    Sql(SqlAccess),
}

/// A table whose rows the source makes in this process, such as the gateway's own ledger.
///
/// - Every read of one of it gives the same rows: a query that names the table twice sees it in one state.
/// - Dropping the stream ends the work behind it.
/// - A stream that ends without an error was whole.
pub trait BatchAccess: Send + Sync + fmt::Debug {
    /// The rows in batches of at most `batch_rows`, with those columns of the table's schema that `columns` names by
    /// position, in that order. Nothing is read before the stream is polled.
    fn read(&self, columns: &[usize], batch_rows: usize) -> BoxStream<'static, Result<RecordBatch, SourceError>>;
}

/// A table made of files of one format in one object store.
#[derive(Debug, Clone)]
pub struct FileAccess {
    /// The store that holds the files, best a [`crate::PinnedStore`]: a file that is no longer as it was is an error.
    pub store: Arc<dyn ObjectStore>,
    /// Name of the store, the same for all tables of a source and of no other; holds no secret.
    pub store_name: String,
    /// Format of every file.
    pub format: FileFormat,
    /// Columns inside the files, in order; without the partition columns.
    pub file_schema: SchemaRef,
    /// Columns whose values come from the path, in path order.
    pub partition_columns: Vec<PartitionColumn>,
    /// The files, sorted by path. An empty list is an empty table.
    pub files: Vec<FilePart>,
}

/// A column whose value comes from the file's path (`city=ams/part-0.parquet`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionColumn {
    /// Column name.
    pub name: String,
    /// Arrow type of the parsed value.
    pub data_type: DataType,
}

/// One file of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct FilePart {
    /// Path in the store, size, modification time and ETag as they were when the table was looked up. The path of a
    /// pinned file says its state as well; [`crate::PinnedStore::unpin`] gives the one that people know.
    pub meta: ObjectMeta,
    /// One value for each partition column, as the text in the path with percent escapes decoded; `None` is null
    /// (`__HIVE_DEFAULT_PARTITION__`).
    pub partition_values: Vec<Option<String>>,
}

/// A file format and how its text is laid out.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum FileFormat {
    /// Apache Parquet.
    Parquet,
    /// Arrow IPC, file or stream format.
    ArrowIpc,
    /// Newline-delimited JSON.
    NdJson {
        /// Files are gzip-compressed.
        gzip: bool,
    },
    /// Delimited text.
    Csv {
        /// The first line holds column names.
        header: bool,
        /// Field separator.
        delimiter: u8,
        /// Quote character.
        quote: u8,
        /// Escape character inside quotes, if it is not a doubled quote.
        escape: Option<u8>,
        /// Texts that stand for null besides the empty field, such as `NA`.
        null: Vec<String>,
        /// Files are gzip-compressed.
        gzip: bool,
    },
}
