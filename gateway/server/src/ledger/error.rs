//! What can be wrong with a ledger, and where.

use std::fmt;
use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// A place where a ledger is not what its writer left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Break {
    /// Segment file, or the ledger's folder when a whole file is missing.
    pub file: PathBuf,
    /// Line in the file, from 1; absent when the problem is about the whole file.
    pub line: Option<u64>,
    /// What is wrong there.
    pub what: String,
}

impl fmt::Display for Break {
    /// `FILE:LINE: what`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.what)
    }
}

/// Why a ledger cannot be opened for writing. For the operator: the texts name paths.
#[derive(Debug, Error)]
pub enum LedgerOpenError {
    /// A file system call failed.
    #[error("the audit ledger in `{}` cannot be opened: cannot {action} `{}`: {cause}", dir.display(), path.display())]
    Io {
        /// The ledger's folder.
        dir: PathBuf,
        /// What was being done.
        action: &'static str,
        /// To which file or folder.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// Another process writes this ledger.
    #[error(
        "the audit ledger in `{}` is already written by another process; stop that gateway, or give this one a folder of its own",
        dir.display()
    )]
    Locked {
        /// The ledger's folder.
        dir: PathBuf,
    },
    /// The chain does not hold at the end of the ledger.
    #[error(
        "the audit ledger is not as it was left: {0}; keep the folder as evidence, find the cause with `lockgate audit verify`, then restore \
         it from a copy or start with an empty folder"
    )]
    Broken(Break),
}
