//! The spine. Every entry path goes through here; the value changes type at each stop.

use std::sync::Arc;

use lockgate_contract::QueryContext;
use lockgate_wire::audit::RefusedRecord;
use lockgate_wire::{ErrorCode, QueryRequest};
use sha2::{Digest, Sha256};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use crate::engine::Engine;
use crate::parse::{Mode, Parsed, parse};
use crate::progress::{SourceProgress, Statements};
use crate::running::{Running, Start};
use crate::{Error, Session, bind, explain, govern, guard, plan, run};

/// What is known of a query from its first moment on.
#[derive(Clone)]
pub(crate) struct Ticket {
    /// The query's id.
    pub(crate) query_id: Uuid,
    /// When it must have ended.
    pub(crate) deadline: Instant,
    /// Most rows that it may return.
    pub(crate) max_rows: Option<u64>,
    /// SHA-256 of the SQL text, hexadecimal.
    pub(crate) sql_digest: String,
    /// The policy's epoch, read before its snapshot is taken: a change in between is then seen as one.
    pub(crate) epoch: u64,
    /// What its sources are asked.
    pub(crate) statements: Arc<Statements>,
}

impl Engine {
    /// Runs one statement for `session`.
    ///
    /// The ledger's open record is durable when this returns. Dropping the answer cancels the query.
    ///
    /// # Errors
    /// Any code of `docs/reference/errors.md`; a refusal stands in the ledger too.
    pub async fn query(&self, session: &Session, request: QueryRequest) -> Result<Running, Error> {
        // Planning runs on the query threads: they have the stack for deep expressions, and a panic ends only this query.
        let ticket = self.ticket(&request);
        self.asked().add(ticket.query_id, session, &ticket.statements);
        let (engine, asker, started) = (self.clone(), session.clone(), ticket.clone());
        let task = self.tasks().spawn(async move { engine.query_here(&asker, &request.sql, &started).await });
        match AbortOnDropHandle::new(task).await {
            Ok(answer) => answer,
            Err(cause) => {
                let error = Error::new(ErrorCode::Internal, "the gateway failed")
                    .with_hint("tell the operator the query id")
                    .with_internal(if cause.is_panic() { "planning panicked" } else { "planning was stopped" });
                let policy = self.policies().in_force();
                self.refuse(session, &ticket, policy.version(), error, Vec::new()).await
            }
        }
    }

    /// How far the sources of a query are that this principal has asked; `None` when no such query runs.
    pub fn progress(&self, session: &Session, query_id: Uuid) -> Option<Vec<SourceProgress>> {
        self.asked().find(query_id, session).map(|statements| statements.progress())
    }

    /// Ends a query that this principal has asked; `false` when no such query runs. What it holds at sources is given up, and
    /// whoever reads its rows gets `CANCELLED`.
    pub fn cancel(&self, session: &Session, query_id: Uuid) -> bool {
        let found = self.asked().find(query_id, session);
        found.inspect(|statements| statements.cancel()).is_some()
    }

    async fn query_here(&self, session: &Session, sql: &str, ticket: &Ticket) -> Result<Running, Error> {
        tracing::debug!(query_id = %ticket.query_id, sql, "query asked");
        let policy = self.policies().current();
        let mut named = Vec::new();
        let walk = self.walk(session, sql, ticket, Arc::clone(&policy), &mut named);
        match guard::in_time(ticket.deadline, &ticket.statements, walk).await.flatten() {
            Ok(running) => Ok(running),
            Err(error) => self.refuse(session, ticket, policy.version(), error, named).await,
        }
    }

    async fn walk(
        &self,
        session: &Session,
        sql: &str,
        ticket: &Ticket,
        policy: Arc<lockgate_policies::PolicySet>,
        named: &mut Vec<String>,
    ) -> Result<Running, Error> {
        // A walk that never waits would get by a time limit of nothing.
        if ticket.deadline <= Instant::now() {
            return Err(guard::out_of_time());
        }
        let (statement, mode, wildcard) = match parse(sql)? {
            Parsed::Query { statement, mode, wildcard } => (statement, mode, wildcard),
            Parsed::ShowTables => return self.show_tables(session, ticket, &policy).await,
            Parsed::Describe(name) => return self.describe(session, ticket, &policy, &name).await,
        };
        let mut state = self.state();
        state.config_mut().set_extension(Arc::new(QueryContext {
            query_id: ticket.query_id.to_string(),
            principal: session.asker.principal.name.clone(),
            purpose: session.asker.purpose.clone(),
        }));
        state.config_mut().set_extension(Arc::clone(&ticket.statements));
        let bound = bind::bind(self, session, policy, statement, mode, wildcard).await?;
        named.extend(bound.tables.iter().map(|table| table.name.to_string()));
        let governed = govern::govern(self, session, &state, bound)?;
        let planned = plan::plan(&mut state, governed, self.config().pushdown).await?;
        if mode == Mode::Explain {
            return Ok(Running::of_batch(Start::of(ticket, &planned, session), explain::explain(&planned)?));
        }
        let slot = self.admission().slot(ticket.deadline).await?;
        run::run(self, session, ticket, state, planned, slot).await
    }

    fn ticket(&self, request: &QueryRequest) -> Ticket {
        let limit = self.config().time_limit;
        let asked = request.timeout_ms.map_or(limit, std::time::Duration::from_millis);
        let max_rows = match (request.max_rows, self.config().max_rows) {
            (Some(asked), Some(most)) => Some(asked.min(most)),
            (asked, most) => asked.or(most),
        };
        Ticket {
            query_id: request.query_id.unwrap_or_else(Uuid::now_v7),
            deadline: Instant::now() + asked.min(limit),
            max_rows,
            sql_digest: Sha256::digest(request.sql.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect(),
            epoch: self.policies().epoch(),
            statements: Arc::default(),
        }
    }

    /// Writes a refusal into the ledger, then gives it back.
    async fn refuse(
        &self,
        session: &Session,
        ticket: &Ticket,
        policy: &str,
        mut error: Error,
        tables: Vec<String>,
    ) -> Result<Running, Error> {
        error.problem.query_id = Some(ticket.query_id);
        let record = RefusedRecord {
            query_id: ticket.query_id,
            at: chrono::Utc::now(),
            principal: session.asker.principal.name.clone(),
            purpose: session.asker.purpose.clone(),
            door: session.door.to_owned(),
            policy: policy.to_owned(),
            sql_digest: ticket.sql_digest.clone(),
            code: error.code().name().to_owned(),
            tables,
        };
        match self.ledger().refused(record).await {
            Ok(()) => Err(error),
            Err(cause) => {
                let mut down = run::ledger_down(&cause);
                down.problem.query_id = Some(ticket.query_id);
                Err(down)
            }
        }
    }
}
