//! A folder of files as a source.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_schema::{Field, Fields, Schema};
use async_trait::async_trait;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use lockgate_contract::{
    Access, FileAccess, FileFormat, FilePart, PinnedStore, Source, SourceError, SourceErrorKind, SourceTable, TablePath,
};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore};
use tokio::sync::Semaphore;

use crate::cache::{Cache, FileKey};
use crate::config::{Settings, TableSettings};
use crate::connector::KIND;
use crate::count::Count;
use crate::discover::{self, Listing};
use crate::local::LocalRoot;
use crate::partitions::{self, Partitions};
use crate::schema::{self, Depth, Facts, Failure, SAMPLED_FILES};

/// Files whose columns are remembered.
const CACHED_FILES: usize = 20_000;
/// Tables whose last state is remembered.
const CACHED_TABLES: usize = 1_000;
/// Files that are looked at side by side.
const SIDE_BY_SIDE: usize = 8;
/// Looks at a table that changes under our eyes before it is called changed.
const ATTEMPTS: usize = 3;
/// Byte ranges of a local file that are closer are read together.
const COALESCE: u64 = 64 << 10;

/// Gives each store of this process a name of its own.
static NEXT_STORE: AtomicU64 = AtomicU64::new(0);

/// A folder of files as a source.
pub(crate) struct FilesSource {
    name: String,
    settings: Settings,
    store: Arc<dyn ObjectStore>,
    pinned: Arc<dyn ObjectStore>,
    store_name: String,
    files: Cache<FileKey, Arc<Facts>>,
    tables: Cache<TablePath, Arc<Known>>,
    /// One table's rows are counted at a time.
    counting: Arc<Semaphore>,
}

/// The last state of a table.
struct Known {
    settings: TableSettings,
    files: Vec<ObjectMeta>,
    table: SourceTable,
    /// Rows of text files.
    count: Option<Count>,
}

impl Known {
    fn is(&self, settings: &TableSettings, files: &[ObjectMeta]) -> bool {
        self.settings == *settings && self.files == files
    }

    /// With as many rows as are known by now.
    fn table(&self) -> SourceTable {
        let counted = self.count.as_ref().and_then(Count::rows);
        SourceTable { rows: self.table.rows.or(counted), ..self.table.clone() }
    }
}

impl FilesSource {
    pub(crate) fn new(name: &str, settings: Settings) -> Self {
        let store: Arc<dyn ObjectStore> = Arc::new(LocalRoot::new(settings.root.clone()));
        Self {
            name: name.to_owned(),
            settings,
            pinned: Arc::new(PinnedStore::new(Arc::clone(&store), COALESCE)),
            store,
            store_name: format!("files-{}", NEXT_STORE.fetch_add(1, Ordering::Relaxed)),
            files: Cache::new(CACHED_FILES),
            tables: Cache::new(CACHED_TABLES),
            counting: Arc::new(Semaphore::new(1)),
        }
    }

    fn error(&self, failure: Failure) -> SourceError {
        let public = match failure.kind {
            SourceErrorKind::Config => "its configuration is wrong",
            SourceErrorKind::Unavailable => "its files cannot be reached; try again later",
            SourceErrorKind::Refused => "it does not let the gateway read its files; tell its operator",
            SourceErrorKind::Data => "the table's files cannot be read faithfully; tell the source's operator",
            SourceErrorKind::Changed => "the table changed while it was read; try again",
            SourceErrorKind::Limit => "a limit of the source was reached",
        };
        SourceError::new(&self.name, failure.kind, public, failure.text)
    }

