//! What the sources of a join tell each other, how far a server is, and what the ledger knows of a query that was given up.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use futures::StreamExt;
use lockgate_engine::SourceState;
use lockgate_wire::QueryRequest;
use lockgate_wire::audit::Outcome;

use super::Test;
use super::generated::world;
use super::recorder::Sent;
use crate::behaviour::fixture::CATALOG;
use crate::noninterference::answer::ask_as;
use crate::servers::{Dialect, Server};
use crate::worlds::data::base;
use crate::worlds::open::session;
use crate::worlds::people::PEOPLE;

pub(super) const ALL: &[(&str, Test)] = &[
    ("keys_of_a_file_narrow_what_the_server_reads", narrowed),
    ("progress_is_told_and_a_query_given_up_is_confirmed_in_the_ledger", given_up),
];

/// Time within which a server has told of rows: it asks its workers every few seconds.
const TOLD_WITHIN: Duration = Duration::from_secs(30);

fn narrowed(server: &Server) -> anyhow::Result<()> {
    let sent = Arc::new(Sent::default());
    let data = base(7);
    crate::runtime().block_on(async {
        let world = world(server, "world7", &data, &sent).await;
        // Somebody who sees every payment and every trip as they are.
        let person = PEOPLE.iter().find(|person| person.name == "bob").context("bob")?;
        let sql = "SELECT count(*) FROM presto.finance.payments p JOIN hive.rides.trips t ON p.payment_id = t.trip_id \
                   WHERE t.fare > 40";
        let request = QueryRequest { query_id: Some(uuid::Uuid::now_v7()), ..QueryRequest::new(sql) };
        let query_id = request.query_id.context("an id")?.to_string();
        let answer = ask_as(&world.engine, &session(person), request).await;
        ensure!(answer.is_whole(), "{:?}", answer.failed());
        let statements = sent.of(&query_id);
        ensure!(statements.len() == 1 && statements[0].contains(" IN ("), "{statements:?}");
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
