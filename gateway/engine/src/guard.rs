//! What may end a running query from outside: time, its caller, withdrawn credentials, withdrawn access.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;
use lockgate_policies::{ColumnDecision, PolicyStore, Shown, TableAccess, TableName};
use lockgate_wire::ErrorCode;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::outbox::{Message, Outbox};
use crate::plan::Planned;
use crate::progress::Statements;
use crate::query::Ticket;
use crate::{Error, Session, rewrite};

/// Watches one running query. A query keeps its policy snapshot, but ends when what it reads was taken away altogether.
pub(crate) struct Guard {
    deadline: Instant,
    statements: Arc<Statements>,
    session: Session,
    policies: Arc<PolicyStore>,
    tables: Vec<GuardedTable>,
    verdict: Mutex<Verdict>,
}

struct GuardedTable {
    name: TableName,
    schema: SchemaRef,
    /// The columns that are read, as they are shown.
    columns: Vec<ColumnDecision>,
}

/// The answer under one policy; every place where rows move on asks again.
struct Verdict {
    epoch: u64,
    withdrawn: Option<&'static str>,
}

impl Guard {
    /// A guard for a query that is about to run.
    pub(crate) fn new(session: &Session, ticket: &Ticket, planned: &Planned, policies: Arc<PolicyStore>) -> Self {
        let mut tables = Vec::with_capacity(planned.governed.tables.len());
        for table in &planned.governed.tables {
            let TableAccess::Visible { columns, .. } = &table.decision.access else { continue };
            let read = planned.reads.get(&table.name);
            let is_read = |column: &&ColumnDecision| read.is_some_and(|read| read.contains(&column.name));
            tables.push(GuardedTable {
                name: table.name.clone(),
                schema: Arc::clone(&table.schema),
                columns: columns.iter().filter(is_read).cloned().collect(),
            });
        }
        let verdict = Mutex::new(Verdict { epoch: ticket.epoch, withdrawn: None });
        let statements = Arc::clone(&ticket.statements);
        Self { deadline: ticket.deadline, statements, session: session.clone(), policies, tables, verdict }
    }

    /// The next batch, unless time is up or access was withdrawn meanwhile.
    pub(crate) async fn next(&self, stream: &mut SendableRecordBatchStream) -> Result<Option<RecordBatch>, Error> {
        let next = in_time(self.deadline, &self.statements, stream.next()).await?;
        self.check()?;
        next.transpose().map_err(|error| rewrite::run_error(&error))
    }

    /// Hands over what comes next; `false` when nobody takes it any more. A caller who is too slow runs into the time limit.
    pub(crate) async fn send(&self, outbox: &Outbox, message: Message) -> Result<bool, Error> {
        in_time(self.deadline, &self.statements, outbox.send(message)).await
    }

    /// Whether rows may still leave. Cheap as long as the policy stays the same.
    ///
    /// # Errors
    /// `ACCESS_REVOKED`, from then on for good.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.session.standing.is_withdrawn() {
            return Err(revoked("your credentials were withdrawn"));
        }
        let mut verdict = self.verdict.lock();
        let epoch = self.policies.epoch();
        if verdict.withdrawn.is_none() && verdict.epoch != epoch {
            *verdict = Verdict { epoch, withdrawn: self.withdrawn() };
        }
        verdict.withdrawn.map_or(Ok(()), |what| Err(revoked(what)))
    }

    /// What the policy in force no longer gives.
    fn withdrawn(&self) -> Option<&'static str> {
        let policy = self.policies.in_force();
        for table in &self.tables {
            let decision = policy.decide(&self.session.asker, &table.name, &table.schema);
            let TableAccess::Visible { columns, .. } = &decision.access else {
                return Some("access to a table of the query was withdrawn");
            };
            let is_shown = |read: &ColumnDecision| {
                columns.iter().any(|now| now.name == read.name && still_shown(&read.shown, &now.shown))
            };
            if !table.columns.iter().all(is_shown) {
                return Some("access to a column of the query was withdrawn");
            }
        }
        None
    }
}

/// Whether everything that was shown still is, in whatever treatment.
fn still_shown(before: &Shown, now: &Shown) -> bool {
    match (before, now) {
        (Shown::Withheld(_) | Shown::Hidden, _) | (_, Shown::Treated(_)) => true,
        (_, Shown::Withheld(_) | Shown::Hidden) => false,
        (Shown::Treated(_), Shown::Nested(parts)) => parts.iter().all(|part| still_shown(before, &part.shown)),
        (Shown::Nested(before), Shown::Nested(now)) => before.iter().all(|part| {
            let now = now.iter().find(|now| now.name == part.name);
            now.map_or(matches!(part.shown, Shown::Withheld(_) | Shown::Hidden), |now| {
                still_shown(&part.shown, &now.shown)
            })
        }),
    }
}

/// The error when what allowed a query was taken away.
fn revoked(text: &str) -> Error {
    Error::new(ErrorCode::AccessRevoked, text).with_hint("what was sent is not the whole result; run the query again")
}

/// What comes of `work`, unless the query's time is up or it is cancelled before.
///
/// # Errors
/// `TIME_LIMIT` and `CANCELLED`.
pub(crate) async fn in_time<T>(
    deadline: Instant,
    statements: &Statements,
    work: impl Future<Output = T>,
) -> Result<T, Error> {
    tokio::select! {
        () = statements.cancelled() => Err(Error::new(ErrorCode::Cancelled, "the query was cancelled")),
        done = tokio::time::timeout_at(deadline, work) => done.map_err(|_elapsed| out_of_time()),
    }
}

/// The error when a query's time is up.
pub(crate) fn out_of_time() -> Error {
    Error::new(ErrorCode::TimeLimit, "the query ran into its time limit").with_hint("narrow it or raise timeout_ms")
}

#[cfg(test)]
mod tests {
    use lockgate_policies::{Treatment, Withheld, WithheldReason};

    use super::*;

    fn part(name: &str, shown: Shown) -> ColumnDecision {
        ColumnDecision { name: name.to_owned(), shown, rules: Vec::new(), tags: Vec::new() }
    }

    fn pair(phone: Shown, tip: Shown) -> Shown {
        Shown::Nested(vec![part("phone", phone), part("tip", tip)])
    }

    #[test]
    fn taking_away_a_field_counts_and_another_treatment_does_not() {
        let (clear, hash) = (Shown::Treated(Treatment::Clear), Shown::Treated(Treatment::Hash));
        let withheld = Shown::Withheld(Withheld { reason: WithheldReason::NoRule, rule: None, remedy: String::new() });
        let cases = [
            (&clear, &hash, true),
            (&clear, &withheld, false),
            (&clear, &Shown::Hidden, false),
            (&withheld, &withheld, true),
            (&pair(clear.clone(), hash.clone()), &clear, true),
            (&pair(clear.clone(), hash.clone()), &pair(hash.clone(), clear.clone()), true),
            (&pair(clear.clone(), hash.clone()), &pair(withheld.clone(), hash.clone()), false),
            (&pair(withheld.clone(), hash.clone()), &pair(withheld.clone(), hash.clone()), true),
            (&clear, &pair(hash.clone(), clear.clone()), true),
            (&clear, &pair(hash.clone(), Shown::Hidden), false),
            (&pair(clear.clone(), hash.clone()), &Shown::Nested(vec![part("phone", clear.clone())]), false),
        ];
        for (before, now, expected) in cases {
            assert_eq!(still_shown(before, now), expected, "{before:?} -> {now:?}");
        }
    }
}
