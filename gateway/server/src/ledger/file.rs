//! The ledger that the gateway writes.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::Utc;
use lockgate_engine::{Ledger, LedgerError};
use lockgate_wire::audit::{AuditRecord, CloseRecord, OpenRecord, Outcome, PolicyRecord, RefusedRecord, WriterEvent};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::chain::{Head, MAX_LINE};
use super::error::LedgerOpenError;
use super::lock::WriteLock;
use super::segment::{self, Segment};
use super::source::LedgerSource;
use super::tail;
use super::writer::{self, Message, Shared, Writer};

/// How a ledger is written.
#[derive(Debug, Clone)]
pub struct LedgerOptions {
    /// Size in bytes after which a new segment is begun.
    pub segment_bytes: u64,
    /// How long a close record may wait for others to share its `fdatasync`.
    pub close_delay: Duration,
    /// How long after a failed write the next attempt is made.
    pub retry_after: Duration,
    /// How long to wait for another process to let go of the ledger at the start.
    pub lock_wait: Duration,
}

impl Default for LedgerOptions {
    fn default() -> Self {
        Self {
            segment_bytes: 16 << 20,
            close_delay: Duration::from_millis(50),
            retry_after: Duration::from_secs(1),
            lock_wait: Duration::from_secs(1),
        }
    }
}

/// What the writer has done so far in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LedgerCounters {
    /// Records made durable.
    pub records: u64,
    /// Groups they were written in: one `fdatasync` each.
    pub groups: u64,
}

/// An audit ledger in a folder of files, held by this process alone.
///
/// Dropping it writes what is queued and lets the folder go.
#[derive(Debug)]
pub struct FileLedger {
    dir: PathBuf,
    shared: Arc<Shared>,
    inbox: Option<Sender<Message>>,
    thread: Option<JoinHandle<()>>,
}

impl FileLedger {
    /// Opens the ledger in `dir`, which is created (mode 0700) when it is not there.
    ///
    /// Checks the end of the chain, cuts off an unfinished last line into a `.torn` file beside the segments, and writes a
    /// record that says so: when this returns, the folder is known to be writable.
    ///
    /// # Errors
    /// When another process holds the ledger, the folder cannot be written, or the chain does not hold.
    pub fn open(dir: &Path, options: LedgerOptions) -> Result<Arc<Self>, LedgerOpenError> {
        let failed = |action, path: &Path| {
            let path = path.to_owned();
            move |cause| LedgerOpenError::Io { dir: dir.to_owned(), action, path, cause }
        };
        segment::create_dir(dir).map_err(failed("create", dir))?;
        let lock = WriteLock::take(dir, options.lock_wait)?;
        let tail = tail::inspect(dir)?;
        let (number, len) = tail.segment.unwrap_or((1, 0));
        let path = segment::path(dir, number);
        let cut = if tail.torn { segment::cut(dir, number, len).map_err(failed("cut", &path))? } else { None };
        if let Some(cut) = &cut {
            tracing::warn!(
                file = cut.file,
                bytes = cut.bytes,
                "the audit ledger ended in an unfinished record; it was cut off and kept"
            );
        }
        let segment = match tail.segment {
            Some(_) => Segment::reopen(dir, number, len).map_err(failed("write", &path))?,
            None => Segment::create(dir, number).map_err(failed("create", &path))?,
        };
        let head_path = dir.join(segment::HEAD_FILE);
        let head_file = writer::open_head_file(dir, tail.head).map_err(failed("write", &head_path))?;
        let shared = Arc::new(Shared {
            failure: Mutex::new(None),
            head: Mutex::new(tail.head),
            groups: AtomicU64::new(0),
            records: AtomicU64::new(0),
        });
        let mut writer = Writer::new(dir.to_owned(), options, Arc::clone(&shared), lock, head_file, segment, tail.head);
        let begun = writer::writer_record(WriterEvent::Started, cut).and_then(|record| writer.write(&[&record]));
        begun.map_err(failed("write", &path))?;
        let (inbox, outbox) = mpsc::channel();
        let thread = std::thread::Builder::new().name("ledger".to_owned()).spawn(move || writer.run(&outbox));
        let thread = thread.map_err(failed("write", &path))?;
        Ok(Arc::new(Self { dir: dir.to_owned(), shared, inbox: Some(inbox), thread: Some(thread) }))
    }

    /// Folder of the ledger.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Whether queries can be recorded, hence answered, now.
    pub fn healthy(&self) -> bool {
        self.failure().is_none()
    }

