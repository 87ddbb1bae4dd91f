//! One writer at a time.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::error::LedgerOpenError;
use super::segment;

/// How often a locked ledger is looked at while waiting for it.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Keeps other writers out for as long as it lives; the system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct WriteLock {
    path: PathBuf,
    file: File,
}

impl WriteLock {
    /// Takes the lock. Waits a little: a gateway that is just ending still holds it.
    pub(super) fn take(dir: &Path, wait: Duration) -> Result<Self, LedgerOpenError> {
        let path = dir.join(segment::LOCK_FILE);
        let failed = |cause| LedgerOpenError::Io { dir: dir.to_owned(), action: "lock", path: path.clone(), cause };
        let deadline = Instant::now() + wait;
        loop {
            let file = segment::private().write(true).create(true).truncate(false).open(&path).map_err(failed)?;
            let lock = Self { path: path.clone(), file };
            match lock.file.try_lock() {
                // Somebody may have removed the file between opening and locking it.
                Ok(()) if lock.check().is_ok() => return Ok(lock),
                Ok(()) | Err(TryLockError::WouldBlock) if Instant::now() < deadline => std::thread::sleep(LOOK_AGAIN),
                Ok(()) | Err(TryLockError::WouldBlock) => return Err(LedgerOpenError::Locked { dir: dir.to_owned() }),
                Err(TryLockError::Error(cause)) => return Err(failed(cause)),
            }
        }
    }

    /// Whether the lock still keeps others out: a removed or replaced file would not.
    pub(super) fn check(&self) -> io::Result<()> {
        if segment::is_same_file(&self.file, &self.path)? {
            return Ok(());
        }
        Err(io::Error::other("the lock file was moved or replaced: another gateway may write here"))
    }
}
