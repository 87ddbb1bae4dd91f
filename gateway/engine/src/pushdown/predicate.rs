//! A filter over one table's columns, in a source's SQL.
//!
//! Nothing that is written here can fail on any row: a source may evaluate conjuncts in any order, on hidden rows too.

use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::{InList, Like};
use datafusion::logical_expr::{Between, BinaryExpr, Expr, Operator};
use lockgate_contract::{SqlAccess, SqlColumn};

use super::literal::literal;

/// The filter as the source understands it: true, false and null for the same rows. `None` when it cannot say that.
pub(crate) fn predicate(filter: &Expr, schema: &Schema, access: &SqlAccess) -> Option<String> {
    Writer { schema, access }.truth(filter)
}

struct Writer<'a> {
    schema: &'a Schema,
    access: &'a SqlAccess,
}

/// A column and its type.
#[derive(Clone, Copy)]
struct Known<'a> {
    column: &'a SqlColumn,
    data_type: &'a DataType,
}

impl<'a> Writer<'a> {
    fn truth(&self, expr: &Expr) -> Option<String> {
        match expr {
            Expr::Column(_) => {
                let known = self.comparable(expr)?;
                (*known.data_type == DataType::Boolean).then(|| known.column.value.clone())
            }
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => match op {
                Operator::And => Some(format!("({} AND {})", self.truth(left)?, self.truth(right)?)),
                Operator::Or => Some(format!("({} OR {})", self.truth(left)?, self.truth(right)?)),
                _ => self.comparison(left, *op, right),
            },
            Expr::Not(inner) => Some(format!("(NOT {})", self.truth(inner)?)),
            Expr::IsNull(inner) => Some(format!("({} IS NULL)", self.column(inner)?.column.name)),
            Expr::IsNotNull(inner) => Some(format!("({} IS NOT NULL)", self.column(inner)?.column.name)),
            Expr::Between(between) => self.between(between),
            Expr::InList(list) => self.in_list(list),
            Expr::Like(like) => self.like(like),
            _ => None,
        }
    }

    fn comparison(&self, left: &Expr, op: Operator, right: &Expr) -> Option<String> {
        if let Expr::Literal(..) = left {
            return self.comparison(right, op.swap()?, left);
        }
        let known = self.comparable(left)?;
        if !known.data_type.is_floating() {
            let right = match right {
                Expr::Literal(value, _) => self.value(value, known)?,
                other => {
                    let other = self.comparable(other)?;
                    (other.data_type == known.data_type).then(|| other.column.value.clone())?
                }
            };
            return Some(format!("({} {} {right})", known.column.value, sign(op)?));
        }
        let Expr::Literal(value, _) = right else { return None };
        let (left, right) = (&known.column.value, self.value(value, known)?);
        match op {
            Operator::Eq | Operator::NotEq | Operator::Lt | Operator::LtEq => {
                Some(format!("({left} {} {right})", sign(op)?))
            }
            Operator::Gt | Operator::GtEq => {
                let is_nan = self.access.dialect.is_nan?.replace("{}", left);
                Some(format!("({left} {} {right} OR {is_nan})", sign(op)?))
            }
            _ => None,
        }
    }

    fn between(&self, between: &Between) -> Option<String> {
        let known = self.comparable(&between.expr)?;
        let (Expr::Literal(low, _), Expr::Literal(high, _)) = (between.low.as_ref(), between.high.as_ref()) else {
            return None;
        };
        let not = if between.negated { "NOT " } else { "" };
        let (low, high) = (self.value(low, known)?, self.value(high, known)?);
        Some(format!("({} {not}BETWEEN {low} AND {high})", known.column.value))
    }

    fn in_list(&self, list: &InList) -> Option<String> {
        let known = self.comparable(&list.expr)?;
        let mut items = Vec::with_capacity(list.list.len());
        for item in &list.list {
            let Expr::Literal(value, _) = item else { return None };
            items.push(self.value(value, known)?);
        }
        if items.is_empty() {
            return None;
        }
        let not = if list.negated { "NOT " } else { "" };
        Some(format!("({} {not}IN ({}))", known.column.value, items.join(", ")))
    }

    fn like(&self, like: &Like) -> Option<String> {
        let known = self.comparable(&like.expr)?;
        let Expr::Literal(pattern, _) = like.pattern.as_ref() else { return None };
        let is_plain = pattern.try_as_str().flatten().is_some_and(|pattern| !pattern.contains('\\'));
        if !self.access.dialect.like || like.case_insensitive || like.escape_char.is_some() || !is_plain {
            return None;
        }
        let not = if like.negated { "NOT " } else { "" };
        Some(format!("({} {not}LIKE {})", known.column.value, self.value(pattern, known)?))
    }

    fn column(&self, expr: &Expr) -> Option<Known<'a>> {
        let Expr::Column(column) = expr else { return None };
        let position = self.schema.index_of(&column.name).ok()?;
        let data_type = self.schema.fields().get(position)?.data_type();
        Some(Known { column: self.access.columns.get(position)?, data_type })
    }

    /// A column whose values compare there as here.
    fn comparable(&self, expr: &Expr) -> Option<Known<'a>> {
        let known = self.column(expr).filter(|known| known.column.comparable)?;
        (*known.data_type != DataType::Utf8 || self.access.dialect.texts_by_code_points).then_some(known)
    }

    /// A literal of a column's own type. Zero has two signs, which differ here and not there.
    fn value(&self, value: &ScalarValue, known: Known<'_>) -> Option<String> {
        let is_zero = match value {
            ScalarValue::Float32(Some(value)) => *value == 0.0,
            ScalarValue::Float64(Some(value)) => *value == 0.0,
            _ => false,
        };
        if is_zero || value.data_type() != *known.data_type {
            return None;
        }
        literal(value, self.access.dialect)
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

#[cfg(test)]
mod tests;
