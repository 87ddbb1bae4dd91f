//! Canaries: texts that stand in one cell of a world and nowhere else. Who may not see the cell must not see the text.

use std::collections::BTreeSet;

use crate::worlds::data::{Data, texts};
use crate::worlds::people::Person;
use crate::worlds::tables::{CANARY, TABLES};

/// The canaries that one person may see.
#[derive(Debug)]
pub struct Canaries {
    cells: BTreeSet<String>,
    columns: BTreeSet<String>,
    /// Cells that exist, and their columns, whoever sees them: a query may make a word that is in no cell out of one that
    /// is, and in a buffer of texts the digits of the next one stand right behind a number. Everything counts where nothing
    /// may be seen.
    known: Option<BTreeSet<String>>,
}

/// Words of queries that cut or join texts: after those a canary's number is not what it was.
const CUTTERS: [&str; 13] = [
    "substr",
    "left(",
    "right(",
    "||",
    "concat",
    "replace",
    "lpad",
    "split_part",
    "string_agg",
    "reverse",
    "trim",
    "[",
    "unnest",
];

impl Canaries {
    /// What `person` sees of `data`.
    pub fn of(data: &Data, person: &Person) -> Self {
        let mut cells = BTreeSet::new();
        for table in &TABLES {
            let Some(seen) = data.view(person, table) else { continue };
            for cell in seen.rows.iter().flatten() {
                cells.extend(texts(cell).into_iter().flat_map(|text| found(text.as_bytes())));
            }
        }
        let columns = cells.iter().map(|cell| column(cell)).collect();
        let all = data.rows.values().flat_map(|table| table.rows.iter().flatten());
        let all = all.flat_map(texts).flat_map(|text| found(text.as_bytes()));
        Self { cells, columns, known: Some(all.flat_map(|cell| [column(&cell), cell]).collect()) }
    }

    /// Somebody who may see nothing: logs and the ledger.
    pub fn none() -> Self {
        Self { cells: BTreeSet::new(), columns: BTreeSet::new(), known: None }
    }

    /// Canaries in `bytes` that must not be there. What the query itself spells out is the asker's own.
    pub fn leaked(&self, bytes: &[u8], sql: &str) -> Vec<String> {
        let own: BTreeSet<String> = found(sql.as_bytes()).into_iter().collect();
        let own_columns: BTreeSet<String> = own.iter().map(|cell| column(cell)).collect();
        let whole = !CUTTERS.iter().any(|cutter| sql.contains(cutter));
        let leaks = found(bytes).into_iter().filter(|cell| {
            let of_column = column(cell);
            let exists = |word: &str| self.known.as_ref().is_none_or(|known| known.contains(word));
            let runs_on = !exists(cell) && begins_with_one(cell, &self.cells);
            if !exists(&of_column) || runs_on || own.contains(cell) || own_columns.contains(&of_column) {
                return false;
            }
            !self.columns.contains(&of_column) || (whole && !self.cells.contains(cell))
        });
        leaks.collect::<BTreeSet<_>>().into_iter().collect()
    }
}

/// Whether `canary` is one of `cells`, with nothing but digits behind it.
fn begins_with_one(canary: &str, cells: &BTreeSet<String>) -> bool {
    let number = canary.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    (number + 1..=canary.len()).any(|end| cells.contains(&canary[..end]))
}

/// `k9z.riders.email` of `k9z.riders.email.17`.
fn column(canary: &str) -> String {
    canary.split('.').take(3).collect::<Vec<_>>().join(".")
}

/// Canaries in some bytes, in lower case: `k9z.`, two words, a number, and for an element of a list another one.
fn found(bytes: &[u8]) -> Vec<String> {
    let lower: Vec<u8> = bytes.to_ascii_lowercase();
    let mut all = Vec::new();
    let mut from = 0;
    while let Some(at) = lower[from..].windows(CANARY.len()).position(|window| window == CANARY.as_bytes()) {
        let start = from + at;
        from = start + CANARY.len();
        if let Some(end) = end_of(&lower, from) {
            all.push(String::from_utf8_lossy(&lower[start..end]).into_owned());
        }
    }
    all
}

fn end_of(bytes: &[u8], from: usize) -> Option<usize> {
    let word = |at: usize| {
        bytes[at..]
            .iter()
            .position(|byte| !(byte.is_ascii_lowercase() || *byte == b'_' || *byte == b'4'))
            .map(|n| at + n)
    };
    let digits = |at: usize| at + bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let table = word(from)?;
    let column = word(if bytes.get(table) == Some(&b'.') { table + 1 } else { return None })?;
    if bytes.get(column) != Some(&b'.') {
        return None;
    }
    let salt = usize::from(matches!(bytes.get(column + 1), Some(b'b' | b'c')));
    let mut end = digits(column + 1 + salt);
    if bytes.get(end) == Some(&b'.') && digits(end + 1) > end + 1 {
        end = digits(end + 1);
    }
    (end > column + 1 + salt).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worlds::data::base;
    use crate::worlds::people::PEOPLE;

    #[test]
    fn canaries_are_found_wherever_they_stand() {
        let found = found(b"..K9Z.RIDERS.EMAIL.17@dom3k9z.trips.stops.5.0k9z.payments.card_last4.c9\0k9z.riders.name");
        assert_eq!(found, ["k9z.riders.email.17", "k9z.trips.stops.5.0", "k9z.payments.card_last4.c9"]);
    }

    #[test]
    fn a_canary_of_a_hidden_cell_is_a_leak_and_one_of_a_visible_cell_is_not() {
        let base = base(7);
        let bob = Canaries::of(&base, &PEOPLE[1]);
        assert_eq!(bob.leaked(b"k9z.riders.email.17", "SELECT email"), Vec::<String>::new());
        assert_eq!(bob.leaked(b"k9z.events.body.17", "SELECT email"), ["k9z.events.body.17"]);
        assert_eq!(bob.leaked(b"k9z.events.body.17", "SELECT 'k9z.events.body.17'"), Vec::<String>::new());
        assert_eq!(bob.leaked(b"k9z.riders.email.1726ab", "SELECT email"), Vec::<String>::new());
        assert_eq!(bob.leaked(b"k9z.ridxrs.email.17", "SELECT replace(email, 'e', 'x')"), Vec::<String>::new());
        let alice = Canaries::of(&base, &PEOPLE[0]);
        assert_eq!(alice.leaked(b"k9z.riders.email.17", "SELECT email"), ["k9z.riders.email.17"]);
    }
}
