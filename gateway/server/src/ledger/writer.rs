//! The thread that writes: all waiting records in one write, one `fdatasync`, then everybody is woken.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use chrono::Utc;
use lockgate_engine::LedgerError;
use lockgate_wire::audit::{AuditRecord, CutTail, WriterEvent, WriterRecord};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::chain::{self, Head};
use super::file::LedgerOptions;
use super::lock::WriteLock;
use super::segment::{self, Segment};
use super::tail;

/// Most bytes of records that one group takes.
const GROUP_BYTES: usize = 4 << 20;

/// What the writer is asked to do.
#[derive(Debug)]
pub(super) struct Message {
    /// JSON text of a record; `None` only asks for everything before it to be durable.
    pub(super) record: Option<Vec<u8>>,
    /// Who waits for durability; a record without a waiter is kept and written later when writing fails.
    pub(super) waiter: Option<oneshot::Sender<Result<(), LedgerError>>>,
}

/// What the writer tells the rest of the process.
#[derive(Debug)]
pub(super) struct Shared {
    /// Why nothing can be written now.
    pub(super) failure: Mutex<Option<String>>,
    /// Last durable record.
    pub(super) head: Mutex<Head>,
    /// Groups made durable.
    pub(super) groups: AtomicU64,
    /// Records made durable.
    pub(super) records: AtomicU64,
}

#[derive(Debug, Default)]
struct Group {
    messages: Vec<Message>,
    bytes: usize,
    has_waiter: bool,
}

impl Group {
    fn push(&mut self, message: Message) {
        self.bytes += message.record.as_ref().map_or(0, Vec::len);
        self.has_waiter |= message.waiter.is_some();
        self.messages.push(message);
    }

    fn is_full(&self) -> bool {
        self.bytes >= GROUP_BYTES
    }
}

/// Why writing stopped, and when to try again.
#[derive(Debug)]
struct Failure {
    kind: io::ErrorKind,
    text: String,
    next_try: Instant,
}

#[derive(Debug)]
pub(super) struct Writer {
    pub(super) dir: PathBuf,
    pub(super) options: LedgerOptions,
    pub(super) shared: Arc<Shared>,
    pub(super) lock: WriteLock,
    pub(super) head_file: File,
    pub(super) segment: Segment,
    pub(super) head: Head,
    failure: Option<Failure>,
    /// Records without a waiter that could not be written yet.
    kept: Vec<Vec<u8>>,
    buffer: Vec<u8>,
}

impl Writer {
    pub(super) fn new(
        dir: PathBuf,
        options: LedgerOptions,
        shared: Arc<Shared>,
        lock: WriteLock,
        head_file: File,
        segment: Segment,
        head: Head,
    ) -> Self {
        Self {
            dir,
            options,
            shared,
            lock,
            head_file,
            segment,
            head,
            failure: None,
            kept: Vec::new(),
            buffer: Vec::new(),
        }
    }

    /// Serves until every sender is gone.
    pub(super) fn run(mut self, inbox: &Receiver<Message>) {
        while let Some(first) = self.wait(inbox) {
            let group = self.gather(first, inbox);
            self.commit(group);
        }
        if self.failure.is_some() && self.resume().is_err() {
            tracing::error!(
                records = self.kept.len(),
                "the audit ledger was closed before these close records could be written"
            );
        }
    }

