//! `lockgate serve`

use std::net::SocketAddr;
use std::path::PathBuf;

use super::output::{Failure, Out, told_problems};
use crate::config::Config;
use crate::serve::{ServeError, serve};

/// Run the gateway.
///
/// Reads the configuration, the policy folder and the users file, and tells all problems of all of them at once (exit code 2).
/// When it listens it prints its address on standard output; everything else goes to standard error as a log.
///
/// It follows the policy folder and the users file: a change holds from the next query on, a folder or file with problems
/// is refused and the one before it stays in force. SIGHUP reads both again at once, and has sources look their tables up anew. SIGTERM or Ctrl-C takes no more
/// requests and lets running queries end for as long as `server.drain` says; a second one ends at once.
///
/// Without TLS it listens on this machine only. Put a proxy that ends TLS in front of it.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  lockgate serve --config /etc/lockgate/lockgate.toml

A small configuration:
  [server]
  http = \"127.0.0.1:8815\"
  site = \"eu\"
  [policy]
  dir = \"policy\"
  [users]
  file = \"users.toml\"             # entries are made by `lockgate users token NAME`
  [keys]
  hash = { file = \"hash.key\" }    # made by `openssl rand -hex 32 > hash.key`
  [ledger]
  dir = \"ledger\"
  [sources.lake]
  connector = \"files\"
  root = \"/srv/lake\"")]
pub(crate) struct Args {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = "lockgate.toml")]
    config: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let config = Config::load(&args.config).map_err(|problems| told_problems(&problems))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|cause| Failure::failed(format!("cannot start: {cause}")))?;
    runtime.block_on(serve(config, tell_address)).map_err(|error| match error {
        ServeError::Problems(problems) => told_problems(&problems),
        ServeError::Failed(text) => Failure::failed(text),
    })
}

/// Nobody has to read it: a gateway goes on when its standard output is closed.
fn tell_address(address: SocketAddr) {
    let mut out = Out::stdout();
    let told = out.line(format!("listening on http://{address}"));
    drop(told.and_then(|()| out.finish()));
}
