//! One table before and after.

use std::collections::{BTreeMap, BTreeSet};

use crate::classification::{Residency, TableClass};
use crate::diff::people_alike::Group;
use crate::diff::{Affected, Change, Direction, DutyChange};
use crate::view::View;
use crate::{PolicySet, TableName, Treatment};

/// For whom, why and where two views are compared.
pub(super) struct Where<'a> {
    pub(super) group: &'a Group,
    pub(super) purpose: &'a str,
    pub(super) dc: &'a str,
}

/// Changes that were found, those that say the same together.
#[derive(Default)]
pub(super) struct Changes(BTreeMap<Key, BTreeMap<(String, String), BTreeSet<String>>>);

/// Direction, table, column, before, after, sensitive.
type Key = (Direction, String, Option<String>, String, String, bool);

impl Changes {
    pub(super) fn add(
        &mut self,
        old: &PolicySet,
        new: &PolicySet,
        table: &TableName,
        before: &View,
        after: &View,
        place: &Where<'_>,
    ) {
        if before == after {
            return;
        }
        let paths: BTreeSet<&String> = before.columns.keys().chain(after.columns.keys()).collect();
        for path in paths {
            let (was, is) = (before.columns.get(path).copied(), after.columns.get(path).copied());
            let Some(direction) = direction(was, is) else { continue };
            let sensitive = direction != Direction::Loses && is_sensitive(old, new, table, path, is);
            self.note((direction, table.to_string(), Some(path.clone()), cell(was), cell(is), sensitive), place);
        }
        // Who saw nothing before sees it all in the columns; rows are news where there were some.
        if before.is_empty() || after.is_empty() || before.rows == after.rows {
            return;
        }
        let direction = rows_direction(before, after);
        let shows_sensitive = || after.columns.iter().any(|(path, is)| is_sensitive(old, new, table, path, Some(*is)));
        let sensitive = direction != Direction::Loses && shows_sensitive();
        let (was, is) = rows_texts(before, after);
        self.note((direction, table.to_string(), None, was, is, sensitive), place);
    }

    fn note(&mut self, key: Key, place: &Where<'_>) {
        let who = self.0.entry(key).or_default();
        for name in &place.group.names {
            who.entry((name.clone(), place.purpose.to_owned())).or_default().insert(place.dc.to_owned());
        }
    }

    pub(super) fn into_sorted(self) -> Vec<Change> {
        let change = |(key, who): (Key, BTreeMap<(String, String), BTreeSet<String>>)| {
            let (direction, table, column, before, after, sensitive) = key;
            let affected = |((who, purpose), dcs): ((String, String), BTreeSet<String>)| Affected {
                who,
                purpose,
                dcs: dcs.into_iter().collect(),
            };
            Change { table, column, before, after, direction, sensitive, who: who.into_iter().map(affected).collect() }
        };
        self.0.into_iter().map(change).collect()
    }
}

fn direction(was: Option<Treatment>, is: Option<Treatment>) -> Option<Direction> {
    match (was, is) {
        (None, None) => None,
        (None, Some(_)) => Some(Direction::Gains),
        (Some(_), None) => Some(Direction::Loses),
        (Some(was), Some(is)) if was == is => None,
        (Some(was), Some(is)) if is.at_least_as_revealing(was) => Some(Direction::Gains),
        (Some(was), Some(is)) if was.at_least_as_revealing(is) => Some(Direction::Loses),
        (Some(_), Some(_)) => Some(Direction::Changes),
    }
}

fn cell(treatment: Option<Treatment>) -> String {
    treatment.map_or("-", |treatment| treatment.name()).to_owned()
}

/// `special` data in a form that says something, or `pii` as it is; by the tags of either version, so that a tag that is
/// taken away does not hide a gain.
fn is_sensitive(old: &PolicySet, new: &PolicySet, table: &TableName, path: &str, is: Option<Treatment>) -> bool {
    let Some(treatment) = is else { return false };
    let says_something = !matches!(treatment, Treatment::Null | Treatment::Redact);
    [old, new].into_iter().any(|set| {
        let tags = set.table_class(table).into_iter().flat_map(|class| tags_of(class, path));
        tags.into_iter().any(|tag| {
            let above = set.above(&format!("tag:{tag}"));
            let is_below = |root: &str| {
                above.iter().any(|name| {
                    name.strip_prefix("tag:").is_some_and(|name| name == root || name.starts_with(&format!("{root}.")))
                })
            };
            (is_below("special") && says_something) || (is_below("pii") && treatment == Treatment::Clear)
        })
    })
}

