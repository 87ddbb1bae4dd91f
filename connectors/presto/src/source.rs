//! A catalogue of a coordinator as a source.

use std::fmt;

use async_trait::async_trait;
use lockgate_contract::{Source, SourceError, SourceTable, TablePath};

use crate::catalog::Catalog;
use crate::config::Settings;
use crate::connector::KIND;
use crate::coordinator::Coordinator;

/// A catalogue of a coordinator.
pub(crate) struct PrestoSource {
    name: String,
    catalog: Catalog,
}

impl PrestoSource {
    /// A source that was not spoken to yet.
    ///
    /// # Errors
    /// When the authorities' file cannot be read.
    pub(crate) fn new(name: &str, settings: Settings) -> Result<Self, SourceError> {
        let coordinator = Coordinator::new(name, &settings)?;
        Ok(Self { name: name.to_owned(), catalog: Catalog::new(coordinator, &settings.catalog, settings.cache) })
    }
}

impl fmt::Debug for PrestoSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrestoSource").field("name", &self.name).finish_non_exhaustive()
    }
}

#[async_trait]
impl Source for PrestoSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> &'static str {
        KIND
    }

    async fn tables(&self) -> Result<Vec<TablePath>, SourceError> {
        self.catalog.tables().await
    }

    async fn table(&self, path: &TablePath) -> Result<Option<SourceTable>, SourceError> {
        self.catalog.table(path).await
    }

    async fn check(&self) -> Result<(), SourceError> {
        self.catalog.tables().await.map(drop)
    }

    fn refresh(&self) {
        self.catalog.refresh();
    }
}
