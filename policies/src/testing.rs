//! Runs the cases of `policy_tests.yaml`.

use std::fmt;

use chrono::Utc;
use serde::Serialize;

use crate::cases::{Any, Expected, Target, TestCase};
use crate::decide::{Case, CompiledAsker, Outcome, classified_outcome, grants, outcome_of};
use crate::folder::TESTS;
use crate::people::{self, World};
use crate::{Asker, PolicySet, Principal, TableName, Withheld, WithheldReason};

/// How the cases of a policy came out.
#[derive(Debug, Clone, Serialize)]
pub struct TestReport {
    /// Version that was tested.
    pub version: String,
    /// One result for each case, in file order.
    pub cases: Vec<CaseResult>,
}

/// How one case came out.
#[derive(Debug, Clone, Serialize)]
pub struct CaseResult {
    /// Line in `policy_tests.yaml`.
    pub line: usize,
    /// What the case says, in words.
    pub says: String,
    /// Questions that it stands for; more than one where it has a `*`.
    pub n_questions: usize,
    /// One line for each question that came out otherwise.
    pub failures: Vec<String>,
}

impl TestReport {
    /// Whether every case holds.
    pub fn passed(&self) -> bool {
        self.cases.iter().all(|case| case.failures.is_empty())
    }
}

impl fmt::Display for TestReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for case in &self.cases {
            let mark = if case.failures.is_empty() { "ok  " } else { "FAIL" };
            writeln!(f, "{mark} {TESTS}:{}: {}", case.line, case.says)?;
            for failure in case.failures.iter().take(MAX_SHOWN) {
                writeln!(f, "       {failure}")?;
            }
            if case.failures.len() > MAX_SHOWN {
                writeln!(f, "       and {} more", case.failures.len() - MAX_SHOWN)?;
            }
        }
        let failed = self.cases.iter().filter(|case| !case.failures.is_empty()).count();
        let n_questions: usize = self.cases.iter().map(|case| case.n_questions).sum();
        write!(f, "{} cases ({n_questions} questions), {failed} failed, policy {}", self.cases.len(), self.version)
    }
}

/// Failures of one case that are printed.
const MAX_SHOWN: usize = 10;

pub(crate) fn run(set: &PolicySet) -> TestReport {
    let world = World::of(set, Utc::now().date_naive());
    let cases = set.cases.iter().map(|case| world.run(set, case)).collect();
    TestReport { version: set.version().to_owned(), cases }
}

impl World {
    fn run(&self, set: &PolicySet, case: &TestCase) -> CaseResult {
        let mut failures = Vec::new();
        let askers = self.askers(case, set);
        for asker in &askers {
            let compiled = set.compiled(asker);
            let found = answer(set, &compiled, &case.target);
            for failure in case.compare(&found) {
                failures.push(format!("{}: {failure}", describe(asker)));
            }
        }
        CaseResult { line: case.line, says: case.to_string(), n_questions: askers.len(), failures }
    }

    /// Everybody that a case speaks of.
    fn askers(&self, case: &TestCase, set: &PolicySet) -> Vec<Asker> {
        let mut people: Vec<Principal> = Vec::new();
        match &case.who {
            Any::One(name) => people.push(Principal { name: name.clone(), roles: case.roles.clone() }),
            // What must never be holds also for people who get their roles from their credentials.
            Any::All if case.never.is_some() || self.users.is_empty() => people = self.everybody(),
            Any::All => {
                people
                    .extend(self.users.iter().map(|name| Principal { name: name.clone(), roles: case.roles.clone() }));
            }
        }
        let purposes = all_or_one(&case.purpose, &self.purposes);
        let dcs = all_or_one(&case.dc, &self.dcs);
        let today = case.today.unwrap_or(self.today);
        let mut askers = Vec::new();
        for principal in &people {
            for purpose in &purposes {
                askers.extend(
                    dcs.iter().map(|dc| people::asker(set, principal, purpose, dc, today, case.target.table())),
                );
            }
        }
        askers
    }
}

fn all_or_one(wanted: &Any, all: &[String]) -> Vec<String> {
    match wanted {
        Any::All => all.to_vec(),
        Any::One(name) => vec![name.clone()],
    }
}

/// An answer to compare with.
struct Answer {
    is: Expected,
    reason: Option<WithheldReason>,
    rules: Vec<String>,
}

fn answer(set: &PolicySet, asker: &CompiledAsker, target: &Target) -> Answer {
    match target {
        Target::Tag(tag) => treated(outcome_of(set, asker, std::slice::from_ref(tag), None), false),
        Target::Column(table, path) => match set.table_class(table) {
            Some(class) => {
                let (outcome, is_hidden) = classified_outcome(Case { set, asker, table, class }, path);
                treated(outcome, is_hidden)
            }
            None => Answer { is: Expected::Hidden, reason: None, rules: Vec::new() },
        },
        Target::Table(table) | Target::Rows(table) => rows(set, asker, table, target),
    }
}

