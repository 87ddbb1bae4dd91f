//! What policy says for one table: which columns in which treatment, and which rows.

use std::sync::Arc;

use sqlparser::ast::Expr;

use crate::{TableName, Treatment};

/// The decision for one table, one asker and one policy version.
#[derive(Debug, Clone)]
pub struct TableDecision {
    /// The table.
    pub table: TableName,
    /// Version of the policy that decided.
    pub policy: Arc<str>,
    /// What may be seen.
    pub access: TableAccess,
    /// Ids of all rules that decided, sorted, each once.
    pub rules: Vec<String>,
}

/// Whether and how a table may be read.
#[derive(Debug, Clone)]
pub enum TableAccess {
    /// Some rows may be read; at least one column or none may be shown.
    Visible {
        /// One decision for each top-level column, in schema order.
        columns: Vec<ColumnDecision>,
        /// Which rows.
        rows: RowFilter,
    },
    /// The table exists and may be named, but not read.
    Withheld(Withheld),
    /// To this asker the table looks exactly like one that does not exist.
    Hidden,
}

/// How one column, or one field of a struct, is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnDecision {
    /// Name of the column or field.
    pub name: String,
    /// How it is shown.
    pub shown: Shown,
    /// Ids of the rules that decided.
    pub rules: Vec<String>,
    /// Tags of the classification.
    pub tags: Vec<String>,
}

/// A column or a part of one that is decided by itself.
#[derive(Debug, Clone)]
pub struct Leaf<'a> {
    /// Names from the column down to the field.
    pub names: Vec<&'a str>,
    /// Treated or withheld, never hidden; nested only where [`ColumnDecision::told_leaves`] takes a struct for one leaf.
    pub decision: &'a ColumnDecision,
}

impl Leaf<'_> {
    /// The names, joined by dots.
    pub fn path(&self) -> String {
        self.names.join(".")
    }
}

impl ColumnDecision {
    /// [`ColumnDecision::leaves`] as the asker may know them: a struct of which hidden fields alone are missing is one leaf.
    pub fn told_leaves(&self) -> Vec<Leaf<'_>> {
        match &self.shown {
            Shown::Nested(fields) if !self.shown.looks_clear() => self.below(fields, ColumnDecision::told_leaves),
            Shown::Nested(_) | Shown::Treated(_) | Shown::Withheld(_) => vec![self.leaf()],
            Shown::Hidden => Vec::new(),
        }
    }

    /// The column itself or, where its fields differ, each field at any depth. What is hidden is left out.
    pub fn leaves(&self) -> Vec<Leaf<'_>> {
        match &self.shown {
            Shown::Hidden => Vec::new(),
            Shown::Treated(_) | Shown::Withheld(_) => vec![self.leaf()],
            Shown::Nested(fields) => self.below(fields, ColumnDecision::leaves),
        }
    }

    fn leaf(&self) -> Leaf<'_> {
        Leaf { names: vec![&self.name], decision: self }
    }

    fn below<'a>(&'a self, fields: &'a [Self], leaves: fn(&'a Self) -> Vec<Leaf<'a>>) -> Vec<Leaf<'a>> {
        let mut leaves: Vec<Leaf<'_>> = fields.iter().flat_map(leaves).collect();
        leaves.iter_mut().for_each(|leaf| leaf.names.insert(0, &self.name));
        leaves
    }
}

/// How a column is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// In this treatment, the whole column alike.
    Treated(Treatment),
    /// A struct (or a list or map of one) whose fields differ: one decision for each field, in field order.
    Nested(Vec<ColumnDecision>),
    /// Not at all; it may be named in an error.
    Withheld(Withheld),
    /// Not at all, and it must look as if it did not exist.
    Hidden,
}

impl Shown {
    /// Whether it looks as if nothing had been done to it: clear, or a struct of which hidden fields alone are missing.
    pub fn looks_clear(&self) -> bool {
        match self {
            Self::Treated(treatment) => *treatment == Treatment::Clear,
            Self::Nested(parts) => parts.iter().all(|part| part.shown == Self::Hidden || part.shown.looks_clear()),
            Self::Withheld(_) | Self::Hidden => false,
        }
    }
}

/// Why something is withheld and what would give it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withheld {
    /// Why.
    pub reason: WithheldReason,
    /// Id of the rule that decided, if one did.
    pub rule: Option<String>,
    /// One sentence: what would give it.
    pub remedy: String,
}

/// Why something is withheld.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WithheldReason {
    /// No rule allows it for these roles and this purpose.
    NoRule,
    /// A rule denies it.
    Denied,
    /// The classification does not list it.
    Unclassified,
    /// Its type is not the classified one.
    Retyped {
        /// Type in the classification.
        declared: String,
        /// Type of the data.
        found: String,
    },
    /// Allowed, but no Arrow type holds its values exactly.
    Unreadable {
        /// Type at the source.
        source_type: String,
    },
    /// Allowed, but no allowed treatment works on its type.
    DoesNotFit {
        /// The treatment that does not fit.
        treatment: String,
    },
    /// No rule grants rows of the table.
    NoRowGrant,
    /// The data may be read by gateways of another site only.
    Residency {
        /// That site.
        site: String,
    },
}

/// Which rows of a table may be read: any of `granted`, and all of the rest.
#[derive(Debug, Clone)]
pub struct RowFilter {
    /// Row rules that are granted, ORed; never empty.
    pub granted: Vec<RowRule>,
    /// Rows older than this are hidden.
    pub retention: Option<Retention>,
    /// Rows of erased subjects are hidden.
    pub erased: Option<Erased>,
    /// Rows of other regions are hidden.
    pub region: Option<Region>,
}

/// A named row rule: a Boolean expression over the table's raw columns, without subqueries or volatile functions.
#[derive(Debug, Clone)]
pub struct RowRule {
    /// Name in the classification.
    pub name: String,
    /// Id of the policy rule that grants it.
    pub rule: String,
    /// The expression.
    pub expr: Expr,
    /// Whether it is literally `true`.
    pub all: bool,
    /// Raw columns that it reads.
    pub columns: Vec<String>,
}

/// Rows whose `column` lies before today minus `days` are hidden; so are rows where it is null.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// Date or timestamp column.
    pub column: String,
    /// Days that rows are kept.
    pub days: u32,
}

/// Rows whose `column` holds one of `keys` are hidden; rows where it is null stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erased {
    /// Column with the subject's key.
    pub column: String,
    /// Keys as text; compared after parsing them to the column's type.
    pub keys: Arc<[String]>,
}

/// Only rows whose `column` equals `value` may be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    /// Column with the row's region.
    pub column: String,
    /// This gateway's site.
    pub value: String,
}
