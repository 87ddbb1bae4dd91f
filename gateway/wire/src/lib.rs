//! Every shape that crosses a door: requests, answers, error codes, notices and audit records.
//!
//! This crate is what a client, a door, the engine and the ledger agree on. It is *not* a place for behaviour:
//! no I/O, no policy, no DataFusion. Types are plain serde data; lists (such as [`ErrorCode::ALL`]) are walked by
//! tests and printed into the docs.

pub mod audit;
pub mod catalog;
pub mod error;
pub mod notice;
pub mod request;

pub use catalog::{CatalogColumn, CatalogTable};
pub use error::{ErrorCode, ErrorKind, Problem};
pub use notice::Notice;
pub use request::QueryRequest;