    async fn look_up(&self, path: &TablePath) -> Result<Option<SourceTable>, Failure> {
        let Some(settings) = discover::find(self.store.as_ref(), &self.settings, path).await? else {
            return Ok(None);
        };
        // A declared place that is missing stays an error; a found one was removed since it was found.
        let is_declared = self.settings.tables.contains_key(path);
        let missing = if is_declared { SourceErrorKind::Data } else { SourceErrorKind::Changed };
        let listing = discover::files(self.store.as_ref(), &settings.location, missing).await?;
        let files = listing.files.clone();
        if let Some(known) = self.tables.get(path).filter(|known| known.is(&settings, &files)) {
            return Ok(Some(known.table()));
        }
        let table = self.read_table(path, &settings, listing).await.map_err(|f| f.below(&settings.location))?;
        let count = self.count(&table);
        let new = Arc::new(Known { settings, files, table, count });
        let known = self.tables.put(path.clone(), Arc::clone(&new), |known| known.is(&new.settings, &new.files));
        if let Some(count) = &known.count {
            count.wait().await;
        }
        Ok(Some(known.table()))
    }

    /// Text files are counted; others say how many rows they have.
    fn count(&self, table: &SourceTable) -> Option<Count> {
        let Access::Files(access) = &table.access else { return None };
        if !matches!(access.format, FileFormat::Csv { .. } | FileFormat::NdJson { .. }) {
            return None;
        }
        let files = access.files.iter().map(|file| file.meta.clone()).collect();
        Some(Count::start(Arc::clone(&self.pinned), files, access.format.clone(), Arc::clone(&self.counting)))
    }

    async fn read_table(
        &self,
        path: &TablePath,
        settings: &TableSettings,
        listing: Listing,
    ) -> Result<SourceTable, Failure> {
        let Listing { is_file, mut files } = listing;
        let packing = discover::one_packing(&files, settings.format)?;
        let format = match (packing, settings.format) {
            (Some(packing), _) => packing.file_format(&settings.csv),
            (None, Some(format)) => crate::format::Packing { format, gzip: false }.file_format(&settings.csv),
            (None, None) => {
                return Err(Failure::data(format!(
                    "`{}` holds no file; put one there or declare `format` and `schema`",
                    settings.location
                )));
            }
        };
        if matches!(format, FileFormat::Csv { .. } | FileFormat::NdJson { .. }) {
            // A text of no bytes is a text of no rows; a Parquet or Arrow file of no bytes is a damaged one.
            files.retain(|meta| meta.size > 0);
        }
        let partitions = if is_file { Partitions::of_one_file() } else { self.partitions(settings, &files)? };
        let (file_fields, rows) = self.file_fields(settings, &files, &format).await?;
        let schema = table_schema(&file_fields, &partitions)?;
        let values = partitions.values.into_iter().chain(std::iter::repeat(Vec::new()));
        let files = files
            .into_iter()
            .zip(values)
            .map(|(meta, partition_values)| FilePart { meta: PinnedStore::pin(&meta), partition_values })
            .collect();
        let access = Access::Files(FileAccess {
            store: Arc::clone(&self.pinned),
            store_name: self.store_name.clone(),
            format,
            file_schema: Arc::new(Schema::new(file_fields)),
            partition_columns: partitions.columns,
            files,
        });
        Ok(SourceTable { rows, ..SourceTable::new(path.clone(), Arc::new(schema), access) })
    }

    fn partitions(&self, settings: &TableSettings, files: &[ObjectMeta]) -> Result<Partitions, Failure> {
        let paths: Vec<Path> = files.iter().map(|meta| meta.location.clone()).collect();
        partitions::read(&settings.location, &paths, settings.partitions.as_deref()).map_err(Failure::data)
    }

    /// The columns inside the files: declared ones checked against the files, else inferred ones. And how many rows they
    /// have, where all of them say so.
    async fn file_fields(
        &self,
        settings: &TableSettings,
        files: &[ObjectMeta],
        format: &FileFormat,
    ) -> Result<(Fields, Option<u64>), Failure> {
        let is_declared = settings.schema.is_some();
        if !settings.types.is_empty() && matches!(format, FileFormat::Parquet | FileFormat::ArrowIpc) {
            return Err(Failure::data(
                "`types` is for text files; Parquet and Arrow files name the types of their columns",
            ));
        }
        let mut looks = Vec::new();
        for (i, meta) in files.iter().enumerate() {
            if let Some(depth) = depth(format, i, is_declared) {
                looks.push(self.facts(meta, format, depth).boxed());
            }
        }
        let facts: Vec<(String, Arc<Facts>)> = stream::iter(looks).buffered(SIDE_BY_SIDE).try_collect().await?;
        let fields = match &settings.schema {
            Some(declared) => schema::check_declared(declared, &facts).map(|()| declared.clone()),
            None => schema::retype(&schema::merge(&facts)?, &settings.types),
        };
        let rows = if facts.len() == files.len() { schema::rows(&facts) } else { None };
        Ok((fields?, rows))
    }

