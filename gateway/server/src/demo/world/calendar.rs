//! When things happen in the demo world.

use chrono::{DateTime, Days, NaiveDate, SecondsFormat};

const MICROSECONDS_A_DAY: i64 = 86_400_000_000;

/// Instants are microseconds since 1970, in UTC; nothing happens on or after the last day.
#[derive(Debug, Clone, Copy)]
pub(super) struct Calendar {
    pub(super) as_of: NaiveDate,
}

impl Calendar {
    /// So many days before the last one, at midnight.
    pub(super) fn days_before(self, n_days: i64) -> i64 {
        let last_day = self.as_of.signed_duration_since(NaiveDate::default()).num_days();
        (last_day - n_days) * MICROSECONDS_A_DAY
    }

    /// The instant at `share` of the way from so many days before the end to the end.
    pub(super) fn at(self, n_days: i64, share: f64) -> i64 {
        let first = self.days_before(n_days);
        first + ((self.days_before(0) - first) as f64 * share) as i64
    }

    /// The inverse of [`Calendar::at`].
    pub(super) fn share(self, n_days: i64, instant: i64) -> f64 {
        let first = self.days_before(n_days);
        (instant - first) as f64 / (self.days_before(0) - first) as f64
    }

    pub(super) fn date_before(self, n_days: u64) -> NaiveDate {
        self.as_of.checked_sub_days(Days::new(n_days)).unwrap_or_default()
    }
}

/// As `2026-11-23T12:34:56.123456Z`.
pub(super) fn text(instant: i64) -> String {
    DateTime::from_timestamp_micros(instant).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Micros, true)
}
