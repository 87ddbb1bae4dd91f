//! What the sources of a join tell each other, how far a server is, and what the ledger knows of a query that was given up.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use futures::StreamExt;
use lockgate_engine::SourceState;
use lockgate_wire::audit::Outcome;
use lockgate_wire::{ErrorCode, QueryRequest};

use super::Test;
use super::recorder::Sent;
use super::worlds::world;
use crate::behaviour::fixture::CATALOG;
use crate::noninterference::answer::{ask, ask_as};
use crate::servers::{Dialect, Server};
use crate::worlds::data::base;
use crate::worlds::open::{World, policies, session};
use crate::worlds::people::PEOPLE;

pub(super) const ALL: &[(&str, Test)] = &[
    ("keys_of_a_file_narrow_what_the_server_reads", narrowed),
    ("progress_is_told_and_a_query_given_up_is_confirmed_in_the_ledger", given_up),
    ("a_query_that_is_cancelled_or_out_of_time_ends_at_the_server", ended),
];

/// Time within which a server has told of rows: it asks its workers every few seconds.
const TOLD_WITHIN: Duration = Duration::from_secs(30);

/// Who asks, what, and what of the keys must stand in the statement: once clear, once as tokens, whose values the asker does
/// not see.
const NARROWED: [(&str, &str, &str); 2] = [
    (
        "bob",
        "SELECT count(*) AS n FROM hive.rides.trips t JOIN presto.finance.payments p ON p.payment_id = t.trip_id \
         WHERE t.trip_id < 20",
        " IN (BIGINT '",
    ),
    (
        "alice",
        "SELECT count(*) AS n FROM hive.rides.trips t JOIN vertica.crm.riders r ON r.rider_id = t.rider_id \
         WHERE t.trip_id < 20",
        " IN ('R1",
    ),
];

fn narrowed(server: &Server) -> anyhow::Result<()> {
    let sent = Arc::new(Sent::default());
    let data = base(7);
    crate::runtime().block_on(async {
        let there = world(server, "world7", &data, &sent).await;
        let files = World::open(&data, policies()).await;
        for (name, sql, expected) in NARROWED {
            let person = PEOPLE.iter().find(|person| person.name == name).context("nobody of that name")?;
            let request = QueryRequest { query_id: Some(uuid::Uuid::now_v7()), ..QueryRequest::new(sql) };
            let query_id = request.query_id.context("an id")?.to_string();
            let answer = ask_as(&there.engine, &session(person), request).await;
            ensure!(answer.is_whole(), "{name}: {:?}", answer.failed());
            let statements = sent.of(&query_id);
            ensure!(statements.len() == 1 && statements[0].contains(expected), "{name}: {statements:?}");
            let same = ask(&files.engine, &session(person), sql).await;
            ensure!(answer.differs(&same, false).is_none(), "{name}: {:?}, {:?}", answer.batches, same.batches);
            let n =
                answer.batches.iter().map(|batch| batch.column(0).as_primitive::<Int64Type>().value(0)).sum::<i64>();
            ensure!(n > 0, "{name}: nothing is joined");
        }
        Ok(())
    })
}

fn given_up(server: &Server) -> anyhow::Result<()> {
    let fixture = super::faults::long(server);
    crate::runtime().block_on(async {
        let mut running = fixture.start(super::faults::LONG_SQL).await.map_err(|error| anyhow::anyhow!("{error}"))?;
        // What the server says of itself lags behind its rows; Presto counts those of finished parts only.
        let least = if server.dialect == Dialect::Trino { 1 } else { 0 };
        let mut told = Vec::new();
        let begun = Instant::now();
        while begun.elapsed() < TOLD_WITHIN {
            running.next().await.context("no rows")?.map_err(|error| anyhow::anyhow!("{error}"))?;
            told = running.progress();
            if told.iter().any(|one| one.done.is_some_and(|done| done.parts > 0 && done.rows >= least)) {
                break;
            }
        }
        let one = told.first().context("no statement")?;
        ensure!(told.len() == 1 && one.source == CATALOG && one.state == SourceState::Running, "{told:?}");
        ensure!(one.done.is_some_and(|done| done.parts > 0 && done.rows >= least), "{told:?}");
        let since = Instant::now();
        drop(running);
        let close = fixture.closed.nth(1).await;
        ensure!(close.outcome == Outcome::Cancelled, "{close:?}");
        ensure!(close.given_up.get(CATALOG) == Some(&true), "{close:?}");
        ensure!(since.elapsed() < Duration::from_secs(2), "confirmed after {:?}", since.elapsed());
        Ok(())
    })
}

fn ended(server: &Server) -> anyhow::Result<()> {
    let fixture = super::faults::long(server);
    crate::runtime().block_on(async {
        for (at, (is_cancelled, code, outcome)) in
            [(true, ErrorCode::Cancelled, Outcome::Cancelled), (false, ErrorCode::TimeLimit, Outcome::Failed)]
                .into_iter()
                .enumerate()
        {
            let timeout_ms = (!is_cancelled).then_some(4_000);
            let request = QueryRequest { timeout_ms, ..QueryRequest::new(super::faults::LONG_SQL) };
            let mut running = fixture.ask(request).await.map_err(|error| anyhow::anyhow!("{error}"))?;
            running.next().await.context("no rows")?.map_err(|error| anyhow::anyhow!("{error}"))?;
            ensure!(!is_cancelled || fixture.cancel(running.query_id()), "no query was found");
            let since = Instant::now();
            let error = loop {
                match running.next().await.context("it ended as if it were whole")? {
                    Ok(_) => {}
                    Err(error) => break error,
                }
            };
            ensure!(error.code() == code, "{error}");
            let since = if is_cancelled { since } else { Instant::now() };
            let close = fixture.closed.nth(at + 1).await;
            ensure!(close.outcome == outcome && close.given_up.get(CATALOG) == Some(&true), "{close:?}");
            ensure!(since.elapsed() < Duration::from_secs(2), "confirmed after {:?}", since.elapsed());
        }
        Ok(())
    })
}
