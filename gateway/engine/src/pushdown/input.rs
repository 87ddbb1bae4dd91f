//! An input of a node: a relation as a derived table, and beside it the value of each subquery that is used with its rows.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema};
use datafusion::logical_expr::{Expr, LogicalPlan, Subquery};
use lockgate_contract::SqlDialect;

use super::expression::{Known, Scope, Stays};
use super::relation::{Out, Relation, Rows, Writer, named};

/// An input of a node.
pub(super) struct Input<'a> {
    /// What it is.
    pub(super) relation: Relation,
    /// What it is called.
    pub(super) alias: String,
    /// What stands behind FROM.
    pub(super) from: String,
    schema: &'a DFSchema,
    subqueries: Vec<(Subquery, Known)>,
}

impl Writer {
    /// An input as a derived table.
    ///
    /// # Errors
    /// Why it stays in the gateway.
    pub(super) fn input<'a>(&mut self, plan: &'a LogicalPlan) -> Result<Input<'a>, Stays> {
        let relation = self.relation(plan)?;
        let alias = self.alias();
        let from = format!("({}) AS {alias}", relation.sql);
        Ok(Input { relation, alias, from, schema: plan.schema(), subqueries: Vec::new() })
    }

    /// The same, with the values of the subqueries in `exprs`, which are to be used with its rows.
    ///
    /// # Errors
    /// Why it stays in the gateway.
    pub(super) fn input_for<'a>(&mut self, plan: &'a LogicalPlan, exprs: &[Expr]) -> Result<Input<'a>, Stays> {
        let mut input = self.input(plan)?;
        for subquery in scalar_subqueries(exprs)? {
            if input.subqueries.iter().any(|(known, _)| *known == subquery) {
                continue;
            }
            let one = self.relation(&subquery.subquery)?;
            let alias = self.alias();
            let known = match one.columns.as_slice() {
                [out] if one.rows == Rows::One && out.is_given_as_planned() => Known::of(format!("{alias}.c0"), out),
                _ => return Stays::because("a subquery that may have no row or several is answered in the gateway"),
            };
            input.from = format!("{} CROSS JOIN ({}) AS {alias}", input.from, one.sql);
            let (rows, is_ordered, expected) =
                (input.relation.rows, input.relation.is_ordered, input.relation.expected);
            input.relation = Relation { rows, is_ordered, expected, ..input.relation.with(&one)? };
            input.subqueries.push((subquery, known));
        }
        Ok(input)
    }
}

impl Input<'_> {
    /// What expressions over its rows may name.
    pub(super) fn scope(&self) -> InputScope<'_> {
        InputScope {
            schema: self.schema,
            columns: &self.relation.columns,
            alias: &self.alias,
            subqueries: &self.subqueries,
            dialect: self.relation.dialect,
        }
    }

    /// Its columns as they stand in a statement.
    pub(super) fn columns(&self) -> Vec<String> {
        (0..self.relation.columns.len()).map(|at| format!("{}.c{at}", self.alias)).collect()
    }

    /// All its columns, named as they are.
    pub(super) fn all(&self) -> String {
        named(&self.columns())
    }
}

/// Subqueries of which expressions use the one value.
fn scalar_subqueries(exprs: &[Expr]) -> Result<Vec<Subquery>, Stays> {
    let mut found = Vec::new();
    let mut is_correlated = false;
    for expr in exprs {
        // Nothing fails on the way.
        let _ = expr.apply(|expr| {
            if let Expr::ScalarSubquery(subquery) = expr {
                is_correlated |= !subquery.outer_ref_columns.is_empty();
                found.push(subquery.clone());
            }
            Ok(TreeNodeRecursion::Continue)
        });
    }
    if is_correlated {
        return Stays::because("a subquery that names columns around it is answered in the gateway");
    }
    Ok(found)
}

/// The columns of an input, and the values beside it.
pub(super) struct InputScope<'a> {
    schema: &'a DFSchema,
    columns: &'a [Out],
    alias: &'a str,
    subqueries: &'a [(Subquery, Known)],
    dialect: &'static SqlDialect,
}

impl Scope for InputScope<'_> {
    fn column(&self, column: &Column) -> Option<Known> {
        let at = self.schema.index_of_column(column).ok()?;
        let out = self.columns.get(at).filter(|out| out.is_given_as_planned())?;
        Some(Known::of(format!("{}.c{at}", self.alias), out))
    }

    fn handle(&self, column: &Column) -> Option<(String, Out)> {
        let at = self.schema.index_of_column(column).ok()?;
        let out = self.columns.get(at).filter(|out| out.late.is_some())?;
        Some((format!("{}.c{at}", self.alias), out.clone()))
    }

    fn subquery(&self, subquery: &Subquery) -> Option<Known> {
        self.subqueries.iter().find(|(known, _)| known == subquery).map(|(_, known)| known.clone())
    }

    fn dialect(&self) -> &'static SqlDialect {
        self.dialect
    }
}
