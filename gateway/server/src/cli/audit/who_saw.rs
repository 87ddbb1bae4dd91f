//! `lockgate audit who-saw`

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::super::output::{Failure, counted, tell};
use super::super::times;
use super::place::Place;
use super::{Form, Row, print_rows, shown_number, shown_time};
use crate::ledger::{self, ColumnPattern, Sight};

/// List who saw a column: for which purpose, in which treatment, when, how many rows, how it ended.
///
/// COLUMN is CATALOG.SCHEMA.TABLE.COLUMN, with more parts for a field of a struct (`hdfs.raw.events.payload.phone`). A struct
/// stands for all its fields, and whoever saw a whole struct is listed for each field. `*` stands for any part;
/// CATALOG.SCHEMA.TABLE alone stands for all columns of the table. Case does not matter.
///
/// Listed is every query that was allowed to read the column, with the treatment it was shown in, whether or not it ended well:
/// rows may have left before a failure. `rows` counts the rows of the query's result; it is empty while a query is
/// unfinished. Refused queries saw nothing and are found with `audit search --outcome refused`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  lockgate audit who-saw --dir ledger vertica.crm.riders.phone --from 2026-11-01 --to 2026-11-30
  lockgate audit who-saw --config lockgate.toml 'vertica.crm.riders.*' --format csv > riders.csv
  lockgate audit who-saw --config lockgate.toml hdfs.raw.events.payload.phone")]
pub(crate) struct Args {
    /// Column, field of a struct, or table.
    #[arg(value_name = "COLUMN")]
    column: ColumnPattern,
    #[command(flatten)]
    place: Place,
    /// Seen at this time or later: a UTC date, or a time with its zone.
    #[arg(long, value_name = "TIME", value_parser = times::from)]
    from: Option<DateTime<Utc>>,
    /// Seen before this time; a date counts to its end.
    #[arg(long, value_name = "TIME", value_parser = times::to)]
    to: Option<DateTime<Utc>>,
    /// Form of the answer.
    #[arg(long, value_enum, default_value_t = Form::Text)]
    format: Form,
}

impl Row for Sight {
    const COLUMNS: &'static [(&'static str, usize)] = &[
        ("at", 20),
        ("principal", 12),
        ("purpose", 12),
        ("treatment", 12),
        ("rows", 9),
        ("outcome", 10),
        ("query_id", 36),
        ("column", 32),
        ("row_rules", 16),
        ("rules", 0),
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            shown_time(self.at),
            self.principal.clone(),
            self.purpose.clone(),
            self.treatment.clone(),
            shown_number(self.rows),
            self.outcome.name().to_owned(),
            self.query_id.to_string(),
            format!("{}.{}", self.table, self.column),
            self.row_rules.join(" "),
            self.rules.join(" "),
        ]
    }
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let dir = args.place.folder()?;
    let sights = ledger::sights(&dir, args.column, args.from, args.to)
        .map_err(|cause| Failure::failed(format!("`{}`: {cause}", dir.display())))?;
    let (mut people, mut n_queries, mut last) = (BTreeSet::new(), 0, None);
    let noted = sights.inspect(|sight| {
        if let Ok(sight) = sight {
            people.insert(sight.principal.clone());
            // The columns of one query follow each other.
            n_queries += u64::from(last.replace(sight.query_id) != Some(sight.query_id));
        }
    });
    print_rows(args.format, None, noted)?;
    if args.format == Form::Text {
        tell(format!("{}, {}", counted(people.len() as u64, "principal"), counted(n_queries, "query")));
    }
    Ok(())
}
