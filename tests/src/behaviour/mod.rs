//! What every source must do, once for all of them: one list of checks through the real engine, run over the standard tables
//! ([`data`]) as each connector holds them ([`fixture`]).
//!
//! A connector adds a [`fixture::Maker`] to its list of makers and gets every check of [`checks::ALL`] as a trial
//! `behaviour::MAKER::CHECK`. What a fixture cannot do is shown as ignored, never left out.

pub mod checks;
pub mod data;
pub mod files;
pub mod fixture;
pub mod oracle;
pub mod policy;
pub mod presto;

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};

use libtest_mimic::Trial;
use tokio::runtime::Runtime;

use fixture::{Fixture, Maker};

/// How a check ends.
pub type Outcome<'a> = Pin<Box<dyn Future<Output = anyhow::Result<()>> + Send + 'a>>;

/// What a fixture must be able to do for a check to run on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Its tables can be replaced and removed from outside while the gateway runs.
    Change,
    /// It holds structs and lists.
    Nested,
    /// A scan gives the rows in the order in which they are stored.
    Order,
    /// `orders` is partitioned by `city`.
    Partitions,
    /// Its tables are files that the check may damage.
    Files(files::Kind),
    /// Its tables are files of any kind.
    AnyFiles,
}

/// One fact about a source.
pub struct Check {
    /// The fact, as a name.
    pub name: &'static str,
    /// What the fixture must be able to do.
    pub needs: &'static [Need],
    /// Whether the check changes the fixture, and so gets one of its own.
    pub changes: bool,
    /// Finds out.
    pub run: for<'a> fn(&'a Fixture) -> Outcome<'a>,
}

/// One trial for each fixture and check that needs no server.
pub fn trials() -> Vec<Trial> {
    trials_of(files::makers().into_iter().map(|maker| (maker, true)))
}

/// One trial for each server and check.
pub fn live_trials() -> Vec<Trial> {
    trials_of(presto::makers().into_iter())
}

fn trials_of(makers: impl Iterator<Item = (Maker, bool)>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for (maker, is_there) in makers {
        let maker = Arc::new(maker);
        let shared = Arc::new(OnceLock::new());
        for check in checks::ALL.iter().flat_map(|group| group.iter()) {
            let trial = trial(&maker, check, &shared);
            trials.push(if is_there { trial } else { trial.with_ignored_flag(true) });
        }
    }
    trials
}

fn trial(maker: &Arc<Maker>, check: &'static Check, shared: &Arc<OnceLock<Fixture>>) -> Trial {
    let name = format!("behaviour::{}::{}", maker.name, check.name);
    let can = check.needs.iter().all(|need| maker.can.contains(need));
    let (maker, shared) = (Arc::clone(maker), Arc::clone(shared));
    let run = move || {
        let outcome = if check.changes {
            let fixture = (maker.make)();
            runtime().block_on((check.run)(&fixture))
        } else {
            let fixture = shared.get_or_init(|| (maker.make)());
            runtime().block_on((check.run)(fixture))
        };
        outcome.map_err(|error| format!("{error:?}").into())
    };
    Trial::test(name, run).with_ignored_flag(!can)
}

/// The one runtime of all trials: an engine outlives the trial that made it.
pub fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::new().expect("threads for the trials"))
}
