//! A query that streams: what the doors hold.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use futures::Stream;
use lockgate_wire::audit::{CloseRecord, Outcome};
use lockgate_wire::{ErrorCode, Notice};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::plan::Planned;
use crate::query::Ticket;
use crate::session::Standing;
use crate::{Error, Ledger, Session, plain, run};

/// What a query's task sends.
#[derive(Debug)]
pub(crate) enum Message {
    /// Rows.
    Batch(RecordBatch),
    /// The row limit cut the result; the next batch is the last.
    Truncated,
    /// The query failed.
    Failed(Error),
}

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
    purpose: String,
    standing: Standing,
}

impl Start {
    /// The start of a planned query; its schema is set by who runs it.
    pub(crate) fn of(ticket: &Ticket, planned: &Planned, session: &Session) -> Self {
        Self {
            query_id: ticket.query_id,
            schema: Arc::new(Schema::empty()),
            notices: planned.notices.clone(),
            policy: Arc::clone(&planned.governed.policy),
            purpose: session.asker.purpose.clone(),
            standing: session.standing.clone(),
        }
    }

    /// The start of a metadata statement.
    pub(crate) fn plain(ticket: &Ticket, policy: &str, session: &Session) -> Self {
        Self {
            query_id: ticket.query_id,
            schema: Arc::new(Schema::empty()),
            notices: Vec::new(),
            policy: Arc::from(policy),
            purpose: session.asker.purpose.clone(),
            standing: session.standing.clone(),
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

/// The rows of a running query, as a stream of Arrow batches.
///
/// - Batches have [`Running::schema`]; text is `Utf8`, never a view or a dictionary.
/// - After an error the stream ends; what came before is not the whole result.
/// - Dropping it cancels the query and closes the ledger's record.
pub struct Running {
    start: Start,
    state: State,
    truncated: bool,
    close: Option<Close>,
}

enum State {
    Task { receiver: mpsc::Receiver<Message>, task: JoinHandle<()> },
    Ready(Option<RecordBatch>),
    Ended,
}

struct Close {
    ledger: Arc<dyn Ledger>,
    opened: Instant,
    rows: u64,
    bytes: u64,
}

impl Running {
    pub(crate) fn of_task(
        start: Start,
        receiver: mpsc::Receiver<Message>,
        task: JoinHandle<()>,
        ledger: Arc<dyn Ledger>,
    ) -> Self {
        let close = Some(Close { ledger, opened: Instant::now(), rows: 0, bytes: 0 });
        Self { start, state: State::Task { receiver, task }, truncated: false, close }
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

    /// Whether the row limit cut the result; known once the stream has ended.
    pub fn truncated(&self) -> bool {
        self.truncated
    }

    fn finish(&mut self, outcome: Outcome, code: Option<ErrorCode>) {
        if let State::Task { task, .. } = std::mem::replace(&mut self.state, State::Ended) {
            task.abort();
        }
        if let Some(close) = self.close.take() {
            close.ledger.close(CloseRecord {
                query_id: self.start.query_id,
                at: chrono::Utc::now(),
                outcome,
                code: code.map(|code| code.name().to_owned()),
                rows: close.rows,
                bytes: close.bytes,
                elapsed_ms: u64::try_from(close.opened.elapsed().as_millis()).unwrap_or(u64::MAX),
            });
        }
    }

    fn count(&mut self, batch: &RecordBatch) {
        if let Some(close) = &mut self.close {
            close.rows = close.rows.saturating_add(u64::try_from(batch.num_rows()).unwrap_or(u64::MAX));
            close.bytes = close.bytes.saturating_add(u64::try_from(batch.get_array_memory_size()).unwrap_or(u64::MAX));
        }
    }

    /// The task ended without a last word: it panicked, or it was done.
    fn ended(&mut self) -> Option<Result<RecordBatch, Error>> {
        self.finish(Outcome::Finished, None);
        None
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
                State::Task { receiver, task } => match receiver.poll_recv(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Some(message)) => message,
                    // The sender is gone: only a task that ended well closes without a last word.
                    Poll::Ready(None) => match Pin::new(task).poll(cx) {
                        Poll::Pending => return Poll::Pending,
                        Poll::Ready(Ok(())) => return Poll::Ready(this.ended()),
                        Poll::Ready(Err(_panicked)) => Message::Failed(
                            Error::new(ErrorCode::Internal, "the gateway failed")
                                .with_hint("tell the operator the query id")
                                .with_internal("the query's task panicked"),
                        ),
                    },
                },
            };
            match message {
                Message::Truncated => this.truncated = true,
                // Batches that wait here were made before the credentials were withdrawn, and must not leave after it.
                Message::Batch(_) if this.start.standing.is_withdrawn() => {
                    let mut error = run::revoked(run::CREDENTIALS);
                    error.problem.query_id = Some(this.start.query_id);
                    this.finish(Outcome::Failed, Some(error.code()));
                    return Poll::Ready(Some(Err(error)));
                }
                Message::Batch(batch) => {
                    this.count(&batch);
                    return Poll::Ready(Some(Ok(batch)));
                }
                Message::Failed(mut error) => {
                    error.problem.query_id = Some(this.start.query_id);
                    this.finish(Outcome::Failed, Some(error.code()));
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.finish(Outcome::Cancelled, None);
    }
}
