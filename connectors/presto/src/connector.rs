//! The connector.

use std::sync::Arc;

use async_trait::async_trait;
use lockgate_contract::{Connector, OptionSpec, Options, Source, SourceError};

use crate::config;
use crate::source::PrestoSource;

/// The word in `connector = "..."`.
pub const KIND: &str = "presto";

/// Makes sources out of catalogues of Presto and Trino coordinators.
#[derive(Debug, Clone, Copy, Default)]
pub struct PrestoConnector;

#[async_trait]
impl Connector for PrestoConnector {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn options(&self) -> &'static [OptionSpec] {
        config::OPTIONS
    }

    async fn open(&self, name: &str, options: &Options) -> Result<Arc<dyn Source>, Vec<SourceError>> {
        let settings = config::read(name, options)?;
        Ok(Arc::new(PrestoSource::new(name, settings).map_err(|error| vec![error])?))
    }
}
