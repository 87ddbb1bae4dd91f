//! What a caller is told about a withheld table or column: its name, the rule, and what would give it.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{Expr, Ident, Value, ValueWithSpan, Visit, Visitor};
use lockgate_policies::{ColumnDecision, Shown, TableAccess, TableName, Withheld, WithheldReason};
use lockgate_wire::ErrorCode;

use crate::Error;
use crate::govern::GovernedTable;

/// The refusal of a whole table.
pub(crate) fn table(name: &TableName, withheld: &Withheld) -> Error {
    denied(&format!("table `{name}` is withheld: {}", reason(withheld)), withheld)
}

/// Turns "no such column" into the refusal of a withheld column, where the statement names one.
///
/// A withheld column is not in the query's namespace, so naming it first looks like a column that does not exist; columns
/// that are hidden stay so.
pub(crate) fn explain(error: Error, words: &BTreeSet<String>, tables: &[GovernedTable]) -> Error {
    // A missing column is named in the error; a missing field of a struct may be any word of the statement.
    let missing = |name: &str| match error.code() {
        ErrorCode::ColumnNotFound => {
            error.problem.detail.contains(&format!("`{name}`")) || error.problem.detail.contains(&format!(".{name}`"))
        }
        ErrorCode::SqlInvalid => words.contains(name),
        _ => false,
    };
    for table in tables {
        let TableAccess::Visible { columns, .. } = &table.decision.access else { continue };
        for leaf in columns.iter().flat_map(ColumnDecision::leaves) {
            let Shown::Withheld(withheld) = &leaf.decision.shown else { continue };
            if !missing(&leaf.decision.name) {
                continue;
            }
            let text = format!("column `{}` of `{}` is withheld: {}", leaf.path(), table.name, reason(withheld));
            let mut refusal = denied(&text, withheld);
            refusal.problem.line = error.problem.line;
            refusal.problem.column = error.problem.column;
            return refusal;
        }
    }
    error
}

/// Every identifier and text literal of a statement, folded as SQL folds them.
pub(crate) fn words(statement: &DfStatement) -> BTreeSet<String> {
    let mut words = Words(BTreeSet::new());
    if let DfStatement::Statement(inner) = statement {
        let _ = inner.visit(&mut words);
    }
    words.0
}

struct Words(BTreeSet<String>);

impl Words {
    fn add(&mut self, ident: &Ident) {
        self.0.insert(if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_ascii_lowercase() });
    }
}

impl Visitor for Words {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::Identifier(ident) => self.add(ident),
            Expr::CompoundIdentifier(idents) => idents.iter().for_each(|ident| self.add(ident)),
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_value(&mut self, value: &ValueWithSpan) -> ControlFlow<()> {
        if let Value::SingleQuotedString(text) = &value.value {
            self.0.insert(text.clone());
        }
        ControlFlow::Continue(())
    }
}

/// Why, in one clause.
pub(crate) fn reason(withheld: &Withheld) -> String {
    match &withheld.reason {
        WithheldReason::NoRule => "no rule allows it for your roles and purpose".to_owned(),
        WithheldReason::Denied => match &withheld.rule {
            Some(rule) => format!("rule `{rule}` denies it"),
            None => "a rule denies it".to_owned(),
        },
        WithheldReason::Unclassified => "it is not classified yet".to_owned(),
        WithheldReason::Retyped { declared, found } => format!("it was classified as {declared} and is now {found}"),
        WithheldReason::Unreadable { source_type } => {
            format!("its type at the source, `{source_type}`, has no Arrow type that holds its values exactly")
        }
        WithheldReason::DoesNotFit { treatment } => format!("its treatment `{treatment}` does not work on its type"),
        WithheldReason::NoRowGrant => "no rule grants its rows for your roles and purpose".to_owned(),
        WithheldReason::Residency { site } => format!("its data may be read in `{site}` only"),
    }
}

fn denied(text: &str, withheld: &Withheld) -> Error {
    let mut error = Error::new(ErrorCode::PolicyDenied, text);
    if !withheld.remedy.is_empty() {
        error = error.with_hint(withheld.remedy.clone());
    }
    error.problem.rules = withheld.rule.iter().cloned().collect();
    error
}
