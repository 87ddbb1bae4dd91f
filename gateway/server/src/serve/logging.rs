//! The log on standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::{LogConfig, LogFormat};

/// Begins to log. Where a log is set up already (in tests) that one stays.
pub(super) fn begin(config: &LogConfig) {
    // The configuration was checked with the same parser.
    let filter = EnvFilter::try_new(&config.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    // A log that cannot be written (its disk is full) is lost; by default its error would go to the same place and panic.
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).log_internal_errors(false);
    let _ = match config.format {
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    std::panic::set_hook(Box::new(|panic| {
        // The message of a panic can hold a value; where it arose is enough to find it.
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "panic");
    }));
}
