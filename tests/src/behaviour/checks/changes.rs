//! Tables that change while the gateway runs.

use std::time::Duration;

use anyhow::{Context, ensure};
use futures::StreamExt;
use lockgate_wire::ErrorCode;
use lockgate_wire::audit::Outcome as Ended;

use super::super::data;
use super::super::files::{Kind, Layout};
use super::super::fixture::{Fixture, rest};
use super::super::oracle;
use super::super::{Check, Need};
use super::changes;

pub(super) const CHECKS: &[Check] = &[
    changes("a_dropped_stream_ends_the_query", &[Need::Change], |f| Box::pin(dropped(f))),
    changes("a_table_replaced_between_two_queries_shows_its_new_rows", &[Need::Change], |f| Box::pin(replaced(f))),
    changes("a_new_table_can_be_queried_and_a_removed_one_is_unknown", &[Need::Change], |f| Box::pin(come_and_gone(f))),
    changes("a_table_removed_in_mid_query_never_gives_part_of_an_answer", &[Need::Change], |f| Box::pin(vanished(f))),
    changes("a_table_replaced_in_mid_query_never_gives_a_mixture", &[Need::Change], |f| Box::pin(mixed(f))),
];

/// Rows enough that the first batch leaves long before the last is read.
const MANY: i64 = 20_000;
const SCRATCH: &str = "SELECT id, name FROM src.suite.scratch";

async fn dropped(fixture: &Fixture) -> anyhow::Result<()> {
    fixture.put("scratch", Some(&data::scratch(0..MANY)));
    let mut running = fixture.start(SCRATCH).await?;
    running.next().await.context("a first batch")??;
    drop(running);
    let record = fixture.closed.nth(1).await;
    ensure!(record.outcome == Ended::Cancelled, "{record:?}");
    let ended = async {
        while fixture.engine.status().running > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), ended).await.context("the query still runs")?;
    // Its slot and memory are free again.
    let answer = fixture.query("SELECT count(*) AS n FROM src.suite.scratch").await?;
    ensure!(answer.n_rows() == 1 && fixture.closed.nth(2).await.outcome == Ended::Finished);
    Ok(())
}

async fn replaced(fixture: &Fixture) -> anyhow::Result<()> {
    for ids in [0..40, 100..107, 0..40, 200..300] {
        let batch = data::scratch(ids.clone());
        fixture.put("scratch", Some(&batch));
        let answer = fixture.query(SCRATCH).await?;
        let found = oracle::rows(&answer.schema, &answer.batches)?;
        ensure!(found == oracle::rows(&answer.schema, &[batch])?, "{ids:?}: {} rows", found.len());
    }
    Ok(())
}

async fn come_and_gone(fixture: &Fixture) -> anyhow::Result<()> {
    let sql = "SELECT id FROM src.suite.late";
    let error = fixture.query(sql).await.err().context("it is not there yet")?;
    ensure!(error.code() == ErrorCode::TableNotFound, "{error}");
    fixture.put("late", Some(&data::scratch(0..5)));
    ensure!(fixture.query(sql).await?.n_rows() == 5);
    fixture.put("late", None);
    let error = fixture.query(sql).await.err().context("it is gone")?;
    ensure!(error.code() == ErrorCode::TableNotFound, "{error}");
    Ok(())
}

/// Whether a reader must come back to the source after the first batch.
fn is_read_in_parts(fixture: &Fixture) -> bool {
    fixture.files.as_ref().is_some_and(|place| place.layout != Layout::Single || place.kind == Kind::Parquet)
}

async fn vanished(fixture: &Fixture) -> anyhow::Result<()> {
    let all = data::scratch(0..MANY);
    fixture.put("scratch", Some(&all));
    let mut running = fixture.start(SCRATCH).await?;
    running.next().await.context("a first batch")??;
    fixture.put("scratch", None);
    check_end(fixture, rest(running).await, all.num_rows()).await
}

async fn mixed(fixture: &Fixture) -> anyhow::Result<()> {
    let all = data::scratch(0..MANY);
    fixture.put("scratch", Some(&all));
    let mut running = fixture.start("SELECT id FROM src.suite.scratch").await?;
    let first = running.next().await.context("a first batch")??;
    fixture.put("scratch", Some(&data::scratch(MANY..2 * MANY)));
    let result = rest(running).await;
    if let Ok(answer) = &result {
        let most = oracle::rows(&answer.schema, &answer.batches)?
            .iter()
            .filter_map(|row| row[0].as_ref()?.parse::<i64>().ok())
            .max();
        ensure!(most == Some(MANY - 1), "rows of two states: up to {most:?}");
    }
    ensure!(first.num_rows() > 0);
    check_end(fixture, result, all.num_rows()).await
}

/// Either everything came, or an error that says so; and an error where a reader must come back for more.
async fn check_end(
    fixture: &Fixture,
    result: Result<super::super::fixture::Answer, lockgate_engine::Error>,
    expected: usize,
) -> anyhow::Result<()> {
    match result {
        Ok(answer) => {
            ensure!(!is_read_in_parts(fixture), "a table that is gone was read to its end");
            ensure!(
                answer.n_rows() < expected && answer.n_rows() + 64 >= expected,
                "{} more rows of {expected}",
                answer.n_rows()
            );
        }
        Err(error) => {
            ensure!(error.code() == ErrorCode::SourceChanged, "{error} [{}]", error.internal);
            let record = fixture.closed.nth(1).await;
            ensure!(record.outcome == Ended::Failed && record.code.as_deref() == Some("SOURCE_CHANGED"), "{record:?}");
        }
    }
    Ok(())
}
