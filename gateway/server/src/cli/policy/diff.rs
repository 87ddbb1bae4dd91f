//! `lockgate policy diff`

use std::path::PathBuf;

use chrono::{NaiveDate, Utc};
use lockgate_policies::PolicySet;

use super::super::output::{Failure, Out};
use super::{Form, load};

/// Tell what a new version of a policy changes, and for whom.
///
/// Lists who gains or loses which columns and rows, and which duties of a table (retention, residency, subjects) change.
/// The exit code is 2 when anybody gains data tagged `special`, or personal data (`pii`) in the clear: such a change
/// wants a second pair of eyes before it is put in force.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  lockgate policy diff /etc/lockgate/policy ./policy
  git worktree add /tmp/old main && lockgate policy diff /tmp/old/policy policy")]
pub(crate) struct Args {
    /// The policy folder as it was.
    old: PathBuf,
    /// The policy folder as it shall be.
    new: PathBuf,
    /// The day to compare for, since rules may end. Without it: today, UTC.
    #[arg(long)]
    date: Option<NaiveDate>,
    /// Form of the answer.
    #[arg(long, value_enum, default_value_t = Form::Text)]
    format: Form,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    // Both first: all problems at once.
    let (old, new) = match (load(&args.old), load(&args.new)) {
        (Ok(old), Ok(new)) => (old, new),
        (Err(old), Err(new)) => {
            old.report();
            return Err(new);
        }
        (Err(failure), Ok(_)) | (Ok(_), Err(failure)) => return Err(failure),
    };
    let diff = PolicySet::diff_on(&old, &new, args.date.unwrap_or_else(|| Utc::now().date_naive()));
    let mut out = Out::stdout();
    match args.format {
        Form::Text => out.line(diff.to_string().trim_end())?,
        Form::Json => out.line(serde_json::to_string(&diff).map_err(Failure::failed)?)?,
    }
    out.finish()?;
    if diff.gains_sensitive() { Err(Failure::told()) } else { Ok(()) }
}
