//! What a connector owes the gateway.
//!
//! A [`Connector`] is code for one kind of source; a [`Source`] is one connected system, which owns one catalogue name.
//! A source lists its tables and says how each is read ([`Access`]). This crate is *not* an engine: it names no
//! DataFusion type and no policy; the engine does all planning, and governs every scan, on top of it.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod access;
pub mod comment;
pub mod error;
pub mod options;
pub mod pinned;
pub mod source;
pub mod sql;

pub use access::{Access, BatchAccess, FileAccess, FileFormat, FilePart, PartitionColumn};
pub use comment::{Comment, Comments};
pub use error::{DamagedFile, SourceError, SourceErrorKind};
pub use options::{OptionKind, OptionSpec, Options};
pub use pinned::PinnedStore;
pub use source::{Connector, Source, SourceTable, TablePath};
pub use sql::{
    LiteralKind, QueryContext, SqlAccess, SqlArgument, SqlColumn, SqlDialect, SqlFunction, SqlServer, SqlStatement,
    StatementProgress, StatementWatch, UNREADABLE_TYPE,
};
