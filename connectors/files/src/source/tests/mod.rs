//! Whole tables, on real files.

mod columnar;
mod tables;
mod text;

use std::fs::{self, File};
use std::io::Write;
use std::path::Path as FsPath;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use lockgate_contract::{
    Access, Connector, FileAccess, Options, PinnedStore, Source, SourceError, SourceErrorKind, SourceTable, TablePath,
};
use parquet::arrow::ArrowWriter;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::FilesConnector;

/// A folder and the source over it.
struct World {
    dir: TempDir,
    source: Arc<dyn Source>,
}

impl World {
    /// A world with text files and further options.
    async fn new(files: &[(&str, &str)], options: Value) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut all = json!({"root": dir.path()});
        all.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
        let options: Options = serde_json::from_value(all).unwrap();
        let source = FilesConnector.open("lake", &options).await.unwrap();
        let world = Self { dir, source };
        files.iter().for_each(|(path, text)| world.write(path, text.as_bytes()));
        world
    }

    async fn of(files: &[(&str, &str)]) -> Self {
        Self::new(files, json!({})).await
    }

    fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn create(&self, path: &str) -> File {
        self.write(path, b"");
        File::create(self.dir.path().join(path)).unwrap()
    }

    fn parquet(&self, path: &str, columns: Vec<(&str, ArrayRef)>) {
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let mut writer = ArrowWriter::try_new(self.create(path), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    }

    fn gzip(&self, path: &str, text: &str) {
        let mut writer = flate2::write::GzEncoder::new(self.create(path), flate2::Compression::fast());
        writer.write_all(text.as_bytes()).unwrap();
        writer.finish().unwrap();
    }

    /// The table's rows, as soon as they are known.
    async fn counted(&self) -> u64 {
        loop {
            if let Some(rows) = self.table().await.rows {
                return rows;
            }
        }
    }

    fn path(&self) -> &FsPath {
        self.dir.path()
    }

    async fn tables(&self) -> Vec<String> {
        self.source.tables().await.unwrap().iter().map(ToString::to_string).collect()
    }

    async fn find(&self, schema: &str, table: &str) -> Result<Option<SourceTable>, SourceError> {
        self.source.table(&TablePath::new(schema, table)).await
    }

    /// The table `s.t`.
    async fn table(&self) -> SourceTable {
        self.find("s", "t").await.unwrap_or_else(|error| panic!("{}", error.internal)).unwrap()
    }

    /// The table `s.t` is data that cannot be read; the log names what and where.
    async fn refused(&self, internal: &[&str]) {
        let error = self.find("s", "t").await.unwrap_err();
        assert_eq!(error.kind, SourceErrorKind::Data, "{}", error.internal);
        for part in internal {
            assert!(error.internal.contains(part), "`{part}` in: {}", error.internal);
        }
        assert_eq!(
            error.to_string(),
            "source `lake`: the table's files cannot be read faithfully; tell the source's operator"
        );
    }
}

/// `name: Type` of each column, with `!` behind those that are never null.
fn columns(table: &SourceTable) -> Vec<String> {
    let fields = table.schema.fields().iter();
    fields
        .map(|field| format!("{}: {}{}", field.name(), field.data_type(), if field.is_nullable() { "" } else { "!" }))
        .collect()
}

fn access(table: &SourceTable) -> &FileAccess {
    match &table.access {
        Access::Files(access) => access,
        Access::Batches(_) | Access::Sql(_) => panic!("not a table of files"),
    }
}

fn file_names(table: &SourceTable) -> Vec<String> {
    access(table).files.iter().map(|file| PinnedStore::unpin(&file.meta.location).unwrap().to_string()).collect()
}
