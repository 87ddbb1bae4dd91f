//! A row rule over a table in a real server: statements that fail, or tell something, where they meet a hidden row give the
//! same answer, the same error and the same SQL at the server with hostile hidden rows, with harmless ones, and with none.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::ensure;
use arrow::array::{ArrayRef, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray};
use futures::future::join_all;
use lockgate_connector_presto::PrestoConnector;
use lockgate_contract::{Connector, Options};
use lockgate_wire::QueryRequest;

use super::recorder::{Recorded, Sent};
use super::tables::write;
use super::worlds::{in_order, options, same_catalog};
use super::{Test, policy};
use crate::behaviour::fixture::{CATALOG, Fixture, session};
use crate::noninterference::answer::{Answer, ask_as};
use crate::servers::Server;

pub(super) const ALL: &[(&str, Test)] = &[("hidden_rows_of_the_server_are_told_by_no_hostile_statement", run)];

/// The statements that the barrier is tried with over files.
const SHARED: &str = include_str!("../../../gateway/engine/src/barrier/tests/hostile.sql");

/// Statements with what is sent to a server.
const MORE: &[&str] = &[
    "SELECT count(*) FROM t WHERE substr(code, 1, 6) = 'hidden'",
    "SELECT id FROM t WHERE CAST(substr(code, 1, 2) AS INT) < 5",
    "SELECT count(*) FROM t WHERE code LIKE 'hidden%' OR code NOT LIKE '%'",
    "SELECT count(*) FROM t WHERE coalesce(code, city) LIKE 'hid%' AND id BETWEEN 0 AND 5000000",
    "SELECT count(*) FILTER (WHERE id > 1000) AS n, max(id) FILTER (WHERE fare < 0.5) AS m FROM t",
    "SELECT sum(10.0 / fare) AS s, avg(1 / fare) AS a, max(fare - 1 / fare) AS m FROM t",
    "SELECT count(*) FROM t WHERE fare / fare <> 1 OR fare * 0 <> 0",
    "SELECT count(*) FROM t WHERE id * 9223372036854775 < 0",
    "SELECT sum(id * 9223372036854775) AS s, sum(id) AS n FROM t WHERE grp >= 0",
    "SELECT date_part('year', born) AS y, count(*) FROM t GROUP BY 1",
    "SELECT count(*) FROM t WHERE date_part('day', born) <> 1 OR date_part('month', born) <> 1",
    "SELECT CASE WHEN fare = 0 THEN 'hidden' ELSE 'shown' END AS c, count(*) FROM t GROUP BY 1",
    "SELECT bool_or(fare = 0) AS any, bool_and(fare > 0) AS every FROM t",
    "SELECT count(DISTINCT grp) AS g, count(DISTINCT code) AS c FROM t",
    "SELECT grp, count(*) FROM t GROUP BY grp HAVING count(*) > 0 ORDER BY grp DESC LIMIT 3",
    "SELECT id FROM t ORDER BY id DESC LIMIT 1",
    "SELECT id FROM t ORDER BY fare, id OFFSET 3 LIMIT 2",
    "SELECT count(*) FROM (SELECT id FROM t LIMIT 199) x",
    "SELECT count(*) FROM t a JOIN t b ON a.grp = b.grp WHERE a.id <> b.id",
    "SELECT count(*) FROM t a JOIN t b ON a.city = b.city AND b.id >= 1000000",
    "SELECT id FROM t WHERE regexp_like(code, '^h') OR regexp_replace(code, 'h.*', '0') = '0'",
    "SELECT id FROM t WHERE CAST(regexp_replace(code, '-', '') AS BIGINT) > 48",
    "SELECT id FROM t WHERE CAST(concat('2024-01-', code) AS DATE) IS NULL",
    "SELECT id FROM t WHERE CAST(code AS DOUBLE) / (id - id + 1) > 48",
    "SELECT id FROM t WHERE to_timestamp(code) IS NULL",
    "SELECT max(CAST(code AS SMALLINT)) AS m FROM t WHERE grp BETWEEN 0 AND 99",
    "SELECT id FROM t WHERE arrow_cast(id, 'Int8') >= 0",
    "SELECT (SELECT count(*) FROM t WHERE id > 999999) AS n",
    "SELECT DISTINCT fare FROM t UNION SELECT min(fare) FROM t",
    "SELECT id FROM t INTERSECT SELECT id FROM t WHERE fare < 1",
];

/// What stands in the rows that the rule hides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hidden {
    /// What makes divisions and casts fail.
    Hostile,
    /// What does not, in other rows and more of them.
    Harmless,
    /// Nothing: there are none.
    Nothing,
}

const WORLDS: [Hidden; 3] = [Hidden::Hostile, Hidden::Harmless, Hidden::Nothing];
/// Visible rows, and the groups of these and of hidden rows.
const ROWS: i64 = 100;
const GROUPS: i64 = 50;
/// The same rows by a rule that the server is asked to keep to, and by one that its SQL cannot say: its hidden rows come, and
/// stop at the barrier.
const RULES: [&str; 2] = ["grp < 50", "(grp < 50) IS TRUE"];
/// Ids of hidden rows lie from here on.
const HIDDEN_FROM: i64 = 1_000_000;

