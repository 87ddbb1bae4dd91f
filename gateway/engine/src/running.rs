//! A query that streams: what the doors hold.

use std::collections::{BTreeMap, HashMap};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use futures::Stream;
use lockgate_wire::audit::{CloseRecord, Outcome};
use lockgate_wire::{ErrorCode, Notice};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::guard::Guard;
use crate::outbox::{Inbox, Message, bytes_of};
use crate::plan::Planned;
use crate::progress::{Closing, SourceProgress, Statements};
use crate::query::Ticket;
use crate::{Error, Ledger, Session, plain};

/// What is known when a query starts.
pub(crate) struct Start {
    /// The query's id.
    pub(crate) query_id: Uuid,
    /// Schema of the result.
    pub(crate) schema: SchemaRef,
    /// What the caller is told.
    pub(crate) notices: Vec<Notice>,
    /// Policy version.
    pub(crate) policy: Arc<str>,
    /// Whether policy hides rows of any table that is read.
    hides_rows: bool,
    purpose: String,
    statements: Arc<Statements>,
}

impl Start {
    /// The start of a planned query; its schema is set by who runs it.
    pub(crate) fn of(ticket: &Ticket, planned: &Planned, session: &Session) -> Self {
        Self {
            query_id: ticket.query_id,
            schema: Arc::new(Schema::empty()),
            notices: planned.notices.clone(),
            policy: Arc::clone(&planned.governed.policy),
            hides_rows: planned.hides_rows,
            purpose: session.asker.purpose.clone(),
            statements: Arc::clone(&ticket.statements),
        }
    }

    /// The start of a metadata statement.
    pub(crate) fn plain(ticket: &Ticket, policy: &str, session: &Session) -> Self {
        Self {
            query_id: ticket.query_id,
            schema: Arc::new(Schema::empty()),
            notices: Vec::new(),
            policy: Arc::from(policy),
            hides_rows: true,
            purpose: session.asker.purpose.clone(),
            statements: Arc::clone(&ticket.statements),
        }
    }

    /// Schema of the result: plain types, and what policy did as `lockgate.*` metadata.
    pub(crate) fn result_schema(&self, physical: &Schema) -> SchemaRef {
        let mut metadata = HashMap::new();
        metadata.insert("lockgate.policy".to_owned(), self.policy.to_string());
        metadata.insert("lockgate.purpose".to_owned(), self.purpose.clone());
        if let Ok(notices) = serde_json::to_string(&self.notices) {
            metadata.insert("lockgate.notices".to_owned(), notices);
        }
        Arc::new(plain::schema(physical).with_metadata(metadata))
    }
}

/// The task behind a running query.
pub(crate) struct Work {
    /// Brings its rows.
    pub(crate) inbox: Inbox,
    /// The task.
    pub(crate) task: JoinHandle<()>,
    /// Why it failed, as soon as it has.
    pub(crate) failure: Arc<OnceLock<ErrorCode>>,
    /// Tells whether its rows may still leave.
    pub(crate) guard: Arc<Guard>,
}

/// The rows of a running query, as a stream of Arrow batches.
///
/// - Batches have [`Running::schema`]; text is `Utf8`, never a view or a dictionary.
/// - After an error the stream ends; what came before is not the whole result.
/// - Dropping it cancels the query and closes the ledger's record.
/// - Who keeps rows back on their way out asks [`Running::watch`] before they leave.
pub struct Running {
    start: Start,
    state: State,
    truncated: bool,
    close: Option<Close>,
}

enum State {
    Work(Work),
    Ready(Option<RecordBatch>),
    Ended,
}

struct Close {
    ledger: Arc<dyn Ledger>,
    tasks: Handle,
    opened: Instant,
    rows: u64,
    bytes: u64,
}

impl Running {
    pub(crate) fn of_task(start: Start, work: Work, ledger: Arc<dyn Ledger>, tasks: Handle) -> Self {
        let close = Some(Close { ledger, tasks, opened: Instant::now(), rows: 0, bytes: 0 });
        Self { start, state: State::Work(work), truncated: false, close }
    }

    /// An answer that reads no rows of any table.
    pub(crate) fn of_batch(mut start: Start, batch: RecordBatch) -> Self {
        start.schema = batch.schema();
        Self { start, state: State::Ready(Some(batch)), truncated: false, close: None }
    }

    /// The query's id.
    pub fn query_id(&self) -> Uuid {
        self.start.query_id
    }

