//! How a question names a table or a column.

use std::str::FromStr;

/// A table, or columns of one: `CATALOG.SCHEMA.TABLE`, `CATALOG.SCHEMA.TABLE.COLUMN`, a struct's leaf `....payload.phone`.
/// `*` stands for any one part, and at the end for all that follow. A struct covers its leaves, and a leaf is also seen by
/// who saw the whole struct. Case does not matter: naming too much is the safe side of an audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnPattern {
    table: [String; 3],
    column: Vec<String>,
}

impl FromStr for ColumnPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts: Vec<String> = text.split('.').map(str::to_owned).collect();
        if parts.iter().any(|part| part.trim().is_empty()) {
            return Err(format!(
                "`{text}` has an empty part; write CATALOG.SCHEMA.TABLE or CATALOG.SCHEMA.TABLE.COLUMN"
            ));
        }
        if parts.last().is_some_and(|last| last == "*") {
            parts.pop();
            while parts.len() < 3 {
                parts.push("*".to_owned());
            }
        }
        match <[String; 3]>::try_from(parts.iter().take(3).cloned().collect::<Vec<_>>()) {
            Ok(table) => Ok(Self { table, column: parts.split_off(3) }),
            Err(_) => Err(format!(
                "`{text}` names no table; write CATALOG.SCHEMA.TABLE or CATALOG.SCHEMA.TABLE.COLUMN, such as `vertica.crm.riders.phone`"
            )),
        }
    }
}

impl ColumnPattern {
    /// Every column of every table.
    pub fn every() -> Self {
        Self { table: ["*", "*", "*"].map(str::to_owned), column: Vec::new() }
    }

    /// Whether a table's full name fits.
    pub fn fits_table(&self, table: &str) -> bool {
        let mut parts = table.splitn(3, '.');
        self.table.iter().all(|pattern| parts.next().is_some_and(|part| fits(pattern, part)))
    }

    /// Whether a column or leaf path of a fitting table fits.
    pub fn fits_column(&self, column: &str) -> bool {
        // The shorter path decides: a struct covers its leaves, and the other way round.
        self.column.iter().zip(column.split('.')).all(|(pattern, part)| fits(pattern, part))
    }

    /// Whether it asks for certain columns.
    pub fn names_columns(&self) -> bool {
        !self.column.is_empty()
    }
}

fn fits(pattern: &str, part: &str) -> bool {
    pattern == "*" || pattern.eq_ignore_ascii_case(part)
}
