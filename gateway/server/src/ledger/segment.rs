//! The files of a ledger: names, creation, and what is cut off their end.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use lockgate_wire::audit::CutTail;

use super::chain::Hash;

/// Name of the file that a writing process holds locked.
pub(super) const LOCK_FILE: &str = "lock";
/// Name of the file that tells how far the ledger was durable.
pub(super) const HEAD_FILE: &str = "head";

/// Path of a segment.
pub(super) fn path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:08}.ledger"))
}

/// Numbers of the segments in a folder, ascending. Other files are not ours and are left alone.
pub(super) fn list(dir: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let name = entry?.file_name();
        let number =
            name.to_str().and_then(|name| name.strip_suffix(".ledger")).and_then(|digits| digits.parse::<u64>().ok());
        if let Some(number) = number
            && path(dir, number).file_name() == Some(&name)
        {
            numbers.push(number);
        }
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Makes a name in `dir` survive a power cut.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Creates the ledger's folder (mode 0700) with its parents, durably, unless it is there.
pub(super) fn create_dir(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    match dir.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_dir(parent),
        Some(_) | None => sync_dir(Path::new(".")),
    }
}

/// Options for a file that only its owner may read (mode 0600).
pub(super) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

/// The segment that is being written.
#[derive(Debug)]
pub(super) struct Segment {
    /// Number, from 1.
    pub(super) number: u64,
    /// Bytes that are durable.
    pub(super) len: u64,
    path: PathBuf,
    file: File,
}

impl Segment {
    /// Creates a segment and makes its name durable. It must not be there yet.
    pub(super) fn create(dir: &Path, number: u64) -> io::Result<Self> {
        let path = path(dir, number);
        let file = private().append(true).create_new(true).open(&path)?;
        sync_dir(dir)?;
        Ok(Self { number, len: 0, path, file })
    }

    /// Opens a segment to write on after its first `len` bytes, which must be all it holds.
    pub(super) fn reopen(dir: &Path, number: u64, len: u64) -> io::Result<Self> {
        let path = path(dir, number);
        let file = private().append(true).open(&path)?;
        let segment = Self { number, len, path, file };
        segment.check_place()?;
        Ok(segment)
    }

    /// Appends bytes; they are durable when this returns.
    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.check_place()?;
        self.file.write_all(bytes)?;
        self.file.sync_data()?;
        self.len = self.len.saturating_add(bytes.len() as u64);
        Ok(())
    }

    /// A file that was moved, removed or written by others would take our records and lose them without an error.
    fn check_place(&self) -> io::Result<()> {
        if !is_same_file(&self.file, &self.path)? {
            return Err(io::Error::other(format!("segment {} was moved or replaced", self.number)));
        }
        let len = self.file.metadata()?.len();
        if len != self.len {
            let text = format!("segment {} has {len} bytes where the gateway wrote {}", self.number, self.len);
            return Err(io::Error::other(text));
        }
        Ok(())
    }
}

/// Whether `path` still names the open file.
pub(super) fn is_same_file(file: &File, path: &Path) -> io::Result<bool> {
    let (ours, named) = (file.metadata()?, std::fs::metadata(path)?);
    Ok((ours.dev(), ours.ino()) == (named.dev(), named.ino()))
}

/// Cuts a segment to its first `keep` bytes. What comes after is kept in a side file, durable before the cut.
///
/// Returns `None` when there was nothing to cut.
pub(super) fn cut(dir: &Path, number: u64, keep: u64) -> io::Result<Option<CutTail>> {
    let mut file = private().read(true).write(true).open(path(dir, number))?;
    let len = file.metadata()?.len();
    if len < keep {
        return Err(io::Error::other(format!(
            "segment {number} has {len} bytes where {keep} were durable: its end was cut off"
        )));
    }
    if len == keep {
        return Ok(None);
    }
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(keep))?;
    file.read_to_end(&mut tail)?;
    let name = write_side_file(dir, number, &tail)?;
    file.set_len(keep)?;
    file.sync_all()?;
    Ok(Some(CutTail { file: name, bytes: tail.len() as u64, sha256: Hash::of(&tail).to_string() }))
}

/// Keeps a tail in the first free `NNNNNNNN.K.torn`, and returns that name. An older tail is never overwritten.
fn write_side_file(dir: &Path, number: u64, tail: &[u8]) -> io::Result<String> {
    let mut attempt = 1_u32;
    loop {
        let name = format!("{number:08}.{attempt}.torn");
        let mut side = match private().write(true).create_new(true).open(dir.join(&name)) {
            Ok(side) => side,
            Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {
                attempt = attempt.saturating_add(1);
                continue;
            }
            Err(cause) => return Err(cause),
        };
        side.write_all(tail)?;
        side.sync_all()?;
        sync_dir(dir)?;
        return Ok(name);
    }
}
