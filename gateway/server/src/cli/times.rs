//! Points in time as people type them: `2026-11-23` or `2026-11-23T10:15:00Z`.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};

const FORM: &str = "write a UTC date such as 2026-11-23, or a time such as 2026-11-23T10:15:00Z";

/// `--from`: a date begins with its first moment.
pub(super) fn from(text: &str) -> Result<DateTime<Utc>, String> {
    match text.parse::<NaiveDate>() {
        Ok(date) => Ok(date.and_time(NaiveTime::MIN).and_utc()),
        Err(_) => moment(text),
    }
}

/// `--to`: a date counts to its end. The time returned is the first that no longer counts.
pub(super) fn to(text: &str) -> Result<DateTime<Utc>, String> {
    match text.parse::<NaiveDate>() {
        Ok(date) => date
            .checked_add_days(Days::new(1))
            .map(|next| next.and_time(NaiveTime::MIN).and_utc())
            .ok_or_else(|| FORM.to_owned()),
        Err(_) => moment(text),
    }
}

fn moment(text: &str) -> Result<DateTime<Utc>, String> {
    DateTime::parse_from_rfc3339(text).map(|time| time.to_utc()).map_err(|_| FORM.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_cover_whole_days() {
        let shown = |time: Result<DateTime<Utc>, String>| time.unwrap().to_rfc3339();
        assert_eq!(shown(from("2026-11-23")), "2026-11-23T00:00:00+00:00");
        assert_eq!(shown(to("2026-11-23")), "2026-11-24T00:00:00+00:00");
        assert_eq!(shown(to("2026-12-31")), "2027-01-01T00:00:00+00:00");
        assert_eq!(shown(from("2026-11-23T10:15:00+01:00")), "2026-11-23T09:15:00+00:00");
        assert_eq!(shown(to("2026-11-23T10:15:00Z")), "2026-11-23T10:15:00+00:00");
        for text in ["yesterday", "2026-02-30", "2026-11-23 10:15", ""] {
            assert_eq!(from(text), Err(FORM.to_owned()), "{text}");
            assert_eq!(to(text), Err(FORM.to_owned()), "{text}");
        }
    }
}
