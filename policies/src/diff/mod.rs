//! Two versions of a policy compared: who gains or loses which columns and rows.

mod people_alike;
mod tables;
mod text;

use serde::Serialize;

use crate::people::{self, World};
use crate::view::View;
use crate::{PolicySet, TableName};

/// What changes from one version of a policy to another.
#[derive(Debug, Clone, Serialize)]
pub struct PolicyDiff {
    /// The old version.
    pub old: String,
    /// The new version.
    pub new: String,
    /// The day that the comparison holds for.
    pub date: String,
    /// Changes, those of one table and column together.
    pub changes: Vec<Change>,
    /// Duties of tables that changed: retention, residency, subjects, erasures, classification.
    pub duties: Vec<DutyChange>,
}

/// One column, or the rows, of one table that some people see otherwise than before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The table.
    pub table: String,
    /// Path of the column; `None` when it is the rows that change.
    pub column: Option<String>,
    /// How it was shown; `-` for not at all.
    pub before: String,
    /// How it is shown now.
    pub after: String,
    /// Whether more or less is shown.
    pub direction: Direction,
    /// Whether somebody gains `special` data in any readable form, or personal data as it is.
    pub sensitive: bool,
    /// Who, for which purpose, delivered where.
    pub who: Vec<Affected>,
}

/// Who a change is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Affected {
    /// Such as `user alice` or `role data_scientist`.
    pub who: String,
    /// Purpose.
    pub purpose: String,
    /// Data centres that the result is delivered to.
    pub dcs: Vec<String>,
}

/// Whether more or less is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// More is shown.
    Gains,
    /// Something else is shown, neither more nor less.
    Changes,
    /// Less is shown.
    Loses,
}

/// A duty of a table that changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DutyChange {
    /// The table.
    pub table: String,
    /// What changed, in words.
    pub text: String,
    /// Whether rows can become visible by it.
    pub loosens: bool,
}

impl PolicyDiff {
    /// Whether anybody gains `special` data in any readable form, or personal data (`pii`) as it is.
    pub fn gains_sensitive(&self) -> bool {
        self.changes.iter().any(|change| change.sensitive)
    }

    /// Whether nobody sees anything otherwise than before.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.duties.is_empty()
    }
}

pub(crate) fn diff(old: &PolicySet, new: &PolicySet, today: chrono::NaiveDate) -> PolicyDiff {
    let world = World::of(old, today).joined(World::of(new, today));
    let mut names: Vec<&TableName> = old.tables().chain(new.tables()).map(|(name, _)| name).collect();
    names.sort_unstable();
    names.dedup();
    let groups = people_alike::groups(old, new, &world);
    let mut found = tables::Changes::default();
    for table in &names {
        for group in &groups {
            for purpose in &world.purposes {
                for dc in &world.dcs {
                    let before =
                        View::of(old, &people::asker(old, &group.principal, purpose, dc, today, Some(table)), table);
                    let after =
                        View::of(new, &people::asker(new, &group.principal, purpose, dc, today, Some(table)), table);
                    found.add(old, new, table, &before, &after, &tables::Where { group, purpose, dc });
                }
            }
        }
    }
    PolicyDiff {
        old: old.version().to_owned(),
        new: new.version().to_owned(),
        date: today.to_string(),
        changes: found.into_sorted(),
        duties: names.iter().flat_map(|table| tables::duties(old, new, table)).collect(),
    }
}

#[cfg(test)]
mod tests;
