//! Cases in files, run over a real socket: statements ([`attacks`]), whole requests ([`http`]), each answered statement in
//! every form of a result ([`forms`]), and what each person gets of the same tables ([`slt`]).

pub mod attacks;
pub mod company;
pub mod forms;
pub mod http;
pub mod judge;
pub mod slt;
pub mod stage;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use libtest_mimic::{Failed, Trial};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::runtime;
use attacks::Case;
use stage::{Stage, stage};

/// The files of `tests/cases/NAME/` with that extension, by name.
fn files(name: &str, extension: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases").join(name);
    let entries = std::fs::read_dir(&folder).expect("the cases' folder");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("a file").path()).collect();
    files.retain(|file| file.extension().is_some_and(|known| known == extension));
    files.sort();
    files
}

/// The cases in the YAML files of `tests/cases/NAME/`, in the order of files and lines.
fn read_folder<C: DeserializeOwned>(name: &str) -> Vec<C> {
    let read = |file: PathBuf| -> Vec<C> {
        let text = std::fs::read_to_string(&file).expect("a readable file");
        serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
    };
    files(name, "yaml").into_iter().flat_map(read).collect()
}

fn check_ids<'a>(ids: impl Iterator<Item = &'a String>) {
    let mut known = BTreeSet::new();
    ids.for_each(|id| assert!(known.insert(id), "two cases are called {id}"));
}

/// One trial for each case.
pub fn trials() -> Vec<Trial> {
    let cases = attacks::attacks();
    let mut trials = forms::trials(&cases);
    let cases = cases.into_iter().map(Arc::new);
    let attack =
        |case: Arc<Case>| Trial::test(format!("attacks::{}", case.id), move || runtime().block_on(attack(&case)));
    trials.extend(cases.map(attack));
    trials.extend(http::trials());
    trials
}

async fn attack(case: &Case) -> Result<(), Failed> {
    let stage: &Stage = stage(&case.asker).await;
    let [answer, bare, other] = stage.ask(&case.sql, [Uuid::now_v7(); 3]).await;
    // Branches of a union may come in any order.
    judge::alike(case, &answer, [&bare, &other], !case.sql.contains("UNION"))?;
    judge::answer(case, stage, &answer).await
}
