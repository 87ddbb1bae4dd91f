//! Who sees what, as one table: subject x purpose x column.

use std::collections::BTreeMap;
use std::fmt;

use chrono::NaiveDate;
use serde::Serialize;

use crate::PolicySet;
use crate::people::{self, World, with_role};
use crate::view::View;
use crate::{Principal, TableName};

/// What each role and each user sees of each table, for each purpose and data centre, as classified.
#[derive(Debug, Clone, Serialize)]
pub struct Matrix {
    /// Version of the policy.
    pub policy: String,
    /// The day that it holds for.
    pub date: String,
    /// Everybody who was asked about: each role and each user, such as `role data_scientist`.
    pub who: Vec<String>,
    /// Every purpose that was asked about.
    pub purposes: Vec<String>,
    /// Every data centre that was asked about, and `elsewhere`.
    pub dcs: Vec<String>,
    /// Tables by name.
    pub tables: Vec<MatrixTable>,
}

/// One table.
#[derive(Debug, Clone, Serialize)]
pub struct MatrixTable {
    /// Its name.
    pub table: String,
    /// Paths of its columns.
    pub columns: Vec<String>,
    /// One line for each group that sees the same; whoever is in none sees nothing.
    pub lines: Vec<MatrixLine>,
}

/// Askers who see the same.
#[derive(Debug, Clone, Serialize)]
pub struct MatrixLine {
    /// Such as `role data_scientist` or `user carl`.
    pub who: Vec<String>,
    /// Purposes.
    pub purposes: Vec<String>,
    /// Data centres that the result is delivered to.
    pub dcs: Vec<String>,
    /// Row rules, ORed.
    pub rows: String,
    /// One treatment for each column, `-` where it is withheld.
    pub cells: Vec<String>,
}

pub(crate) fn matrix(set: &PolicySet, today: NaiveDate) -> Matrix {
    let world = World::of(set, today);
    let tables = set.tables().map(|(table, class)| {
        let columns: Vec<String> = class.columns.keys().cloned().collect();
        MatrixTable { table: table.to_string(), lines: lines(set, &world, table, &columns), columns }
    });
    Matrix {
        policy: set.version().to_owned(),
        date: today.to_string(),
        who: askers(&world).map(|(who, _)| who).collect(),
        tables: tables.collect(),
        purposes: world.purposes,
        dcs: world.dcs,
    }
}

/// Everybody, with how they are called in the matrix.
fn askers(world: &World) -> impl Iterator<Item = (String, Principal)> {
    let roles = world.roles.iter().map(|role| (format!("role {role}"), with_role(role)));
    let user = |name: &String| Principal { name: name.clone(), roles: Default::default() };
    roles.chain(world.users.iter().map(move |name| (format!("user {name}"), user(name))))
}

/// Rows text and cells.
type Sees = (String, Vec<String>);

fn lines(set: &PolicySet, world: &World, table: &TableName, columns: &[String]) -> Vec<MatrixLine> {
    let mut merged: Vec<MatrixLine> = Vec::new();
    for (who, principal) in askers(world) {
        for (sees, mut line) in lines_of(set, world, table, columns, &principal) {
            let same = merged.iter_mut().find(|other| {
                other.purposes == line.purposes
                    && other.dcs == line.dcs
                    && other.rows == sees.0
                    && other.cells == sees.1
            });
            match same {
                Some(other) => other.who.push(who.clone()),
                None => {
                    line.who.push(who.clone());
                    merged.push(line);
                }
            }
        }
    }
    merged
}

/// What one person sees: purposes with the same view in the same places stand together.
fn lines_of(
    set: &PolicySet,
    world: &World,
    table: &TableName,
    columns: &[String],
    principal: &Principal,
) -> Vec<(Sees, MatrixLine)> {
    let mut by_purpose: BTreeMap<(Sees, Vec<String>), Vec<String>> = BTreeMap::new();
    for purpose in &world.purposes {
        let mut by_dc: BTreeMap<Sees, Vec<String>> = BTreeMap::new();
        for dc in &world.dcs {
            let asker = people::asker(set, principal, purpose, dc, world.today, Some(table));
            let view = View::of(set, &asker, table);
            if view.is_empty() {
                continue;
            }
            let cell = |path: &String| view.columns.get(path).map_or("-", |treatment| treatment.name()).to_owned();
            by_dc.entry((view.rows_text(), columns.iter().map(cell).collect())).or_default().push(dc.clone());
        }
        for (sees, dcs) in by_dc {
            by_purpose.entry((sees, dcs)).or_default().push(purpose.clone());
        }
    }
    let mut lines = Vec::new();
    for ((sees, dcs), purposes) in by_purpose {
        let line = MatrixLine { who: Vec::new(), purposes, dcs, rows: sees.0.clone(), cells: sees.1.clone() };
        lines.push((sees, line));
    }
    lines.sort_by(|a, b| (&a.1.purposes, &a.1.dcs).cmp(&(&b.1.purposes, &b.1.dcs)));
    lines
}

impl fmt::Display for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "policy {}, on {}", self.policy, self.date)?;
        writeln!(f, "asked by {}", self.who.join(", "))?;
        writeln!(f, "for {}", self.purposes.join(", "))?;
        writeln!(f, "delivered to {}", self.dcs.join(", "))?;
        writeln!(f, "`-` is withheld; who is not listed under a table sees nothing of it")?;
        for table in &self.tables {
            write!(f, "\n{table}")?;
        }
        Ok(())
    }
}

