//! `lockgate source list`

use lockgate_contract::{Source, TablePath};

use super::super::output::{Failure, Out, counted, shown, tell};
use super::{Chosen, operators_text};

/// List the tables of all sources, with their columns if asked for.
///
/// Prints full names, CATALOG.SCHEMA.TABLE, as SQL and the classification write them. With --columns each column follows
/// with its Arrow type: what classification.yaml has to cover. A source that does not answer is told on standard error, and the
/// exit code is 1.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  lockgate source list --config lockgate.toml
  lockgate source list --config lockgate.toml --source hive --columns")]
pub(crate) struct Args {
    #[command(flatten)]
    chosen: Chosen,
    /// Print each table's columns and their types.
    #[arg(long)]
    columns: bool,
}

pub(super) async fn run(args: &Args) -> Result<(), Failure> {
    let mut out = Out::stdout();
    let mut n_failed = 0;
    for source in args.chosen.open().await? {
        match source.tables().await {
            Ok(tables) => {
                for path in &tables {
                    out.line(shown(&format!("{}.{path}", source.name())))?;
                    if args.columns && !print_columns(&mut out, source.as_ref(), path).await? {
                        n_failed += 1;
                    }
                }
            }
            Err(error) => {
                n_failed += 1;
                tell(format!("error: {}: {}", source.name(), operators_text(&error)));
            }
        }
    }
    out.finish()?;
    if n_failed == 0 {
        Ok(())
    } else {
        Err(Failure::failed(format!("{} could not be read", counted(n_failed, "source or table"))))
    }
}

/// Prints the columns of one table; `false` when it cannot be read.
async fn print_columns(out: &mut Out, source: &dyn Source, path: &TablePath) -> Result<bool, Failure> {
    match source.table(path).await {
        Ok(Some(table)) => {
            for field in table.schema.fields() {
                out.line(shown(&format!("  {}  {}", field.name(), field.data_type())))?;
            }
            Ok(true)
        }
        Ok(None) => {
            tell(format!("error: {}.{path}: the table is gone", source.name()));
            Ok(false)
        }
        Err(error) => {
            tell(format!("error: {}.{path}: {}", source.name(), operators_text(&error)));
            Ok(false)
        }
    }
}
