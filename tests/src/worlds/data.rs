//! The rows of a world: the base world, its twins for one asker, and the policy view that the oracle queries.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::cell::{Cell, Kind};
use super::how::How;
use super::people::Person;
use super::tables::{Row, RowSource, TABLES, Table};

/// Rows of all governed tables, by table name.
#[derive(Debug, Clone)]
pub struct Data {
    /// Rows of each table in file order.
    pub rows: BTreeMap<&'static str, Rows>,
    /// Whether hidden columns and tables that nobody may see are there too.
    pub with_hidden: bool,
}

/// Rows of one table.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    /// The rows.
    pub rows: Vec<Row>,
    /// Rows from here on lie in the table's second file, if it has two.
    pub second_file: usize,
}

/// How a twin differs from its base world where its asker cannot see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Twin {
    /// It has no hidden rows, no hidden columns, no hidden tables, and other values in every treated cell.
    Bare,
    /// It has other hidden rows at other places, and other values in every treated cell.
    Other,
}

/// The base world that follows from a seed.
pub fn base(seed: u64) -> Data {
    let mut rows = BTreeMap::new();
    for (table_idx, table) in TABLES.iter().enumerate() {
        let mut source = RowSource::new(seed.wrapping_add(table_idx as u64), "");
        let made: Vec<Row> = (0..table.n_rows).map(|_| source.row(table)).collect();
        rows.insert(table.name, Rows { second_file: made.len() / 2, rows: made });
    }
    Data { rows, with_hidden: true }
}

impl Data {
    /// A world that looks the same to `person`.
    pub fn twin(&self, person: &Person, twin: Twin, seed: u64) -> Data {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut rows = BTreeMap::new();
        for table in &TABLES {
            let salt = if twin == Twin::Bare { "b" } else { "c" };
            let mut strangers = RowSource::new(rng.random(), salt);
            rows.insert(table.name, twin_rows(&self.rows[table.name], table, person, twin, &mut strangers, &mut rng));
        }
        Data { rows, with_hidden: twin == Twin::Other }
    }

