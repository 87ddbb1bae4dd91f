//! How far a result has come, on standard error, when that is a terminal.

use std::time::Duration;

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A line that counts rows and bytes, and goes away at the end.
pub(super) struct Progress(ProgressBar);

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
        bar.set_message("waiting for the gateway");
        Self(bar)
    }

    /// Tells how far the result is.
    pub(super) fn at(&self, rows: u64, bytes: u64) {
        self.0.set_message(format!("{} rows, {}", HumanCount(rows), HumanBytes(bytes)));
    }

    /// Takes the line away while `print` prints.
    pub(super) fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        self.0.suspend(print)
    }

    /// Takes the line away for good.
    pub(super) fn done(&self) {
        self.0.finish_and_clear();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.done();
    }
}
