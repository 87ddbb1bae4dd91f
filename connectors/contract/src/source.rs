//! Connectors, sources and their tables.

use std::fmt;
use std::sync::Arc;

use arrow_schema::SchemaRef;
use async_trait::async_trait;

use crate::{Access, Comments, OptionSpec, Options, SourceError};

/// Code for one kind of source.
#[async_trait]
pub trait Connector: Send + Sync {
    /// The word in `connector = "..."` of the configuration.
    fn kind(&self) -> &'static str;

    /// Every option that the connector takes; the configuration is checked against it and the docs are printed from it.
    fn options(&self) -> &'static [OptionSpec];

    /// Makes a source from checked options.
    ///
    /// - Reports every wrong option at once.
    /// - Does not need the source to be up: a system that is down must not keep the gateway from starting.
    async fn open(&self, name: &str, options: &Options) -> Result<Arc<dyn Source>, Vec<SourceError>>;
}

/// One connected system, known by its catalogue name.
#[async_trait]
pub trait Source: Send + Sync + fmt::Debug {
    /// The catalogue name, first part of `catalog.schema.table`.
    fn name(&self) -> &str;

    /// The kind of its connector.
    fn kind(&self) -> &'static str;

    /// All tables, sorted by schema and name.
    ///
    /// - Never reads rows.
    /// - Fails with [`crate::SourceErrorKind::Unavailable`] when the source is down.
    async fn tables(&self) -> Result<Vec<TablePath>, SourceError>;

    /// One table, or `None` when there is none of that name.
    ///
    /// - Names are compared as the source compares them; the answer carries the source's own spelling.
    /// - The schema is that of the data as it is now, so that the gateway can see drift.
    async fn table(&self, path: &TablePath) -> Result<Option<SourceTable>, SourceError>;

    /// Whether the source can be used now; the text in an error is for operators.
    async fn check(&self) -> Result<(), SourceError>;

    /// Forgets what is remembered of its tables.
    ///
    /// - Returns at once; each table is looked up anew when it is next asked for.
    /// - A source that remembers nothing that could be out of date need not do anything.
    fn refresh(&self) {}
}

/// Schema and table name within a source.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TablePath {
    /// Schema within the catalogue.
    pub schema: String,
    /// Table within the schema.
    pub table: String,
}

impl TablePath {
    /// The path `schema.table`.
    pub fn new(schema: impl Into<String>, table: impl Into<String>) -> Self {
        Self { schema: schema.into(), table: table.into() }
    }
}

impl fmt::Display for TablePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.table)
    }
}

/// A table as the source has it now.
#[derive(Debug, Clone)]
pub struct SourceTable {
    /// The source's own spelling of the name.
    pub path: TablePath,
    /// Arrow schema of a scan, partition columns last.
    pub schema: SchemaRef,
    /// How it is read.
    pub access: Access,
    /// About how many rows it has, if that is known without reading them. Plans may hang on it, results never.
    ///
    /// - It counts rows and nothing else: what columns weigh would tell of hidden ones.
    /// - Looking it up never fails [`Source::table`], nor delays it by more than a moment: a count that is slow to come is given
    ///   the next time.
    pub rows: Option<u64>,
    /// What the source's people say of it; no part of what drift is told by.
    pub comments: Comments,
}

impl SourceTable {
    /// A table of which nothing more is known.
    pub fn new(path: TablePath, schema: SchemaRef, access: Access) -> Self {
        Self { path, schema, access, rows: None, comments: Comments::default() }
    }
}
