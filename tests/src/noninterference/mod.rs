//! Noninterference: two worlds that look alike to somebody must answer alike, whatever is asked.
//!
//! [`grammar`], `exprs` and `queries` generate what is asked; [`answer`] says how two answers differ, [`compare`] whether
//! one is the oracle's, [`canary`] whether it holds what it must not; [`mod@run`] puts them together.

pub mod answer;
pub mod canary;
pub mod compare;
mod exprs;
pub mod grammar;
mod queries;
pub mod run;

pub use grammar::{Generated, generate};
pub use run::{Plan, Report, run};

use libtest_mimic::{Failed, Trial};

/// Queries of a usual run, which takes a few minutes; `LOCKGATE_FUZZ_QUERIES` takes another number, and
/// `LOCKGATE_FUZZ_FIRST` begins with a later one, such as the one that a fault names.
const QUERIES: u64 = 20_000;
/// Seed of a usual run; `LOCKGATE_FUZZ_SEED` takes another one.
const SEED: u64 = 20_261_123;

/// The generated queries, as one trial.
pub fn trials() -> Vec<Trial> {
    vec![Trial::test("noninterference::worlds_that_look_alike_answer_alike", usual_run)]
}

fn number(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} must be a number, not `{text}`")),
        Err(_) => default,
    }
}

fn usual_run() -> Result<(), Failed> {
    let plan = Plan {
        seed: number("LOCKGATE_FUZZ_SEED", SEED),
        first: number("LOCKGATE_FUZZ_FIRST", 0),
        n_queries: number("LOCKGATE_FUZZ_QUERIES", QUERIES),
        n_workers: std::thread::available_parallelism().map_or(2, usize::from),
    };
    println!("LOCKGATE_FUZZ_SEED={} LOCKGATE_FUZZ_QUERIES={}", plan.seed, plan.n_queries);
    let started = std::time::Instant::now();
    let report = crate::runtime().block_on(run(plan));
    println!("{report}in {} s", started.elapsed().as_secs());
    if let Ok(file) = std::env::var("LOCKGATE_FUZZ_FAULTS") {
        std::fs::write(file, report.faults.join("\n---\n"))?;
    }
    // A run that only fails proves nothing.
    let says_something = report.n_answered * 2 > report.n_tried
        && report.n_with_rows * 5 > report.n_tried * 2
        && report.n_compared * 2 > report.n_tried;
    if report.faults.is_empty() && says_something { Ok(()) } else { Err(report.to_string().into()) }
}
