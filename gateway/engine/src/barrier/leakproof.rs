//! Which of the user's conjuncts may run on hidden rows: those that cannot fail, cannot be seen and cost the same for
//! each row. A clear column compared with a literal of its own type; AND, OR and NOT of such.

use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};

use super::shape::{ColumnShape, TableShape};

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
        // What the optimiser may make of a filter after it was accepted: it depends on no row and cannot fail.
        Expr::Literal(ScalarValue::Boolean(_), _) => true,
        // A bare Boolean column, as in `WHERE consent`.
        Expr::Column(_) => clear_type(expr, shape, raw) == Some(DataType::Boolean),
        _ => false,
    }
}

/// Nothing compares with null: such a comparison stays above, where the optimiser drops it or the whole branch.
fn compares(column: &Expr, literal: &Expr, shape: &TableShape, raw: &SchemaRef) -> bool {
    let Expr::Literal(value, _) = literal else { return false };
    !value.is_null() && clear_type(column, shape, raw).is_some_and(|data_type| data_type == value.data_type())
}

/// Type of a clear, flat column; `None` for everything else.
fn clear_type(expr: &Expr, shape: &TableShape, raw: &SchemaRef) -> Option<DataType> {
    let Expr::Column(column) = expr else { return None };
    if shape.of(&column.name) != Some(&ColumnShape::Clear) {
        return None;
    }
    let field = raw.field_with_name(&column.name).ok()?;
    (!field.data_type().is_nested()).then(|| field.data_type().clone())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::datatypes::{Field, Schema};
    use datafusion::logical_expr::{cast, col, lit};
    use datafusion::prelude::{length, starts_with};
    use lockgate_policies::{ColumnDecision, Shown, Treatment};

    use super::*;

    fn world() -> (TableShape, SchemaRef) {
        let inner = DataType::Struct(vec![Field::new("x", DataType::Int64, true)].into());
        let list = DataType::List(Arc::new(Field::new("item", DataType::Int64, true)));
        let columns = [
            ("n", DataType::Int64, Treatment::Clear),
            ("s", DataType::Utf8, Treatment::Clear),
            ("b", DataType::Boolean, Treatment::Clear),
            ("inner", inner, Treatment::Clear),
            ("list", list, Treatment::Clear),
            ("token", DataType::Utf8, Treatment::Hash),
            ("flag", DataType::Boolean, Treatment::Redact),
        ];
        let fields: Vec<Field> =
            columns.iter().map(|(name, data_type, _)| Field::new(*name, data_type.clone(), true)).collect();
        let decisions = columns.map(|(name, _, treatment)| ColumnDecision {
            name: name.to_owned(),
            shown: Shown::Treated(treatment),
            rules: Vec::new(),
            tags: Vec::new(),
        });
        let raw = Arc::new(Schema::new(fields));
        (TableShape::new(&raw, &decisions, "a.b.t"), raw)
    }

    #[test]
    fn only_comparisons_of_clear_flat_columns_with_literals_of_their_type_are_leakproof() {
        let (shape, raw) = world();
        let check = |expected: bool, filters: Vec<Expr>| {
            for filter in filters {
                assert_eq!(is_leakproof(&filter, &shape, &raw), expected, "{filter}");
            }
        };
        let holds = col("n").gt(lit(3_i64));
        check(
            true,
            vec![
                holds.clone(),
                lit(3_i64).lt_eq(col("n")),
                col("s").eq(lit("x")).or(col("b")),
                !holds.clone(),
                col("n").between(lit(1_i64), lit(2_i64)),
                col("s").in_list(vec![lit("x"), lit("y")], true),
                col("s").is_null(),
                lit(false),
            ],
        );
        let nested = [col("inner").is_null(), col("list").is_not_null(), col("inner").eq(col("inner"))];
        let treated = [
            col("token").eq(lit("x")),
            col("token").is_null(),
            col("token").in_list(vec![lit("x")], false),
            col("token").between(lit("a"), lit("b")),
            col("flag"),
            holds.clone().or(col("token").eq(lit("x"))),
        ];
        let computed = [
            cast(col("n"), DataType::Int32).eq(lit(3_i32)),
            cast(col("s"), DataType::Int64).eq(lit(3_i64)),
            (col("n") / lit(2_i64)).eq(lit(3_i64)),
            length(col("s")).eq(lit(3_i32)),
            length(col("s")).is_null(),
            starts_with(col("s"), lit("x")),
            !starts_with(col("s"), lit("x")),
            col("s").like(lit("x%")),
            col("n").eq(lit(3_i32)),
            col("n").eq(col("n")),
            holds.clone().and(length(col("s")).eq(lit(3_i32))),
            !length(col("s")).eq(lit(3_i32)),
            col("n").in_list(vec![lit(1_i64), col("n")], false),
            col("nothing").eq(lit(3_i64)),
            length(lit("x")).eq(lit(1_i32)),
            starts_with(lit("x"), lit("y")),
            col("n").eq(lit(ScalarValue::Int64(None))),
            col("n").in_list(vec![lit(1_i64), lit(ScalarValue::Int64(None))], false),
        ];
        check(false, nested.into_iter().chain(treated).chain(computed).collect());
    }
}
