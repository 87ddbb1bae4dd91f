//! How far a result has come, on standard error, when that is a terminal.

use std::cell::RefCell;
use std::convert::Infallible;
use std::time::Duration;

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::ask::{self, Question};
use crate::doors::progress::{Report, Statement};

/// How often the gateway is asked how far its sources are.
const EVERY: Duration = Duration::from_millis(500);

/// A line that counts what came and tells what sources do, and goes away at the end.
pub(super) struct Progress {
    bar: ProgressBar,
    came: RefCell<String>,
    sources: RefCell<String>,
}

impl Progress {
    /// Begins to count; shows nothing when `quiet` or when nobody watches.
    pub(super) fn new(quiet: bool) -> Self {
        let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(None, target);
        // Without a total there is no bar to fill: a wheel, what came, and for how long.
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        let progress =
            Self { bar, came: RefCell::new("waiting for the gateway".to_owned()), sources: RefCell::default() };
        progress.tell();
        progress
    }

    /// Tells how far the result is.
    pub(super) fn at(&self, rows: u64, bytes: u64) {
        self.came.replace(format!("{} rows, {}", HumanCount(rows), HumanBytes(bytes)));
        self.tell();
    }

    /// Tells how far the sources are, for as long as somebody watches.
    pub(super) async fn follow(&self, question: &Question) -> Infallible {
        let client = if self.bar.is_hidden() { None } else { ask::client().ok() };
        let Some(client) = client else { return std::future::pending().await };
        loop {
            tokio::time::sleep(EVERY).await;
            if let Some(report) = ask::progress(&client, question).await {
                self.sources.replace(told(&report));
                self.tell();
            }
        }
    }

    fn tell(&self) {
        self.bar.set_message(format!("{}{}", self.came.borrow(), self.sources.borrow()));
    }

    /// Takes the line away while `print` prints.
    pub(super) fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bar.suspend(print)
    }

    /// Takes the line away for good.
    pub(super) fn done(&self) {
        self.bar.finish_and_clear();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.done();
    }
}

/// What the sources do that have not ended yet.
fn told(report: &Report) -> String {
    report.sources.iter().filter(|statement| statement.state != "ended").map(one).collect()
}

fn one(statement: &Statement) -> String {
    match &statement.done {
        Some(done) if done.parts > 0 => format!(
            "; {} {} of {} parts, {} rows read",
            statement.source,
            HumanCount(done.parts_done),
            HumanCount(done.parts),
            HumanCount(done.rows)
        ),
        _ => format!("; {} {}", statement.source, statement.state),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_that_work_are_told_with_what_they_may_tell() {
        let report = r#"{"query_id": "0193a6f4-0000-7000-8000-000000000000", "running": true, "sources": [
            {"source": "lake", "state": "running", "parts_done": 3, "parts": 12, "rows": 1500000, "bytes": 7},
            {"source": "crm", "state": "running"},
            {"source": "shop", "state": "queued", "parts_done": 0, "parts": 0, "rows": 0, "bytes": 0},
            {"source": "old", "state": "ended", "parts_done": 1, "parts": 1, "rows": 1, "bytes": 1}]}"#;
        let report: Report = serde_json::from_str(report).unwrap();
        assert_eq!(told(&report), "; lake 3 of 12 parts, 1,500,000 rows read; crm running; shop queued");
    }
}
