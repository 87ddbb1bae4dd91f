//! What the benches share: a table and a policy ([`world`]), peers in processes of their own ([`process`]), and how a
//! figure becomes a ratio ([`measure`]).
//!
//! Each bench prints ratios against a named peer or limit that was measured in the same run, in turn with ours.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod measure;
pub mod process;
pub mod world;
