//! Whether the answer to an attack case is what it is to be.

use libtest_mimic::Failed;

use super::attacks::{Case, Expect};
use super::stage::Stage;
use crate::door::Reply;
use crate::noninterference::compare;

/// That the twins' answers are the same one. Without `ordered`, rows may come in any order.
///
/// # Errors
/// How they differ.
pub fn alike(case: &Case, answer: &Reply, [bare, other]: [&Reply; 2], ordered: bool) -> Result<(), Failed> {
    for (twin, there) in [("without hidden rows", bare), ("with other hidden rows", other)] {
        if let Some(unlike) = answer.differs(there, ordered) {
            return Err(format!("{}\ndiffers from the world {twin}: {unlike}", case.sql).into());
        }
    }
    Ok(())
}

/// That an answer says what the case expects, and nothing hidden.
///
/// # Errors
/// What it says instead.
pub async fn answer(case: &Case, stage: &Stage, answer: &Reply) -> Result<(), Failed> {
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    hides(case, stage, answer, &text)?;
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
            if let Some(unlike) = compare::differs((&schema, &batches), (&wanted_schema, &wanted)) {
                return Err(format!("{}\nis not the policy view's answer: {unlike}", case.sql).into());
            }
        }
    }
    tells(case, answer, &text)
}

fn hides(case: &Case, stage: &Stage, answer: &Reply, text: &str) -> Result<(), Failed> {
    let leaks = stage.canaries.leaked(&answer.body, &case.sql);
    if !leaks.is_empty() {
        return Err(format!("{}\nhidden texts {leaks:?}", case.sql).into());
    }
    match case.never.iter().find(|never| text.contains(never.as_str())) {
        Some(never) => Err(format!("{}\nsays `{never}`: {}", case.sql, answer.text()).into()),
        None => Ok(()),
    }
}

fn tells(case: &Case, answer: &Reply, text: &str) -> Result<(), Failed> {
    if let Some(says) = case.says.iter().find(|says| !text.contains(says.as_str())) {
        return Err(format!("{}\ndoes not say `{says}`: {}", case.sql, answer.text()).into());
    }
    let Some((column, treatment)) = &case.notice else { return Ok(()) };
    let (schema, _) = answer.arrow();
    let notices: serde_json::Value = serde_json::from_str(&schema.metadata()["lockgate.notices"])?;
    let is_told = notices.as_array().is_some_and(|notices| {
        notices.iter().any(|notice| notice["column"] == column.as_str() && notice["treatment"] == treatment.as_str())
    });
    if is_told {
        return Ok(());
    }
    Err(format!("{}\nno notice tells that `{column}` is `{treatment}`: {notices}", case.sql).into())
}
