//! The command line: one file a sub-command. `docs/reference/cli.md` is printed from here.
//!
//! Every command ends with 0 when it did what was asked, 1 when something failed while it ran, and 2 when what it was
//! given (or what it was asked to check) is refused. Nothing in here decides about data.

mod audit;
mod demo;
mod output;
mod policy;
mod query;
mod serve;
mod source;
#[cfg(test)]
mod tests;
mod times;
mod users;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use output::Failure;

/// Lockgate: one governed SQL door to a company's data.
///
/// Compliance officers decide in a policy folder who sees which column, for which purpose, in which treatment, and which
/// rows. The gateway answers SQL over all connected sources accordingly, as Arrow, and writes down who was about to see
/// what before the first byte leaves.
///
/// Start with `lockgate demo`: it needs nothing.
#[derive(Debug, Parser)]
#[command(name = "lockgate", version, max_term_width = 100, after_long_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  something failed while it ran: a file, the network, a source, a limit
  2  refused: bad arguments, a file with problems, a query that policy or the parser turns down,
     a check that does not hold";

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Args),
    Serve(serve::Args),
    Query(query::Args),
    #[command(subcommand)]
    Policy(policy::Command),
    #[command(subcommand)]
    Audit(audit::Command),
    #[command(subcommand)]
    Source(source::Command),
    #[command(subcommand)]
    Users(users::Command),
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help that nobody reads to the end is no failure.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Demo(args) => demo::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Query(args) => query::run(args),
        Command::Policy(command) => policy::run(command),
        Command::Audit(command) => audit::run(command),
        Command::Source(command) => source::run(command),
        Command::Users(command) => users::run(command),
    }
}
