//! Names that policy speaks of: tables, principals, and who asks from where.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// Full name of a table, `catalog.schema.table`, in the spelling of the source.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableName {
    /// Catalogue: the name of the source.
    pub catalog: String,
    /// Schema within the catalogue.
    pub schema: String,
    /// Table within the schema.
    pub table: String,
}

impl TableName {
    /// The name `catalog.schema.table`.
    pub fn new(catalog: impl Into<String>, schema: impl Into<String>, table: impl Into<String>) -> Self {
        Self { catalog: catalog.into(), schema: schema.into(), table: table.into() }
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.catalog, self.schema, self.table)
    }
}

impl FromStr for TableName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split('.').collect();
        match parts.as_slice() {
            [catalog, schema, table] if parts.iter().all(|part| !part.trim().is_empty()) => {
                Ok(Self::new(*catalog, *schema, *table))
            }
            _ => Err(format!("`{text}` is not a full table name; write `catalog.schema.table`")),
        }
    }
}

/// Who asks, as verified credentials say.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Principal {
    /// Name without the `user:` prefix.
    pub name: String,
    /// Roles that the credentials give, without the `role:` prefix; those of `policy.csv` come on top.
    pub roles: BTreeSet<String>,
}

/// Where and when a decision holds. Set by the gateway and the credentials, never by the caller.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Env {
    /// Data centre that the result is delivered to.
    pub dc: String,
    /// Data centre that this gateway runs in.
    pub site: String,
    /// Today in UTC, for conditions such as `until=DATE`.
    pub today: chrono::NaiveDate,
}

/// Everything that a decision depends on besides the policy and the table.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Asker {
    /// Who asks.
    pub principal: Principal,
    /// Declared purpose, without the `purpose:` prefix.
    pub purpose: String,
    /// Where and when.
    pub env: Env,
}
