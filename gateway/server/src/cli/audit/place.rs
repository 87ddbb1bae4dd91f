//! Which ledger is asked.

use std::path::{Path, PathBuf};

use super::super::output::Failure;
use crate::config::Reader;

/// Which ledger is asked.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(super) struct Place {
    /// Folder of the ledger.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Configuration file of the gateway; only its `ledger.dir` is read.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Place {
    /// The ledger's folder, which has at least one segment: an empty folder would pass every check.
    pub(super) fn folder(&self) -> Result<PathBuf, Failure> {
        let dir = match (&self.dir, &self.config) {
            (Some(dir), _) => dir.clone(),
            (None, Some(config)) => configured(config)?,
            (None, None) => return Err(Failure::refused("name the ledger with --dir or --config")),
        };
        let first = dir.join("00000001.ledger");
        let names = std::fs::read_dir(&dir)
            .map_err(|cause| Failure::refused(format!("`{}` cannot be read: {cause}", dir.display())))?;
        let is_segment = |entry: std::io::Result<std::fs::DirEntry>| {
            entry.is_ok_and(|entry| entry.path().extension().is_some_and(|ext| ext == "ledger"))
        };
        if first.exists() || names.into_iter().any(is_segment) {
            return Ok(dir);
        }
        Err(Failure::refused(format!("`{}` holds no ledger: it has no file such as `00000001.ledger`", dir.display())))
    }
}

/// Reads nothing but the folder's name: an auditor need not have the gateway's keys.
fn configured(config: &Path) -> Result<PathBuf, Failure> {
    let name = config.display().to_string();
    let text = std::fs::read_to_string(config)
        .map_err(|cause| Failure::refused(format!("`{name}` cannot be read: {cause}")))?;
    let folder =
        std::path::absolute(config).ok().and_then(|path| path.parent().map(Path::to_path_buf)).unwrap_or_default();
    let mut reader = Reader::parse(&name, &text, &folder);
    let dir = reader.path("ledger.dir");
    let problems = reader.into_problems();
    match dir {
        Some(dir) if problems.is_empty() => Ok(dir),
        Some(_) | None => {
            Err(Failure::refused(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")))
        }
    }
}
