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
    Matrix { policy: set.version().to_owned(), date: today.to_string(), tables: tables.collect() }
}

/// Rows text and cells.
type Sees = (String, Vec<String>);

fn lines(set: &PolicySet, world: &World, table: &TableName, columns: &[String]) -> Vec<MatrixLine> {
    let roles = world.roles.iter().map(|role| (format!("role {role}"), with_role(role)));
    let users = world
        .users
        .iter()
        .map(|name| (format!("user {name}"), Principal { name: name.clone(), roles: Default::default() }));
    let mut merged: Vec<MatrixLine> = Vec::new();
    for (who, principal) in roles.chain(users) {
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
    use crate::condition::parse_date;
    use crate::fixtures::{check_snapshot, sample};

    #[test]
    fn the_matrix_of_the_sample_is_the_committed_one() {
        let set = sample();
        let matrix = set.matrix_on(parse_date("2026-11-23").unwrap());
        check_snapshot("matrix.txt", &matrix.to_string().replace(set.version(), "VERSION"));
    }
}
