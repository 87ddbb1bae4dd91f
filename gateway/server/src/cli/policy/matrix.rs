//! `lockgate policy matrix`

use std::path::PathBuf;

use chrono::{NaiveDate, Utc};

use super::super::output::{Failure, Out};
use super::{Form, load};

/// Print who sees what: role and user x purpose x place x column.
///
/// One block for each table, one line for each group of askers who see the same; whoever is on no line of a table sees
/// nothing of it. Kept under version control beside the policy, it shows in each review what a change means.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  lockgate policy matrix samples/policy > matrix.txt
  lockgate policy matrix samples/policy --date 2027-07-01 --format json")]
pub(crate) struct Args {
    /// The policy folder.
    dir: PathBuf,
    /// The day that it is printed for, since rules may end. Without it: today, UTC.
    #[arg(long)]
    date: Option<NaiveDate>,
    /// Form of the answer.
    #[arg(long, value_enum, default_value_t = Form::Text)]
    format: Form,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let matrix = load(&args.dir)?.matrix_on(args.date.unwrap_or_else(|| Utc::now().date_naive()));
    let mut out = Out::stdout();
    match args.format {
        Form::Text => out.line(matrix.to_string().trim_end())?,
        Form::Json => out.line(serde_json::to_string(&matrix).map_err(Failure::failed)?)?,
    }
    out.finish()
}
