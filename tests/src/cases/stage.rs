//! The worlds that cases are tried in: the base world, and for each asker its two twins.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::{Mutex, OnceCell};
use uuid::Uuid;

use crate::door::{ARROW, Door, Reply};
use crate::noninterference::canary::Canaries;
use crate::worlds::data::{Data, Twin, base};
use crate::worlds::oracle::Oracle;
use crate::worlds::people::{OTHERS, PEOPLE, Person};

/// Seed of the worlds of cases.
pub const SEED: u64 = 7;

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

/// Whoever is called `name/purpose`.
///
/// # Panics
/// When nobody is.
pub fn person(asker: &str) -> &'static Person {
    let known = PEOPLE.iter().chain(&OTHERS).find(|person| format!("{}/{}", person.name, person.purpose) == asker);
    known.unwrap_or_else(|| panic!("nobody is called {asker}"))
}

impl Stage {
    /// The asker's stage over doors to the base world and its twins; `open` makes the door to a twin.
    pub async fn set(
        person: &'static Person,
        data: &Data,
        base: Arc<Door>,
        open: impl AsyncFn(&Data, Twin) -> Door,
    ) -> Self {
        let twin = async |twin, seed| open(&data.twin(person, twin, seed), twin).await;
        Self {
            person,
            base,
            bare: twin(Twin::Bare, SEED + 1).await,
            other: twin(Twin::Other, SEED + 2).await,
            oracle: Oracle::new(data, person),
            canaries: Canaries::of(data, person),
        }
    }

    /// The answers of the base world and of its twins, one after the other, by ids of one's own.
    pub async fn ask(&self, sql: &str, query_ids: [Uuid; 3]) -> [Reply; 3] {
        let [base, bare, other] = query_ids;
        [
            self.base.query_as(self.person, sql, ARROW, base).await,
            self.bare.query_as(self.person, sql, ARROW, bare).await,
            self.other.query_as(self.person, sql, ARROW, other).await,
        ]
    }
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
    let person = person(asker);
    let (data, base) = everybody().await;
    let stage = Stage::set(person, data, Arc::clone(base), async |data: &Data, _| Door::open(data).await).await;
    let stage: &'static Stage = Box::leak(Box::new(stage));
    stages.insert(asker.to_owned(), stage);
    stage
}
