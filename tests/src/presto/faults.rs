//! What goes wrong between the gateway and a coordinator: a clear error that names the source, no hang, and no part of an
//! answer that looks whole.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use futures::StreamExt;
use lockgate_wire::ErrorCode;

use super::proxy::{Fault, Proxy};
use super::tables::empty;
use super::{Test, fixture};
use crate::behaviour::fixture::Fixture;
use crate::servers::Server;

pub(super) const ALL: &[(&str, Test)] = &[
    ("a_fault_that_stays_is_an_error_that_names_the_source", lasting),
    ("a_fault_that_passes_is_not_seen", passing),
    ("a_page_that_is_too_large_to_hold_is_an_error_that_says_so", large),
    ("a_type_that_changes_between_pages_is_an_error", retyped),
    ("a_query_that_an_operator_kills_is_an_error", killed),
    ("a_query_that_nobody_reads_ends_at_the_server", cancelled),
    ("a_coordinator_that_is_not_there_is_told", away),
    ("a_coordinator_that_restarts_loses_the_query_and_answers_the_next", restarted),
];

const TIMES: usize = 1_000_000;
/// Rows of the table that is read.
const SQL: &str = "SELECT l_orderkey, l_comment FROM src.suite.lines";
const N_ROWS: usize = 60_175;
/// More rows than a server holds ready: it still runs when the first ones have come.
pub(super) const LONG_SQL: &str = "SELECT l_orderkey, l_comment FROM src.sf10.lineitem";

/// TPC-H's smallest lineitem: several pages on both servers.
fn prepare(server: &Server) {
    // Trials run side by side.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    server.run("CREATE SCHEMA IF NOT EXISTS faults.suite");
    let known = server.rows("SELECT table_name FROM faults.information_schema.tables WHERE table_schema = 'suite'");
    if known.is_empty() {
        server.run("CREATE TABLE faults.suite.lines AS SELECT l_orderkey, l_comment FROM tpch.tiny.lineitem");
    }
}

fn open(url: &str, more: serde_json::Value) -> Fixture {
    open_as(url, "faults", "lines", more)
}

/// The table that [`LONG_SQL`] reads.
pub(super) fn long(server: &Server) -> Fixture {
    open_as(&server.url, "tpch", "sf10.lineitem", serde_json::Value::Null)
}

fn open_as(url: &str, catalog: &str, table: &str, more: serde_json::Value) -> Fixture {
    let batch = empty(&["l_orderkey", "l_comment"]);
    fixture(url, catalog, more, BTreeMap::from([(table.to_owned(), batch)]))
}

fn spoilt(server: &Server, fault: Fault, more: serde_json::Value) -> (Proxy, Fixture) {
    prepare(server);
    let proxy = crate::runtime().block_on(Proxy::start(server, fault));
    let fixture = open(&proxy.url, more);
    (proxy, fixture)
}

/// An error that names the source and nothing of the server.
fn is_told(fixture: &Fixture, code: ErrorCode, limit: Duration) -> anyhow::Result<()> {
    let started = Instant::now();
    let error = crate::runtime().block_on(fixture.query(SQL)).err();
    let error = error.ok_or_else(|| anyhow::anyhow!("an answer that looks whole"))?;
    ensure!(error.code() == code, "{error} [{}]", error.internal);
    let text = error.to_string();
    ensure!(text.contains("`src`") && !text.contains("127.0.0.1") && !text.contains("html"), "{text}");
    ensure!(started.elapsed() < limit, "it took {:?}", started.elapsed());
    Ok(())
}

fn lasting(server: &Server) -> anyhow::Result<()> {
    let quick = serde_json::json!({"answer_seconds": 2, "retry_seconds": 1});
    let faults = [401, 403, 404, 429, 500, 502, 503].map(Fault::Status);
    for fault in faults.into_iter().chain([Fault::Html, Fault::Half, Fault::Reset, Fault::Never]) {
        // From the first answer on, and in the middle of the rows.
        for passed in [0, 6] {
            let (proxy, fixture) = spoilt(server, fault, quick.clone());
            proxy.spoil(passed, TIMES);
            is_told(&fixture, ErrorCode::SourceUnavailable, Duration::from_secs(20))
                .map_err(|error| error.context(format!("{fault:?} behind {passed} answers")))?;
        }
    }
    Ok(())
}

fn passing(server: &Server) -> anyhow::Result<()> {
    for fault in [Fault::Status(429), Fault::Status(503), Fault::Reset] {
        let (proxy, fixture) = spoilt(server, fault, serde_json::Value::Null);
        proxy.spoil_pages(6, 2);
        let answer = crate::runtime().block_on(fixture.query(SQL));
        let answer = answer.map_err(|error| anyhow::anyhow!("{fault:?}: {error} [{}]", error.internal))?;
        ensure!(answer.n_rows() == N_ROWS, "{fault:?}: {} rows", answer.n_rows());
    }
    Ok(())
}

