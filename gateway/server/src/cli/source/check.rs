//! `lockgate source check`

use lockgate_contract::Source;

use super::super::output::{Failure, Out, counted, shown};
use super::{Chosen, operators_text};

/// Check that every source answers and that each of its tables can be looked up.
///
/// Prints one line for each source and for each table that cannot be used. The exit code is 1 when there is any.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  lockgate source check --config lockgate.toml
  lockgate source check --config lockgate.toml --source vertica")]
pub(crate) struct Args {
    #[command(flatten)]
    chosen: Chosen,
}

pub(super) async fn run(args: &Args) -> Result<(), Failure> {
    let mut out = Out::stdout();
    let mut n_failed = 0;
    for source in args.chosen.open().await? {
        let (name, kind) = (source.name(), source.kind());
        match check(source.as_ref()).await {
            Ok((n_tables, failures)) => {
                let tables = counted(n_tables, "table");
                let verdict = if failures.is_empty() { "ok" } else { "FAILED" };
                out.line(format!("{verdict:<6}  {name} ({kind}): {tables}"))?;
                for failure in &failures {
                    out.line(format!("FAILED  {name}.{failure}"))?;
                }
                n_failed += failures.len() as u64;
            }
            Err(text) => {
                out.line(format!("FAILED  {name} ({kind}): {text}"))?;
                n_failed += 1;
            }
        }
        out.flush()?;
    }
    out.finish()?;
    if n_failed == 0 { Ok(()) } else { Err(Failure::failed(format!("{} failed", counted(n_failed, "check")))) }
}

/// Number of tables, and what is wrong with those that cannot be looked up.
async fn check(source: &dyn Source) -> Result<(u64, Vec<String>), String> {
    source.check().await.map_err(|error| operators_text(&error))?;
    let tables = source.tables().await.map_err(|error| operators_text(&error))?;
    let mut failures = Vec::new();
    for path in &tables {
        let shown_path = shown(&path.to_string()).into_owned();
        match source.table(path).await {
            Ok(Some(_)) => {}
            Ok(None) => failures.push(format!("{shown_path}: is listed, but cannot be found")),
            Err(error) => failures.push(format!("{shown_path}: {}", operators_text(&error))),
        }
    }
    Ok((tables.len() as u64, failures))
}