fn treated(outcome: Outcome, is_hidden: bool) -> Answer {
    match outcome.shown {
        Ok(treatment) => Answer { is: Expected::Treated(treatment), reason: None, rules: outcome.rules },
        Err(_) if is_hidden => Answer { is: Expected::Hidden, reason: None, rules: outcome.rules },
        Err(withheld) => Answer { is: Expected::Denied, reason: Some(withheld.reason), rules: outcome.rules },
    }
}

fn rows(set: &PolicySet, asker: &CompiledAsker, table: &TableName, target: &Target) -> Answer {
    let Some(class) = set.table_class(table) else {
        return Answer { is: Expected::Hidden, reason: None, rules: Vec::new() };
    };
    let grants = grants(Case { set, asker, table, class });
    match grants.withheld {
        Some(_) if class.hidden => Answer { is: Expected::Hidden, reason: None, rules: grants.rules },
        Some(Withheld { reason, .. }) => Answer { is: Expected::Denied, reason: Some(reason), rules: grants.rules },
        None if matches!(target, Target::Table(_)) => {
            Answer { is: Expected::Visible, reason: None, rules: grants.rules }
        }
        None => {
            let names = grants.granted.iter().map(|rule| rule.name.clone()).collect();
            Answer { is: Expected::Rows(names), reason: None, rules: grants.rules }
        }
    }
}

impl TestCase {
    /// What is not as the case says.
    fn compare(&self, found: &Answer) -> Vec<String> {
        let mut failures = Vec::new();
        if let Some(expected) = &self.is {
            // A hidden thing is denied too, and more.
            let agrees = *expected == found.is || (*expected == Expected::Denied && found.is == Expected::Hidden);
            if !agrees {
                failures.push(format!("is {}, not {expected}{}", found.is, found.because()));
            }
        }
        if let (Some(never), Expected::Treated(treatment)) = (self.never, &found.is)
            && treatment.at_least_as_revealing(never)
        {
            failures.push(format!(
                "is {}, which shows as much as {}{}",
                treatment.name(),
                never.name(),
                found.because()
            ));
        }
        if let Some(because) = &self.because
            && failures.is_empty()
            && !found.rules.contains(because)
            && found.reason.as_ref().map(reason_text) != Some(because)
        {
            failures.push(format!("is {} but not because of {because}{}", found.is, found.because()));
        }
        failures
    }
}

impl Answer {
    fn because(&self) -> String {
        let reason = self.reason.as_ref().map(reason_text).filter(|_| self.rules.is_empty());
        match reason {
            Some(reason) => format!(" ({reason})"),
            None if self.rules.is_empty() => String::new(),
            None => format!(" (because of {})", self.rules.join(", ")),
        }
    }
}

/// What `because` calls a reason.
pub(crate) fn reason_text(reason: &WithheldReason) -> &'static str {
    match reason {
        WithheldReason::NoRule => "no rule",
        WithheldReason::Denied => "denied",
        WithheldReason::Unclassified => "unclassified",
        WithheldReason::Retyped { .. } => "retyped",
        WithheldReason::Unreadable { .. } => "unreadable",
        WithheldReason::DoesNotFit { .. } => "does not fit",
        WithheldReason::NoRowGrant => "no row grant",
        WithheldReason::Residency { .. } => "residency",
    }
}

fn describe(asker: &Asker) -> String {
    format!("{} for {} in {}", asker.principal.name, asker.purpose, asker.env.dc)
}

impl fmt::Display for Any {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("any"),
            Self::One(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Table(table) => write!(f, "table {table}"),
            Self::Column(table, path) => write!(f, "{table}.{path}"),
            Self::Tag(tag) => write!(f, "tag {tag}"),
            Self::Rows(table) => write!(f, "rows of {table}"),
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied => f.write_str("denied"),
            Self::Hidden => f.write_str("hidden"),
            Self::Visible => f.write_str("visible"),
            Self::Treated(treatment) => f.write_str(treatment.name()),
            Self::Rows(names) => f.write_str(&names.iter().cloned().collect::<Vec<_>>().join(" or ")),
        }
    }
}

impl fmt::Display for TestCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} for {} in {}: {}", self.who, self.purpose, self.dc, self.target)?;
        if let Some(expected) = &self.is {
            write!(f, " is {expected}")?;
        }
        if let Some(never) = self.never {
            write!(f, " never shows as much as {}", never.name())?;
        }
        if let Some(because) = &self.because {
            write!(f, ", because of {because}")?;
        }
        Ok(())
    }
}
