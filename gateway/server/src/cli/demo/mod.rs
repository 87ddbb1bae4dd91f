//! `lockgate demo`

mod examples;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use chrono::{NaiveDate, Utc};
use serde_json::json;

use super::output::{Failure, Out, grouped, shown, tell, told_problems};
use crate::config::Config;
use crate::demo::world::{self, Scale};
use crate::demo::{self, Demo, people};
use crate::serve::{ServeError, serve};
use examples::examples;

/// Try the gateway on an invented ride company. Needs nothing.
///
/// Makes the company's data (trips, riders, payments, events: 820,000 rows, the same on every machine), the sample policy and
/// five people with tokens, serves them on this machine only, and prints what to paste into a terminal to see one question
/// answered differently for two of them. Ctrl-C ends it.
///
/// The four catalogues `hive`, `vertica`, `presto` and `hdfs` are all files here, read by the files connector: no such
/// server runs. With real ones the configuration changes, but neither SQL nor policy.
///
/// With --dir the folder stays, and the next demo uses its data, policy (with your edits) and ledger again; only the
/// tokens are new each time. Without it everything is gone at the end.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  lockgate demo
  lockgate demo --dir rides     # then edit rides/policy/policy.csv and ask again
  lockgate demo --http 127.0.0.1:0 --json")]
pub(crate) struct Args {
    /// Where to listen, on this machine; port 0 picks a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8815", value_parser = loopback)]
    http: SocketAddr,
    /// Folder to make the demo in, or to use again.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Print one line of JSON instead, once it listens: `url`, `dir`, and for each person `tokens` and `purposes`.
    #[arg(long)]
    json: bool,
    /// Day before which everything in new data happens, instead of today.
    #[arg(long, value_name = "DATE")]
    as_of: Option<NaiveDate>,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    // Removed when this function ends; a folder that was asked for stays.
    let passing = match &args.dir {
        Some(_) => None,
        None => Some(tempfile::Builder::new().prefix("lockgate-demo-").tempdir().map_err(no_folder)?),
    };
    let dir = match (&args.dir, &passing) {
        (Some(dir), _) => std::path::absolute(dir).map_err(no_folder)?,
        (None, Some(passing)) => passing.path().to_owned(),
        (None, None) => PathBuf::new(),
    };
    tell("making the demo ...");
    let as_of = args.as_of.unwrap_or_else(|| Utc::now().date_naive());
    let demo = demo::prepare(&dir, as_of, Scale::FULL, args.http).map_err(|error| unprepared(&dir, &error))?;
    let config = Config::load(&demo.config_file).map_err(|problems| told_problems(&problems))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|cause| Failure::failed(format!("cannot start: {cause}")))?;
    let ready = |address| {
        let told = if args.json { print_json(&demo, &dir, address) } else { print_tour(&demo, &dir, address) };
        // A demo goes on when nobody reads its greeting.
        drop(told);
    };
    runtime.block_on(serve(config, ready)).map_err(|error| match error {
        ServeError::Problems(problems) => told_problems(&problems),
        ServeError::Failed(text) => {
            Failure::failed(format!("{text}; choose another address with --http, or folder with --dir"))
        }
    })
}

fn loopback(text: &str) -> Result<SocketAddr, String> {
    match text.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_loopback() => Ok(address),
        Ok(_) => Err("the demo listens on this machine only; give 127.0.0.1 or [::1] and a port".to_owned()),
        Err(_) => Err("give an address and a port, such as 127.0.0.1:8815".to_owned()),
    }
}

fn no_folder(error: std::io::Error) -> Failure {
    Failure::failed(format!("no folder for the demo: {error}; name one with --dir"))
}

fn unprepared(dir: &Path, error: &std::io::Error) -> Failure {
    let text = format!("`{}`: {error}", shown(&dir.display().to_string()));
    match error.kind() {
        ErrorKind::AlreadyExists | ErrorKind::ResourceBusy => Failure::refused(text),
        _ => Failure::failed(text),
    }
}

fn print_json(demo: &Demo, dir: &Path, address: SocketAddr) -> Result<(), Failure> {
    let tokens: serde_json::Map<_, _> =
        demo.tokens.iter().map(|(name, token)| ((*name).to_owned(), json!(token.expose()))).collect();
    let purposes: serde_json::Map<_, _> =
        people().into_iter().map(|person| (person.name.to_owned(), json!(person.purpose))).collect();
    let mut out = Out::stdout();
    out.line(json!({ "url": format!("http://{address}"), "tokens": tokens, "purposes": purposes, "dir": dir.display().to_string() }))?;
    out.finish()
}

fn print_tour(demo: &Demo, dir: &Path, address: SocketAddr) -> Result<(), Failure> {
    let mut out = Out::stdout();
    let dir = dir.display().to_string();
    let age = if demo.reused { "used again" } else { "new" };
    out.line(format!("\nLockgate demo on http://{address} (Ctrl-C ends it)\nFolder ({age}): {}\n", shown(&dir)))?;
    out.line("A ride company that does not exist. All four catalogues are files here, read by the files connector:")?;
    for table in world::tables(Scale::FULL) {
        out.line(format!("  {:<24} {:>8} rows   {}", table.name, grouped(table.rows), table.path))?;
    }
    out.line("\nPeople, with tokens that hold until the demo ends:")?;
    for (person, (_, token)) in people().iter().zip(&demo.tokens) {
        out.line(format!("  {:<6} {:<29} purpose {:<10} {}", person.name, person.is, person.purpose, token.expose()))?;
    }
    out.line(format!("\nOne question that joins three catalogues:\n  {}", examples::QUESTION))?;
    out.line(
        "\nPaste these into another terminal. Alice sees European riders and no address, Bob all riders with theirs:",
    )?;
    for example in examples(demo, address) {
        out.line(format!("\n# {}\n{}", example.title, example.script))?;
    }
    out.line(format!("\nWhy? Change {}/policy and ask again: it holds from the next query on.", shown(&dir)))?;
    out.finish()
}
