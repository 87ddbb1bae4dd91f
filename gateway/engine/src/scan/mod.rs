//! Raw scans: what stands below a barrier. One file for each way a source gives its data.

mod fault;
mod files;
mod gunzip;
mod ipc;
mod partitions;
mod streams;
mod text;

pub(crate) use fault::{Fault, SourceFault};
pub(crate) use files::FileStores;

use std::sync::Arc;

use datafusion::catalog::TableProvider;

/// A raw table: never in a user's namespace, only below a barrier.
#[derive(Debug, Clone)]
pub(crate) struct RawTable {
    /// Reads the raw rows.
    pub(crate) provider: Arc<dyn TableProvider>,
    /// Turns its errors into ones that may be told.
    pub(crate) fault: Arc<dyn Fault>,
}
