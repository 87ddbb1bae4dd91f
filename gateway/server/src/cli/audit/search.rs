//! `lockgate audit search`

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::super::output::{Failure, counted, tell};
use super::super::times;
use super::place::Place;
use super::{Form, Row, print_rows, shown_number, shown_time};
use crate::ledger::{self, ColumnPattern, Filter, Finding, QueryOutcome};

/// List queries: who asked what, when, why, and how it ended.
///
/// Conditions add up. A query that still runs, or that the gateway could not see the end of because it was killed, is
/// `unfinished`: some of its rows may have left. A refused query read nothing; it is found by the tables that it named.
/// The ledger holds no SQL text, only its SHA-256 (`sql_digest` in the JSON form).
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  lockgate audit search --config lockgate.toml --principal alice --from 2026-11-01 --to 2026-11-30
  lockgate audit search --dir ledger --table 'vertica.crm.*' --outcome refused
  lockgate audit search --dir ledger --query-id 0193a5c2-7d1e-7cc0-b0a1-3f8e2d9c4b5a --format json")]
pub(crate) struct Args {
    #[command(flatten)]
    place: Place,
    /// Asked by this principal.
    #[arg(long, value_name = "NAME")]
    principal: Option<String>,
    /// Asked for this purpose.
    #[arg(long)]
    purpose: Option<String>,
    /// Read this table or column: CATALOG.SCHEMA.TABLE[.COLUMN], `*` for any part.
    #[arg(long)]
    table: Option<ColumnPattern>,
    /// Asked at this time or later: a UTC date, or a time with its zone.
    #[arg(long, value_name = "TIME", value_parser = times::from)]
    from: Option<DateTime<Utc>>,
    /// Asked before this time; a date counts to its end.
    #[arg(long, value_name = "TIME", value_parser = times::to)]
    to: Option<DateTime<Utc>>,
    /// Ended like this.
    #[arg(long, value_enum)]
    outcome: Option<QueryOutcome>,
    /// Has this id.
    #[arg(long, value_name = "UUID")]
    query_id: Option<Uuid>,
    /// Stop after so many queries.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// Form of the answer.
    #[arg(long, value_enum, default_value_t = Form::Text)]
    format: Form,
}

impl Row for Finding {
    const COLUMNS: &'static [(&'static str, usize)] = &[
        ("at", 20),
        ("principal", 12),
        ("purpose", 12),
        ("outcome", 10),
        ("rows", 9),
        ("code", 20),
        ("query_id", 36),
        ("tables", 0),
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            shown_time(self.at),
            self.principal.clone(),
            self.purpose.clone(),
            self.outcome.name().to_owned(),
            shown_number(self.rows),
            self.code.clone().unwrap_or_default(),
            self.query_id.to_string(),
            self.tables.iter().map(|table| table.table.as_str()).collect::<Vec<_>>().join(" "),
        ]
    }
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let dir = args.place.folder()?;
    let filter = Filter {
        principal: args.principal,
        purpose: args.purpose,
        column: args.table,
        from: args.from,
        to: args.to,
        outcome: args.outcome,
        query_id: args.query_id,
    };
    let findings =
        ledger::search(&dir, filter).map_err(|cause| Failure::failed(format!("`{}`: {cause}", dir.display())))?;
    let n_found = print_rows(args.format, args.limit, findings)?;
    if args.format == Form::Text {
        tell(counted(n_found, "query"));
    }
    Ok(())
}
