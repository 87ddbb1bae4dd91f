//! Raw scans: what stands below a barrier. One file for each way a source gives its data.

mod batches;
mod fault;
mod files;
mod gunzip;
mod ipc;
mod misread;
mod partitions;
mod sql;
mod statement;
mod streams;
mod text;
mod utf8;

pub(crate) use batches::BatchTable;
pub(crate) use fault::{Fault, SourceFault};
pub(crate) use files::FileStores;
pub(crate) use sql::SqlTable;
pub(crate) use statement::{Make, StatementExec, StatementRows};

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, Result};
use datafusion::logical_expr::Expr;

/// A raw table: never in a user's namespace, only below a barrier.
#[derive(Debug, Clone)]
pub(crate) struct RawTable {
    /// Reads the raw rows.
    pub(crate) provider: Arc<dyn TableProvider>,
    /// Turns its errors into ones that may be told.
    pub(crate) fault: Arc<dyn Fault>,
    /// About how many rows it has, hidden ones too.
    pub(crate) rows: Option<u64>,
}

/// The filter with every column named by itself, as a raw scan knows it.
pub(crate) fn unqualified(filter: &Expr) -> Result<Expr> {
    let transformed = filter.clone().transform(|expr| match expr {
        Expr::Column(column) => Ok(Transformed::yes(Expr::Column(Column::new_unqualified(column.name)))),
        other => Ok(Transformed::no(other)),
    })?;
    Ok(transformed.data)
}