    /// Why nothing can be recorded now, for the operator.
    pub fn failure(&self) -> Option<String> {
        if self.thread.as_ref().is_none_or(JoinHandle::is_finished) {
            return Some("the ledger's writer has ended".to_owned());
        }
        self.shared.failure.lock().clone()
    }

    /// Last durable record; noted elsewhere, it lets `audit verify --expect` prove that nothing was cut off since.
    pub fn head(&self) -> Head {
        *self.shared.head.lock()
    }

    /// What was written so far.
    pub fn counters(&self) -> LedgerCounters {
        LedgerCounters {
            records: self.shared.records.load(Ordering::Relaxed),
            groups: self.shared.groups.load(Ordering::Relaxed),
        }
    }

    /// The ledger as tables, for queries of those whom policy lets. Each read sees all that is durable when it begins.
    pub fn source(&self) -> LedgerSource {
        LedgerSource::written_here(&self.dir, Arc::clone(&self.shared))
    }

    /// Writes that a policy version came into force, and waits until that is durable.
    ///
    /// # Errors
    /// When it cannot be made durable.
    pub async fn policy(&self, record: PolicyRecord) -> Result<(), LedgerError> {
        self.settle(self.send(&AuditRecord::Policy(record))?).await
    }

    /// Waits until everything queued before, close records too, is durable.
    ///
    /// # Errors
    /// When it cannot be made durable.
    pub async fn flush(&self) -> Result<(), LedgerError> {
        let (waiter, done) = oneshot::channel();
        self.post(Message { record: None, waiter: Some(waiter) })?;
        self.settle(done).await
    }

    fn send(&self, record: &AuditRecord) -> Result<Waiting, LedgerError> {
        let (waiter, done) = oneshot::channel();
        self.post(Message { record: Some(encode(record)?), waiter: Some(waiter) })?;
        Ok(done)
    }

    fn post(&self, message: Message) -> Result<(), LedgerError> {
        let sent = self.inbox.as_ref().map(|inbox| inbox.send(message));
        if matches!(sent, Some(Ok(()))) { Ok(()) } else { Err(ended()) }
    }

    async fn settle(&self, done: Waiting) -> Result<(), LedgerError> {
        done.await.unwrap_or_else(|_| Err(ended()))
    }
}

type Waiting = oneshot::Receiver<Result<(), LedgerError>>;

fn ended() -> LedgerError {
    LedgerError(io::Error::other("the ledger's writer has ended"))
}

fn encode(record: &AuditRecord) -> Result<Vec<u8>, LedgerError> {
    let json = serde_json::to_vec(record).map_err(|cause| LedgerError(cause.into()))?;
    // Room for the number and the hashes around it.
    if json.len() > MAX_LINE - 1024 {
        return Err(LedgerError(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the record is longer than a ledger line may be",
        )));
    }
    Ok(json)
}

/// Closes the record of a query whose asker went away while its open record was being written: nobody else will.
struct Abandoned<'a> {
    ledger: &'a FileLedger,
    close: Option<CloseRecord>,
    since: Instant,
}

impl Drop for Abandoned<'_> {
    fn drop(&mut self) {
        if let Some(mut close) = self.close.take() {
            close.at = Utc::now();
            close.elapsed_ms = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.ledger.close(close);
        }
    }
}

#[async_trait]
impl Ledger for FileLedger {
    async fn open(&self, record: OpenRecord) -> Result<(), LedgerError> {
        let (query_id, at) = (record.query_id, record.at);
        let done = self.send(&AuditRecord::Open(record))?;
        let close = CloseRecord {
            query_id,
            at,
            outcome: Outcome::Cancelled,
            code: None,
            rows: 0,
            bytes: 0,
            elapsed_ms: 0,
            given_up: Default::default(),
        };
        let mut abandoned = Abandoned { ledger: self, close: Some(close), since: Instant::now() };
        let settled = self.settle(done).await;
        abandoned.close = None;
        settled
    }

    async fn refused(&self, record: RefusedRecord) -> Result<(), LedgerError> {
        self.settle(self.send(&AuditRecord::Refused(record))?).await
    }

    fn close(&self, record: CloseRecord) {
        let query_id = record.query_id;
        let posted = encode(&AuditRecord::Close(record))
            .and_then(|json| self.post(Message { record: Some(json), waiter: None }));
        if let Err(error) = posted {
            tracing::error!(%query_id, error = %error.0, "a close record could not be queued; the query stays unfinished in the audit ledger");
        }
    }
}

impl Drop for FileLedger {
    fn drop(&mut self) {
        // The writer ends when the last sender is gone, after it wrote what is queued.
        drop(self.inbox.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the audit ledger's writer ended early");
        }
    }
}
