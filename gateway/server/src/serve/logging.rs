//! The log on standard error.

use std::io::IsTerminal;

use tracing::{Level, Metadata};
use tracing_subscriber::filter::{EnvFilter, FilterExt, filter_fn};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{LogConfig, LogFormat};

/// Begins to log. Where a log is set up already (in tests) that one stays.
pub(super) fn begin(config: &LogConfig) {
    // The configuration was checked with the same parser.
    let filter = EnvFilter::try_new(&config.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    // A log that cannot be written (its disk is full) is lost; by default its error would go to the same place and panic.
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).log_internal_errors(false);
    let lines = match config.format {
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    let _ = tracing_subscriber::registry().with(lines.with_filter(filter.and(filter_fn(is_told)))).try_init();
    std::panic::set_hook(Box::new(|panic| {
        // The message of a panic can hold a value; where it arose is enough to find it.
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "panic");
    }));
}

/// INVARIANT: of what is not ours only warnings and errors are written, whatever the filter says. From `debug` on the engine writes
/// plans with the literals of row rules, and the readers of files the values that they prune by, hidden ones too.
fn is_told(line: &Metadata<'_>) -> bool {
    line.target().starts_with("lockgate") || *line.level() <= Level::WARN
}
