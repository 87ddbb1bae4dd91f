//! Errors of a raw scan, turned into ones that may be told.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use datafusion::arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use datafusion::object_store::path::Path;
use lockgate_contract::{PinnedStore, SourceErrorKind};
use lockgate_wire::ErrorCode;
use parking_lot::Mutex;

use super::misread::Misread;
use crate::{Error, rewrite};

/// Turns errors from below a barrier into ones that name the source and nothing else.
pub(crate) trait Fault: fmt::Debug + Send + Sync {
    /// The error as the caller may read it; its internal text is for the operator's log.
    fn scrub(&self, error: &DataFusionError) -> Error;
}

/// Faults of one table of one source.
#[derive(Debug)]
pub(crate) struct SourceFault {
    /// Name of the source.
    pub(crate) source: String,
    /// Full name of the table, for the log.
    pub(crate) table: String,
    /// Paths that the table is read from, for the log.
    pub(crate) files: Vec<String>,
    /// Which of them were read last.
    pub(crate) opened: Arc<Opened>,
}

/// The files that a scan opened last: most errors of a reader do not say which file they are about.
#[derive(Debug, Default)]
pub(crate) struct Opened(Mutex<VecDeque<String>>);

impl Opened {
    /// Files that are remembered: a scan reads a few side by side.
    const MOST: usize = 8;

    /// Remembers one more.
    pub(super) fn note(&self, pinned: &Path) {
        let path = PinnedStore::unpin(pinned).unwrap_or_else(|| pinned.clone());
        let mut opened = self.0.lock();
        opened.push_back(path.to_string());
        if opened.len() > Self::MOST {
            opened.pop_front();
        }
    }

    fn last(&self) -> Vec<String> {
        self.0.lock().iter().rev().cloned().collect()
    }
}

impl Fault for SourceFault {
    fn scrub(&self, error: &DataFusionError) -> Error {
        if let Some(ours) = rewrite::find_ours(error) {
            return ours.clone();
        }
        let source = &self.source;
        let rewritten = match error.find_root() {
            DataFusionError::ResourcesExhausted(_) => rewrite::run_error(error),
            DataFusionError::ArrowError(arrow, _) if matches!(arrow.as_ref(), ArrowError::MemoryError(_)) => {
                rewrite::run_error(error)
            }
            DataFusionError::ObjectStore(store) => store_error(source, store),
            DataFusionError::IoError(_) => unavailable(source),
            _ => match store_cause(error) {
                Some(store) => store_error(source, store),
                None => damaged(source),
            },
        };
        rewritten.with_internal(format!(
            "table {}: {}; files: {}",
            self.table,
            Misread::find(error).map_or_else(|| rewrite::class_of(error), Misread::to_string),
            self.named_files(error)
        ))
    }
}

impl SourceFault {
    /// The file that the error names, or those that were opened last, or the first few that the table is read from.
    fn named_files(&self, error: &DataFusionError) -> String {
        const MOST: usize = 20;
        let text = error.to_string();
        let mut files: Vec<String> = self.files.iter().filter(|file| text.contains(file.as_str())).cloned().collect();
        // `part-1` stands in `part-10` as well.
        if let Some(longest) = files.iter().map(String::len).max() {
            files.retain(|file| file.len() == longest);
        } else {
            files = self.opened.last();
        }
        if files.is_empty() {
            files.clone_from(&self.files);
        }
        let more = files.len().saturating_sub(MOST);
        files.truncate(MOST);
        let shown = files.join(", ");
        if more > 0 { format!("{shown} and {more} more") } else { shown }
    }
}

fn unavailable(source: &str) -> Error {
    Error::new(ErrorCode::SourceUnavailable, format!("source `{source}` did not answer")).with_hint("try again later")
}

fn store_error(source: &str, error: &datafusion::object_store::Error) -> Error {
    match SourceErrorKind::of_store(error) {
        SourceErrorKind::Changed => {
            Error::new(ErrorCode::SourceChanged, format!("source `{source}` changed while it was being read"))
                .with_hint("run the query again")
        }
        SourceErrorKind::Data => damaged(source),
        SourceErrorKind::Unavailable | SourceErrorKind::Refused | SourceErrorKind::Config | SourceErrorKind::Limit => {
            unavailable(source)
        }
    }
}

fn damaged(source: &str) -> Error {
    Error::new(ErrorCode::SourceData, format!("source `{source}` holds data that cannot be read"))
        .with_hint("tell the operator the query id; the log names the file")
}

/// An object store error deeper in the chain, as the Parquet reader wraps it.
fn store_cause(error: &DataFusionError) -> Option<&datafusion::object_store::Error> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = std::error::Error::source(error);
    while let Some(current) = cause {
        if let Some(store) = current.downcast_ref::<datafusion::object_store::Error>() {
            return Some(store);
        }
        cause = current.source();
    }
    None
}
