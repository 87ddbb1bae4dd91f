//! The gateway as a server: doors, sign-in, sources, ledger and command line.
//!
//! A request comes in at a door ([`doors`]), is told apart by its token and purpose ([`auth`]), and goes to the engine; what
//! comes back is packed in the form that the caller asked for. This crate decides nothing about data: that is the
//! work of the policies and of the engine.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

pub mod cli;
pub mod config;
pub mod demo;
pub mod serve;

pub mod auth;
pub mod doors;
pub mod ledger;
pub mod metrics;
pub mod sources;

#[cfg(test)]
mod reference;
