//! The audit ledger on disk: who was about to see what, durable before the first byte leaves.
//!
//! A ledger is a folder of append-only segments (`00000001.ledger`, ...), one JSON line a record, each line chained to
//! the one before by SHA-256 ([`chain`] holds the exact format; `docs/reference/ledger.md` is its manual). One writer
//! thread commits waiting records in groups: one write, one `fdatasync`, then everybody is woken ([`FileLedger`]).
//! It fails closed: while the ledger cannot be written, every query is refused.
//!
//! Questions are answered from the files ([`search`], [`sights`], [`verify`]), by the command line and, for those whom policy lets,
//! in SQL ([`LedgerSource`]).
//!
//! This is *not* tamper-proof storage: who may write the folder can remove its end and the `head` file with it. Keep
//! head hashes elsewhere (`audit verify` prints them, `audit verify --expect` asks for one).

pub mod chain;
mod error;
mod file;
mod lock;
mod pattern;
mod reader;
mod search;
mod segment;
mod sights;
mod source;
pub mod tables;
mod tail;
mod verify;
mod writer;

#[cfg(test)]
mod tests;

pub use chain::{Hash, Head};
pub use error::{Break, LedgerOpenError};
pub use file::{FileLedger, LedgerCounters, LedgerOptions};
pub use pattern::ColumnPattern;
pub use reader::{Entries, Entry, entries};
pub use search::{Filter, Finding, Findings, QueryOutcome, search};
pub use sights::{Sight, sights};
pub use source::LedgerSource;
pub use source::{CATALOG, SCHEMA};
pub use verify::{Verification, verify};