fn restarted(server: &Server) -> anyhow::Result<()> {
    let (proxy, fixture) = spoilt(server, Fault::Restart, serde_json::Value::Null);
    proxy.spoil_pages(6, TIMES);
    is_told(&fixture, ErrorCode::SourceUnavailable, Duration::from_secs(60))?;
    proxy.mend();
    let answer = crate::runtime().block_on(fixture.query(SQL)).map_err(|error| anyhow::anyhow!("{error}"))?;
    ensure!(answer.n_rows() == N_ROWS, "{} rows", answer.n_rows());
    Ok(())
}

fn large(server: &Server) -> anyhow::Result<()> {
    for fault in [Fault::Large, Fault::Endless] {
        let (proxy, fixture) = spoilt(server, fault, serde_json::Value::Null);
        proxy.spoil(6, TIMES);
        let error = crate::runtime().block_on(fixture.query(SQL)).err();
        let error = error.ok_or_else(|| anyhow::anyhow!("{fault:?}: such a page is taken"))?;
        let text = error.to_string();
        ensure!(
            text.contains("`src`") && text.contains("larger than 128 MiB"),
            "{fault:?}: {text} [{}]",
            error.internal
        );
    }
    Ok(())
}

fn retyped(server: &Server) -> anyhow::Result<()> {
    let (proxy, fixture) = spoilt(server, Fault::Retyped, serde_json::Value::Null);
    // From within the rows on; before that, the table would only look like another one.
    proxy.spoil(8, TIMES);
    is_told(&fixture, ErrorCode::SourceChanged, Duration::from_secs(60))
}

/// Id and state of the gateway's last query over the long table.
async fn found(server: &Server, query_id: &str) -> anyhow::Result<(String, String)> {
    last_over(server, "\"sf10\".\"lineitem\"").await.with_context(|| format!("query {query_id}"))
}

/// Id and state of the gateway's last query with this in it.
pub(super) async fn last_over(server: &Server, part: &str) -> anyhow::Result<(String, String)> {
    let sql = format!(
        "SELECT query_id, state FROM system.runtime.queries WHERE query LIKE 'SELECT %{part}%' AND source = 'lockgate' \
         ORDER BY created DESC LIMIT 1"
    );
    let rows = server.fetch(&sql).await.map_err(|error| anyhow::anyhow!("{error}"))?;
    let row = rows.first().context("it is not known there")?;
    let text = |at: usize| row[at].as_str().unwrap_or_default().to_owned();
    Ok((text(0), text(1)))
}

fn killed(server: &Server) -> anyhow::Result<()> {
    let fixture = long(server);
    crate::runtime().block_on(async {
        let mut running = fixture.start(LONG_SQL).await.map_err(|error| anyhow::anyhow!("{error}"))?;
        running.next().await.ok_or_else(|| anyhow::anyhow!("no rows"))?.map_err(|error| anyhow::anyhow!("{error}"))?;
        let (id, _) = found(server, &running.query_id().to_string()).await?;
        let sql = format!("CALL system.runtime.kill_query(query_id => '{id}', message => 'enough')");
        server.fetch(&sql).await.map_err(|error| anyhow::anyhow!("{error}"))?;
        let mut last = None;
        while let Some(batch) = running.next().await {
            last = batch.err();
        }
        let error = last.ok_or_else(|| anyhow::anyhow!("a part of the answer looks whole"))?;
        ensure!(error.code() == ErrorCode::SourceUnavailable, "{error} [{}]", error.internal);
        ensure!(error.to_string().contains("ended there") && !error.to_string().contains("enough"), "{error}");
        Ok(())
    })
}

fn cancelled(server: &Server) -> anyhow::Result<()> {
    let fixture = long(server);
    crate::runtime().block_on(async {
        let mut running = fixture.start(LONG_SQL).await.map_err(|error| anyhow::anyhow!("{error}"))?;
        running.next().await.ok_or_else(|| anyhow::anyhow!("no rows"))?.map_err(|error| anyhow::anyhow!("{error}"))?;
        let query_id = running.query_id().to_string();
        let (_, state) = found(server, &query_id).await?;
        ensure!(state != "FAILED" && state != "FINISHED", "it is {state} already: nothing to cancel");
        let dropped = Instant::now();
        drop(running);
        loop {
            let (_, state) = found(server, &query_id).await?;
            if state == "FAILED" {
                return Ok(());
            }
            ensure!(dropped.elapsed() < Duration::from_secs(2), "it is {state} after {:?}", dropped.elapsed());
        }
    })
}

fn away(server: &Server) -> anyhow::Result<()> {
    prepare(server);
    // A port that nobody listens on.
    let port = std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
    let fixture = open(&format!("http://127.0.0.1:{port}"), serde_json::json!({"retry_seconds": 0}));
    is_told(&fixture, ErrorCode::SourceUnavailable, Duration::from_secs(5))
}
