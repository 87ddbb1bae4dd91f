//! Generated queries with two of the four catalogues in a real server: the answer is the same as over files, where the
//! gateway does everything, and the same for a twin without hidden rows; so is what the server was sent. Some are asked of the
//! same server once more, with nothing left to it but to read its tables.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, ensure};
use arrow::array::AsArray;
use lockgate_engine::Session;
use lockgate_wire::QueryRequest;

use super::Test;
use super::recorder::Sent;
use super::worlds::{in_order, open, same_catalog, world};
use crate::noninterference::answer::{Answer, ask, ask_as};
use crate::noninterference::generate;
use crate::servers::{Dialect, Server};
use crate::worlds::data::{Data, Twin, base};
use crate::worlds::open::{World, policies, session};
use crate::worlds::people::{PEOPLE, Person};

pub(super) const ALL: &[(&str, Test)] = &[("generated_queries_answer_as_over_files_and_alike_for_twins", run)];

/// Queries of a usual run; `LOCKGATE_LIVE_QUERIES` takes another number, `LOCKGATE_LIVE_FIRST` begins later. Presto takes
/// three times as long for one.
fn usual(dialect: Dialect) -> u64 {
    match dialect {
        Dialect::Trino => 4_500,
        Dialect::Presto => 500,
    }
}

/// Of so many rounds of all askers, the queries of one are also asked without push-down.
const ONE_IN: u64 = 10;

const SEED: u64 = 20_261_126;

struct Party {
    person: &'static Person,
    session: Session,
    bare: World,
}

struct Stage {
    data: Data,
    files: World,
    there: World,
    /// The same tables in the same server, without parts of queries that it answers.
    read_only: World,
    parties: Vec<Party>,
    sent: Arc<Sent>,
    next: AtomicU64,
    end: u64,
}

#[derive(Default)]
struct Report {
    n_compared: u64,
    n_with_rows: u64,
    n_sent: u64,
    n_read_only: u64,
    faults: Vec<String>,
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

fn run(server: &Server) -> anyhow::Result<()> {
    let first = number("LOCKGATE_LIVE_FIRST", 0);
    let end = first + number("LOCKGATE_LIVE_QUERIES", usual(server.dialect));
    crate::runtime().block_on(async {
        let stage = Arc::new(Stage::set(server, first, end).await);
        let workers: Vec<_> = (0..2).map(|_| tokio::spawn(Arc::clone(&stage).work())).collect();
        let mut whole = Report::default();
        for worker in workers {
            let report = worker.await.context("a worker")?;
            whole.n_compared += report.n_compared;
            whole.n_with_rows += report.n_with_rows;
            whole.n_sent += report.n_sent;
            whole.n_read_only += report.n_read_only;
            whole.faults.extend(report.faults);
        }
        let n_tried = end - first;
        println!(
            "{n_tried} queries: {} compared, {} of them with rows, {} sent more than a scan, {} also without; {} faults",
            whole.n_compared,
            whole.n_with_rows,
            whole.n_sent,
            whole.n_read_only,
            whole.faults.len()
        );
        ensure!(whole.faults.is_empty(), "{}", whole.faults.join("\n---\n"));
        // A run in which nothing is asked of the server, or nothing comes back, proves nothing.
        let says_something =
            whole.n_compared * 2 > n_tried && whole.n_with_rows * 5 > n_tried && whole.n_sent * 40 > n_tried && whole.n_read_only * ONE_IN * 4 > n_tried;
        ensure!(says_something || n_tried < 100, "the run says too little");
        Ok(())
    })
}

impl Stage {
    async fn set(server: &Server, first: u64, end: u64) -> Self {
        let data = base(SEED);
        let files = World::open(&data, policies()).await;
        let sent = Arc::new(Sent::default());
        let there = world(server, "world0", &data, &sent).await;
        let read_only = open(server, "world0", &data, &sent, false).await;
        let mut parties = Vec::new();
        for (at, person) in PEOPLE.iter().enumerate() {
            let bare = data.twin(person, Twin::Bare, SEED + 1);
            let bare = world(server, &format!("world{}", at + 1), &bare, &sent).await;
            parties.push(Party { person, session: session(person), bare });
        }
        Self { data, files, there, read_only, parties, sent, next: AtomicU64::new(first), end }
    }

