//! The worlds that cases are tried in: the base world, and for each asker its two twins.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::{Mutex, OnceCell};

use crate::door::Door;
use crate::noninterference::canary::Canaries;
use crate::worlds::data::{Data, Twin, base};
use crate::worlds::oracle::Oracle;
use crate::worlds::people::{OTHERS, PEOPLE, Person};

/// Seed of the worlds of cases.
const SEED: u64 = 7;

/// What one asker's cases are tried on.
pub struct Stage {
    /// The asker.
    pub person: &'static Person,
    /// The base world, the same for everybody.
    pub base: Arc<Door>,
    /// The twin without hidden rows.
    pub bare: Door,
    /// The twin with other hidden rows.
    pub other: Door,
    /// Plain DataFusion over the asker's policy view.
    pub oracle: Oracle,
    /// What the asker may see.
    pub canaries: Canaries,
}

async fn everybody() -> &'static (Data, Arc<Door>) {
    static BASE: OnceCell<(Data, Arc<Door>)> = OnceCell::const_new();
    let open = async || {
        let data = base(SEED);
        let door = Arc::new(Door::open(&data).await);
        (data, door)
    };
    BASE.get_or_init(open).await
}

/// The stage of `name/purpose`, made when it is asked for first and kept.
///
/// # Panics
/// When nobody is called that.
pub async fn stage(asker: &str) -> &'static Stage {
    static STAGES: Mutex<BTreeMap<String, &'static Stage>> = Mutex::const_new(BTreeMap::new());
    let mut stages = STAGES.lock().await;
    if let Some(stage) = stages.get(asker) {
        return stage;
    }
    let known = PEOPLE.iter().chain(&OTHERS).find(|person| format!("{}/{}", person.name, person.purpose) == asker);
    let person = known.unwrap_or_else(|| panic!("nobody is called {asker}"));
    let (data, base) = everybody().await;
    let stage: &'static Stage = Box::leak(Box::new(Stage {
        person,
        base: Arc::clone(base),
        bare: Door::open(&data.twin(person, Twin::Bare, SEED + 1)).await,
        other: Door::open(&data.twin(person, Twin::Other, SEED + 2)).await,
        oracle: Oracle::new(data, person),
        canaries: Canaries::of(data, person),
    }));
    stages.insert(asker.to_owned(), stage);
    stage
}