/// Tags of a column and of the structs around it.
fn tags_of(class: &TableClass, path: &str) -> Vec<String> {
    let around = path.match_indices('.').filter_map(|(end, _)| path.get(..end));
    around
        .chain([path])
        .filter_map(|path| class.columns.get(path))
        .flat_map(|entry| entry.tags.iter().cloned())
        .collect()
}

fn rows_direction(before: &View, after: &View) -> Direction {
    let kept =
        |from: &View, to: &View| to.all_rows || from.rows.iter().all(|(name, sql)| to.rows.get(name) == Some(sql));
    match (kept(before, after), kept(after, before)) {
        (true, false) => Direction::Gains,
        (false, true) => Direction::Loses,
        (true, true) | (false, false) => Direction::Changes,
    }
}

/// Names of the row rules; with their SQL where the names are the same.
fn rows_texts(before: &View, after: &View) -> (String, String) {
    if before.rows_text() != after.rows_text() {
        return (before.rows_text(), after.rows_text());
    }
    let text = |view: &View, other: &View| {
        let changed = view.rows.iter().filter(|(name, sql)| other.rows.get(*name) != Some(sql));
        changed.map(|(name, sql)| format!("{name}: {sql}")).collect::<Vec<_>>().join("|")
    };
    (text(before, after), text(after, before))
}

/// Duties of a table that changed.
pub(super) fn duties(old: &PolicySet, new: &PolicySet, table: &TableName) -> Vec<DutyChange> {
    let (Some(before), Some(after)) = (old.table_class(table), new.table_class(table)) else {
        let (text, loosens) = match old.table_class(table) {
            Some(_) => ("is no longer classified, so nobody sees it", false),
            None => ("is newly classified", true),
        };
        return vec![DutyChange { table: table.to_string(), text: text.to_owned(), loosens }];
    };
    let mut changes = Vec::new();
    let mut note = |text: String, loosens: bool| changes.push(DutyChange { table: table.to_string(), text, loosens });
    if before.retention != after.retention {
        let text = |class: &TableClass| {
            class
                .retention
                .as_ref()
                .map_or("none".to_owned(), |kept| format!("{} days by `{}`", kept.days, kept.column))
        };
        let shorter = match (&before.retention, &after.retention) {
            (Some(was), Some(is)) => was.column == is.column && is.days < was.days,
            (None, Some(_)) => true,
            (Some(_), None) | (None, None) => false,
        };
        note(format!("retention: {} -> {}", text(before), text(after)), !shorter);
    }
    if before.residency != after.residency {
        note(format!("residency: {} -> {}", residency(before), residency(after)), before.residency.is_some());
    }
    if before.hidden != after.hidden {
        let text =
            if after.hidden { "is hidden now" } else { "is no longer hidden: everybody may know that it exists" };
        note(text.to_owned(), !after.hidden);
    }
    let keys = |set: &PolicySet, class: &TableClass| -> BTreeSet<String> {
        let keys = class.subject.as_ref().and_then(|subject| set.erasures.of(&subject.subject));
        keys.iter().flat_map(|keys| keys.iter().cloned()).collect()
    };
    let (erased, erases) = (keys(old, before), keys(new, after));
    if before.subject != after.subject {
        note("the column with the subject's key is another one".to_owned(), before.subject.is_some());
    }
    if erased != erases {
        let back = erased.difference(&erases).count();
        let gone = erases.difference(&erased).count();
        note(format!("erased subjects: {gone} more, {back} fewer"), back > 0);
    }
    changes
}

fn residency(class: &TableClass) -> String {
    match &class.residency {
        Some(Residency::Site(site)) => format!("`{site}`"),
        Some(Residency::Column(column)) => format!("by column `{column}`"),
        None => "none".to_owned(),
    }
}