    /// Waits for a message; tries to write again from time to time after a failure, even if nobody asks.
    fn wait(&mut self, inbox: &Receiver<Message>) -> Option<Message> {
        while self.failure.is_some() {
            match inbox.recv_timeout(self.options.retry_after) {
                Ok(message) => return Some(message),
                Err(RecvTimeoutError::Timeout) => self.resume_if_due(),
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
        inbox.recv().ok()
    }

    /// Takes what else waits. A group that nobody waits for stays open a little, to share its `fdatasync`.
    fn gather(&self, first: Message, inbox: &Receiver<Message>) -> Group {
        let mut group = Group::default();
        group.push(first);
        let deadline = Instant::now() + self.options.close_delay;
        while !group.is_full() {
            if let Ok(message) = inbox.try_recv() {
                group.push(message);
                continue;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if group.has_waiter || left == Duration::ZERO {
                break;
            }
            match inbox.recv_timeout(left) {
                Ok(message) => group.push(message),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        group
    }

    fn commit(&mut self, group: Group) {
        self.resume_if_due();
        if self.failure.is_none() {
            let records: Vec<&[u8]> = group.messages.iter().filter_map(|message| message.record.as_deref()).collect();
            if let Err(cause) = self.write(&records) {
                self.fail(&cause);
            }
        }
        for message in group.messages {
            let outcome = match &self.failure {
                None => Ok(()),
                Some(failure) => Err(LedgerError(io::Error::new(failure.kind, failure.text.clone()))),
            };
            match (message.waiter, message.record) {
                // Nobody listens any more when the asker went away; the record stands all the same.
                (Some(waiter), _) => drop(waiter.send(outcome)),
                (None, Some(record)) if outcome.is_err() => self.kept.push(record),
                (None, Some(_) | None) => {}
            }
        }
    }

    /// Makes records durable, all or none as far as callers are told.
    pub(super) fn write(&mut self, records: &[&[u8]]) -> io::Result<()> {
        if records.is_empty() {
            return Ok(());
        }
        self.lock.check()?;
        if self.segment.len >= self.options.segment_bytes {
            self.segment = Segment::create(&self.dir, self.segment.number.saturating_add(1))?;
            // In the operator's log, which is usually kept elsewhere, this is an anchor for `audit verify --expect`.
            tracing::info!(seq = self.head.seq, hash = %self.head.hash, "audit ledger head");
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        let mut head = self.head;
        for record in records {
            head = chain::append_line(head, record, &mut buffer);
        }
        let written = self.segment.append(&buffer);
        self.buffer = buffer;
        written?;
        self.head = head;
        *self.shared.head.lock() = head;
        self.shared.groups.fetch_add(1, Ordering::Relaxed);
        self.shared.records.fetch_add(records.len() as u64, Ordering::Relaxed);
        // Not synced: it may lag behind the segments after a power cut, but it never runs ahead of them. The records are
        // durable already, so a failure here is not the askers'.
        if let Err(cause) = self.head_file.write_all_at(head.to_file().as_bytes(), 0) {
            tracing::warn!(error = %cause, "the audit ledger's head file cannot be written; a lost end would not show");
        }
        Ok(())
    }

    fn fail(&mut self, cause: &io::Error) {
        tracing::error!(error = %cause, "the audit ledger cannot be written; every query is refused until it can");
        *self.shared.failure.lock() = Some(cause.to_string());
        let next_try = Instant::now() + self.options.retry_after;
        self.failure = Some(Failure { kind: cause.kind(), text: cause.to_string(), next_try });
    }

    fn resume_if_due(&mut self) {
        if self.failure.as_ref().is_some_and(|failure| failure.next_try <= Instant::now()) {
            // `resume` notes its own failure.
            let _ = self.resume();
        }
    }

    /// Starts a new segment after the last durable record. A file whose sync failed is never written again: the system may
    /// have dropped its pages and would then report the next sync as good.
    fn resume(&mut self) -> io::Result<()> {
        match self.try_resume() {
            Ok(()) => {
                self.failure = None;
                *self.shared.failure.lock() = None;
                tracing::info!("the audit ledger can be written again");
                Ok(())
            }
            Err(cause) => {
                self.fail(&cause);
                Err(cause)
            }
        }
    }

    fn try_resume(&mut self) -> io::Result<()> {
        self.lock.check()?;
        // Bytes of records that nobody was told are durable: their queries were refused.
        let cut = segment::cut(&self.dir, self.segment.number, self.segment.len)?;
        let found = tail::inspect(&self.dir).map_err(io::Error::other)?;
        if found.head != self.head {
            return Err(io::Error::other(format!(
                "the ledger ends at record {}, it was durable up to {}",
                found.head.seq, self.head.seq
            )));
        }
        self.segment = match found.segment {
            Some((number, 0)) => Segment::reopen(&self.dir, number, 0)?,
            Some((number, _)) => Segment::create(&self.dir, number.saturating_add(1))?,
            None => return Err(io::Error::other("the ledger's segments are gone")),
        };
        let note = writer_record(WriterEvent::Resumed, cut)?;
        let kept = std::mem::take(&mut self.kept);
        let mut records = vec![note.as_slice()];
        records.extend(kept.iter().map(Vec::as_slice));
        let written = self.write(&records);
        if written.is_err() {
            self.kept = kept;
        }
        written
    }
}

/// The JSON text of the record that a writer begins with.
pub(super) fn writer_record(event: WriterEvent, cut: Option<CutTail>) -> io::Result<Vec<u8>> {
    let record =
        AuditRecord::Writer(WriterRecord { at: Utc::now(), event, gateway: env!("CARGO_PKG_VERSION").to_owned(), cut });
    Ok(serde_json::to_vec(&record)?)
}

/// Opens the `head` file, durably there before the first record.
pub(super) fn open_head_file(dir: &std::path::Path, head: Head) -> io::Result<File> {
    let mut file = segment::private().write(true).create(true).truncate(false).open(dir.join(segment::HEAD_FILE))?;
    if file.metadata()?.len() != Head::FILE_LEN as u64 {
        file.set_len(0)?;
        file.write_all(head.to_file().as_bytes())?;
        file.sync_all()?;
        segment::sync_dir(dir)?;
    }
    Ok(file)
}
