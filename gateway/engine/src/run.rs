//! run and close: stream batches from the query runtime, cancel on drop.

use std::sync::{Arc, OnceLock};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::{SessionState, TaskContext};
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use lockgate_wire::ErrorCode;
use lockgate_wire::audit::OpenRecord;

use crate::admit::{QueryMemory, Slot};
use crate::engine::Engine;
use crate::guard::Guard;
use crate::notices::Reader;
use crate::outbox::{Message, Outbox, outbox};
use crate::parse::Mode;
use crate::plan::Planned;
use crate::query::Ticket;
use crate::running::{Running, Start, Work};
use crate::{Error, LedgerError, Session, explain, notices, plain, rewrite};

/// Opens the ledger's record and starts the query.
pub(crate) async fn run(
    engine: &Engine,
    session: &Session,
    ticket: &Ticket,
    state: SessionState,
    planned: Planned,
    slot: Slot,
) -> Result<Running, Error> {
    let memory = Arc::new(QueryMemory::new(engine.config().query_memory_bytes, Arc::clone(engine.memory())));
    let runtime = RuntimeEnvBuilder::from_runtime_env(engine.runtime_env())
        .with_memory_pool(memory)
        .build_arc()
        .map_err(|error| rewrite::run_error(&error))?;
    let context = Arc::new(TaskContext::from(&state).with_runtime(runtime));

    let (outbox, inbox) = outbox();
    let guard = Arc::new(Guard::new(session, ticket, &planned, Arc::clone(engine.policies())));
    let mut start = Start::of(ticket, &planned, session);
    if planned.governed.mode == Mode::Analyze {
        start.schema = explain::schema();
    } else {
        start.schema = start.result_schema(&planned.physical.schema());
    }
    let (schema, max_rows) = (Arc::clone(&start.schema), ticket.max_rows);

    // INVARIANT: durable before the first byte leaves; when it cannot be written, nothing is read. Nothing between here and
    // `Running`, which closes the record, waits or fails.
    let record = open_record(session, ticket, &planned);
    engine.ledger().open(record).await.map_err(|cause| ledger_down(&cause))?;
    let job = Job { planned, context, guard: Arc::clone(&guard), schema, max_rows, _slot: slot };
    let failure = Arc::new(OnceLock::new());
    let failed = Arc::clone(&failure);
    let task = engine.tasks().spawn(async move {
        if let Err(error) = job.work(&outbox).await {
            // Noted beside the channel, which stays full when the caller has stopped listening.
            let _ = failed.set(error.code());
            drop(job);
            let _ = outbox.send(Message::Failed(error)).await;
        }
    });
    let work = Work { inbox, task, failure, guard };
    Ok(Running::of_task(start, work, Arc::clone(engine.ledger()), engine.tasks().clone()))
}

/// All that a running query holds. It is gone before an error is handed over, so that a caller who does not listen holds
/// neither slot nor memory.
struct Job {
    planned: Planned,
    context: Arc<TaskContext>,
    guard: Arc<Guard>,
    schema: SchemaRef,
    max_rows: Option<u64>,
    _slot: Slot,
}

impl Job {
    async fn work(&self, outbox: &Outbox) -> Result<(), Error> {
        if self.planned.governed.mode == Mode::Analyze {
            let batch = analyze_plan(&self.planned.physical, Arc::clone(&self.context), &self.guard).await?;
            return self.guard.send(outbox, Message::Batch(batch)).await.map(drop);
        }
        self.drive(outbox).await
    }

    async fn drive(&self, outbox: &Outbox) -> Result<(), Error> {
        let stream = execute_stream(Arc::clone(&self.planned.physical), Arc::clone(&self.context));
        let mut stream = stream.map_err(|error| rewrite::run_error(&error))?;
        let mut left = self.max_rows;
        while let Some(batch) = self.guard.next(&mut stream).await? {
            if batch.num_rows() == 0 {
                continue;
            }
            let batch = plain::to_schema(&batch, &self.schema).map_err(|error| rewrite::run_error(&error))?;
            let (batch, is_cut) = cut(batch, &mut left);
            if is_cut {
                self.guard.send(outbox, Message::Truncated).await?;
            }
            let is_heard = batch.num_rows() == 0 || self.guard.send(outbox, Message::Batch(batch)).await?;
            if is_cut || !is_heard {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// The part of a batch that is within the row limit, and whether rows were left out.
fn cut(batch: RecordBatch, left: &mut Option<u64>) -> (RecordBatch, bool) {
    let Some(most) = left else { return (batch, false) };
    let rows = u64::try_from(batch.num_rows()).unwrap_or(u64::MAX);
    if rows <= *most {
        *most -= rows;
        return (batch, false);
    }
    let kept = usize::try_from(*most).unwrap_or(usize::MAX);
    (batch.slice(0, kept), true)
}

async fn analyze_plan(
    physical: &Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
    guard: &Guard,
) -> Result<RecordBatch, Error> {
    let mut stream = execute_stream(Arc::clone(physical), context).map_err(|error| rewrite::run_error(&error))?;
    while guard.next(&mut stream).await?.is_some() {}
    drop(stream);
    explain::analyzed(physical)
}

fn open_record(session: &Session, ticket: &Ticket, planned: &Planned) -> OpenRecord {
    let mut sources: Vec<String> = planned.governed.tables.iter().map(|table| table.source.clone()).collect();
    sources.sort();
    sources.dedup();
    OpenRecord {
        query_id: ticket.query_id,
        at: chrono::Utc::now(),
        principal: session.asker.principal.name.clone(),
        purpose: session.asker.purpose.clone(),
        dc: session.asker.env.dc.clone(),
        door: session.door.to_owned(),
        policy: planned.governed.policy.to_string(),
        sql_digest: ticket.sql_digest.clone(),
        tables: notices::audit_tables(&planned.governed, &planned.reads, Reader::Ledger),
        sources,
    }
}

/// The error when the ledger cannot be written.
pub(crate) fn ledger_down(cause: &LedgerError) -> Error {
    Error::new(ErrorCode::LedgerUnavailable, "the audit ledger cannot be written, so nothing may be read")
        .with_hint("tell the operator")
        .with_internal(cause.0.to_string())
}
