//! `lockgate users`: what goes into the users file.

mod into;
mod token;

use clap::Subcommand;

use super::output::Failure;

/// Make entries for the users file.
///
/// The users file lists who may sign in. It holds the SHA-256 of each token, never a token: who reads the file cannot sign in
/// with what it holds. A gateway follows the file while it runs: a token that is removed ends its running queries.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Token(token::Args),
}

pub(super) fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Token(args) => token::run(&args),
    }
}
