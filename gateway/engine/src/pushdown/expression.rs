//! Expressions in a source's SQL.
//!
//! Nothing that is written here can fail on any row: a source may evaluate what it is sent in any order, on hidden rows too.

mod float;
mod function;
mod value;

use std::collections::BTreeSet;
use std::fmt;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Column, ScalarValue};
use datafusion::logical_expr::expr::{InList, Like};
use datafusion::logical_expr::{Between, BinaryExpr, Expr, Operator, Subquery};
use lockgate_contract::SqlDialect;

use sha2::{Digest, Sha256};

use super::literal::literal;
use super::relation::Out;
use crate::barrier::erased_keys;
pub(crate) use float::Floats;

/// Why something stays in the gateway. Says nothing that the asker may not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stays(pub(crate) String);

impl Stays {
    /// Stays, because of this.
    pub(crate) fn because<T>(why: impl Into<String>) -> Result<T, Self> {
        Err(Self(why.into()))
    }
}

impl fmt::Display for Stays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A value as the source writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    /// Its SQL.
    pub(crate) sql: String,
    /// What to ask whether it is null; cheaper than `sql` where that is an expression over a column.
    pub(crate) null_sql: String,
    /// Its Arrow type.
    pub(crate) data_type: DataType,
    /// Whether two of its values compare there as here.
    pub(crate) comparable: bool,
}

impl Known {
    /// A column of a derived table.
    pub(crate) fn of(sql: String, out: &Out) -> Self {
        Self { null_sql: sql.clone(), sql, data_type: out.data_type.clone(), comparable: out.comparable }
    }
}

/// What an expression may name.
pub(crate) trait Scope {
    /// The column, if there is one of that name.
    fn column(&self, column: &Column) -> Option<Known>;

    /// A column whose value no expression may see, if there is one of that name: how it is written, and what it is.
    fn handle(&self, _: &Column) -> Option<(String, Out)> {
        None
    }

    /// The one value of a subquery, if it stands beside the rows.
    fn subquery(&self, _: &Subquery) -> Option<Known> {
        None
    }

    /// The dialect that is written.
    fn dialect(&self) -> &'static SqlDialect;
}

/// The filter as the source understands it: true, false and null for the same rows.
///
/// # Errors
/// Why the source cannot say that.
pub(crate) fn truth(filter: &Expr, scope: &dyn Scope) -> Result<String, Stays> {
    Writer(scope).truth(filter)
}

/// The value as the source understands it, of the same type and exact.
///
/// # Errors
/// Why the source cannot say that.
pub(crate) fn value(expr: &Expr, scope: &dyn Scope) -> Result<Known, Stays> {
    Writer(scope).value(expr)
}

/// The column whose value no expression may see, if this is one.
pub(crate) fn handle(expr: &Expr, scope: &dyn Scope) -> Option<(String, Out)> {
    match expr {
        Expr::Alias(alias) => handle(&alias.expr, scope),
        Expr::Column(column) => scope.handle(column),
        _ => None,
    }
}

/// How the dialect puts floating-point numbers in the gateway's order, if it can.
pub(crate) fn floats(scope: &dyn Scope) -> Option<Floats> {
    scope.dialect().is_nan.map(|is_nan| Floats { is_nan })
}

struct Writer<'a>(&'a dyn Scope);

