//! Conditions of rules: a closed list, so that no rule runs a script.

use std::fmt;

use chrono::NaiveDate;

use crate::name_check;

/// When a rule holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Condition {
    /// Always.
    Always,
    /// When the result is delivered to this data centre.
    DcIs(String),
    /// When the result is delivered to any other data centre.
    DcIsNot(String),
    /// Through this day (UTC).
    Until(NaiveDate),
}

impl Condition {
    /// Reads `always`, `dc=X`, `dc!=X` or `until=YYYY-MM-DD`, spelled exactly so.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let condition = Self::read(text)?;
        match condition.dc() {
            Some(dc) if name_check::fault(dc).is_some() => None,
            Some(_) | None => Some(condition),
        }
    }

    /// Like [`Condition::parse`] for the text of a condition that was parsed before: the name is not looked at again.
    pub(crate) fn read(text: &str) -> Option<Self> {
        if text == "always" {
            return Some(Self::Always);
        }
        if let Some(date) = text.strip_prefix("until=") {
            return parse_date(date).map(Self::Until);
        }
        if let Some(dc) = text.strip_prefix("dc!=") {
            return Some(Self::DcIsNot(dc.to_owned()));
        }
        text.strip_prefix("dc=").map(|dc| Self::DcIs(dc.to_owned()))
    }

    /// Whether the rule holds for a result delivered to `dc` on the day `today`.
    pub(crate) fn holds(&self, dc: &str, today: NaiveDate) -> bool {
        match self {
            Self::Always => true,
            Self::DcIs(wanted) => dc == wanted,
            Self::DcIsNot(unwanted) => dc != unwanted,
            Self::Until(last) => today <= *last,
        }
    }

    /// The data centre that it speaks of.
    pub(crate) fn dc(&self) -> Option<&str> {
        match self {
            Self::DcIs(dc) | Self::DcIsNot(dc) => Some(dc),
            Self::Always | Self::Until(_) => None,
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Always => f.write_str("always"),
            Self::DcIs(dc) => write!(f, "dc={dc}"),
            Self::DcIsNot(dc) => write!(f, "dc!={dc}"),
            Self::Until(date) => write!(f, "until={date}"),
        }
    }
}

/// A date written as `YYYY-MM-DD` and in no other way.
pub(crate) fn parse_date(text: &str) -> Option<NaiveDate> {
    let mut parts = text.splitn(3, '-');
    let mut number = |digits: usize| {
        let part =
            parts.next().filter(|part| part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit()))?;
        part.parse::<u32>().ok()
    };
    let (year, month, day) = (number(4)?, number(2)?, number(2)?);
    NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_closed_list_is_read() {
        for text in ["always", "dc=eu", "dc!=eu", "until=2026-12-31"] {
            assert_eq!(Condition::parse(text).unwrap().to_string(), text);
        }
        for text in [
            "",
            "Always",
            "dc==eu",
            "dc=",
            "dc=e u",
            "until=2026-2-1",
            "until=2026-02-30",
            "true",
            "1==1",
            "dc=eu || true",
        ] {
            assert_eq!(Condition::parse(text), None, "{text}");
        }
    }

    #[test]
    fn until_holds_through_its_day() {
        let condition = Condition::parse("until=2026-11-23").unwrap();
        assert!(condition.holds("eu", parse_date("2026-11-23").unwrap()));
        assert!(!condition.holds("eu", parse_date("2026-11-24").unwrap()));
    }
}
