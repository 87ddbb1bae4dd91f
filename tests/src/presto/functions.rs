//! Everything that may be sent to a server as its SQL, on the values of the servers' own documentation and on the edges of
//! each type: the same result from the server as from the gateway.
//!
//! A function that is added to what is sent gets rows in [`CASES`]; until it has, the test fails.

mod cases;
mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::{Context, ensure};
use lockgate_connector_presto::{PrestoConnector, sql_dialect};
use lockgate_contract::{Connector, Options, SqlArgument};
use lockgate_wire::QueryRequest;

use super::recorder::{Recorded, Sent};
use super::tables::write;
use super::worlds::options;
use super::{Test, policy};
use crate::behaviour::fixture::{CATALOG, Fixture, rest, session};
use crate::behaviour::oracle;
use crate::servers::Server;
use cases::{CASES, Case};
use values::COLUMNS;

pub(super) const ALL: &[(&str, Test)] =
    &[("what_is_sent_gives_what_the_gateway_gives", run), ("all_that_may_be_sent_has_cases", complete)];

fn open(server: &Server, sent: &Arc<Sent>, pushdown: bool) -> Fixture {
    let dir = tempfile::tempdir().expect("a folder");
    let columns: Vec<(&str, Option<&str>)> =
        COLUMNS.iter().map(|(name, treatment, _)| (*name, Some(*treatment))).collect();
    policy::write(&dir.path().join("policy"), "suite.v", "id >= 0", &columns);
    let options = Options(options(&server.url, "functions"));
    let source = crate::runtime().block_on(PrestoConnector.open(CATALOG, &options)).expect("the options are right");
    let source = Arc::new(Recorded::new(source, Arc::clone(sent)));
    Fixture::governed(dir, source, BTreeMap::new(), pushdown)
}

/// Rows in an order of their own, and what the server was sent.
type Told = (Vec<Vec<Option<String>>>, Vec<String>);

async fn ask(fixture: &Fixture, sent: &Sent, sql: &str) -> anyhow::Result<Told> {
    let query_id = uuid::Uuid::now_v7();
    let request = QueryRequest { query_id: Some(query_id), ..QueryRequest::new(sql) };
    let told = |error: lockgate_engine::Error| anyhow::anyhow!("{error} [{}]", error.internal);
    let running = fixture.engine.query(&session(), request).await.map_err(told)?;
    let answer = rest(running).await.map_err(told)?;
    let mut rows = oracle::rows(&answer.schema, &answer.batches)?;
    rows.sort();
    Ok((rows, sent.of(&query_id.to_string())))
}

async fn try_one(there: &Fixture, here: &Fixture, sent: &Sent, case: &Case, sql: &str) -> anyhow::Result<()> {
    let (rows, statements) = ask(there, sent, sql).await?;
    let is_sent = |statements: &[String]| statements.iter().any(|statement| statement.contains(case.sends));
    ensure!(is_sent(&statements), "`{}` is not sent: {statements:?}", case.sends);
    let (expected, statements) = ask(here, sent, sql).await?;
    ensure!(!is_sent(&statements), "`{}` is sent although nothing is to be: {statements:?}", case.sends);
    ensure!(!expected.is_empty(), "no rows");
    let unlike = rows.iter().zip(&expected).find(|(there, here)| there != here);
    if let Some((there, here)) = unlike {
        anyhow::bail!("the server gives {there:?}, the gateway {here:?}");
    }
    ensure!(rows.len() == expected.len(), "the server gives {} rows, the gateway {}", rows.len(), expected.len());
    Ok(())
}

