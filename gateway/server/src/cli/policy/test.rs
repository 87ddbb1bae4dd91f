//! `lockgate policy test`

use std::path::PathBuf;

use super::super::output::{Failure, Out, tell};
use super::{Form, load};

/// Run the cases of policy_tests.yaml.
///
/// Each case says what one asker is shown of a column, a tag or a table's rows, and may name the rule that decides. `*` in a
/// case stands for everybody, every purpose or every place that the folder knows. Prints one line a case, and below a
/// failed one what came out instead. The exit code is 2 when a case fails.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  lockgate policy test samples/policy
  lockgate policy test samples/policy --format json | jq '.cases[] | select(.failures != [])'")]
pub(crate) struct Args {
    /// The policy folder.
    dir: PathBuf,
    /// Form of the report.
    #[arg(long, value_enum, default_value_t = Form::Text)]
    format: Form,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let report = load(&args.dir)?.run_tests();
    let mut out = Out::stdout();
    match args.format {
        Form::Text => out.line(&report)?,
        Form::Json => out.line(serde_json::to_string(&report).map_err(Failure::failed)?)?,
    }
    out.finish()?;
    if report.cases.is_empty() {
        tell("warning: the folder has no cases: nothing was tested");
    }
    if report.passed() { Ok(()) } else { Err(Failure::told()) }
}