/// Id, group, fare and code of each row; the rest follows from the id.
fn rows(hidden: Hidden) -> Vec<(i64, i64, f64, String)> {
    let mut rows = Vec::new();
    for row in 0..ROWS {
        let group = row % GROUPS;
        rows.push((row, group, (1 + group) as f64, group.to_string()));
        match hidden {
            Hidden::Hostile => rows.push((HIDDEN_FROM + row, GROUPS + group, 0.0, format!("hidden-{row}"))),
            Hidden::Harmless => {
                let more = (0..2).map(|more| HIDDEN_FROM + 1_000 + 2 * row + more);
                rows.extend(more.map(|id| (id, GROUPS + 1 + group, 1.5, "7".to_owned())));
            }
            Hidden::Nothing => {}
        }
    }
    rows
}

fn table(hidden: Hidden) -> RecordBatch {
    let rows = rows(hidden);
    let texts = |text: &dyn Fn(i64) -> Option<String>| -> ArrayRef {
        Arc::new(rows.iter().map(|(id, ..)| text(*id)).collect::<StringArray>())
    };
    let born = rows.iter().map(|(id, ..)| i32::try_from(id % 20_000 * 5).ok());
    let columns: [(&str, ArrayRef); 9] = [
        ("id", Arc::new(rows.iter().map(|(id, ..)| Some(*id)).collect::<Int64Array>())),
        ("grp", Arc::new(rows.iter().map(|(_, group, ..)| Some(*group)).collect::<Int64Array>())),
        ("email", texts(&|id| Some(format!("u{id}@example.com")))),
        ("name", texts(&|id| (id % 7 != 0).then(|| format!("Name {id}")))),
        ("city", texts(&|id| (id % 11 != 0).then(|| format!("city{}", id % 13)))),
        ("fare", Arc::new(rows.iter().map(|(_, _, fare, _)| Some(*fare)).collect::<Float64Array>())),
        ("born", Arc::new(born.collect::<Date32Array>())),
        ("secret", texts(&|id| Some(format!("secret-{id}")))),
        ("code", Arc::new(rows.iter().map(|(.., code)| Some(code.as_str())).collect::<StringArray>())),
    ];
    RecordBatch::try_from_iter(columns).expect("columns of one length")
}

/// Treatments of the columns, as in the barrier's own matrix.
const COLUMNS: [(&str, Option<&str>); 9] = [
    ("id", Some("clear")),
    ("grp", Some("clear")),
    ("email", Some("hash")),
    ("name", Some("null")),
    ("city", Some("clear")),
    ("fare", Some("clear")),
    ("born", Some("year")),
    ("secret", None),
    ("code", Some("clear")),
];

/// A gateway over one of the tables, under a rule.
fn open(server: &Server, catalog: &str, rule: &str, sent: &Arc<Sent>) -> Fixture {
    let dir = tempfile::tempdir().expect("a folder");
    policy::write(&dir.path().join("policy"), "suite.t", rule, &COLUMNS);
    let options = Options(options(&server.url, catalog));
    let source = crate::runtime().block_on(PrestoConnector.open(CATALOG, &options)).expect("the options are right");
    let source = Arc::new(Recorded::new(source, Arc::clone(sent)));
    Fixture::governed(dir, source, BTreeMap::new(), true)
}

/// All statements, for the table at the server; where the barrier has a spy, a division that fails on hidden rows.
fn statements() -> Vec<String> {
    let shared = SHARED.lines().filter(|line| !line.starts_with("--"));
    let mut statements: Vec<String> = shared.chain(MORE.iter().copied()).map(there).collect();
    let plans: Vec<String> = statements.iter().map(|sql| format!("EXPLAIN {sql}")).collect();
    let measured = statements.iter().step_by(4).map(|sql| format!("EXPLAIN ANALYZE {sql}"));
    let measured: Vec<String> = measured.collect();
    statements.extend(plans);
    statements.extend(measured);
    statements
}

fn there(sql: &str) -> String {
    let mut sql = sql.to_owned();
    for spy in ["spy_pure(", "spy("] {
        while let Some((before, rest)) = sql.split_once(spy) {
            let (id, behind) = rest.split_once(')').expect("one argument");
            sql = format!("{before}({id} / (CASE WHEN {id} >= {HIDDEN_FROM} THEN 0 ELSE 1 END)){behind}");
        }
    }
    let mut words: Vec<String> = sql.split(' ').map(str::to_owned).collect();
    for at in 1..words.len() {
        let is_table = ["FROM", "JOIN"].contains(&words[at - 1].as_str()) && words[at].trim_end_matches(')') == "t";
        if is_table {
            words[at] = words[at].replacen('t', &format!("{CATALOG}.suite.t"), 1);
        }
    }
    words.join(" ")
}

