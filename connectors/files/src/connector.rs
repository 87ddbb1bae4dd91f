//! The connector.

use std::sync::Arc;

use async_trait::async_trait;
use lockgate_contract::{Connector, OptionSpec, Options, Source, SourceError};

use crate::config;
use crate::source::FilesSource;

/// The word in `connector = "..."`.
pub const KIND: &str = "files";

/// Makes sources out of folders of files.
#[derive(Debug, Clone, Copy, Default)]
pub struct FilesConnector;

#[async_trait]
impl Connector for FilesConnector {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn options(&self) -> &'static [OptionSpec] {
        config::OPTIONS
    }

    async fn open(&self, name: &str, options: &Options) -> Result<Arc<dyn Source>, Vec<SourceError>> {
        let settings = config::read(name, options)?;
        Ok(Arc::new(FilesSource::new(name, settings)))
    }
}
