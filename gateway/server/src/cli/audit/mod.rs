//! `lockgate audit`: questions to the ledger.

mod place;
mod search;
mod verify;
mod who_saw;

use clap::{Subcommand, ValueEnum};
use serde::Serialize;

use super::output::{Failure, Out, counted, tell};
use crate::ledger::Break;

/// Prove the audit ledger, and ask it who queried what and who saw a column.
///
/// These commands read the ledger's files, also while a gateway writes them. They need neither the gateway nor its keys,
/// only the right to read the folder. They check the chain on the way; when it does not hold somewhere, they say where and
/// end with exit code 2.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Verify(verify::Args),
    Search(search::Args),
    WhoSaw(who_saw::Args),
}

pub(super) fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Verify(args) => verify::run(&args),
        Command::Search(args) => search::run(args),
        Command::WhoSaw(args) => who_saw::run(args),
    }
}

/// Form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// Columns for people.
    Text,
    /// One JSON object a line.
    Json,
    /// Comma-separated values with a header line.
    Csv,
}

/// One line of an answer, in its columns.
trait Row: Serialize {
    /// Names of the columns, each with its usual width in text form.
    const COLUMNS: &'static [(&'static str, usize)];

    /// The cells, in the order of the columns.
    fn cells(&self) -> Vec<String>;
}

/// Prints rows as they are found, and the places where the chain does not hold at the end. Gives the number of rows.
fn print_rows<R: Row>(
    form: Form,
    limit: Option<u64>,
    rows: impl Iterator<Item = Result<R, Break>>,
) -> Result<u64, Failure> {
    let mut out = Out::stdout();
    let names: Vec<String> = R::COLUMNS.iter().map(|(name, _)| (*name).to_owned()).collect();
    match form {
        Form::Text => out.line(padded::<R>(&names))?,
        Form::Csv => out.line(comma_separated(&names))?,
        Form::Json => {}
    }
    let (mut n_rows, mut breaks) = (0_u64, Vec::new());
    for row in rows {
        let row = match row {
            Ok(row) => row,
            Err(broken) => {
                breaks.push(broken);
                continue;
            }
        };
        match form {
            Form::Text => out.line(padded::<R>(&row.cells()))?,
            Form::Csv => out.line(comma_separated(&row.cells()))?,
            Form::Json => out.line(serde_json::to_string(&row).map_err(Failure::failed)?)?,
        }
        n_rows += 1;
        if limit == Some(n_rows) {
            break;
        }
    }
    out.finish()?;
    if breaks.is_empty() {
        return Ok(n_rows);
    }
    tell_breaks(&breaks);
    Err(Failure::told())
}

/// Most breaks that are listed one by one.
const MAX_BREAKS: usize = 50;

fn tell_breaks(breaks: &[Break]) {
    for broken in breaks.iter().take(MAX_BREAKS) {
        tell(broken);
    }
    let n_breaks = breaks.len() as u64;
    if breaks.len() > MAX_BREAKS {
        tell(format!("... and {} more", n_breaks - MAX_BREAKS as u64));
    }
    let places = counted(n_breaks, "place");
    tell(format!(
        "error: the chain does not hold in {places}: records there were altered, removed or lost; keep the folder as evidence"
    ));
}

fn padded<R: Row>(cells: &[String]) -> String {
    let mut line = String::new();
    for ((_, width), cell) in R::COLUMNS.iter().zip(cells) {
        let cell = super::output::shown(cell);
        line.push_str(&format!("{cell:width$}  "));
    }
    line.truncate(line.trim_end().len());
    line
}

fn comma_separated(cells: &[String]) -> String {
    let quoted = |cell: &String| {
        if cell.contains([',', '"', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.clone() }
    };
    cells.iter().map(quoted).collect::<Vec<_>>().join(",")
}

/// A time without fractions of a second.
fn shown_time(time: chrono::DateTime<chrono::Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A number that is not known yet is empty.
fn shown_number(number: Option<u64>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}
