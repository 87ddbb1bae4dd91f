//! Values: columns, literals, and what can be computed of them with the same result.

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{BinaryExpr, Case, Expr, Operator};

use super::{Known, Stays, Writer, kind};

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
            Expr::Literal(value, _) if is_given(&value.data_type()) => {
                computed(self.literal(value)?, value.data_type())
            }
            Expr::Literal(value, _) => {
                Stays::because(format!("a constant of type {} is made in the gateway", value.data_type()))
            }
            Expr::Alias(alias) => self.value(&alias.expr),
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => match op {
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

    fn number(&self, expr: &Expr) -> Result<String, Stays> {
        let known = self.value(expr)?;
        if known.data_type == DataType::Float64 {
            return Ok(known.sql);
        }
        Stays::because("only double precision is computed with at the source: others overflow there in another way")
    }

    /// Casts that never fail and round nowhere, or alike.
    fn cast(&self, inner: &Expr, to: &DataType) -> Result<Known, Stays> {
        use DataType::{Float64, Int8, Int16, Int32, Int64};
        let known = self.value(inner)?;
        let name = match (&known.data_type, to) {
            (Int8, Int16) => "smallint",
            (Int8 | Int16, Int32) => "integer",
            (Int8 | Int16 | Int32, Int64) => "bigint",
            (Int8 | Int16 | Int32 | Int64, Float64) => "double",
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
                Some(base) => self.comparison(base, Operator::Eq, when)?,
                None => self.truth(when)?,
            };
            sql.push_str(&format!(" WHEN {condition} THEN {}", branch(self.value(then)?)?));
        }
        if let Some(other) = case.else_expr.as_ref().filter(|other| !is_null(other)) {
            sql.push_str(&format!(" ELSE {}", branch(self.value(other)?)?));
        }
        match data_type {
            Some(data_type) => {
                let sql = format!("({sql} END)");
                Ok(Known { null_sql: sql.clone(), sql, data_type, comparable })
            }
            None => Stays::because("a CASE without a branch"),
        }
    }

    fn function(&self, function: &ScalarFunction) -> Result<Known, Stays> {
        let name = function.name();
        let refused = || Stays::because(format!("function `{name}` is computed in the gateway"));
        match (name, function.args.as_slice()) {
            ("coalesce", [first, rest @ ..]) if !rest.is_empty() => {
                let first = self.value(first)?;
                let mut values = vec![first.sql.clone()];
                let mut comparable = first.comparable;
                for other in rest {
                    let other = self.value(other)?;
                    if other.data_type != first.data_type {
                        return refused();
                    }
                    comparable &= other.comparable;
                    values.push(other.sql);
                }
                let sql = format!("coalesce({})", values.join(", "));
                Ok(Known { null_sql: sql.clone(), sql, data_type: first.data_type, comparable })
            }
            ("date_part", [Expr::Literal(part, _), day]) => {
                let part = part.try_as_str().flatten().map(str::to_ascii_lowercase);
                let Some(part @ ("year" | "month" | "day")) = part.as_deref() else { return refused() };
                let day = self.value(day)?;
                match day.data_type {
                    DataType::Date32 => computed(format!("CAST({part}({}) AS integer)", day.sql), DataType::Int32),
                    _ => refused(),
                }
            }
            ("substr", [text, Expr::Literal(ScalarValue::Int64(Some(start @ 1..)), _), rest @ ..]) => {
                let length = match rest {
                    [] => String::new(),
                    [Expr::Literal(ScalarValue::Int64(Some(length @ 0..)), _)] => format!(", {length}"),
                    _ => return refused(),
                };
                let text = self.comparable(text)?;
                match text.data_type {
                    DataType::Utf8 => computed(format!("substr({}, {start}{length})", text.sql), DataType::Utf8),
                    _ => refused(),
                }
            }
            _ => refused(),
        }
    }
}

fn computed(sql: String, data_type: DataType) -> Result<Known, Stays> {
    Ok(Known { null_sql: sql.clone(), sql, data_type, comparable: true })
}

/// Whether a source gives a literal back in this type.
fn is_given(data_type: &DataType) -> bool {
    use DataType::{Binary, Boolean, Date32, Decimal128, Float32, Float64, Int8, Int16, Int32, Int64, Timestamp, Utf8};
    match data_type {
        Boolean | Int8 | Int16 | Int32 | Int64 | Float32 | Float64 | Decimal128(..) | Utf8 | Binary | Date32 => true,
        Timestamp(unit, _) => *unit == TimeUnit::Microsecond,
        _ => false,
    }
}

fn is_null(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(value, _) if value.is_null())
}
