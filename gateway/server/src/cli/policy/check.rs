//! `lockgate policy check`

use std::path::PathBuf;

use lockgate_policies::PolicySet;

use super::super::output::{Failure, Out, counted};
use super::{problem_line, refusal};

/// Find every problem of a policy folder at once.
///
/// Prints each as FILE:LINE: rule: problem; hint. A gateway refuses a folder with problems and keeps the last good policy.
/// Warnings do not keep a policy from being used. The exit code is 2 when there is a problem that does.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  lockgate policy check samples/policy
  lockgate policy check /etc/lockgate/policy && systemctl reload lockgate")]
pub(crate) struct Args {
    /// The policy folder.
    dir: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let (set, problems) = PolicySet::load(&args.dir);
    let mut out = Out::stdout();
    for problem in &problems {
        out.line(problem_line(problem))?;
    }
    if let Some(set) = &set {
        let (tables, purposes) = (set.tables().count() as u64, set.purposes().count() as u64);
        out.line(format!(
            "ok: policy {}, {}, {}",
            set.version(),
            counted(tables, "table"),
            counted(purposes, "purpose")
        ))?;
    }
    out.finish()?;
    if set.is_some() { Ok(()) } else { Err(Failure::refused(refusal(&args.dir, &problems))) }
}
