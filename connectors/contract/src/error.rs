//! What can go wrong at a source.

use thiserror::Error;

/// What the caller can do about a [`SourceError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceErrorKind {
    /// The configuration is wrong; the operator mends it.
    Config,
    /// The source does not answer; try again later.
    Unavailable,
    /// The source refuses the gateway's (or the run-as user's) credentials.
    Refused,
    /// Data that cannot be read faithfully.
    Data,
    /// The table changed while it was being read.
    Changed,
    /// A limit of the source was reached.
    Limit,
}

impl SourceErrorKind {
    /// What an error of a table's store means while the table is read: a file that is gone or another one is a changed table.
    pub fn of_store(error: &object_store::Error) -> Self {
        match error {
            object_store::Error::NotFound { .. }
            | object_store::Error::Precondition { .. }
            | object_store::Error::NotModified { .. }
            | object_store::Error::AlreadyExists { .. } => Self::Changed,
            object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } => Self::Refused,
            object_store::Error::InvalidPath { .. } => Self::Data,
            object_store::Error::Generic { source, .. } if source.is::<DamagedFile>() => Self::Data,
            // The enum of another crate may grow; whatever is new is taken for a store that does not answer.
            _ => Self::Unavailable,
        }
    }
}

/// An error of a source, with one text for the user and one for the operator's log.
#[derive(Debug, Error)]
#[error("source `{source_name}`: {public}")]
pub struct SourceError {
    /// Catalogue name of the source.
    pub source_name: String,
    /// What the caller can do.
    pub kind: SourceErrorKind,
    /// Text that a user may read: names the source, never a path, host, secret or value.
    pub public: String,
    /// Text for the operator's log only; may name files and hosts, never a row value or a secret.
    pub internal: String,
}

impl SourceError {
    /// An error with a public and an internal text.
    pub fn new(
        source_name: &str,
        kind: SourceErrorKind,
        public: impl Into<String>,
        internal: impl Into<String>,
    ) -> Self {
        Self { source_name: source_name.to_owned(), kind, public: public.into(), internal: internal.into() }
    }
}

/// A file that is as it was, but cannot be read faithfully; travels inside [`object_store::Error::Generic`].
#[derive(Debug, Error)]
#[error("`{path}` is damaged: {what}")]
pub struct DamagedFile {
    /// Path of the file, as the source names it.
    pub path: String,
    /// What is wrong with it; never a value.
    pub what: String,
}

impl DamagedFile {
    /// The error as a store raises it.
    pub fn error(path: &object_store::path::Path, what: impl Into<String>) -> object_store::Error {
        let source = Box::new(Self { path: path.to_string(), what: what.into() });
        object_store::Error::Generic { store: "files", source }
    }
}