impl fmt::Display for MatrixTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.table)?;
        let is_seen = |column_idx: usize| {
            self.lines.iter().any(|line| line.cells.get(column_idx).is_some_and(|cell| cell != "-"))
        };
        let unseen: Vec<&str> = self
            .columns
            .iter()
            .enumerate()
            .filter(|(idx, _)| !is_seen(*idx))
            .map(|(_, column)| column.as_str())
            .collect();
        if !unseen.is_empty() {
            writeln!(f, "  nobody sees {}", unseen.join(", "))?;
        }
        for line in &self.lines {
            writeln!(f, "  {}", line.who.join(", "))?;
            writeln!(f, "    for {}; delivered to {}", line.purposes.join(", "), line.dcs.join(", "))?;
            writeln!(f, "    rows {}", line.rows)?;
            let mut by_treatment: Vec<(&str, Vec<&str>)> = Vec::new();
            for (column, cell) in self.columns.iter().zip(&line.cells) {
                match by_treatment.iter_mut().find(|(known, _)| known == cell) {
                    Some((_, columns)) => columns.push(column),
                    None => by_treatment.push((cell, vec![column])),
                }
            }
            by_treatment.sort_by_key(|(cell, _)| rank(cell));
            for (cell, columns) in by_treatment {
                writeln!(f, "    {cell:<13}{}", columns.join(", "))?;
            }
        }
        Ok(())
    }
}

/// From most to least revealing; withheld columns last.
fn rank(cell: &str) -> usize {
    crate::Treatment::ALL.iter().position(|treatment| treatment.name() == cell).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::condition::parse_date;
    use crate::fixtures::{Copy, WORLD, check_snapshot, sample, world};

    fn day() -> NaiveDate {
        parse_date("2026-11-23").unwrap()
    }

    #[test]
    fn the_matrix_of_the_sample_is_the_committed_one() {
        let set = sample();
        check_snapshot("matrix.txt", &set.matrix_on(day()).to_string().replace(set.version(), "VERSION"));
    }

    /// What the matrix says to somebody: row rules and the shown columns with their treatments; `None` for nothing.
    fn told(table: &MatrixTable, who: &str, purpose: &str, dc: &str) -> Option<(String, BTreeMap<String, String>)> {
        let has = |names: &[String], name: &str| names.iter().any(|known| known == name);
        let mut lines =
            table.lines.iter().filter(|line| has(&line.who, who) && has(&line.purposes, purpose) && has(&line.dcs, dc));
        let line = lines.next()?;
        assert!(lines.next().is_none(), "{who} for {purpose} in {dc} stands twice under {}", table.table);
        let cells = table.columns.iter().cloned().zip(line.cells.iter().cloned());
        Some((line.rows.clone(), cells.filter(|(_, cell)| cell != "-").collect()))
    }

    #[test]
    fn the_matrix_says_of_every_role_purpose_place_and_column_what_a_decision_says() {
        let set = sample();
        let matrix = set.matrix_on(day());
        // The ledger's own tables have their schema from the gateway.
        let of_world = |table: &&MatrixTable| !table.table.starts_with("lockgate.");
        let names: Vec<&str> = matrix.tables.iter().filter(of_world).map(|table| table.table.as_str()).collect();
        assert_eq!(names, WORLD);
        let known = World::of(&set, day());
        assert_eq!(matrix.who.len(), known.roles.len() + known.users.len());
        assert_eq!((&matrix.purposes, &matrix.dcs), (&known.purposes, &known.dcs));
        for table in matrix.tables.iter().filter(of_world) {
            let (name, schema) = (table.table.parse().unwrap(), world(&table.table));
            for (who, principal) in askers(&known) {
                for purpose in &matrix.purposes {
                    for dc in &matrix.dcs {
                        let asker = people::asker(&set, &principal, purpose, dc, day(), Some(&name));
                        // Over the data's schema, field by field, from the decision itself.
                        let told_why = set.explain(&asker, &name, None, Some(&schema));
                        let decided = (told_why.access == "visible").then(|| {
                            let granted = told_why.rows.into_iter().filter(|row| row.granted).map(|row| row.name);
                            let mut granted: Vec<String> = granted.collect();
                            granted.sort_unstable();
                            let shown = told_why.columns.into_iter().filter(|column| column.withheld.is_none());
                            (granted.join("|"), shown.map(|column| (column.column, column.result)).collect())
                        });
                        assert_eq!(told(table, &who, purpose, dc), decided, "{who} for {purpose} in {dc}: {name}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_new_stands_in_the_matrix_even_if_nobody_sees_more_by_it() {
        let copy = Copy::of_sample();
        copy.append(
            "policy.csv",
            "g, role:newcomer, role:everyone\ng, user:nick, role:newcomer\ng3, purpose:play, purpose:any",
        );
        copy.replace(
            "classification.yaml",
            "purposes:\n",
            "purposes:\n  play: {ropa: R, basis: b, owner: o, retention_days: 1}\n",
        );
        copy.replace("classification.yaml", "      need:  ", "      helper:     [special.health]\n      need:  ");
        copy.replace("classification.yaml", "[always, \"dc=eu\",", "[always, \"dc=mars\", \"dc=eu\",");
        let text = copy.good().matrix_on(day()).to_string();
        for new in [
            "role newcomer",
            "user nick",
            "for analytics, audit, finance, fraud, hr, marketing, planning, play",
            "mars",
            "nobody sees helper, need",
        ] {
            assert!(text.contains(new), "{new}\n{text}");
        }
    }
}
