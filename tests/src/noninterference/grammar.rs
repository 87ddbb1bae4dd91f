//! Where generated queries take their tables, columns and guesses from.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::worlds::cell::Kind;
use crate::worlds::data::{Data, texts};
use crate::worlds::people::Person;
use crate::worlds::tables::{TABLES, Table};

/// A generated query.
#[derive(Debug, Clone)]
pub struct Generated {
    /// The SQL text.
    pub sql: String,
    /// Whether two correct engines must give the same rows: false when the answer hangs on an order that the query
    /// leaves open.
    pub steady: bool,
    /// Whether the answer hangs on the order in which rows are stored.
    pub looks_at_order: bool,
    /// Whether one engine gives its rows in the same order each time: a union reads its branches side by side.
    pub ordered: bool,
}

/// A column that expressions may name.
#[derive(Debug, Clone)]
pub(super) struct Col {
    /// How it is written.
    pub(super) sql: String,
    /// Its type.
    pub(super) kind: Kind,
}

/// Makes one query for one person.
pub(super) struct Grammar<'a> {
    pub(super) rng: StdRng,
    pub(super) person: &'a Person,
    base: &'a Data,
    /// Whether expressions may fail on a row (casts, divisions, overflows).
    pub(super) risky: bool,
    /// Whether something in it hangs on the order of rows.
    pub(super) looks_at_order: bool,
    /// Whether rows come in an order that engines choose: joins, and equal rows where an order is asked for.
    pub(super) free_order: bool,
    /// Whether branches are read side by side.
    pub(super) has_union: bool,
    n_aliases: usize,
    n_nested: usize,
}

/// The query number `index` of the run with this seed, for `person`, who sees a part of `base`.
pub fn generate(seed: u64, index: u64, person: &Person, base: &Data) -> Generated {
    let mut grammar = Grammar {
        rng: StdRng::seed_from_u64(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(index)),
        person,
        base,
        risky: false,
        looks_at_order: false,
        free_order: false,
        has_union: false,
        n_aliases: 0,
        n_nested: 0,
    };
    grammar.risky = grammar.chance(12);
    let sql = grammar.statement();
    let steady = !(grammar.looks_at_order && grammar.free_order);
    Generated { sql, steady, looks_at_order: grammar.looks_at_order, ordered: !grammar.has_union }
}

impl Grammar<'_> {
    /// True in `percent` of 100 cases.
    pub(super) fn chance(&mut self, percent: u32) -> bool {
        self.rng.random_range(0..100) < percent
    }

    /// One of some texts.
    pub(super) fn pick<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts[self.rng.random_range(0..texts.len())]
    }

    /// An alias that the query does not use yet.
    pub(super) fn alias(&mut self) -> String {
        self.n_aliases += 1;
        format!("t{}", self.n_aliases)
    }

    /// Whether another subquery may be nested; counts it if so.
    pub(super) fn may_nest(&mut self) -> bool {
        let may = self.n_nested < 3;
        self.n_nested += usize::from(may);
        may
    }

    /// A text that stands in some cell of the base world, whoever may see it.
    pub(super) fn guess(&mut self) -> String {
        let table = &TABLES[self.rng.random_range(0..TABLES.len())];
        let rows = &self.base.rows[table.name].rows;
        let row = &rows[self.rng.random_range(0..rows.len())];
        let found: Vec<&str> = row.iter().flat_map(texts).collect();
        if found.is_empty() { String::new() } else { found[self.rng.random_range(0..found.len())].to_owned() }
    }

    /// A table to read, by its full name, with the columns that may be named under `alias`: mostly what the person sees.
    pub(super) fn table(&mut self, alias: &str) -> (String, Vec<Col>) {
        if self.chance(1) {
            let name =
                self.pick(&["hive.rides.watchlist", "hive.rides.scratch", "hive.rides.nothing", "nowhere.rides.trips"]);
            return (name.to_owned(), vec![Col { sql: format!("{alias}.rider_id"), kind: Kind::Text }]);
        }
        let seen: Vec<&Table> = TABLES.iter().filter(|table| self.person.view(table).is_some()).collect();
        let any = self.chance(2);
        let table = if any {
            &TABLES[self.rng.random_range(0..TABLES.len())]
        } else {
            seen[self.rng.random_range(0..seen.len())]
        };
        let name = if self.chance(3) { table.name.to_uppercase() } else { table.name.to_owned() };
        (name, self.columns(table, alias))
    }

    fn columns(&mut self, table: &Table, alias: &str) -> Vec<Col> {
        let view = self.person.view(table);
        let stray = self.chance(2);
        let mut columns = Vec::new();
        for (name, kind) in table.columns {
            let shown = view.is_some_and(|view| view.how(name).is_some());
            if shown || (stray && self.chance(30)) {
                columns.push(Col { sql: format!("{alias}.{name}"), kind: *kind });
            }
        }
        columns
    }
}