fn run(server: &Server) -> anyhow::Result<()> {
    write(server, "functions", "suite.v", &values::table());
    let sent = Arc::new(Sent::default());
    let (there, here) = (open(server, &sent, true), open(server, &sent, false));
    let mut faults = Vec::new();
    crate::runtime().block_on(async {
        for case in CASES {
            let sql = case.sql.replace("FROM v", &format!("FROM {CATALOG}.suite.v"));
            let sql =
                if sql.starts_with("SELECT ") { sql } else { format!("SELECT id, {sql} AS r FROM {CATALOG}.suite.v") };
            if let Err(fault) = try_one(&there, &here, &sent, case, &sql).await {
                faults.push(format!("{sql}\n{fault:#}"));
            }
        }
    });
    ensure!(faults.is_empty(), "{} of {}:\n{}", faults.len(), CASES.len(), faults.join("\n---\n"));
    Ok(())
}

/// The source text of what writes a server's SQL.
const WRITERS: [&str; 5] = [
    include_str!("../../../gateway/engine/src/pushdown/expression.rs"),
    include_str!("../../../gateway/engine/src/pushdown/expression/value.rs"),
    include_str!("../../../gateway/engine/src/pushdown/expression/float.rs"),
    include_str!("../../../gateway/engine/src/pushdown/expression/function.rs"),
    include_str!("../../../gateway/engine/src/pushdown/aggregate.rs"),
];

/// Kinds of expression that the writer of values names only to say that they stay, or that are no work of their own.
const NO_WORK: &[&str] = &["Column", "Literal", "Alias", "AggregateFunction", "ScalarFunction", "BinaryExpr"];

/// What may be sent, by the names that the writers' match arms have.
fn sendable() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for text in WRITERS {
        names.extend(words_behind(text, "Operator::"));
        for line in text.lines().map(str::trim_start).filter(|line| line.starts_with("(\"")) {
            let pattern = line.split(',').next().unwrap_or_default();
            names.extend(pattern.split('"').skip(1).step_by(2).map(str::to_owned));
        }
        let casts = text
            .lines()
            .filter(|line| line.trim_start().starts_with("(Int8") || line.trim_start().starts_with("(Timestamp"))
            .filter_map(|line| line.split('"').nth(1));
        names.extend(casts.map(|to| format!("cast to {to}")));
    }
    names.extend(words_behind(WRITERS[1], "Expr::").into_iter().filter(|kind| !NO_WORK.contains(&kind.as_str())));
    // The one function that the dialect need not list.
    names.insert("coalesce".to_owned());
    let dialect = sql_dialect();
    names.extend(dialect.treatments.iter().map(|(name, ..)| format!("treatment {name}")));
    for function in dialect.functions {
        let words = function.arguments.iter().filter_map(|argument| match argument {
            SqlArgument::Word(word) => Some(*word),
            SqlArgument::Value(_) | SqlArgument::Whole(..) => None,
        });
        names.insert(std::iter::once(function.name).chain(words).collect::<Vec<_>>().join(" "));
    }
    names
}

fn words_behind(text: &str, before: &str) -> Vec<String> {
    let word = |part: &str| part.chars().take_while(char::is_ascii_alphanumeric).collect::<String>();
    text.split(before).skip(1).map(word).filter(|word| !word.is_empty()).collect()
}

fn complete(_: &Server) -> anyhow::Result<()> {
    let names = sendable();
    // What is read out of source text must not silently become nothing.
    for known in ["substr", "bool_or", "LtEq", "Divide", "InList", "cast to double", "treatment geo_10km"] {
        ensure!(names.contains(known), "`{known}` is not found among {names:?}");
    }
    let tried: BTreeSet<&str> = CASES.iter().flat_map(|case| case.tries.iter().copied()).collect();
    let missing: Vec<&String> = names.iter().filter(|name| !tried.contains(name.as_str())).collect();
    ensure!(missing.is_empty(), "no case tries {missing:?}");
    let unknown: Vec<&&str> = tried.iter().filter(|name| !names.contains(**name)).collect();
    ensure!(unknown.is_empty(), "cases try what is not sent: {unknown:?}");
    CASES
        .iter()
        .find(|case| case.tries.is_empty())
        .map_or(Ok(()), |case| Err(case.sql))
        .map_err(anyhow::Error::msg)
        .context("a case tries nothing")
}
