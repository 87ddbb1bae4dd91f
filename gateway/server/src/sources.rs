//! The connectors that this gateway has, and the sources that the configuration opens with them.

use std::sync::Arc;

use lockgate_contract::{Connector, Source};
use lockgate_policies::{Problem, Severity};

use crate::config::SourceConfig;

/// Every connector. A new one is a line in here.
pub fn connectors() -> Vec<&'static dyn Connector> {
    vec![&lockgate_connector_files::FilesConnector, &lockgate_connector_presto::PrestoConnector]
}

/// Opens every configured source of a configuration file. An error lists the problems of all of them.
///
/// A source that is down does not stop the others, nor the gateway: its tables fail with SOURCE_UNAVAILABLE later.
pub async fn open_sources(file: &str, configured: &[SourceConfig]) -> Result<Vec<Arc<dyn Source>>, Vec<Problem>> {
    let connectors = connectors();
    let mut sources = Vec::new();
    let mut problems = Vec::new();
    for source in configured {
        let Some(connector) = connectors.iter().find(|connector| connector.kind() == source.connector) else {
            continue;
        };
        match connector.open(&source.name, &source.options).await {
            Ok(opened) => sources.push(opened),
            Err(errors) => problems.extend(errors.into_iter().map(|error| Problem {
                severity: Severity::Error,
                file: file.to_owned(),
                line: Some(source.line),
                rule: Some(format!("sources.{}", source.name)),
                text: if error.internal.is_empty() { error.public } else { error.internal },
                hint: "mend the options of this source".to_owned(),
            })),
        }
    }
    if problems.is_empty() { Ok(sources) } else { Err(problems) }
}
