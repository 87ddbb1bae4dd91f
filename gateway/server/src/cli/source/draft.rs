//! `lockgate source draft`

use std::collections::BTreeMap;

use lockgate_policies::TableName;
use lockgate_policies::classification::draft;

use super::super::output::{Failure, Out, counted, shown, tell};
use super::{Chosen, operators_text};

/// Draft the `tables:` section of a classification.yaml for what the sources hold.
///
/// Prints every table with its columns and their types, each tagged `unreviewed`. No rule allows that tag, so the draft shows
/// nothing to anybody until somebody has given each column the tags that say what it is. A table that cannot be read is told on
/// standard error and left out, and the exit code is 1.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  lockgate source draft --config lockgate.toml
  lockgate source draft --config lockgate.toml --source lake >> policy/classification.yaml")]
pub(crate) struct Args {
    #[command(flatten)]
    chosen: Chosen,
}

pub(super) async fn run(args: &Args) -> Result<(), Failure> {
    let mut drafts = BTreeMap::new();
    let mut n_failed = 0;
    for source in args.chosen.open().await? {
        match source.tables().await {
            Ok(tables) => {
                for path in &tables {
                    let name = TableName::new(source.name(), &path.schema, &path.table);
                    if name.to_string().parse::<TableName>().is_err() {
                        n_failed += 1;
                        tell(shown(&format!(
                            "error: {name}: a name with a dot cannot be classified; rename the file, or declare the table under another name"
                        )));
                        continue;
                    }
                    match source.table(path).await {
                        Ok(Some(table)) => {
                            let text = draft(&name, &table.schema);
                            drafts.insert(name, text);
                        }
                        Ok(None) => {}
                        Err(error) => {
                            n_failed += 1;
                            tell(format!("error: {name}: {}", operators_text(&error)));
                        }
                    }
                }
            }
            Err(error) => {
                n_failed += 1;
                tell(format!("error: {}: {}", source.name(), operators_text(&error)));
            }
        }
    }
    let mut out = Out::stdout();
    out.line("tables:")?;
    for text in drafts.values() {
        out.line(text)?;
    }
    out.finish()?;
    if n_failed == 0 {
        Ok(())
    } else {
        Err(Failure::failed(format!("{} could not be read", counted(n_failed, "source or table"))))
    }
}
