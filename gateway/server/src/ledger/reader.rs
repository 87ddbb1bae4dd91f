//! Reading a ledger from its first record to its last, checking the chain on the way.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use lockgate_wire::audit::AuditRecord;

use super::chain::{self, Head};
use super::error::Break;
use super::segment;

/// One record with its place.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Number and hash of the record.
    pub head: Head,
    /// The record; `None` when a newer gateway wrote a kind that this one does not know. The chain covers it all the same.
    pub record: Option<AuditRecord>,
}

/// Opens a ledger for reading. A running gateway may write on meanwhile; its lock is not taken.
///
/// # Errors
/// When the folder cannot be listed.
pub fn entries(dir: &Path) -> io::Result<Entries> {
    // Read before the segments: whatever it says was durable before they are looked at.
    let claimed = read_head_file(dir);
    let in_flight_is_fine = is_being_written(dir);
    Ok(Entries::over(dir, segment::list(dir)?, Start::Genesis, claimed, in_flight_is_fine))
}

/// Opens a ledger for reading up to `head`, a record that is known to be durable. What is written meanwhile is not looked at,
/// so no line is ever half-way; a ledger that does not reach `head`, or has another record there, ends in a [`Break`].
///
/// # Errors
/// When the folder cannot be listed.
pub(super) fn entries_to(dir: &Path, head: Head) -> io::Result<Entries> {
    let mut entries = Entries::over(dir, segment::list(dir)?, Start::Genesis, Ok(Some(head)), true);
    entries.end = Some(head.seq);
    Ok(entries)
}

/// What the `head` file says, or what is wrong with it.
pub(super) type Claimed = Result<Option<Head>, String>;

/// Where reading starts, which decides what the first line must follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// At the ledger's first record.
    Genesis,
    /// At some later segment, whose first line is believed.
    Later,
}

/// The records of a ledger in order, each checked against the one before; see [`entries`].
///
/// A line that does not fit is given as a [`Break`]; reading then goes on with the next line as well as it can, so that
/// all breaks are found and the records around them stay searchable.
#[derive(Debug)]
pub struct Entries {
    dir: PathBuf,
    segments: std::vec::IntoIter<u64>,
    next_number: Option<u64>,
    open: Option<OpenSegment>,
    /// What the next line must follow; `None` when that is unknown after a break.
    follows: Option<Head>,
    /// Number of the record after which nothing is read.
    end: Option<u64>,
    in_flight_is_fine: bool,
    incomplete: Option<IncompleteTail>,
    claimed: Option<Claimed>,
    /// A sound record whose place was reported as a break just now; it comes next.
    out_of_place: Option<Entry>,
    line: Vec<u8>,
    last: Head,
    n_segments: u64,
}

#[derive(Debug)]
struct OpenSegment {
    number: u64,
    path: PathBuf,
    reader: BufReader<File>,
    line: u64,
    /// Bytes up to the end of the last whole line.
    len: u64,
}

/// Bytes after the last newline of the last segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct IncompleteTail {
    pub(super) number: u64,
    pub(super) keep: u64,
}

impl Entries {
    /// Reads the given segments only, and compares them with what the `head` file claims.
    pub(super) fn over(
        dir: &Path,
        segments: Vec<u64>,
        start: Start,
        claimed: Claimed,
        in_flight_is_fine: bool,
    ) -> Self {
        let genesis = start == Start::Genesis;
        Self {
            dir: dir.to_owned(),
            next_number: genesis.then_some(1),
            segments: segments.into_iter(),
            open: None,
            follows: genesis.then_some(Head::EMPTY),
            end: None,
            in_flight_is_fine,
            incomplete: None,
            claimed: Some(claimed),
            out_of_place: None,
            line: Vec::new(),
            last: Head::EMPTY,
            n_segments: 0,
        }
    }

