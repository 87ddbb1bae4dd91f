//! Which queries ran: open, close and refused records joined into findings.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io;
use std::path::Path;

use chrono::{DateTime, Utc};
use lockgate_wire::audit::{AuditRecord, AuditTable, CloseRecord, OpenRecord, Outcome, RefusedRecord, WriterEvent};
use serde::Serialize;
use uuid::Uuid;

use super::error::Break;
use super::pattern::ColumnPattern;
use super::reader::{self, Entries};

/// How a query stands in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum QueryOutcome {
    /// All rows were handed over.
    Finished,
    /// An error ended it; some rows may have left.
    Failed,
    /// The caller went away or cancelled; some rows may have left.
    Cancelled,
    /// No close record: it still runs, or the gateway ended before it did. Some rows may have left.
    Unfinished,
    /// Refused before it read anything.
    Refused,
}

impl QueryOutcome {
    /// The outcome's name.
    pub fn name(self) -> &'static str {
        match self {
            QueryOutcome::Finished => "finished",
            QueryOutcome::Failed => "failed",
            QueryOutcome::Cancelled => "cancelled",
            QueryOutcome::Unfinished => "unfinished",
            QueryOutcome::Refused => "refused",
        }
    }
}

impl From<Outcome> for QueryOutcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Finished => QueryOutcome::Finished,
            Outcome::Failed => QueryOutcome::Failed,
            Outcome::Cancelled => QueryOutcome::Cancelled,
        }
    }
}

/// Which queries are asked for; what is `None` does not matter.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Principal that asked.
    pub principal: Option<String>,
    /// Purpose that was declared.
    pub purpose: Option<String>,
    /// Table or column that was read (for a refused query: a table that was named).
    pub column: Option<ColumnPattern>,
    /// Asked at this time or later.
    pub from: Option<DateTime<Utc>>,
    /// Asked before this time.
    pub to: Option<DateTime<Utc>>,
    /// How it ended.
    pub outcome: Option<QueryOutcome>,
    /// The query's id.
    pub query_id: Option<Uuid>,
}

impl Filter {
    fn takes_asker(&self, query_id: Uuid, at: DateTime<Utc>, principal: &str, purpose: &str) -> bool {
        self.query_id.is_none_or(|wanted| wanted == query_id)
            && self.principal.as_deref().is_none_or(|wanted| wanted == principal)
            && self.purpose.as_deref().is_none_or(|wanted| wanted == purpose)
            && self.from.is_none_or(|from| at >= from)
            && self.to.is_none_or(|to| at < to)
    }

    fn takes_open(&self, open: &OpenRecord) -> bool {
        let takes_table = |table: &AuditTable| match &self.column {
            None => true,
            Some(pattern) => {
                pattern.fits_table(&table.table)
                    && (!pattern.names_columns() || table.columns.keys().any(|column| pattern.fits_column(column)))
            }
        };
        self.takes_asker(open.query_id, open.at, &open.principal, &open.purpose)
            && (self.column.is_none() || open.tables.iter().any(takes_table))
    }

    /// A refused query has tables, not columns: it is found by its tables.
    fn takes_refused(&self, refused: &RefusedRecord) -> bool {
        let takes_table = |pattern: &ColumnPattern| refused.tables.iter().any(|table| pattern.fits_table(table));
        self.takes_asker(refused.query_id, refused.at, &refused.principal, &refused.purpose)
            && self.column.as_ref().is_none_or(takes_table)
    }
}

/// One query, from its open and close records or from its refusal.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// Number of the record that the query begins with.
    pub seq: u64,
    /// The query's id.
    pub query_id: Uuid,
    /// When it was decided or refused, UTC.
    pub at: DateTime<Utc>,
    /// Principal that asked.
    pub principal: String,
    /// Purpose that was declared.
    pub purpose: String,
    /// Where the result was delivered; absent for a refused query.
    pub dc: Option<String>,
    /// Door through which it came.
    pub door: String,
    /// Policy version.
    pub policy: String,
    /// How it ended.
    pub outcome: QueryOutcome,
    /// Error code of a failed or refused query.
    pub code: Option<String>,
    /// Rows handed over; absent while there is no close record.
    pub rows: Option<u64>,
    /// Bytes handed over; absent while there is no close record.
    pub bytes: Option<u64>,
    /// Milliseconds from open to close.
    pub elapsed_ms: Option<u64>,
    /// SHA-256 of the SQL text.
    pub sql_digest: String,
    /// Tables read, with what was shown of each; only names for a refused query.
    pub tables: Vec<AuditTable>,
    /// Sources read.
    pub sources: Vec<String>,
    /// Sources at which a statement was given up before its end, with whether each confirmed that it ended.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub given_up: BTreeMap<String, bool>,
}

impl Finding {
    fn opened(seq: u64, open: OpenRecord) -> Self {
        Self {
            seq,
            query_id: open.query_id,
            at: open.at,
            principal: open.principal,
            purpose: open.purpose,
            dc: Some(open.dc),
            door: open.door,
            policy: open.policy,
            outcome: QueryOutcome::Unfinished,
            code: None,
            rows: None,
            bytes: None,
            elapsed_ms: None,
            sql_digest: open.sql_digest,
            tables: open.tables,
            sources: open.sources,
            given_up: BTreeMap::new(),
        }
    }

