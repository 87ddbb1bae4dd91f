//! Which of the user's conjuncts may run on hidden rows: those that cannot fail, cannot be seen and cost the same for
//! each row. A clear column compared with a literal of its own type; AND, OR and NOT of such.

use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};

use super::shape::TableShape;

/// Whether `expr` may run below the barrier of a table of this shape and raw schema.
pub(crate) fn is_leakproof(expr: &Expr, shape: &TableShape, raw: &SchemaRef) -> bool {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => match op {
            Operator::And | Operator::Or => is_leakproof(left, shape, raw) && is_leakproof(right, shape, raw),
            Operator::Eq | Operator::NotEq | Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq => {
                compares(left, right, shape, raw) || compares(right, left, shape, raw)
            }
            _ => false,
        },
        Expr::Not(inner) => is_leakproof(inner, shape, raw),
        Expr::IsNull(inner) | Expr::IsNotNull(inner) => clear_type(inner, shape, raw).is_some(),
        Expr::Between(between) => {
            compares(&between.expr, &between.low, shape, raw) && compares(&between.expr, &between.high, shape, raw)
        }
        Expr::InList(list) => {
            list.list.iter().all(|item| compares(&list.expr, item, shape, raw))
                && clear_type(&list.expr, shape, raw).is_some()
        }
        // What the optimiser makes of `x IN (1, NULL)`: it depends on no row and cannot fail.
        Expr::Literal(ScalarValue::Boolean(_), _) => true,
        // A bare Boolean column, as in `WHERE consent`.
        Expr::Column(_) => clear_type(expr, shape, raw) == Some(DataType::Boolean),
        _ => false,
    }
}

fn compares(column: &Expr, literal: &Expr, shape: &TableShape, raw: &SchemaRef) -> bool {
    let Expr::Literal(value, _) = literal else { return false };
    clear_type(column, shape, raw).is_some_and(|data_type| data_type == value.data_type())
}

/// Type of a clear, flat column; `None` for everything else.
fn clear_type(expr: &Expr, shape: &TableShape, raw: &SchemaRef) -> Option<DataType> {
    let Expr::Column(column) = expr else { return None };
    if !shape.is_clear(&column.name) {
        return None;
    }
    let field = raw.field_with_name(&column.name).ok()?;
    (!field.data_type().is_nested()).then(|| field.data_type().clone())
}
