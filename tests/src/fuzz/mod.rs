//! Fuzz targets: what nobody wrote, sent to every place that reads what others write. Nothing panics, and whatever is refused is
//! refused with a code, or with a place and a hint.
//!
//! A usual run tries the same inputs each time; `LOCKGATE_FUZZ_SECONDS` lets each target try others for so long. The policy folder has a
//! target of its own, beside its loader.

pub mod edits;
mod files;
mod requests;
mod sql;

use std::fmt::Debug;
use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestRunner};

/// Seed of a usual run.
const SEED: u64 = 20_261_126;

/// All targets.
pub fn trials() -> Vec<Trial> {
    let mut trials = sql::trials();
    trials.extend(requests::trials());
    trials.extend(files::trials());
    trials
}

/// Tries inputs until so many have passed, or for as long as the environment says; reports the smallest one that fails.
fn fuzz<S>(cases: u32, inputs: &S, check: impl Fn(S::Value) -> Result<(), TestCaseError>) -> Result<(), Failed>
where
    S: Strategy,
    S::Value: Debug,
{
    let seconds = std::env::var("LOCKGATE_FUZZ_SECONDS").ok();
    let seconds = seconds.map(|text| text.parse().unwrap_or_else(|_| panic!("`{text}` is no number of seconds")));
    let end = Instant::now() + Duration::from_secs(seconds.unwrap_or(0));
    let rng_seed = if seconds.is_some() { RngSeed::Random } else { RngSeed::Fixed(SEED) };
    let mut n_tried = 0;
    loop {
        let config =
            Config { cases, rng_seed, failure_persistence: None, max_shrink_iters: 4_000, ..Config::default() };
        TestRunner::new(config).run(inputs, &check).map_err(|error| Failed::from(error.to_string()))?;
        n_tried += cases;
        if Instant::now() >= end {
            println!("{n_tried} inputs");
            return Ok(());
        }
    }
}
