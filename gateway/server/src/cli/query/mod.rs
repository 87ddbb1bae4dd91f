//! `lockgate query`

mod ask;
mod complaint;
mod frames;
mod progress;
mod repack;
mod save;
mod table;

use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use lockgate_wire::QueryRequest;
use uuid::Uuid;

use super::output::Failure;
use crate::doors;

/// Ask a running gateway one SQL statement.
///
/// Prints the first rows as a table and says how many more there are, or writes the whole result to a file. What policy did to the
/// result (treated or withheld columns, row rules) is told once on standard error.
///
/// A result that is cut off, by an error in the gateway or on the way, ends with exit code 1; a file is written under a
/// temporary name and gets its own name only when the result is whole. Files are readable by their owner only. Ctrl-C
/// cancels the query in the gateway too.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  export LOCKGATE_TOKEN=lg_...
  lockgate query --purpose analytics 'SELECT city, count(*) FROM hive.rides.trips GROUP BY city'
  lockgate query --purpose fraud -o riders.parquet 'SELECT * FROM vertica.crm.riders'
  lockgate query --purpose fraud --format ndjson - < riders.sql | jq .rider_id
  lockgate query --url http://127.0.0.1:8815 --token-file ~/.lockgate-token --purpose finance \\
      'EXPLAIN SELECT sum(amount) FROM presto.finance.payments'")]
pub(crate) struct Args {
    /// The statement; `-` reads it from standard input.
    sql: String,
    /// Address of the gateway.
    #[arg(long, env = "LOCKGATE_URL", hide_env_values = true, default_value = "http://127.0.0.1:8815")]
    url: String,
    /// Bearer token. Other people on this machine can see arguments: the variable or --token-file is better.
    #[arg(long, env = "LOCKGATE_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// File that holds the bearer token.
    #[arg(long, value_name = "FILE", conflicts_with = "token")]
    token_file: Option<PathBuf>,
    /// Why you ask: a purpose that the policy knows. It stands in the ledger.
    #[arg(long, env = "LOCKGATE_PURPOSE", hide_env_values = true)]
    purpose: String,
    /// Form of the result. Without it: the file's ending, or a table in the terminal.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Write the result to this file. An ending .arrow, .arrows, .csv, .json, .ndjson, .jsonl or .parquet chooses the form.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Rows of the table that are shown.
    #[arg(long, value_name = "N", default_value_t = 100)]
    rows: usize,
    /// Ask the gateway for at most so many rows.
    #[arg(long, value_name = "N")]
    max_rows: Option<u64>,
    /// End the query after so many seconds; the gateway's own limit still holds.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: Option<u64>,
    /// An id of your own for this query, to find it again in the ledger.
    #[arg(long, value_name = "UUID")]
    query_id: Option<Uuid>,
    /// No progress and no notices.
    #[arg(long, short)]
    quiet: bool,
}

/// Form of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Text table of the first rows.
    Table,
    /// Arrow IPC stream.
    Arrow,
    /// Comma-separated values with a header line.
    Csv,
    /// One JSON document with schema and notices.
    Json,
    /// One JSON object a line.
    Ndjson,
    /// Parquet file.
    Parquet,
}

impl Format {
    /// The form that is written here, from an answer in Arrow.
    fn repacked(self) -> Option<doors::Format> {
        match self {
            Format::Table | Format::Arrow => None,
            Format::Json => Some(doors::Format::Json),
            Format::Csv => Some(doors::Format::Csv),
            Format::Ndjson => Some(doors::Format::NdJson),
            Format::Parquet => Some(doors::Format::Parquet),
        }
    }

    /// Whether a terminal would choke on it.
    fn is_binary(self) -> bool {
        matches!(self, Format::Arrow | Format::Parquet)
    }
}

/// What is to be done, checked.
struct Order {
    question: ask::Question,
    format: Format,
    output: Option<PathBuf>,
    rows: usize,
    quiet: bool,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let order = order(args)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|cause| Failure::failed(format!("cannot start: {cause}")))?;
    runtime.block_on(async {
        tokio::select! {
            // Dropping the request closes the connection, which cancels the query, and removes an unfinished file.
            signal = interrupted() => Err(Failure::interrupted(signal)),
            done = answer(&order) => done,
        }
    })
}

async fn answer(order: &Order) -> Result<(), Failure> {
    let progress = progress::Progress::new(order.quiet);
    let shown = async {
        let answer = ask::ask(&order.question).await?;
        match (order.format, &order.output) {
            (Format::Table, _) => table::show(answer, order.rows, order.quiet, &progress).await,
            (format, Some(path)) => save::to_file(answer, format, path, order.quiet, &progress).await,
            (format, None) => save::to_stdout(answer, format, order.quiet, &progress).await,
        }
    };
    tokio::select! {
        done = shown => done,
        never = progress.follow(&order.question) => match never {},
    }
}

