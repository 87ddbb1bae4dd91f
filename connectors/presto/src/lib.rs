//! Presto and Trino: tables of one catalogue of a coordinator, read with statements over its HTTP protocol.
//!
#![doc = include_str!("docs.md")]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod catalog;
mod client;
mod column;
mod config;
mod connector;
mod coordinator;
mod dialect;
mod fault;
mod functions;
mod notes;
mod page;
mod serialized;
mod source;
mod statement;
mod text;
mod treatments;
mod types;

pub use connector::{KIND, PrestoConnector};
pub use dialect::sql_dialect;
pub use types::type_table;