    /// What `person` sees of `table`, row by row in file order: column names, types and cells.
    pub fn view(&self, person: &Person, table: &Table) -> Option<Seen> {
        let view = person.view(table)?;
        let shown: Vec<(usize, &'static str, Kind, How)> = table
            .columns
            .iter()
            .enumerate()
            .filter_map(|(column_idx, (name, kind))| Some((column_idx, *name, *kind, view.how(name)?)))
            .collect();
        let visible = self.rows[table.name].rows.iter().filter(|row| view.keeps(table, row));
        let rows = visible
            .map(|row| shown.iter().map(|(at, _, kind, how)| how.show(*kind, &row[*at], person.purpose)).collect());
        let columns = shown.iter().map(|(_, name, kind, how)| (*name, how.kind(*kind))).collect();
        Some(Seen { columns, rows: rows.collect() })
    }

    /// Part of a table's rows that `person` sees, in percent; `None` when the table is withheld.
    pub fn visible_percent(&self, person: &Person, table: &Table) -> Option<usize> {
        let view = person.view(table)?;
        let rows = &self.rows[table.name].rows;
        Some(rows.iter().filter(|row| view.keeps(table, row)).count() * 100 / rows.len().max(1))
    }
}

/// A table as one asker sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// Names and types of the shown columns.
    pub columns: Vec<(&'static str, Kind)>,
    /// Treated cells of the visible rows.
    pub rows: Vec<Row>,
}

fn twin_rows(
    base: &Rows,
    table: &Table,
    person: &Person,
    twin: Twin,
    strangers: &mut RowSource,
    rng: &mut StdRng,
) -> Rows {
    let Some(view) = person.view(table) else {
        // The whole table is withheld: anything may be in it.
        let n_rows = if twin == Twin::Bare { 0 } else { table.n_rows / 3 };
        return Rows { rows: (0..n_rows).map(|_| strangers.row(table)).collect(), second_file: n_rows / 2 };
    };
    let mut hidden_row = |rng: &mut StdRng| {
        let row = (0..1_000).map(|_| strangers.row(table)).find(|row| !view.keeps(table, row));
        row.filter(|_| rng.random_range(0..100) < 60)
    };
    let mut rows = Vec::new();
    let mut second_file = 0;
    for (row_idx, row) in base.rows.iter().enumerate() {
        if row_idx == base.second_file {
            second_file = rows.len();
        }
        if twin == Twin::Other && view.rows != ["all"] {
            rows.extend(hidden_row(rng));
        }
        if view.keeps(table, row) {
            rows.push(look_alike(row, table, person, rng));
        }
    }
    Rows { rows, second_file }
}

/// Another raw row that is visible too and looks the same.
fn look_alike(row: &Row, table: &Table, person: &Person, rng: &mut StdRng) -> Row {
    let view = person.view(table).expect("the table is visible");
    let alike = |rng: &mut StdRng| -> Row {
        let cells = table.columns.iter().zip(row);
        cells.map(|((name, kind), cell)| How::look_alike(view.how(name), *kind, cell, rng)).collect()
    };
    // A treated or withheld column may decide about the row as well (a birth date, a region); such a cell is kept.
    let mut candidate = alike(rng);
    for _ in 0..50 {
        if view.keeps(table, &candidate) {
            return candidate;
        }
        candidate = alike(rng);
    }
    let mut kept = candidate;
    for (column_idx, cell) in row.iter().enumerate() {
        if view.keeps(table, &kept) {
            break;
        }
        kept[column_idx] = cell.clone();
    }
    kept
}

/// Every text of a row that must not be seen by somebody who may not see the cell.
pub fn texts(cell: &Cell) -> Vec<&str> {
    match cell {
        Cell::Text(text) => vec![text],
        Cell::Texts(texts) => texts.iter().flatten().map(String::as_str).collect(),
        Cell::Struct(cells) => cells.iter().flat_map(texts).collect(),
        Cell::Null | Cell::Int(_) | Cell::Float(_) | Cell::Bool(_) | Cell::Date(_) | Cell::Time(_) | Cell::Money(_) => {
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worlds::people::PEOPLE;

    #[test]
    fn twins_look_the_same_to_their_asker_and_only_there() {
        let base = base(7);
        for person in &PEOPLE {
            for twin in [Twin::Bare, Twin::Other] {
                let other = base.twin(person, twin, 11);
                for table in &TABLES {
                    assert_eq!(
                        base.view(person, table),
                        other.view(person, table),
                        "{} {} {twin:?}",
                        person.name,
                        table.name
                    );
                    let same = other.rows[table.name].rows == base.rows[table.name].rows;
                    assert!(!same, "{} {} {twin:?}: a twin that is the same proves nothing", person.name, table.name);
                }
            }
        }
    }

    #[test]
    fn row_rules_keep_from_nothing_to_everything() {
        let base = base(7);
        let mut percents = Vec::new();
        for person in &PEOPLE {
            percents.extend(TABLES.iter().filter_map(|table| base.visible_percent(person, table)));
        }
        percents.sort_unstable();
        for (low, high) in [(0, 0), (5, 15), (40, 60), (70, 90), (95, 100)] {
            assert!(percents.iter().any(|percent| (low..=high).contains(percent)), "{low}..{high} of {percents:?}");
        }
        // DataFusion evaluates AND's right side on every row unless the left keeps at most a fifth: only rules that keep more show leaks.
        assert!(percents.iter().filter(|percent| **percent > 20 && **percent < 100).count() >= 8, "{percents:?}");
    }

    #[test]
    fn a_bare_twin_has_no_hidden_row() {
        let base = base(7);
        for person in &PEOPLE {
            let bare = base.twin(person, Twin::Bare, 3);
            for table in TABLES.iter().filter(|table| person.view(table).is_some()) {
                assert_eq!(
                    bare.visible_percent(person, table)
                        .filter(|_| !bare.rows[table.name].rows.is_empty())
                        .unwrap_or(100),
                    100
                );
            }
        }
    }
}
