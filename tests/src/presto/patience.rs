//! Readers that take their time: a server gives up a query that nobody asks after, and rows may be of many megabytes.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};
use futures::StreamExt;
use serde_json::Value;

use super::Test;
use super::faults::last_over;
use super::tables::empty;
use crate::behaviour::fixture::Fixture;
use crate::servers::{Dialect, Server};

pub(super) const ALL: &[(&str, Test)] = &[
    ("a_reader_that_pauses_for_longer_than_the_server_waits_gets_all_rows", paused),
    ("rows_of_megabytes_pass_through_a_slow_reader_in_bounded_memory", wide),
];

/// Rows of TPC-H's orders: more bytes than a server holds ready, so that it waits for the reader.
const N_ORDERS: usize = 1_500_000;
/// The servers' `query.client.timeout` and some more.
const PAUSE_SECONDS: f64 = 90.0;

fn open(server: &Server, catalog: &str, table: &str, columns: &[&str]) -> Fixture {
    super::fixture(&server.url, catalog, Value::Null, [(table.to_owned(), empty(columns))].into())
}

fn paused(server: &Server) -> anyhow::Result<()> {
    let fixture = open(server, "tpch", "sf1.orders", &["o_orderkey", "o_comment"]);
    crate::runtime().block_on(async {
        let running = fixture.start("SELECT o_orderkey, o_comment FROM src.sf1.orders").await;
        let mut running = running.map_err(|error| anyhow::anyhow!("{error}"))?;
        let mut n_rows =
            running.next().await.context("no rows")?.map_err(|error| anyhow::anyhow!("{error}"))?.num_rows();
        let (id, _) = last_over(server, "\"sf1\".\"orders\"").await?;
        let from = server.query_info(&id).await?.elapsed;
        let mut look = tokio::time::interval(Duration::from_secs(1));
        loop {
            look.tick().await;
            let info = server.query_info(&id).await?;
            ensure!(info.state == "RUNNING", "it is {} after {:.0} s", info.state, info.elapsed - from);
            if info.elapsed - from > PAUSE_SECONDS {
                break;
            }
        }
        while let Some(batch) = running.next().await {
            n_rows += batch.map_err(|error| anyhow::anyhow!("{error} [{}]", error.internal))?.num_rows();
        }
        ensure!(n_rows == N_ORDERS, "{n_rows} rows");
        Ok(())
    })
}

/// Rows of the wide view, and characters in each.
const WIDE: (usize, usize) = (200, 4_000_000);
/// What a process that reads them may need: all of them together are 800 MB.
const WIDE_PEAK_MB: f64 = 300.0;
/// Names the dialect whose wide rows a process of its own reads.
const CHILD: &str = "LOCKGATE_WIDE";

fn wide(server: &Server) -> anyhow::Result<()> {
    let (rows, length) = WIDE;
    server.run("CREATE SCHEMA IF NOT EXISTS faults.suite");
    server.run(&format!(
        "CREATE OR REPLACE VIEW faults.suite.wide AS SELECT rpad(CAST(c_custkey AS varchar), {length}, 'xyz') AS w \
         FROM tpch.tiny.customer WHERE c_custkey <= {rows}"
    ));
    // Peak memory is one number a process, and this one runs other trials too.
    let child = Command::new(std::env::current_exe()?).env(CHILD, server.dialect.name()).output()?;
    let told = String::from_utf8_lossy(&child.stdout);
    let peak: f64 = told.trim().parse().with_context(|| format!("{told}{}", String::from_utf8_lossy(&child.stderr)))?;
    println!("{}: {rows} rows of {length} characters, {peak:.0} MB at most", server.dialect.name());
    ensure!(peak < WIDE_PEAK_MB, "{peak:.0} MB");
    Ok(())
}

/// Reads the wide rows slowly and prints this process's peak of resident memory in MB, if it was started for that.
///
/// # Panics
/// When that fails.
pub(super) fn child() -> bool {
    let Ok(name) = std::env::var(CHILD) else { return false };
    let dialect = Dialect::ALL.into_iter().find(|dialect| dialect.name() == name).expect("a dialect");
    let server = Server::of_environment(dialect).expect("the server was started");
    let fixture = open(&server, "faults", "wide", &["w"]);
    crate::runtime().block_on(async {
        let mut running = fixture.start("SELECT w FROM src.suite.wide").await.expect("a query");
        let mut pace = tokio::time::interval(Duration::from_millis(100));
        let mut n_rows = 0;
        while let Some(batch) = running.next().await {
            n_rows += batch.unwrap_or_else(|error| panic!("{error} [{}]", error.internal)).num_rows();
            pace.tick().await;
        }
        assert_eq!(n_rows, WIDE.0);
    });
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the peak");
    let kilobytes: f64 = peak.trim().trim_end_matches(" kB").parse().expect("a number");
    println!("{}", kilobytes / 1024.0);
    true
}
