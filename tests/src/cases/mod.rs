//! Cases in files, run over a real socket: statements ([`attacks`]), whole requests ([`http`]), each answered statement in
//! every form of a result ([`forms`]), and what each person gets of the same tables ([`slt`]).

pub mod attacks;
pub mod company;
pub mod forms;
pub mod http;
pub mod slt;
pub mod stage;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use libtest_mimic::{Failed, Trial};
use serde::de::DeserializeOwned;

use crate::runtime;
use attacks::{Case, Expect};
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
    let answer = stage.base.query(stage.person, &case.sql, crate::door::ARROW).await;
    for (twin, door) in [("without hidden rows", &stage.bare), ("with other hidden rows", &stage.other)] {
        let there = door.query(stage.person, &case.sql, crate::door::ARROW).await;
        let ordered = !case.sql.contains("UNION");
        if let Some(unlike) = answer.differs(&there, ordered) {
            return Err(format!("{}\ndiffers from the world {twin}: {unlike}", case.sql).into());
        }
    }
    let leaks = stage.canaries.leaked(&answer.body, &case.sql);
    if !leaks.is_empty() {
        return Err(format!("{}\nhidden texts {leaks:?}", case.sql).into());
    }
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    for never in &case.never {
        if text.contains(never) {
            return Err(format!("{}\nsays `{never}`: {}", case.sql, answer.text()).into());
        }
    }
    let problem = answer.problem().unwrap_or_default();
    match case.expect {
        Expect::Alike => {}
        Expect::Refused => {
            let code = problem["code"].as_str().unwrap_or("rows");
            if Some(code) != case.code.as_deref() {
                return Err(format!("{}\nwas to be {:?}, is {code}: {}", case.sql, case.code, answer.text()).into());
            }
        }
        Expect::View => {
            if answer.status != 200 {
                return Err(format!("{}\nwas to be answered: {}", case.sql, answer.text()).into());
            }
            let (schema, batches) = answer.arrow();
            let (wanted_schema, wanted) = stage.oracle.query(&case.sql).await?;
            if let Some(unlike) =
                crate::noninterference::compare::differs((&schema, &batches), (&wanted_schema, &wanted))
            {
                return Err(format!("{}\nis not the policy view's answer: {unlike}", case.sql).into());
            }
        }
    }
    for says in &case.says {
        if !text.contains(says) {
            return Err(format!("{}\ndoes not say `{says}`: {}", case.sql, answer.text()).into());
        }
    }
    if let Some((column, treatment)) = &case.notice {
        let (schema, _) = answer.arrow();
        let notices: serde_json::Value = serde_json::from_str(&schema.metadata()["lockgate.notices"])?;
        let told = notices.as_array().is_some_and(|notices| {
            notices
                .iter()
                .any(|notice| notice["column"] == column.as_str() && notice["treatment"] == treatment.as_str())
        });
        if !told {
            return Err(format!("{}\nno notice tells that `{column}` is `{treatment}`: {notices}", case.sql).into());
        }
    }
    Ok(())
}