/// Waits for Ctrl-C or a request to end; gives the signal's number.
async fn interrupted() -> u8 {
    use tokio::signal::unix::{SignalKind, signal};
    match (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) {
        (Ok(mut interrupt), Ok(mut terminate)) => tokio::select! {
            _ = interrupt.recv() => 2,
            _ = terminate.recv() => 15,
        },
        // Without handlers the system's own apply: the process just ends.
        (Err(_), _) | (_, Err(_)) => std::future::pending().await,
    }
}

fn order(args: Args) -> Result<Order, Failure> {
    let format = format(args.format, args.output.as_deref())?;
    if format == Format::Table && args.output.is_some() {
        return Err(Failure::refused("a table is for the terminal; choose another --format for a file"));
    }
    if format.is_binary() && args.output.is_none() && std::io::stdout().is_terminal() {
        return Err(Failure::refused(
            "this form is not for a terminal; name a file with -o, or redirect standard output",
        ));
    }
    let sql = if args.sql == "-" { read_stdin()? } else { args.sql };
    let token = token(args.token, args.token_file.as_deref())?;
    let request = QueryRequest {
        sql,
        // Of its own, to ask how far it is before the first rows come.
        query_id: args.query_id.or_else(|| Some(Uuid::now_v7())),
        timeout_ms: args.timeout.map(|seconds| seconds.saturating_mul(1000)),
        max_rows: args.max_rows,
    };
    let question = ask::Question { url: ask::endpoint(&args.url)?, token, purpose: args.purpose, request };
    Ok(Order { question, format, output: args.output, rows: args.rows, quiet: args.quiet })
}

fn format(named: Option<Format>, output: Option<&Path>) -> Result<Format, Failure> {
    match (named, output) {
        (Some(format), _) => Ok(format),
        (None, None) => Ok(Format::Table),
        (None, Some(path)) => {
            match path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase).as_deref() {
                Some("arrow" | "arrows") => Ok(Format::Arrow),
                Some("csv") => Ok(Format::Csv),
                Some("json") => Ok(Format::Json),
                Some("ndjson" | "jsonl") => Ok(Format::Ndjson),
                Some("parquet") => Ok(Format::Parquet),
                Some(_) | None => {
                    let text = format!(
                        "the ending of `{}` does not tell the form; add --format arrow, csv, json, ndjson or parquet",
                        path.display()
                    );
                    Err(Failure::refused(text))
                }
            }
        }
    }
}

fn read_stdin() -> Result<String, Failure> {
    let mut sql = String::new();
    std::io::stdin()
        .read_to_string(&mut sql)
        .map_err(|cause| Failure::refused(format!("standard input is no SQL text: {cause}")))?;
    Ok(sql)
}

fn token(given: Option<String>, file: Option<&Path>) -> Result<String, Failure> {
    let token = match (given, file) {
        (_, Some(path)) => std::fs::read_to_string(path).map_err(|cause| {
            Failure::refused(format!("the token file `{}` cannot be read: {cause}", path.display()))
        })?,
        (Some(token), None) => token,
        (None, None) => return Err(Failure::refused("no token: set LOCKGATE_TOKEN, or name a file with --token-file")),
    };
    let token = token.trim().to_owned();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Failure::refused(
            "the token is empty or holds characters that no token has; one token and nothing else is wanted",
        ));
    }
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ending_of_the_file_chooses_the_form() {
        for (name, expect) in [
            ("a.arrow", Format::Arrow),
            ("b.CSV", Format::Csv),
            ("c.jsonl", Format::Ndjson),
            ("d.parquet", Format::Parquet),
        ] {
            assert_eq!(format(None, Some(Path::new(name))).unwrap(), expect);
        }
        assert_eq!(format(Some(Format::Json), Some(Path::new("a.csv"))).unwrap(), Format::Json);
        assert_eq!(format(None, None).unwrap(), Format::Table);
        assert_eq!(format(None, Some(Path::new("result"))).unwrap_err().parts().0, 2);
    }

    #[test]
    fn token_file_is_trimmed_and_checked() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "lg_abc\n").unwrap();
        assert_eq!(token(None, Some(file.path())).unwrap(), "lg_abc");
        std::fs::write(file.path(), "lg_abc lg_def\n").unwrap();
        assert_eq!(token(None, Some(file.path())).unwrap_err().parts().0, 2);
        assert_eq!(token(None, None).unwrap_err().parts().0, 2);
    }
}
