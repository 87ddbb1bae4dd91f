//! Values: columns, literals, and what can be computed of them with the same result.

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::logical_expr::{BinaryExpr, Case, Expr, Operator};

use super::{Known, Stays, Writer, kind};
use crate::pushdown::kind::kind as kind_of;

impl Writer<'_> {
    pub(super) fn value(&self, expr: &Expr) -> Result<Known, Stays> {
        match expr {
            Expr::Column(column) => match self.0.column(column) {
                Some(known) => Ok(known),
                None if self.0.handle(column).is_some() => {
                    Stays::because(format!("{} is a token there is none of at the source", kind(expr)))
                }
                None => Stays::because(format!("{} is not at the source", kind(expr))),
            },
            Expr::Literal(value, _) if kind_of(&value.data_type()).is_some() => {
                computed(self.literal(value)?, value.data_type())
            }
            Expr::Literal(value, _) => {
                Stays::because(format!("a constant of type {} is made in the gateway", value.data_type()))
            }
            Expr::Alias(alias) => self.value(&alias.expr),
            Expr::ScalarSubquery(subquery) => match self.0.subquery(subquery) {
                Some(known) => Ok(known),
                None => Stays::because("a subquery's value is used in the gateway"),
            },
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => match op {
                Operator::StringConcat => self.joined(left, right),
                Operator::Plus | Operator::Minus | Operator::Multiply | Operator::Divide => {
                    self.arithmetic(left, *op, right)
                }
                _ => computed(self.truth(expr)?, DataType::Boolean),
            },
            Expr::Case(case) => self.case(case),
            Expr::Cast(cast) => self.cast(&cast.expr, cast.field.data_type()),
            Expr::ScalarFunction(function) => self.function(function),
            Expr::Not(_)
            | Expr::IsNull(_)
            | Expr::IsNotNull(_)
            | Expr::Between(_)
            | Expr::InList(_)
            | Expr::Like(_) => computed(self.truth(expr)?, DataType::Boolean),
            other => Stays::because(format!("{} is computed in the gateway", kind(other))),
        }
    }

    /// Double precision only: nothing of it can fail, and both sides round alike. Whole numbers overflow in two ways.
    fn arithmetic(&self, left: &Expr, op: Operator, right: &Expr) -> Result<Known, Stays> {
        let (left, right) = (self.number(left)?, self.number(right)?);
        computed(format!("({left} {op} {right})"), DataType::Float64)
    }

    fn joined(&self, left: &Expr, right: &Expr) -> Result<Known, Stays> {
        let (left, right) = (self.comparable(left)?, self.comparable(right)?);
        match (&left.data_type, &right.data_type) {
            (DataType::Utf8, DataType::Utf8) => computed(format!("({} || {})", left.sql, right.sql), DataType::Utf8),
            _ => Stays::because("only texts are joined at the source"),
        }
    }

    fn number(&self, expr: &Expr) -> Result<String, Stays> {
        let known = self.value(expr)?;
        if known.data_type == DataType::Float64 {
            return Ok(known.sql);
        }
        Stays::because("only double precision is computed with at the source: others overflow there in another way")
    }

    /// Casts that never fail and round nowhere, or alike.
    fn cast(&self, inner: &Expr, to: &DataType) -> Result<Known, Stays> {
        use DataType::{Date32, Float64, Int8, Int16, Int32, Int64, Timestamp};
        let known = self.value(inner)?;
        let name = match (&known.data_type, to) {
            (Int8, Int16) => "smallint",
            (Int8 | Int16, Int32) => "integer",
            (Int8 | Int16 | Int32, Int64) => "bigint",
            (Int8 | Int16 | Int32 | Int64, Float64) => "double",
            (Timestamp(TimeUnit::Microsecond, _), Date32) => "date",
            _ => return Stays::because("such a cast is done in the gateway"),
        };
        computed(format!("CAST({} AS {name})", known.sql), to.clone())
    }

    fn case(&self, case: &Case) -> Result<Known, Stays> {
        let mut sql = "CASE".to_owned();
        let mut data_type: Option<DataType> = None;
        let mut comparable = true;
        let mut branch = |known: Known| {
            let is_same = data_type.as_ref().is_none_or(|found| *found == known.data_type);
            comparable &= known.comparable;
            data_type = Some(known.data_type);
            if is_same { Ok(known.sql) } else { Stays::because("the branches of a CASE are of several types") }
        };
        for (when, then) in &case.when_then_expr {
            let condition = match &case.expr {
                // Here, and only here, the gateway takes the two zeroes for different.
                Some(base) if self.value(base)?.data_type.is_floating() => {
                    return Stays::because("floating-point numbers are looked for in the gateway");
                }
                Some(base) => self.comparison(base, Operator::Eq, when)?,
                None => self.truth(when)?,
            };
            sql.push_str(&format!(" WHEN {condition} THEN {}", branch(self.value(then)?)?));
        }
        if let Some(other) = case.else_expr.as_ref().filter(|other| !is_null(other)) {
            sql.push_str(&format!(" ELSE {}", branch(self.value(other)?)?));
        }
        match data_type {
            Some(data_type) => Ok(Known { comparable, ..computed(format!("({sql} END)"), data_type)? }),
            None => Stays::because("a CASE without a branch"),
        }
    }
}

/// Values that are used several times may become long: a server refuses statements above a million characters.
const MOST_BYTES: usize = 100_000;

pub(super) fn computed(sql: String, data_type: DataType) -> Result<Known, Stays> {
    if sql.len() > MOST_BYTES {
        return Stays::because("so long an expression is computed in the gateway");
    }
    Ok(Known { null_sql: sql.clone(), sql, data_type, comparable: true })
}

fn is_null(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(value, _) if value.is_null())
}
