//! Why somebody sees a table as they do: tags, treatments tried, rules, result, and what would give more.

mod leaves;
mod text;

use arrow_schema::{DataType, SchemaRef};
use serde::Serialize;

use crate::classification::{Residency, TableClass};
use crate::decide::{self, Case, grants, remedy};
use crate::rules::Verdict;
use crate::testing::reason_text;
use crate::{Asker, PolicySet, RowFilter, Shown, TableAccess, TableName, Treatment, Withheld};

/// How a decision came about. Names no hidden column, no literal of a row rule and no other person.
#[derive(Debug, Clone, Serialize)]
pub struct Explanation {
    /// Version of the policy.
    pub policy: String,
    /// Who asks.
    pub who: String,
    /// Roles with all roles above, sorted, without prefix.
    pub roles: Vec<String>,
    /// Declared purpose.
    pub purpose: String,
    /// Where the result is delivered.
    pub dc: String,
    /// The day of the question.
    pub date: String,
    /// The table.
    pub table: String,
    /// `visible`, `withheld` or `hidden`. To the asker a hidden table must look like one that does not exist.
    pub access: &'static str,
    /// Why the table is withheld, and what would give it.
    pub withheld: Option<WithheldText>,
    /// Row rules that are for the table.
    pub rows: Vec<RowStep>,
    /// Duties that always hold, in words.
    pub always: Vec<String>,
    /// Columns in schema order; empty when the one asked for does not exist or is hidden.
    pub columns: Vec<ColumnSteps>,
}

/// Why something is withheld.
#[derive(Debug, Clone, Serialize)]
pub struct WithheldText {
    /// Such as `no rule`, `unclassified` or `no row grant`.
    pub reason: &'static str,
    /// What would give it.
    pub remedy: String,
}

/// One row rule and whether it is granted.
#[derive(Debug, Clone, Serialize)]
pub struct RowStep {
    /// Name of the row rule.
    pub name: String,
    /// Whether it is granted.
    pub granted: bool,
    /// Rules that allow it.
    pub allowed_by: Vec<String>,
    /// Rules that deny it.
    pub denied_by: Vec<String>,
}

/// One column, or one field of a struct.
#[derive(Debug, Clone, Serialize)]
pub struct ColumnSteps {
    /// Path of the column.
    pub column: String,
    /// Name of the treatment, or `withheld`.
    pub result: String,
    /// Why it is withheld.
    pub withheld: Option<WithheldText>,
    /// Each tag with the treatments that were tried.
    pub tags: Vec<TagSteps>,
    /// What would show more of it, where it is shown.
    pub more: Option<String>,
}

/// One tag of a column.
#[derive(Debug, Clone, Serialize)]
pub struct TagSteps {
    /// The tag.
    pub tag: String,
    /// Tags above it, sorted.
    pub above: Vec<String>,
    /// Treatments in the order of asking, up to the one that is given.
    pub tried: Vec<TreatmentStep>,
    /// The treatment that the tag gives.
    pub gives: Option<&'static str>,
}

/// One treatment that was tried for a tag.
#[derive(Debug, Clone, Serialize)]
pub struct TreatmentStep {
    /// The treatment.
    pub treatment: &'static str,
    /// Whether casbin allows it.
    pub allowed: bool,
    /// Whether it works on the type of the column.
    pub fits: bool,
    /// Rules that allow it.
    pub allowed_by: Vec<String>,
    /// Rules that deny it.
    pub denied_by: Vec<String>,
}

/// Explains a table, or one of its columns, with the data's schema where it is at hand and as classified where not.
pub(crate) fn explain(
    set: &PolicySet,
    asker: &Asker,
    table: &TableName,
    column: Option<&str>,
    schema: Option<&SchemaRef>,
) -> Explanation {
    let compiled = set.compiled(asker);
    let mut roles: Vec<String> =
        compiled.standpoint.subjects.iter().filter_map(|name| name.strip_prefix("role:")).map(str::to_owned).collect();
    roles.sort_unstable();
    let mut explanation = Explanation {
        policy: set.version().to_owned(),
        who: asker.principal.name.clone(),
        roles,
        purpose: asker.purpose.clone(),
        dc: asker.env.dc.clone(),
        date: asker.env.today.to_string(),
        table: table.to_string(),
        access: "hidden",
        withheld: None,
        rows: Vec::new(),
        always: Vec::new(),
        columns: Vec::new(),
    };
    if let Some(class) = set.table_class(table) {
        fill(&mut explanation, Case { set, asker: &compiled, table, class }, column, schema);
    }
    explanation
}