    /// After the end: the unfinished line that a crash, or a running gateway in mid-write, left at the very end.
    pub(super) fn incomplete(&self) -> Option<IncompleteTail> {
        self.incomplete
    }

    /// How many segments were looked at so far.
    pub(super) fn n_segments(&self) -> u64 {
        self.n_segments
    }

    /// Whether the ledger has a `head` file, so that a lost end shows.
    pub(super) fn has_head_file(&self) -> bool {
        matches!(self.claimed, Some(Ok(Some(_)) | Err(_)))
    }

    /// The last record read so far.
    pub(super) fn reached(&self) -> Head {
        self.last
    }

    fn next_segment(&mut self) -> Option<Result<(), Break>> {
        let number = self.segments.next()?;
        let expected = self.next_number.replace(number.saturating_add(1));
        let path = segment::path(&self.dir, number);
        self.n_segments += 1;
        match File::open(&path) {
            Ok(file) => {
                self.open =
                    Some(OpenSegment { number, path, reader: BufReader::with_capacity(1 << 18, file), line: 0, len: 0 })
            }
            Err(cause) => {
                return Some(Err(Break {
                    file: path,
                    line: None,
                    what: format!("the segment cannot be read: {cause}"),
                }));
            }
        }
        match expected {
            Some(expected) if expected != number => {
                let missing = segment::path(&self.dir, expected);
                Some(Err(Break {
                    file: missing,
                    line: None,
                    what: format!("the segment is missing; the next one is {number:08}"),
                }))
            }
            Some(_) | None => Some(Ok(())),
        }
    }

    fn check(&mut self, line: &[u8], place: (PathBuf, u64)) -> Result<Entry, Break> {
        let broken = |what: String| Break { file: place.0.clone(), line: Some(place.1), what };
        let follows = self.follows.take();
        let Some(parsed) = chain::parse_line(line) else {
            return Err(broken("this is not a ledger record: the line was altered".to_owned()));
        };
        let head = Head { seq: parsed.seq, hash: parsed.hash };
        if !parsed.sound {
            return Err(broken(format!("record {} was altered: its bytes do not have its hash", parsed.seq)));
        }
        self.follows = Some(head);
        self.last = head;
        let entry = Entry { head, record: serde_json::from_slice(parsed.record).ok() };
        match self.misplaced(follows, &parsed) {
            None => Ok(entry),
            Some(what) => {
                self.out_of_place = Some(entry);
                Err(broken(what))
            }
        }
    }

    /// Why a sound line does not stand where it should.
    fn misplaced(&mut self, follows: Option<Head>, line: &chain::Line<'_>) -> Option<String> {
        if let Some(before) = follows {
            let expected = before.seq.saturating_add(1);
            if line.seq != expected {
                return Some(format!("record {expected} should stand here, this is record {}", line.seq));
            }
            if line.prev != before.hash {
                return Some(format!(
                    "record {expected} does not follow the record before it: one of the two was replaced"
                ));
            }
        }
        match &self.claimed {
            Some(Ok(Some(claimed))) if claimed.seq == line.seq && claimed.hash != line.hash => {
                self.claimed = None;
                Some(format!(
                    "record {} is not the one that the `{}` file saw: one of the two was replaced",
                    line.seq,
                    segment::HEAD_FILE
                ))
            }
            Some(_) | None => None,
        }
    }

    /// Asks, once at the end, whether all that was once durable is still there.
    fn finish(&mut self) -> Option<Break> {
        let file = self.dir.join(segment::HEAD_FILE);
        match self.claimed.take()? {
            Ok(Some(claimed)) if claimed.seq > self.last.seq => Some(Break {
                file,
                line: None,
                what: format!(
                    "{} records were durable, the ledger ends at record {}: its end was cut off",
                    claimed.seq, self.last.seq
                ),
            }),
            Ok(_) => None,
            Err(what) => Some(Break { file, line: None, what }),
        }
    }

