//! `lockgate source`: the connected systems, as the configuration names them.

mod check;
mod draft;
mod list;

use std::path::PathBuf;
use std::sync::Arc;

use clap::Subcommand;
use lockgate_contract::{Source, SourceError};

use super::output::{Failure, shown, told_problems};
use crate::config::{Config, SourcesConfig};
use crate::ledger::LedgerSource;
use crate::sources::open_sources;

/// See what the sources of a configuration hold, and whether they answer.
///
/// The audit ledger is one of them, under the name `lockgate`. For operators: these commands read the sources directly with
/// the gateway's own credentials, see every table whatever policy says, and print paths and hosts when something fails. They
/// read no rows and leave nothing in the audit ledger.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    List(list::Args),
    Draft(draft::Args),
    Check(check::Args),
}

pub(super) fn run(command: Command) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|cause| Failure::failed(format!("cannot start: {cause}")))?;
    runtime.block_on(async {
        match command {
            Command::List(args) => list::run(&args).await,
            Command::Draft(args) => draft::run(&args).await,
            Command::Check(args) => check::run(&args).await,
        }
    })
}

/// Which sources are meant.
#[derive(Debug, clap::Args)]
struct Chosen {
    /// Configuration file of the gateway; only its sources are read.
    #[arg(long, value_name = "FILE", default_value = "lockgate.toml")]
    config: PathBuf,
    /// Only this source.
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
}

impl Chosen {
    async fn open(&self) -> Result<Vec<Arc<dyn Source>>, Failure> {
        let config = SourcesConfig::load(&self.config).map_err(|problems| told_problems(&problems))?;
        let mut sources =
            open_sources(&config.file, &config.sources).await.map_err(|problems| told_problems(&problems))?;
        // The ledger's tables, once there is a whole configuration that says where it lies.
        if let Ok(whole) = Config::load(&self.config) {
            sources.push(Arc::new(LedgerSource::of_folder(&whole.ledger_dir)));
        }
        if let Some(name) = &self.source {
            let known: Vec<String> = sources.iter().map(|source| format!("`{}`", source.name())).collect();
            sources.retain(|source| source.name() == name);
            if sources.is_empty() {
                return Err(Failure::refused(format!(
                    "there is no source `{}`; there are {}",
                    shown(name),
                    known.join(", ")
                )));
            }
        }
        Ok(sources)
    }
}

/// What an operator may read of a source's error.
fn operators_text(error: &SourceError) -> String {
    let text = if error.internal.is_empty() { &error.public } else { &error.internal };
    shown(text).into_owned()
}
