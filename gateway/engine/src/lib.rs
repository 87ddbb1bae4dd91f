//! The spine: from SQL text to governed Arrow batches. See `query.rs`, which reads like a table of contents.
//!
//! The engine is *not* a server: no sockets, no casbin, no concrete connector.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod config;
pub mod engine;
pub mod error;
pub mod ledger;
pub mod session;

mod query;

mod admit;
mod bind;
mod govern;
mod parse;
mod plan;
mod run;
pub mod running;

mod barrier;
mod catalog;
mod denial;
mod edges;
mod expected;
mod explain;
mod fence;
mod functions;
mod guard;
mod namespace;
mod notices;
mod outbox;
mod passage;
mod plain;
mod progress;
mod pushdown;
mod rewrite;
mod rules;
mod scan;
mod tokens;

pub use config::EngineConfig;
pub use engine::{Engine, EngineStatus};
pub use error::Error;
pub use ledger::{Ledger, LedgerError};
pub use progress::{SourceProgress, SourceState};
pub use running::{Running, Watch};
pub use session::{Session, Standing};