    /// The path of a file and what it says, from memory if it is as it was.
    async fn facts(
        &self,
        meta: &ObjectMeta,
        format: &FileFormat,
        depth: Depth,
    ) -> Result<(String, Arc<Facts>), Failure> {
        let path = meta.location.to_string();
        let key = FileKey::new(meta, format, depth);
        if let Some(facts) = self.files.get(&key) {
            return Ok((path, facts));
        }
        let pinned = PinnedStore::pin(meta);
        let facts = schema::inspect(self.pinned.as_ref(), &pinned, format, depth).await.map_err(|f| f.at(&path))?;
        let facts = Arc::new(facts);
        Ok((path, self.files.put(key, facts, |_| true)))
    }
}

/// How much of the `index`-th file must be looked at, if anything.
fn depth(format: &FileFormat, index: usize, is_declared: bool) -> Option<Depth> {
    let is_sampled = index < SAMPLED_FILES && !is_declared;
    match format {
        FileFormat::Parquet | FileFormat::ArrowIpc => Some(Depth::Header),
        FileFormat::NdJson { .. } => is_sampled.then_some(Depth::Sample),
        FileFormat::Csv { header, .. } if is_declared && !header => None,
        FileFormat::Csv { .. } => Some(if is_sampled { Depth::Sample } else { Depth::Header }),
    }
}

fn table_schema(file_fields: &Fields, partitions: &Partitions) -> Result<Schema, Failure> {
    let mut fields = file_fields.to_vec();
    for column in &partitions.columns {
        if file_fields.iter().any(|field| *field.name() == column.name) {
            let name = &column.name;
            return Err(Failure::data(format!("column `{name}` is in the path and in the files; leave it out of one")));
        }
        fields.push(Arc::new(Field::new(&column.name, column.data_type.clone(), true)));
    }
    Ok(Schema::new(fields))
}

impl fmt::Debug for FilesSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FilesSource")
            .field("name", &self.name)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Source for FilesSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> &'static str {
        KIND
    }

    async fn tables(&self) -> Result<Vec<TablePath>, SourceError> {
        discover::tables(self.store.as_ref(), &self.settings).await.map_err(|failure| self.error(failure))
    }

    async fn table(&self, path: &TablePath) -> Result<Option<SourceTable>, SourceError> {
        let mut attempt = 1;
        loop {
            match self.look_up(path).await {
                Err(failure) if failure.kind == SourceErrorKind::Changed && attempt < ATTEMPTS => attempt += 1,
                result => return result.map_err(|failure| self.error(failure)),
            }
        }
    }

    async fn check(&self) -> Result<(), SourceError> {
        let root = self.store.list_with_delimiter(None).await.map_err(|error| {
            self.error(Failure {
                kind: SourceErrorKind::Unavailable,
                text: format!("the root folder cannot be listed: {error}"),
            })
        })?;
        drop(root);
        let mut problems = Vec::new();
        for path in self.settings.tables.keys() {
            if let Err(error) = self.table(path).await {
                problems.push((error.kind, format!("table `{path}`: {}", error.internal)));
            }
        }
        match problems.first() {
            None => Ok(()),
            Some((kind, _)) => {
                let texts: Vec<_> = problems.iter().map(|(_, text)| text.as_str()).collect();
                Err(self.error(Failure { kind: *kind, text: texts.join("; ") }))
            }
        }
    }
}

#[cfg(test)]
mod tests;