fn fill(explanation: &mut Explanation, case: Case<'_>, column: Option<&str>, schema: Option<&SchemaRef>) {
    let access = match schema {
        Some(schema) => case.set.decide(&case.asker.asker, case.table, schema).access.clone(),
        None => access_as_classified(case),
    };
    let decided = match access {
        TableAccess::Hidden => return,
        TableAccess::Withheld(withheld) => {
            explanation.access = "withheld";
            explanation.withheld = Some(withheld_text(&withheld));
            // What the columns would be tells what a row grant is worth.
            schema.map(|schema| decide::columns(case, schema)).unwrap_or_default()
        }
        TableAccess::Visible { columns, .. } => {
            explanation.access = "visible";
            columns
        }
    };
    explanation.rows = row_steps(case);
    explanation.always = duties(case.class, &case.asker.asker.env.site);
    let leaves = match schema {
        Some(schema) => leaves::of_schema(case, schema, &decided),
        None => leaves::as_classified(case),
    };
    let wanted = |path: &str| {
        column
            .is_none_or(|column| path == column || path.strip_prefix(column).is_some_and(|rest| rest.starts_with('.')))
    };
    for leaf in leaves.into_iter().filter(|leaf| wanted(&leaf.path)) {
        explanation.columns.extend(column_steps(case, leaf));
    }
}

/// Access as far as it depends on the classification alone.
fn access_as_classified(case: Case<'_>) -> TableAccess {
    let grants = grants(case);
    match (grants.withheld, decide::wrong_site(case)) {
        (Some(_), _) if case.class.hidden => TableAccess::Hidden,
        (Some(withheld), _) | (None, Some(withheld)) => TableAccess::Withheld(withheld),
        (None, None) => {
            let rows = RowFilter { granted: grants.granted, retention: None, erased: None, region: None };
            TableAccess::Visible { columns: Vec::new(), rows }
        }
    }
}

/// A column without parts, as decided.
struct Leaf {
    path: String,
    tags: Vec<String>,
    data_type: Option<DataType>,
    shown: Shown,
}

fn column_steps(case: Case<'_>, leaf: Leaf) -> Option<ColumnSteps> {
    let fits = |treatment: Treatment| leaf.data_type.as_ref().is_none_or(|data_type| treatment.fits(data_type));
    let tags: Vec<TagSteps> = leaf.tags.iter().map(|tag| tag_steps(case, tag, fits)).collect();
    let (result, withheld, more) = match &leaf.shown {
        Shown::Hidden => return None,
        // A leaf has no parts.
        Shown::Nested(_) => return None,
        Shown::Withheld(withheld) => ("withheld".to_owned(), Some(withheld_text(withheld)), None),
        Shown::Treated(treatment) => {
            let more = leaf.tags.iter().find_map(|tag| remedy::more_than(case.set, case.asker, tag, *treatment, fits));
            (treatment.name().to_owned(), None, more)
        }
    };
    Some(ColumnSteps { column: leaf.path, result, withheld, tags, more })
}

fn tag_steps(case: Case<'_>, tag: &str, fits: impl Fn(Treatment) -> bool) -> TagSteps {
    let answer = case.asker.tag(case.set, tag);
    let mut tried = Vec::new();
    let mut gives = None;
    for step in &answer.steps {
        let fits = fits(step.treatment);
        // A treatment that no rule speaks of and that would not work anyway is no news.
        if !fits && step.verdict == Verdict::default() {
            continue;
        }
        tried.push(TreatmentStep {
            treatment: step.treatment.name(),
            allowed: step.verdict.allowed,
            fits,
            allowed_by: ids(case.set, &step.verdict.allows),
            denied_by: ids(case.set, &step.verdict.denies),
        });
        if step.verdict.allowed && fits {
            gives = Some(step.treatment.name());
            break;
        }
    }
    let own = format!("tag:{tag}");
    let above = case.set.above(&own);
    let mut above: Vec<String> =
        above.iter().filter(|name| **name != own).map(|name| name.trim_start_matches("tag:").to_owned()).collect();
    above.sort_unstable();
    TagSteps { tag: tag.to_owned(), above, tried, gives }
}

fn row_steps(case: Case<'_>) -> Vec<RowStep> {
    let question = case.asker.about(case.set, &format!("tag:{}", case.class.rows));
    let step = |name: &str| {
        let verdict = question.ask(&format!("rows:{name}"));
        RowStep {
            name: name.to_owned(),
            granted: verdict.allowed,
            allowed_by: ids(case.set, &verdict.allows),
            denied_by: ids(case.set, &verdict.denies),
        }
    };
    case.set.class.row_rules_of(case.table).map(|spec| step(&spec.name)).collect()
}

fn duties(class: &TableClass, site: &str) -> Vec<String> {
    let mut duties = Vec::new();
    if let Some(retention) = &class.retention {
        duties.push(format!("rows older than {} days by `{}` are hidden", retention.days, retention.column));
    }
    if let Some(subject) = &class.subject {
        duties.push(format!("rows of erased subjects (`{}`) are hidden", subject.subject));
    }
    match &class.residency {
        Some(Residency::Site(site)) => duties.push(format!("only a gateway at `{site}` reads it")),
        Some(Residency::Column(column)) => duties.push(format!("rows whose `{column}` is not `{site}` are hidden")),
        None => {}
    }
    duties
}

fn withheld_text(withheld: &Withheld) -> WithheldText {
    WithheldText { reason: reason_text(&withheld.reason), remedy: withheld.remedy.clone() }
}

fn ids(set: &PolicySet, numbers: &[usize]) -> Vec<String> {
    numbers.iter().filter_map(|number| Some(set.book.rules.get(*number)?.id.clone())).collect()
}

#[cfg(test)]
mod tests;
