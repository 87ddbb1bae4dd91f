//! How far the sources of a running query are, and what became of the statements that were given up.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use lockgate_contract::{StatementProgress, StatementWatch};
use lockgate_wire::audit::CloseRecord;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{Ledger, Session};

/// How far one source is with one statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceProgress {
    /// Name of the source.
    pub source: String,
    /// What it does.
    pub state: SourceState,
    /// How far it is, as it says itself; absent where policy hides rows of what it reads, which would be counted.
    pub done: Option<StatementProgress>,
}

/// What a source does with a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceState {
    /// It has not begun.
    Queued,
    /// It works.
    Running,
    /// It has nothing more to do.
    Ended,
}

impl SourceState {
    /// The state's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Ended => "ended",
        }
    }
}

/// The statements of one query.
#[derive(Debug, Default)]
pub(crate) struct Statements {
    list: Mutex<Vec<SourceProgress>>,
    given_up: Mutex<BTreeMap<String, bool>>,
    changed: Notify,
    cancelled: CancellationToken,
    has_ended: AtomicBool,
}

impl Statements {
    /// Watches one more statement. Where `hides_rows`, how far the source is stays untold: it counts hidden rows too.
    pub(crate) fn watch(self: &Arc<Self>, source: &str, hides_rows: bool) -> Arc<dyn StatementWatch> {
        let mut list = self.list.lock();
        list.push(SourceProgress { source: source.to_owned(), state: SourceState::Queued, done: None });
        Arc::new(Watch { statements: Arc::clone(self), at: list.len().saturating_sub(1), hides_rows })
    }

    /// The query has ended; what works for it may not have noticed yet.
    pub(crate) fn end(&self) {
        self.has_ended.store(true, Ordering::Release);
    }

    /// Ends the query, wherever it is.
    pub(crate) fn cancel(&self) {
        self.cancelled.cancel();
    }

    /// Waits until the query is cancelled, if ever.
    pub(crate) async fn cancelled(&self) {
        self.cancelled.cancelled().await;
    }

    /// How far each is.
    pub(crate) fn progress(&self) -> Vec<SourceProgress> {
        self.list.lock().clone()
    }

    fn are_over(&self) -> bool {
        self.list.lock().iter().all(|statement| statement.state == SourceState::Ended)
    }

    fn change(&self, at: usize, change: impl FnOnce(&mut SourceProgress)) {
        if let Some(statement) = self.list.lock().get_mut(at) {
            change(statement);
        }
    }
}

/// The queries that run, to ask how far they are and to end them.
#[derive(Debug, Default)]
pub(crate) struct Asked(Mutex<HashMap<Uuid, (String, Weak<Statements>)>>);

impl Asked {
    /// Remembers a query for as long as it runs.
    pub(crate) fn add(&self, query_id: Uuid, session: &Session, statements: &Arc<Statements>) {
        let mut queries = self.0.lock();
        if queries.len() == queries.capacity() {
            queries.retain(|_, (_, statements)| statements.strong_count() > 0);
        }
        queries.insert(query_id, (session.asker.principal.name.clone(), Arc::downgrade(statements)));
    }

    /// The statements of a query that has not ended, for who asked it.
    pub(crate) fn find(&self, query_id: Uuid, session: &Session) -> Option<Arc<Statements>> {
        let queries = self.0.lock();
        let (principal, statements) = queries.get(&query_id)?;
        let statements = statements.upgrade().filter(|statements| !statements.has_ended.load(Ordering::Acquire))?;
        (*principal == session.asker.principal.name).then_some(statements)
    }
}

#[derive(Debug)]
struct Watch {
    statements: Arc<Statements>,
    at: usize,
    hides_rows: bool,
}

impl StatementWatch for Watch {
    fn progress(&self, progress: StatementProgress) {
        self.statements.change(self.at, |statement| {
            statement.state = if progress.is_queued { SourceState::Queued } else { SourceState::Running };
            statement.done = (!self.hides_rows).then_some(progress);
        });
    }

    fn given_up(&self, has_ended: bool) {
        let source = self.statements.list.lock().get(self.at).map(|statement| statement.source.clone());
        let mut given_up = self.statements.given_up.lock();
        // Of several statements at one source, all must have ended.
        let all_ended = given_up.entry(source.unwrap_or_default()).or_insert(true);
        *all_ended = *all_ended && has_ended;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.statements.change(self.at, |statement| statement.state = SourceState::Ended);
        self.statements.changed.notify_waiters();
    }
}

/// Longest time that the record of a query's end waits for its sources to confirm that they no longer work on it.
const CONFIRMED_WITHIN: Duration = Duration::from_secs(10);

/// The record of a query's end, which says what became of the statements that were given up. It is written when all of them
/// have ended, and at the latest when this is dropped.
pub(crate) struct Closing {
    statements: Arc<Statements>,
    ledger: Arc<dyn Ledger>,
    record: Option<CloseRecord>,
}

impl Closing {
    /// A record that is ready but for that.
    pub(crate) fn new(record: CloseRecord, statements: Arc<Statements>, ledger: Arc<dyn Ledger>) -> Self {
        Self { statements, ledger, record: Some(record) }
    }

    /// Whether there is nothing to wait for.
    pub(crate) fn is_ready(&self) -> bool {
        self.statements.are_over()
    }