impl Writer<'_> {
    fn truth(&self, expr: &Expr) -> Result<String, Stays> {
        match expr {
            Expr::Column(_) => {
                let known = self.comparable(expr)?;
                if known.data_type == DataType::Boolean {
                    Ok(known.sql)
                } else {
                    Stays::because("a filter is no truth value")
                }
            }
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => match op {
                Operator::And => Ok(format!("({} AND {})", self.truth(left)?, self.truth(right)?)),
                Operator::Or => Ok(format!("({} OR {})", self.truth(left)?, self.truth(right)?)),
                _ => self.comparison(left, *op, right),
            },
            Expr::Not(inner) => Ok(format!("(NOT {})", self.truth(inner)?)),
            Expr::IsNull(inner) => Ok(format!("({} IS NULL)", self.asked_for_null(inner)?)),
            Expr::IsNotNull(inner) => Ok(format!("({} IS NOT NULL)", self.asked_for_null(inner)?)),
            Expr::Between(between) => self.between(between),
            Expr::InList(list) => self.in_list(list),
            Expr::Like(like) => self.like(like),
            Expr::Alias(alias) => self.truth(&alias.expr),
            Expr::ScalarFunction(function) if let Some((keys, column)) = erased_keys(function) => {
                self.not_erased(keys, column)
            }
            other => Stays::because(format!("{} is not sent as a filter", kind(other))),
        }
    }

    /// A token is null where what it stands for is.
    fn asked_for_null(&self, expr: &Expr) -> Result<String, Stays> {
        match handle(expr, self.0) {
            Some((sql, _)) => Ok(sql),
            None => Ok(self.value(expr)?.null_sql),
        }
    }

    /// Rows of erased people are told by digests, so that the source's log does not name who was erased.
    fn not_erased(&self, keys: &[String], column: &Expr) -> Result<String, Stays> {
        const MOST: usize = 1_000;
        let dialect = self.0.dialect();
        let (Some(sha256), Some(digits)) = (dialect.sha256, dialect.digits) else {
            return Stays::because("rows of erased people are left out in the gateway");
        };
        let known = self.comparable(column)?;
        let (text, keys): (String, BTreeSet<String>) = match &known.data_type {
            DataType::Utf8 => (known.sql.clone(), keys.iter().cloned().collect()),
            number if number.is_integer() => {
                let numbers = keys.iter().filter_map(|key| key.trim().parse::<i64>().ok());
                (digits.replace("{}", &known.sql), numbers.map(|number| number.to_string()).collect())
            }
            _ => return Stays::because("rows of erased people are left out in the gateway"),
        };
        if keys.len() > MOST {
            return Stays::because("so many rows of erased people are left out in the gateway");
        }
        if keys.is_empty() {
            return Ok("true".to_owned());
        }
        let digest = |key: String| {
            let hex: String = Sha256::digest(key.as_bytes()).iter().map(|byte| format!("{byte:02X}")).collect();
            format!("'{hex}'")
        };
        let digests = keys.into_iter().map(digest).collect::<Vec<_>>().join(", ");
        Ok(format!("({} IS NULL OR {} NOT IN ({digests}))", known.null_sql, sha256.replace("{}", &text)))
    }

    fn comparison(&self, left: &Expr, op: Operator, right: &Expr) -> Result<String, Stays> {
        let Some(sign) = sign(op) else { return Stays::because(format!("operator `{op}` is not sent")) };
        if let (Expr::Literal(..), Some(op)) = (left, op.swap()) {
            return match right {
                Expr::Literal(..) => Stays::because("two constants are compared in the gateway"),
                _ => self.comparison(right, op, left),
            };
        }
        let known = self.comparable(left)?;
        let right = match right {
            Expr::Literal(value, _) => Known { comparable: true, ..self.literal_of(value, &known)? },
            other => self.comparable(other)?,
        };
        if right.data_type != known.data_type {
            return Stays::because("values of two types are compared in the gateway");
        }
        match (&known.data_type, self.floats()) {
            (DataType::Float64, Some(floats)) => match floats.compare(&known.sql, op, &right.sql) {
                Some(sql) => Ok(sql),
                None => Stays::because(format!("operator `{op}` is not sent")),
            },
            (data_type, _) if data_type.is_floating() => {
                Stays::because("not-a-number is the greatest number only in the gateway")
            }
            _ => Ok(format!("({} {sign} {})", known.sql, right.sql)),
        }
    }

    /// How floating-point numbers are put in the gateway's order, if the dialect can.
    pub(super) fn floats(&self) -> Option<Floats> {
        floats(self.0)
    }

    fn between(&self, between: &Between) -> Result<String, Stays> {
        let low = self.comparison(&between.expr, Operator::GtEq, &between.low)?;
        let high = self.comparison(&between.expr, Operator::LtEq, &between.high)?;
        Ok(format!("({}({low} AND {high}))", if between.negated { "NOT " } else { "" }))
    }

    fn in_list(&self, list: &InList) -> Result<String, Stays> {
        let known = self.comparable(&list.expr)?;
        if known.data_type.is_floating() {
            return Stays::because("floating-point numbers are looked for in the gateway");
        }
        let mut items = Vec::with_capacity(list.list.len());
        for item in &list.list {
            let Expr::Literal(value, _) = item else { return Stays::because("IN is sent with constants only") };
            items.push(self.literal_of(value, &known)?.sql);
        }
        if items.is_empty() {
            return Stays::because("an empty IN is not sent");
        }
        let not = if list.negated { "NOT " } else { "" };
        Ok(format!("({} {not}IN ({}))", known.sql, items.join(", ")))
    }

    fn like(&self, like: &Like) -> Result<String, Stays> {
        let known = self.comparable(&like.expr)?;
        let is_usual = self.0.dialect().like && !like.case_insensitive && like.escape_char.is_none();
        match like.pattern.as_ref() {
            Expr::Literal(pattern, _)
                if is_usual && pattern.try_as_str().flatten().is_some_and(|pattern| !pattern.contains('\\')) =>
            {
                let not = if like.negated { "NOT " } else { "" };
                Ok(format!("({} {not}LIKE {})", known.sql, self.literal_of(pattern, &known)?.sql))
            }
            _ => Stays::because("LIKE is sent with a constant without a backslash only, and never ILIKE"),
        }
    }

    /// A value that compares there as here.
    fn comparable(&self, expr: &Expr) -> Result<Known, Stays> {
        let known = self.value(expr)?;
        let is_text = known.data_type == DataType::Utf8;
        if !known.comparable || is_text && !self.0.dialect().texts_by_code_points {
            return Stays::because(format!("{} compares in another way at the source", kind(expr)));
        }
        Ok(known)
    }

    /// A literal of a value's own type.
    fn literal_of(&self, literal: &ScalarValue, known: &Known) -> Result<Known, Stays> {
        if literal.data_type() != known.data_type {
            return Stays::because("values of two types are compared in the gateway");
        }
        let sql = self.literal(literal)?;
        Ok(Known { null_sql: sql.clone(), sql, data_type: known.data_type.clone(), comparable: true })
    }

    fn literal(&self, value: &ScalarValue) -> Result<String, Stays> {
        let dialect = self.0.dialect();
        literal(value, dialect).ok_or_else(|| {
            Stays(format!("{} has no literal for such a value of type {}", dialect.name, value.data_type()))
        })
    }
}

fn sign(op: Operator) -> Option<&'static str> {
    Some(match op {
        Operator::Eq => "=",
        Operator::NotEq => "<>",
        Operator::Lt => "<",
        Operator::LtEq => "<=",
        Operator::Gt => ">",
        Operator::GtEq => ">=",
        _ => return None,
    })
}

/// What kind of expression, in words; names and values are left out.
fn kind(expr: &Expr) -> String {
    match expr {
        Expr::Column(column) => format!("column `{}`", column.name),
        Expr::ScalarFunction(function) => format!("function `{}`", function.name()),
        Expr::Cast(_) | Expr::TryCast(_) => "a cast".to_owned(),
        Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_) => "a subquery".to_owned(),
        Expr::BinaryExpr(binary) => format!("operator `{}`", binary.op),
        other => format!("an expression of kind {}", other.variant_name()),
    }
}

#[cfg(test)]
mod tests;
