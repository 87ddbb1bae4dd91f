//! What goes wrong with a statement, as the contract tells it. A server's own message is never passed on, not even to the
//! log: it may quote rows.

use lockgate_contract::{SourceError, SourceErrorKind};

use crate::client::{PAGE_MIB, WireError};
use crate::page::{Failure, PageError};

/// Why a statement gave no whole answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// The coordinator cannot be spoken to.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// An answer cannot be read.
    #[error(transparent)]
    Page(#[from] PageError),
    /// The server says that the statement failed.
    #[error("the statement failed at the server: {} ({}, code {})", .0.error_name, .0.error_type, .0.error_code)]
    Failed(Failure),
    /// The answer ended without saying that it was whole.
    #[error("the answer ended in state `{0}`")]
    Unfinished(String),
    /// Rows that fit their columns could not be put together; for the log only.
    #[error("rows could not be put together: {0}")]
    Arrow(String),
    /// The task that read the answer died.
    #[error("reading the answer was stopped")]
    Stopped,
}

/// Names of failures that mean that a table is no longer what it was when it was looked up.
const CHANGED: &[&str] = &[
    "TABLE_NOT_FOUND",
    "COLUMN_NOT_FOUND",
    "SCHEMA_NOT_FOUND",
    "MISSING_TABLE",
    "MISSING_SCHEMA",
    "TYPE_MISMATCH",
    "VIEW_IS_STALE",
];

impl Trouble {
    /// What the caller can do.
    pub(crate) fn kind(&self) -> SourceErrorKind {
        match self {
            Self::Wire(WireError::Refused(_)) => SourceErrorKind::Refused,
            Self::Wire(WireError::Large) => SourceErrorKind::Limit,
            Self::Wire(_) | Self::Unfinished(_) | Self::Stopped => SourceErrorKind::Unavailable,
            Self::Page(PageError::Changed | PageError::Types(_)) => SourceErrorKind::Changed,
            Self::Page(PageError::Broken(_) | PageError::Damaged(_)) => SourceErrorKind::Unavailable,
            Self::Page(PageError::Misfit(..) | PageError::Rows) | Self::Arrow(_) => SourceErrorKind::Data,
            Self::Failed(failure) => failure.kind(),
        }
    }

    /// The error of the source `name`.
    pub(crate) fn of_source(&self, name: &str) -> SourceError {
        let public = match (self, self.kind()) {
            (Self::Wire(WireError::Busy(_)), _) => "it is overloaded; try again later".to_owned(),
            (Self::Wire(WireError::Large), _) => {
                format!("a page of its answer is larger than {PAGE_MIB} MiB; select fewer columns, or shorter values")
            }
            (Self::Failed(failure), _) if failure.is_ended() => {
                "the query was ended there; ask its operator why".to_owned()
            }
            (Self::Page(PageError::Misfit(column, sql_type)), _) => format!(
                "column `{column}` holds a value that its type `{sql_type}` cannot show exactly in Arrow; cast it in a view there"
            ),
            (_, SourceErrorKind::Config) => "its configuration is wrong".to_owned(),
            (_, SourceErrorKind::Unavailable) => "it does not answer as it should; try again later".to_owned(),
            (_, SourceErrorKind::Refused) => "it refuses the gateway; tell its operator".to_owned(),
            (_, SourceErrorKind::Data) => {
                "the query failed there on what its tables hold; tell its operator".to_owned()
            }
            (_, SourceErrorKind::Changed) => "the table changed since it was looked up; try again".to_owned(),
            (_, SourceErrorKind::Limit) => "the query needs more than the source allows; narrow it".to_owned(),
        };
        SourceError::new(name, self.kind(), public, self.to_string())
    }
}

impl Failure {
    fn is_ended(&self) -> bool {
        matches!(self.error_name.as_str(), "USER_CANCELED" | "ADMINISTRATIVELY_KILLED" | "ADMINISTRATIVELY_PREEMPTED")
    }

    fn kind(&self) -> SourceErrorKind {
        let name = self.error_name.as_str();
        match self.error_type.as_str() {
            _ if CHANGED.contains(&name) => SourceErrorKind::Changed,
            _ if name == "PERMISSION_DENIED" => SourceErrorKind::Refused,
            _ if self.is_ended() => SourceErrorKind::Unavailable,
            "INSUFFICIENT_RESOURCES" => SourceErrorKind::Limit,
            "USER_ERROR" => SourceErrorKind::Data,
            _ => SourceErrorKind::Unavailable,
        }
    }
}