    /// A line without a newline: fine at the very end of a ledger that is being written, else a break.
    fn incomplete_line(&mut self, at: OpenSegment) -> Option<Break> {
        let is_last = self.segments.as_slice().is_empty();
        if is_last {
            self.incomplete = Some(IncompleteTail { number: at.number, keep: at.len });
        }
        if is_last && self.in_flight_is_fine {
            return None;
        }
        self.follows = None;
        let what = if is_last {
            "the last line is not whole: the gateway was stopped in mid-write, or the line was altered; the next start cuts it off and says so"
        } else {
            "the line is not whole: the segment was cut off"
        };
        Some(Break { file: at.path, line: Some(at.line), what: what.to_owned() })
    }
}

/// What one attempt to read a line gave.
enum ReadLine {
    Whole,
    Incomplete,
    End,
}

fn read_line(reader: &mut BufReader<File>, line: &mut Vec<u8>) -> io::Result<ReadLine> {
    line.clear();
    let n_read = reader.take(chain::MAX_LINE as u64 + 1).read_until(b'\n', line)?;
    match line.last() {
        Some(b'\n') => {
            line.pop();
            Ok(ReadLine::Whole)
        }
        Some(_) if n_read > chain::MAX_LINE => {
            Err(io::Error::other("a line is longer than any record: the file was altered"))
        }
        Some(_) => Ok(ReadLine::Incomplete),
        None => Ok(ReadLine::End),
    }
}

impl Iterator for Entries {
    type Item = Result<Entry, Break>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(entry) = self.out_of_place.take() {
            return Some(Ok(entry));
        }
        let mut line = std::mem::take(&mut self.line);
        let next = self.read_next(&mut line);
        self.line = line;
        next
    }
}

impl Entries {
    fn read_next(&mut self, line: &mut Vec<u8>) -> Option<Result<Entry, Break>> {
        loop {
            if self.end.is_some_and(|end| self.last.seq >= end) {
                return self.finish().map(Err);
            }
            let Some(mut open) = self.open.take() else {
                match self.next_segment() {
                    Some(Ok(())) => continue,
                    Some(Err(broken)) => return Some(Err(broken)),
                    None => return self.finish().map(Err),
                }
            };
            open.line += 1;
            match read_line(&mut open.reader, line) {
                Ok(ReadLine::Whole) => {
                    open.len += line.len() as u64 + 1;
                    let place = (open.path.clone(), open.line);
                    self.open = Some(open);
                    return Some(self.check(line, place));
                }
                Ok(ReadLine::Incomplete) => {
                    if let Some(broken) = self.incomplete_line(open) {
                        return Some(Err(broken));
                    }
                }
                Ok(ReadLine::End) => {}
                Err(cause) => {
                    self.follows = None;
                    return Some(Err(Break {
                        file: open.path,
                        line: Some(open.line),
                        what: format!("the segment cannot be read: {cause}"),
                    }));
                }
            }
        }
    }
}

/// Whether a running gateway holds the ledger. Asks with a shared lock that is given back at once.
fn is_being_written(dir: &Path) -> bool {
    match File::open(dir.join(segment::LOCK_FILE)) {
        Ok(file) => matches!(file.try_lock_shared(), Err(std::fs::TryLockError::WouldBlock)),
        Err(_) => false,
    }
}

/// The head that the writer noted last; `None` when there is no such file.
pub(super) fn read_head_file(dir: &Path) -> Claimed {
    let path = dir.join(segment::HEAD_FILE);
    // A writer rewrites the file in place; a reader that catches it half-way looks again.
    let mut malformed = 0;
    loop {
        match std::fs::read(&path) {
            Ok(content) => match Head::from_file(&content) {
                Some(head) => return Ok(Some(head)),
                None if malformed < 8 => malformed += 1,
                None => return Err("the file is not what the gateway writes there: it was altered".to_owned()),
            },
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(cause) => return Err(format!("the file cannot be read: {cause}")),
        }
    }
}