    /// Schema of every batch, with `lockgate.*` metadata on schema and fields.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.start.schema)
    }

    /// What policy did to this query's tables.
    pub fn notices(&self) -> &[Notice] {
        &self.start.notices
    }

    /// Version of the policy that decided.
    pub fn policy(&self) -> &str {
        &self.start.policy
    }

    /// How far the sources are.
    pub fn progress(&self) -> Vec<SourceProgress> {
        self.start.statements.progress()
    }

    /// Whether policy hides rows of any table that is read: where batches begin and end may then tell of them.
    pub fn hides_rows(&self) -> bool {
        self.start.hides_rows
    }

    /// Whether the row limit cut the result; known once the stream has ended.
    pub fn truncated(&self) -> bool {
        self.truncated
    }

    /// Tells whether rows that were handed over may still leave.
    pub fn watch(&self) -> Watch {
        match &self.state {
            State::Work(work) => Watch(Some(Arc::clone(&work.guard))),
            State::Ready(_) | State::Ended => Watch(None),
        }
    }

    /// Ends the query because its rows could not be passed on: the ledger tells of a failure, not of a caller who went away.
    pub fn fail(&mut self, error: &Error) {
        self.end(error.code());
    }

    fn end(&mut self, code: ErrorCode) {
        match code {
            ErrorCode::Cancelled => self.finish(Outcome::Cancelled, None),
            code => self.finish(Outcome::Failed, Some(code)),
        }
    }

    fn finish(&mut self, outcome: Outcome, code: Option<ErrorCode>) {
        if let State::Work(work) = std::mem::replace(&mut self.state, State::Ended) {
            work.task.abort();
        }
        self.start.statements.end();
        if let Some(close) = self.close.take() {
            let record = CloseRecord {
                query_id: self.start.query_id,
                at: chrono::Utc::now(),
                outcome,
                code: code.map(|code| code.name().to_owned()),
                rows: close.rows,
                bytes: close.bytes,
                elapsed_ms: u64::try_from(close.opened.elapsed().as_millis()).unwrap_or(u64::MAX),
                given_up: BTreeMap::new(),
            };
            let closing = Closing::new(record, Arc::clone(&self.start.statements), close.ledger);
            if !closing.is_ready() {
                close.tasks.spawn(closing.ready());
            }
        }
    }

    fn count(&mut self, batch: &RecordBatch) {
        if let Some(close) = &mut self.close {
            close.rows = close.rows.saturating_add(u64::try_from(batch.num_rows()).unwrap_or(u64::MAX));
            close.bytes = close.bytes.saturating_add(u64::try_from(bytes_of(batch)).unwrap_or(u64::MAX));
        }
    }

    fn failed(&mut self, mut error: Error) -> Poll<Option<Result<RecordBatch, Error>>> {
        error.problem.query_id = Some(self.start.query_id);
        self.fail(&error);
        Poll::Ready(Some(Err(error)))
    }
}

impl Stream for Running {
    type Item = Result<RecordBatch, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            let message = match &mut this.state {
                State::Ended => return Poll::Ready(None),
                State::Ready(batch) => {
                    let batch = batch.take();
                    this.state = State::Ended;
                    return Poll::Ready(batch.map(Ok));
                }
                State::Work(work) => match ready!(work.inbox.poll(cx)) {
                    Some(Message::Batch(batch)) => match work.guard.check() {
                        Ok(()) => Message::Batch(batch),
                        // It was made before access was withdrawn, and must not leave after that.
                        Err(error) => Message::Failed(error),
                    },
                    Some(message) => message,
                    // The sender is gone: only a task that ended well closes without a last word.
                    None => match ready!(Pin::new(&mut work.task).poll(cx)) {
                        Ok(()) => {
                            this.finish(Outcome::Finished, None);
                            return Poll::Ready(None);
                        }
                        Err(_panicked) => Message::Failed(
                            Error::new(ErrorCode::Internal, "the gateway failed")
                                .with_hint("tell the operator the query id")
                                .with_internal("the query's task panicked"),
                        ),
                    },
                },
            };
            match message {
                Message::Truncated => this.truncated = true,
                Message::Batch(batch) => {
                    this.count(&batch);
                    return Poll::Ready(Some(Ok(batch)));
                }
                Message::Failed(error) => return this.failed(error),
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let failure = match &self.state {
            State::Work(work) => work.failure.get().copied(),
            State::Ready(_) | State::Ended => None,
        };
        match failure {
            Some(code) => self.end(code),
            None => self.finish(Outcome::Cancelled, None),
        }
    }
}

/// Tells whether the rows of one result may still leave.
#[derive(Clone)]
pub struct Watch(Option<Arc<Guard>>);

impl Watch {
    /// Cheap: it is asked before each piece of a result leaves.
    ///
    /// # Errors
    /// `ACCESS_REVOKED` once credentials, or access to what the query reads, were withdrawn.
    pub fn check(&self) -> Result<(), Error> {
        self.0.as_ref().map_or(Ok(()), |guard| guard.check())
    }
}