async fn told(fixture: &Fixture, sent: &Sent, sql: &str) -> (Answer, Vec<String>) {
    let query_id = uuid::Uuid::now_v7();
    let request = QueryRequest { query_id: Some(query_id), ..QueryRequest::new(sql) };
    let answer = ask_as(&fixture.engine, &session(), request).await;
    let sent = sent.of(&query_id.to_string());
    (answer, sent.iter().map(|sql| in_order(&same_catalog(sql, "hostile"))).collect())
}

async fn each(worlds: &[Fixture], sent: &Sent, sql: &str) -> Vec<(Answer, Vec<String>)> {
    join_all(worlds.iter().map(|fixture| told(fixture, sent, sql))).await
}

/// What an answer says of itself: a plan with one name for all worlds' catalogues, or what went wrong.
fn text(answer: &Answer) -> String {
    let table = arrow::util::pretty::pretty_format_batches(&answer.batches).expect("text");
    same_catalog(&format!("{table}{:?}", answer.failed().map(|failure| &failure.problem)), "hostile")
}

/// How two worlds can be told apart by one statement.
fn differ(sql: &str, one: &(Answer, Vec<String>), two: &(Answer, Vec<String>)) -> Option<String> {
    if sql.starts_with("EXPLAIN") {
        let (one, two) = (text(&one.0), text(&two.0));
        return (one != two).then(|| format!("{one}\n{two}"));
    }
    let problem = |answer: &Answer| answer.failed().map(|failure| failure.problem.clone());
    if problem(&one.0) != problem(&two.0) {
        return Some(format!("{:?} and {:?}", problem(&one.0), problem(&two.0)));
    }
    if let Some(unlike) = one.0.differs(&two.0, false) {
        return Some(format!("{unlike:?}"));
    }
    // What an error left unsent is up to the clock.
    (one.0.is_whole() && one.1 != two.1).then(|| format!("sent {:?} and {:?}", one.1, two.1))
}

fn run(server: &Server) -> anyhow::Result<()> {
    let sent = Arc::new(Sent::default());
    // One gateway for each rule and world, rule by rule; and two without a rule that hides.
    let (mut governed, mut open_to_all) = (Vec::new(), Vec::new());
    for (at, hidden) in WORLDS.into_iter().enumerate() {
        write(server, &format!("hostile{at}"), "suite.t", &table(hidden));
    }
    for rule in RULES {
        governed.extend((0..WORLDS.len()).map(|at| open(server, &format!("hostile{at}"), rule, &sent)));
    }
    for catalog in ["hostile0", "hostile2"] {
        open_to_all.push(open(server, catalog, "grp >= 0", &sent));
    }
    let statements = statements();
    let mut report = Report::default();
    crate::runtime().block_on(async {
        for sql in &statements {
            let answers = each(&governed, &sent, sql).await;
            for (rule, answers) in RULES.iter().zip(answers.chunks(WORLDS.len())) {
                report.compare(sql, rule, answers);
            }
            if !sql.starts_with("EXPLAIN") {
                // Where every row is shown, the same statement tells the worlds apart: it asks what a barrier must hide.
                let uncovered = each(&open_to_all, &sent, sql).await;
                let (hostile, nothing) = (&uncovered[0], &uncovered[1]);
                report.n_telling += usize::from(differ(sql, hostile, nothing).is_some());
                report.n_failing += usize::from(hostile.0.failed().is_some() && nothing.0.failed().is_none());
            }
        }
    });
    let Report { faults, n_sent, n_telling, n_failing } = report;
    println!(
        "{} statements under {} rules, {n_sent} with something sent; without a rule {n_telling} tell the worlds apart, \
         {n_failing} by an error",
        statements.len(),
        RULES.len()
    );
    ensure!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n---\n"));
    ensure!(n_sent * 3 > statements.len(), "the server is hardly asked: {n_sent}");
    ensure!(n_telling >= 60 && n_failing >= 25, "the statements ask too little: {n_telling} tell, {n_failing} fail");
    Ok(())
}

#[derive(Default)]
struct Report {
    faults: Vec<String>,
    n_sent: usize,
    n_telling: usize,
    n_failing: usize,
}

impl Report {
    /// Compares the worlds' answers under one rule.
    fn compare(&mut self, sql: &str, rule: &str, answers: &[(Answer, Vec<String>)]) {
        let hostile = &answers[0];
        for (there, hidden) in answers.iter().zip(WORLDS).skip(1) {
            if let Some(unlike) = differ(sql, hostile, there) {
                self.faults.push(format!("{sql}\nunder `{rule}` tells hostile hidden rows from {hidden:?}: {unlike}"));
            }
        }
        self.n_sent += usize::from(!hostile.1.is_empty());
        let asks = |sent: &String| sent.contains("\"grp\" < BIGINT '50'");
        let is_as_said = if rule == RULES[0] { hostile.1.iter().all(asks) } else { !hostile.1.iter().any(asks) };
        if !is_as_said {
            self.faults.push(format!("{sql}\nunder `{rule}` is asked of the server as {:?}", hostile.1));
        }
    }
}
