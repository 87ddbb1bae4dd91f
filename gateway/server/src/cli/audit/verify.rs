//! `lockgate audit verify`

use serde_json::json;

use super::super::output::{Failure, Out, counted, grouped};
use super::place::Place;
use super::{shown_time, tell_breaks};
use crate::ledger::{self, Hash, Verification};

/// Prove that no record was changed, removed, repeated or moved.
///
/// Reads every segment and recomputes the chain. Prints how far the ledger goes and the hash of its last record, the head.
/// Each place where the chain does not hold is printed as FILE:LINE with what is wrong, and the exit code is 2.
///
/// A chain cannot show by itself that its end was cut off by somebody who may write the folder. So note the head
/// somewhere else from time to time (a ticket, a mail, another machine) and ask for it later with --expect: when that record is
/// still there, nothing up to it was removed or changed.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  lockgate audit verify --dir /var/lib/lockgate/ledger
  lockgate audit verify --config lockgate.toml --format json
  lockgate audit verify --config lockgate.toml --expect 5f2c...e9")]
pub(crate) struct Args {
    #[command(flatten)]
    place: Place,
    /// A record with this hash must be in the ledger.
    #[arg(long, value_name = "HASH")]
    expect: Option<Hash>,
    /// Form of the answer.
    #[arg(long, value_enum, default_value_t = VerifyForm::Text)]
    format: VerifyForm,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum VerifyForm {
    /// Lines for people.
    Text,
    /// One JSON object.
    Json,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let dir = args.place.folder()?;
    let verification =
        ledger::verify(&dir, args.expect).map_err(|cause| Failure::failed(format!("`{}`: {cause}", dir.display())))?;
    let mut out = Out::stdout();
    match args.format {
        VerifyForm::Text => print_text(&mut out, &verification, args.expect)?,
        VerifyForm::Json => out.line(as_json(&verification))?,
    }
    out.finish()?;
    if verification.breaks.is_empty() {
        return Ok(());
    }
    tell_breaks(&verification.breaks);
    Err(Failure::told())
}

fn print_text(out: &mut Out, verification: &Verification, expect: Option<Hash>) -> Result<(), Failure> {
    let records = counted(verification.records, "record");
    let segments = counted(verification.segments, "segment");
    out.line(format!("records  {records} in {segments}"))?;
    if let (Some(first), Some(last)) = (verification.first_at, verification.last_at) {
        out.line(format!("time     {} to {}", shown_time(first), shown_time(last)))?;
    }
    out.line(format!("head     {} at record {}", verification.head.hash, grouped(verification.head.seq)))?;
    if let (Some(expect), Some(seq)) = (expect, verification.expected_at) {
        let (seq, since) = (grouped(seq), counted(verification.head.seq.saturating_sub(seq), "record"));
        out.line(format!("expected {expect} is record {seq}; {since} since"))?;
    }
    if verification.in_flight {
        out.line("note     a gateway is writing a record right now; it was left out")?;
    }
    if !verification.has_head_file {
        out.line("note     there is no `head` file: a lost end would not show")?;
    }
    let verdict = if verification.breaks.is_empty() { "holds" } else { "DOES NOT HOLD" };
    out.line(format!("chain    {verdict}"))
}

fn as_json(verification: &Verification) -> serde_json::Value {
    json!({
        "holds": verification.breaks.is_empty(),
        "records": verification.records,
        "segments": verification.segments,
        "head": verification.head,
        "first_at": verification.first_at,
        "last_at": verification.last_at,
        "expected_at": verification.expected_at,
        "in_flight": verification.in_flight,
        "has_head_file": verification.has_head_file,
        "breaks": verification.breaks.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}
