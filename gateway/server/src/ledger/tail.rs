//! What a writer finds at the end of a ledger before it writes on.

use std::path::{Path, PathBuf};

use super::chain::Head;
use super::error::{Break, LedgerOpenError};
use super::reader::{self, Entries, Start};
use super::segment;

/// The sound end of a ledger.
#[derive(Debug)]
pub(super) struct Tail {
    /// Last whole record.
    pub(super) head: Head,
    /// Last segment and how many of its bytes are whole records; `None` in an empty folder.
    pub(super) segment: Option<(u64, u64)>,
    /// Whether bytes follow that are not a whole record.
    pub(super) torn: bool,
}

/// Checks the last segments (the last that holds a record, and the one before it, to prove the link) and the `head` file.
///
/// # Errors
/// [`LedgerOpenError::Broken`] on anything but an unfinished last line.
pub(super) fn inspect(dir: &Path) -> Result<Tail, LedgerOpenError> {
    let io_error =
        |action, path: PathBuf| move |cause| LedgerOpenError::Io { dir: dir.to_owned(), action, path, cause };
    let numbers = segment::list(dir).map_err(io_error("list", dir.to_owned()))?;
    let mut sizes = Vec::with_capacity(numbers.len());
    for (idx, number) in numbers.iter().enumerate() {
        let path = segment::path(dir, *number);
        let expected = segment::path(dir, idx as u64 + 1);
        if path != expected {
            return Err(LedgerOpenError::Broken(Break {
                file: expected,
                line: None,
                what: "the segment is missing".to_owned(),
            }));
        }
        sizes.push(std::fs::metadata(&path).map_err(io_error("read", path.clone()))?.len());
    }
    let filled: Vec<usize> = sizes.iter().enumerate().filter(|(_, size)| **size > 0).map(|(idx, _)| idx).collect();
    // A torn first line may be all that the last filled segment holds, hence a third one.
    let first = filled.iter().rev().nth(2).copied().unwrap_or(0);
    let start = if first == 0 { Start::Genesis } else { Start::Later };
    let mut entries =
        Entries::over(dir, numbers.get(first..).unwrap_or_default().to_vec(), start, reader::read_head_file(dir), true);
    for entry in &mut entries {
        entry.map_err(LedgerOpenError::Broken)?;
    }
    let head = entries.reached();
    let incomplete = entries.incomplete();
    let last = numbers.last().copied().zip(sizes.last().copied());
    let segment = match (incomplete, last) {
        (Some(incomplete), _) => Some((incomplete.number, incomplete.keep)),
        (None, last) => last,
    };
    Ok(Tail { head, segment, torn: incomplete.is_some() })
}
