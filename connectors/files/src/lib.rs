//! Local files as tables; the reference connector, to be read first.
//!
#![doc = include_str!("docs.md")]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod cache;
mod config;
mod connector;
mod count;
mod discover;
mod format;
mod guess;
mod local;
mod partitions;
mod schema;
mod source;
mod types;

pub use connector::{FilesConnector, KIND};