    /// Waits until it can be written.
    pub(crate) async fn ready(self) {
        self.ready_within(CONFIRMED_WITHIN).await;
    }

    async fn ready_within(self, most: Duration) {
        let over = async {
            loop {
                let changed = self.statements.changed.notified();
                if self.statements.are_over() {
                    return;
                }
                changed.await;
            }
        };
        // Whatever has not been confirmed by then stands there as that.
        if tokio::time::timeout(most, over).await.is_err() {
            let open = self.statements.progress().into_iter().filter(|open| open.state != SourceState::Ended);
            self.statements.given_up.lock().extend(open.map(|open| (open.source, false)));
        }
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        if let Some(mut record) = self.record.take() {
            record.given_up.clone_from(&self.statements.given_up.lock());
            self.ledger.close(record);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use async_trait::async_trait;
    use lockgate_policies::{Asker, Env, Principal};
    use lockgate_wire::audit::{OpenRecord, Outcome, RefusedRecord};

    use super::*;
    use crate::{LedgerError, Standing};

    fn session(name: &str) -> Session {
        let principal = Principal { name: name.to_owned(), roles: BTreeSet::new() };
        let env = Env { dc: "eu".to_owned(), site: "eu".to_owned(), today: chrono::NaiveDate::default() };
        let asker = Asker { principal, purpose: "test".to_owned(), env };
        Session { asker, door: "test", standing: Standing::default() }
    }

    #[test]
    fn a_query_is_found_by_who_asked_it_for_as_long_as_it_runs() {
        let (asked, id, statements) = (Asked::default(), Uuid::now_v7(), Arc::new(Statements::default()));
        asked.add(id, &session("ann"), &statements);
        assert!(asked.find(id, &session("ann")).is_some());
        assert!(asked.find(id, &session("bob")).is_none());
        assert!(asked.find(Uuid::now_v7(), &session("ann")).is_none());
        // Whatever still works for it.
        statements.end();
        assert!(asked.find(id, &session("ann")).is_none());
        let unseen = Arc::new(Statements::default());
        asked.add(id, &session("ann"), &unseen);
        drop(unseen);
        assert!(asked.find(id, &session("ann")).is_none());
    }

    #[test]
    fn counts_are_told_only_where_no_row_is_hidden() {
        let statements = Arc::new(Statements::default());
        let watches = [statements.watch("open", false), statements.watch("closed", true)];
        let counts = StatementProgress { parts: 3, rows: 7, ..StatementProgress::default() };
        watches.iter().for_each(|watch| watch.progress(counts));
        let told: Vec<_> = statements.progress().into_iter().map(|one| (one.source, one.state, one.done)).collect();
        assert_eq!(
            told,
            [
                ("open".to_owned(), SourceState::Running, Some(counts)),
                ("closed".to_owned(), SourceState::Running, None)
            ]
        );
    }

    /// Keeps the records of ends.
    #[derive(Default)]
    struct Closed(Mutex<Vec<CloseRecord>>);

    #[async_trait]
    impl Ledger for Closed {
        async fn open(&self, _: OpenRecord) -> Result<(), LedgerError> {
            Ok(())
        }

        async fn refused(&self, _: RefusedRecord) -> Result<(), LedgerError> {
            Ok(())
        }

        fn close(&self, record: CloseRecord) {
            self.0.lock().push(record);
        }
    }

    fn record() -> CloseRecord {
        CloseRecord {
            query_id: Uuid::now_v7(),
            at: chrono::DateTime::default(),
            outcome: Outcome::Cancelled,
            code: None,
            rows: 0,
            bytes: 0,
            elapsed_ms: 0,
            given_up: BTreeMap::new(),
        }
    }

    #[tokio::test]
    async fn the_end_is_recorded_when_every_source_has_said_what_became_of_its_statements() {
        let (ledger, statements) = (Arc::new(Closed::default()), Arc::new(Statements::default()));
        let watches = ["one", "one", "two"].map(|source| statements.watch(source, false));
        let closing = Closing::new(record(), Arc::clone(&statements), Arc::<Closed>::clone(&ledger));
        assert!(!closing.is_ready());
        let ready = tokio::spawn(closing.ready());
        let [first, second, third] = watches;
        first.given_up(true);
        second.given_up(false);
        third.given_up(true);
        drop((first, second));
        tokio::task::yield_now().await;
        assert!(ledger.0.lock().is_empty());
        drop(third);
        ready.await.unwrap();
        let given_up = BTreeMap::from([("one".to_owned(), false), ("two".to_owned(), true)]);
        assert_eq!(ledger.0.lock().iter().map(|record| record.given_up.clone()).collect::<Vec<_>>(), [given_up]);
    }

    #[tokio::test]
    async fn a_source_that_never_says_is_recorded_as_not_confirmed() {
        let (ledger, statements) = (Arc::new(Closed::default()), Arc::new(Statements::default()));
        let watch = statements.watch("one", false);
        let closing = Closing::new(record(), Arc::clone(&statements), Arc::<Closed>::clone(&ledger));
        closing.ready_within(Duration::from_millis(1)).await;
        assert_eq!(ledger.0.lock().first().map(|record| record.given_up.get("one").copied()), Some(Some(false)));
        drop(watch);
    }
}