    async fn work(self: Arc<Self>) -> Report {
        let mut report = Report::default();
        loop {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            if index >= self.end || report.faults.len() > 20 {
                return report;
            }
            self.try_one(index, &mut report).await;
        }
    }

    /// The answer, and what the server was sent for it.
    async fn ask(&self, world: &World, session: &Session, sql: &str) -> (Answer, Vec<String>) {
        let query_id = uuid::Uuid::now_v7();
        let request = QueryRequest { query_id: Some(query_id), ..QueryRequest::new(sql) };
        let answer = ask_as(&world.engine, session, request).await;
        let sent = self.sent.of(&query_id.to_string());
        (answer, sent.iter().map(|sql| in_order(&same_catalog(sql, "world"))).collect())
    }

    async fn try_one(&self, index: u64, report: &mut Report) {
        let party = &self.parties[(index % self.parties.len() as u64) as usize];
        let query = generate(SEED, index, party.person, &self.data);
        let mut fault = |what: String| {
            report.faults.push(format!("query {index} by {}\n{}\n{what}", party.person.name, query.sql));
        };
        if query.sql.starts_with("EXPLAIN ANALYZE") {
            return;
        }
        let (there, sent) = self.ask(&self.there, &party.session, &query.sql).await;
        let (bare, bare_sent) = self.ask(&party.bare, &party.session, &query.sql).await;
        let about_itself = ["EXPLAIN", "DESCRIBE", "SHOW"].iter().any(|word| query.sql.starts_with(word));
        // Which rows come first is up to the server; two answers that hang on it cannot be compared.
        if (query.looks_at_order || query.sql.contains("LIMIT")) && !about_itself {
            return;
        }
        if about_itself {
            let (one, two) = (text_of(&there), text_of(&bare));
            if one != two {
                fault(format!("what is told differs from the twin without hidden rows:\n{one}\n{two}"));
            }
            return;
        }
        if let Some((channel, one, two)) = there.differs(&bare, false) {
            fault(format!("{channel} differs from the twin without hidden rows:\n{one}\n{two}"));
        }
        // What an error left unsent is up to the clock.
        if there.is_whole() && bare.is_whole() && sent != bare_sent {
            fault(format!("the server is sent something else for the twin:\n{sent:?}\n{bare_sent:?}"));
        }
        let files = ask(&self.files.engine, &party.session, &query.sql).await;
        if let Some((channel, one, two)) = there.differs(&files, false) {
            fault(format!("{channel} differs from the one over files:\n{one}\n{two}"));
        }
        if (index / self.parties.len() as u64).is_multiple_of(ONE_IN) {
            let (read, _) = self.ask(&self.read_only, &party.session, &query.sql).await;
            if let Some((channel, one, two)) = there.differs(&read, false) {
                fault(format!("{channel} differs from the one without push-down:\n{one}\n{two}"));
            }
            report.n_read_only += 1;
        }
        report.n_compared += 1;
        report.n_with_rows += u64::from(there.is_whole() && there.n_rows() > 0);
        let plan = ask(&self.there.engine, &party.session, &format!("EXPLAIN {}", query.sql)).await;
        report.n_sent += u64::from(sends(&plan));
    }
}

/// What a statement about itself says; the catalogue at the server is another one for each twin.
fn text_of(answer: &Answer) -> String {
    let table = arrow::util::pretty::pretty_format_batches(&answer.batches).expect("text");
    let text = format!("{table}{:?}", answer.failed());
    same_catalog(&text, "world")
}

/// Whether a plan names a statement that a source is sent.
fn sends(plan: &Answer) -> bool {
    plan.batches.iter().any(|batch| {
        let kinds = batch.column(0).as_string_opt::<i32>();
        kinds.is_some_and(|kinds| kinds.iter().flatten().any(|kind| kind.starts_with("sent to ")))
    })
}
