//! `lockgate policy`: questions to a policy folder, without a gateway.

mod check;
mod diff;
mod explain;
mod matrix;
mod test;

use std::path::Path;

use clap::{Subcommand, ValueEnum};
use lockgate_policies::{PolicySet, Problem, Severity};

use super::output::{Failure, counted, shown, tell};

/// Check, test and explain a policy folder, before it is put in force.
///
/// A policy folder holds model.conf, policy.csv (who may see which tags for which purpose in which treatment),
/// classification.yaml (what each column is), policy_tests.yaml (cases that must hold) and, if there are any,
/// erasures.csv. These commands read the folder only; they need no gateway, no source and no key.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Check(check::Args),
    Test(test::Args),
    Explain(explain::Args),
    Matrix(matrix::Args),
    Diff(diff::Args),
}

pub(super) fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Check(args) => check::run(&args),
        Command::Test(args) => test::run(&args),
        Command::Explain(args) => explain::run(args),
        Command::Matrix(args) => matrix::run(&args),
        Command::Diff(args) => diff::run(&args),
    }
}

/// Form of an answer.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Form {
    /// Lines for people.
    Text,
    /// One JSON object.
    Json,
}

/// A problem as `FILE:LINE: rule: problem; hint`; one that does not keep the policy from being used says so first.
fn problem_line(problem: &Problem) -> String {
    let mark = match problem.severity {
        Severity::Error => "",
        Severity::Warning => "warning: ",
    };
    shown(&format!("{mark}{problem}")).into_owned()
}

/// Loads a folder for a command that goes on with it; problems are told on standard error.
fn load(dir: &Path) -> Result<PolicySet, Failure> {
    let (set, problems) = PolicySet::load(dir);
    problems.iter().for_each(|problem| tell(problem_line(problem)));
    set.ok_or_else(|| Failure::refused(refusal(dir, &problems)))
}

fn refusal(dir: &Path, problems: &[Problem]) -> String {
    let n_errors = problems.iter().filter(|problem| problem.severity == Severity::Error).count();
    format!("`{}` is not a valid policy: {}", dir.display(), counted(n_errors as u64, "problem"))
}
