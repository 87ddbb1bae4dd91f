//! What the tests of several rooms share: worlds with an oracle, generated queries, and the cases' runner.
//!
//! The tests themselves stand in `tests/tests/`. This crate is *not* part of the product, and shares no code with it where
//! it says what should come out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod behaviour;
pub mod cases;
pub mod door;
pub mod fuzz;
pub mod noninterference;
pub mod presto;
pub mod servers;
pub mod worlds;

use std::sync::OnceLock;

use tokio::runtime::Runtime;

/// The one runtime of all trials: an engine outlives the trial that made it.
///
/// # Panics
/// When there are no threads for it.
pub fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::new().expect("threads for the trials"))
}
