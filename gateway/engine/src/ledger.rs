//! What the spine needs from an audit ledger; the server brings the one that writes to disk.

use async_trait::async_trait;
use lockgate_wire::audit::{CloseRecord, OpenRecord, RefusedRecord};
use thiserror::Error;

/// The ledger could not make a record durable.
#[derive(Debug, Error)]
#[error("the audit ledger cannot be written")]
pub struct LedgerError(
    /// The cause, for the operator's log.
    #[source]
    pub std::io::Error,
);

/// An append-only audit record.
///
/// - `open` returns only when the record is durable; on an error nothing may be read.
/// - `close` never blocks and never fails towards the caller; it is called exactly once for each opened query, also from `Drop`.
/// - `refused` is durable like `open`.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Writes who is about to see what, and waits until it is durable.
    async fn open(&self, record: OpenRecord) -> Result<(), LedgerError>;
    /// Writes that a query was refused, and waits until it is durable.
    async fn refused(&self, record: RefusedRecord) -> Result<(), LedgerError>;
    /// Queues the record of how a query ended.
    fn close(&self, record: CloseRecord);
}