    fn refused(seq: u64, refused: RefusedRecord) -> Self {
        let named = |table| AuditTable { table, columns: Default::default(), rows: Vec::new(), rules: Vec::new() };
        Self {
            seq,
            query_id: refused.query_id,
            at: refused.at,
            principal: refused.principal,
            purpose: refused.purpose,
            dc: None,
            door: refused.door,
            policy: refused.policy,
            outcome: QueryOutcome::Refused,
            code: Some(refused.code),
            rows: None,
            bytes: None,
            elapsed_ms: None,
            sql_digest: refused.sql_digest,
            tables: refused.tables.into_iter().map(named).collect(),
            sources: Vec::new(),
            given_up: BTreeMap::new(),
        }
    }

    fn end(&mut self, close: CloseRecord) {
        self.outcome = close.outcome.into();
        self.code = close.code;
        self.rows = Some(close.rows);
        self.bytes = Some(close.bytes);
        self.elapsed_ms = Some(close.elapsed_ms);
        self.given_up = close.given_up;
    }
}

/// Most queries that have ended and wait only for one that was asked before them.
const MOST_WAITING: usize = 20_000;

/// Finds queries, in the order in which they were asked. One that runs for so long that 20,000 later ones would have to wait
/// for its end comes when that is found.
///
/// # Errors
/// When the folder cannot be listed.
pub fn search(dir: &Path, filter: Filter) -> io::Result<Findings> {
    Ok(Findings::over(reader::entries(dir)?, filter, MOST_WAITING))
}

/// Queries that a [`search`] finds. Holds only those that fit and still wait for a close record, their own or, to keep the
/// order, that of one before them.
///
/// A place where the chain does not hold is given as a [`Break`]; the search goes on behind it.
#[derive(Debug)]
pub struct Findings {
    entries: Entries,
    filter: Filter,
    most_waiting: usize,
    /// Each with whether its outcome is final.
    waiting: VecDeque<(Finding, bool)>,
    /// How many left `waiting` already: position `n` in the ledger's order is `waiting[n - n_given]`.
    n_given: usize,
    /// Queries by position that are no longer waited for: they come when they end.
    late: BTreeMap<usize, Finding>,
    /// Those of them that have ended.
    ended_late: VecDeque<Finding>,
    /// Positions of open queries. Callers may choose ids, so one id may be open twice; closes then go in order.
    open: HashMap<Uuid, VecDeque<usize>>,
    ended: bool,
}

impl Findings {
    /// Queries among `entries`; `most_waiting` of them may wait for one before them. With 0 they come as they end.
    pub(super) fn over(entries: Entries, filter: Filter, most_waiting: usize) -> Self {
        Self {
            entries,
            filter,
            most_waiting,
            waiting: VecDeque::new(),
            n_given: 0,
            late: BTreeMap::new(),
            ended_late: VecDeque::new(),
            open: HashMap::new(),
            ended: false,
        }
    }

    fn take(&mut self, seq: u64, record: AuditRecord) {
        match record {
            AuditRecord::Open(open) => {
                if self.filter.takes_open(&open) {
                    self.open.entry(open.query_id).or_default().push_back(self.n_given + self.waiting.len());
                    self.waiting.push_back((Finding::opened(seq, open), false));
                }
            }
            AuditRecord::Close(close) => self.close(close),
            AuditRecord::Refused(refused) => {
                if self.filter.takes_refused(&refused) {
                    self.waiting.push_back((Finding::refused(seq, refused), true));
                }
            }
            AuditRecord::Writer(writer) => match writer.event {
                WriterEvent::Started => self.nothing_more_closes(),
                WriterEvent::Resumed => {}
            },
            AuditRecord::Policy(_) => {}
        }
        if self.waiting.len() > self.most_waiting {
            self.let_first_wait_alone();
        }
    }

    fn close(&mut self, close: CloseRecord) {
        let Some(positions) = self.open.get_mut(&close.query_id) else { return };
        let position = positions.pop_front();
        if positions.is_empty() {
            self.open.remove(&close.query_id);
        }
        let Some(position) = position else { return };
        if let Some(mut finding) = self.late.remove(&position) {
            finding.end(close);
            self.ended_late.push_back(finding);
        } else if let Some((finding, is_final)) = self.waiting.get_mut(position - self.n_given) {
            finding.end(close);
            *is_final = true;
        }
    }

    /// Takes open queries from the front, so that what ended behind them can go.
    fn let_first_wait_alone(&mut self) {
        while let Some((finding, _)) = self.waiting.pop_front_if(|(_, is_final)| !*is_final) {
            self.late.insert(self.n_given, finding);
            self.n_given += 1;
        }
    }

    fn nothing_more_closes(&mut self) {
        self.open.clear();
        self.waiting.iter_mut().for_each(|(_, is_final)| *is_final = true);
        self.ended_late.extend(std::mem::take(&mut self.late).into_values());
    }

    fn next_final(&mut self) -> Option<Finding> {
        loop {
            let finding = match self.ended_late.pop_front() {
                Some(finding) => finding,
                None => {
                    let (finding, _) = self.waiting.pop_front_if(|(_, is_final)| *is_final)?;
                    self.n_given += 1;
                    finding
                }
            };
            if self.filter.outcome.is_none_or(|wanted| wanted == finding.outcome) {
                return Some(finding);
            }
        }
    }
}

impl Iterator for Findings {
    type Item = Result<Finding, Break>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(finding) = self.next_final() {
                return Some(Ok(finding));
            }
            if self.ended {
                return None;
            }
            match self.entries.next() {
                Some(Ok(entry)) => entry.record.into_iter().for_each(|record| self.take(entry.head.seq, record)),
                Some(Err(broken)) => return Some(Err(broken)),
                None => {
                    self.ended = true;
                    self.nothing_more_closes();
                }
            }
        }
    }
}
