//! What a join has learnt of the keys of its other side, as a condition on a statement's rows.
//!
//! A hint keeps every row that the filter keeps, and may keep more: what cannot be written is left out. So the rows that
//! come are filtered again here.

use std::sync::Arc;

use datafusion::arrow::datatypes::Schema;
use datafusion::common::{Column, ScalarValue};
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, lit};
use datafusion::physical_expr::expressions::{self, CaseExpr, DynamicFilterPhysicalExpr, InListExpr, Literal};
use datafusion::physical_plan::PhysicalExpr;
use lockgate_contract::SqlDialect;

use super::expression::{Known, Scope, truth};
use crate::tokens::Tokens;

/// Bytes of a condition at most: servers refuse statements above a million characters.
const MOST_BYTES: usize = 200_000;

/// The columns `c0`, `c1`, ... of a statement, as the derived table `d`.
pub(crate) struct StatementColumns<'a> {
    /// Names in the plan and types.
    pub(crate) schema: &'a Schema,
    /// How each may be narrowed.
    pub(crate) narrowing: &'a [Narrowing],
    /// What is written.
    pub(crate) dialect: &'static SqlDialect,
}

/// How what is known of a column's values can be told to the server.
#[derive(Debug, Clone)]
pub(crate) enum Narrowing {
    /// They are the server's own, and compare there as here.
    Plain,
    /// They are tokens of the server's own.
    Tokens(Tokens),
    /// Not at all.
    Nothing,
}

impl StatementColumns<'_> {
    fn narrowing(&self, column: &Expr) -> &Narrowing {
        let Expr::Column(column) = column else { return &Narrowing::Nothing };
        let at = self.schema.index_of(&column.name).ok();
        at.and_then(|at| self.narrowing.get(at)).unwrap_or(&Narrowing::Nothing)
    }

    /// These values of the column as the server knows them; `None` where it does not, or one is unknown.
    fn known(&self, column: &Expr, values: Vec<ScalarValue>) -> Option<Vec<ScalarValue>> {
        match self.narrowing(column) {
            Narrowing::Plain => Some(values),
            Narrowing::Tokens(tokens) => tokens.values(&values),
            Narrowing::Nothing => None,
        }
    }
}

/// Of columns with tokens too: conditions name them with values in the place of tokens only.
impl Scope for StatementColumns<'_> {
    fn column(&self, column: &Column) -> Option<Known> {
        let at = self.schema.index_of(&column.name).ok()?;
        let sql = format!("d.c{at}");
        let data_type = self.schema.fields().get(at)?.data_type().clone();
        Some(Known {
            null_sql: sql.clone(),
            sql,
            data_type,
            comparable: !matches!(self.narrowing.get(at)?, Narrowing::Nothing),
        })
    }

    fn dialect(&self) -> &'static SqlDialect {
        self.dialect
    }
}

/// The statement with only those rows that may pass `filters` as they stand now.
pub(crate) fn narrowed(sql: &str, filters: &[Arc<dyn PhysicalExpr>], columns: &StatementColumns<'_>) -> String {
    let mut conditions = Vec::new();
    for filter in filters {
        let Some(Ok(current)) =
            filter.downcast_ref::<DynamicFilterPhysicalExpr>().map(DynamicFilterPhysicalExpr::current)
        else {
            continue;
        };
        write(&columns.hint(&current), columns, &mut conditions);
    }
    conditions.dedup();
    if conditions.is_empty() {
        return sql.to_owned();
    }
    format!("SELECT * FROM ({sql}) AS d WHERE {}", conditions.join(" AND "))
}

/// Writes each part of a conjunction that can be written.
fn write(hint: &Hint, columns: &StatementColumns<'_>, conditions: &mut Vec<String>) {
    match hint {
        Hint::All(parts) => parts.iter().for_each(|part| write(part, columns, conditions)),
        Hint::Some(expr) => {
            let written = truth(expr, columns).ok().filter(|sql| sql.len() <= MOST_BYTES);
            conditions.extend(written);
        }
        Hint::Any | Hint::Never => {}
    }
}

/// Which rows a filter may keep.
#[derive(Debug, Clone, PartialEq)]
enum Hint {
    /// All, as far as is known.
    Any,
    /// None.
    Never,
    /// Those for which this holds.
    Some(Expr),
    /// Those for which all of these hold.
    All(Vec<Hint>),
}

impl StatementColumns<'_> {
    /// What a filter says of these columns.
    fn hint(&self, filter: &Arc<dyn PhysicalExpr>) -> Hint {
        if let Some(literal) = filter.downcast_ref::<Literal>() {
            return match literal.value() {
                ScalarValue::Boolean(Some(true)) => Hint::Any,
                ScalarValue::Boolean(_) => Hint::Never,
                _ => Hint::Any,
            };
        }
        if let Some(binary) = filter.downcast_ref::<expressions::BinaryExpr>() {
            return match binary.op() {
                Operator::And => Hint::All(vec![self.hint(binary.left()), self.hint(binary.right())]),
                Operator::Or => either(vec![self.hint(binary.left()), self.hint(binary.right())]),
                Operator::Eq | Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq => {
                    self.comparison(binary).map_or(Hint::Any, Hint::Some)
                }
                _ => Hint::Any,
            };
        }
        if let Some(list) = filter.downcast_ref::<InListExpr>() {
            return self.in_list(list).unwrap_or(Hint::Any);
        }
        if let Some(case) = filter.downcast_ref::<CaseExpr>() {
            // One branch for each part that rows were dealt to: a row may be in any.
            let branches = case.when_then_expr().iter().map(|(_, then)| then).chain(case.else_expr());
            return either(branches.map(|branch| self.hint(branch)).collect());
        }
        Hint::Any
    }

    fn comparison(&self, binary: &expressions::BinaryExpr) -> Option<Expr> {
        let column = column(binary.left())?;
        let literal = binary.right().downcast_ref::<Literal>()?.value();
        // Which token is the greater one says nothing of their values.
        let is_tellable = *binary.op() == Operator::Eq || matches!(self.narrowing(&column), Narrowing::Plain);
        if literal.is_null() || !is_tellable {
            return None;
        }
        let literal = Expr::Literal(self.known(&column, vec![literal.clone()])?.pop()?, None);
        Some(Expr::BinaryExpr(BinaryExpr::new(Box::new(column), *binary.op(), Box::new(literal))))
    }

    fn in_list(&self, list: &InListExpr) -> Option<Hint> {
        if list.negated() {
            return None;
        }
        let column = column(list.expr())?;
        let mut values = Vec::with_capacity(list.list().len());
        for value in list.list() {
            let value = value.downcast_ref::<Literal>()?.value();
            // Nothing is equal to null.
            if !value.is_null() {
                values.push(value.clone());
            }
        }
        if values.is_empty() {
            return Some(Hint::Never);
        }
        let values = self.known(&column, values)?.into_iter().map(|value| Expr::Literal(value, None)).collect();
        Some(Hint::Some(Expr::InList(InList::new(Box::new(column), values, false))))
    }
}

/// What holds where any of these does.
fn either(hints: Vec<Hint>) -> Hint {
    let mut whole: Option<Expr> = None;
    for hint in hints {
        let one = match hint {
            Hint::Never => continue,
            other => match single(other) {
                Some(one) => one,
                None => return Hint::Any,
            },
        };
        whole = Some(match whole {
            Some(before) => before.or(one),
            None => one,
        });
    }
    whole.map_or(Hint::Never, Hint::Some)
}

/// A hint as one expression; `None` where nothing is known.
fn single(hint: Hint) -> Option<Expr> {
    match hint {
        Hint::Any => None,
        Hint::Never => Some(lit(false)),
        Hint::Some(expr) => Some(expr),
        Hint::All(parts) => parts.into_iter().filter_map(single).reduce(Expr::and),
    }
}

fn column(expr: &Arc<dyn PhysicalExpr>) -> Option<Expr> {
    let column = expr.downcast_ref::<expressions::Column>()?;
    Some(Expr::Column(Column::new_unqualified(column.name())))
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{ArrayRef, AsArray, StringArray};
    use datafusion::arrow::datatypes::{DataType, Field};
    use datafusion::physical_expr::expressions::{binary, case, col, in_list, is_null, lit};
    use lockgate_policies::{KeyRing, Treatment};

    use super::*;
    use crate::pushdown::tests::DIALECT;

    fn schema() -> Schema {
        Schema::new(vec![
            Field::new("id", DataType::Int64, true),
            Field::new("city", DataType::Utf8, true),
            Field::new("odd", DataType::Utf8, true),
            Field::new("rider", DataType::Utf8, true),
        ])
    }

    fn written(filter: Arc<dyn PhysicalExpr>) -> String {
        written_with(filter, Tokens::new(KeyRing::from_secret([7_u8; 32], "test").purpose_key("test"), "test"))
    }

    fn written_with(filter: Arc<dyn PhysicalExpr>, tokens: Tokens) -> String {
        let schema = schema();
        let children = ["id", "city", "odd", "rider"].map(|name| col(name, &schema).unwrap()).to_vec();
        let dynamic = Arc::new(DynamicFilterPhysicalExpr::new(children, lit(true)));
        dynamic.update(filter).unwrap();
        let narrowing = [Narrowing::Plain, Narrowing::Plain, Narrowing::Nothing, Narrowing::Tokens(tokens)];
        let columns = StatementColumns { schema: &schema, narrowing: &narrowing, dialect: &DIALECT };
        let filters: [Arc<dyn PhysicalExpr>; 1] = [dynamic];
        narrowed("S", &filters, &columns).replace("SELECT * FROM (S) AS d WHERE ", "")
    }

    fn compared(name: &str, op: Operator, value: Arc<dyn PhysicalExpr>) -> Arc<dyn PhysicalExpr> {
        let schema = schema();
        binary(col(name, &schema).unwrap(), op, value, &schema).unwrap()
    }

    fn joined(left: Arc<dyn PhysicalExpr>, op: Operator, right: Arc<dyn PhysicalExpr>) -> Arc<dyn PhysicalExpr> {
        binary(left, op, right, &schema()).unwrap()
    }

    fn among(name: &str, values: Vec<Arc<dyn PhysicalExpr>>) -> Arc<dyn PhysicalExpr> {
        let schema = schema();
        in_list(col(name, &schema).unwrap(), values, &false, &schema).unwrap()
    }

    #[test]
    fn bounds_and_lists_are_written_and_the_rest_is_left_out() {
        let null: Arc<dyn PhysicalExpr> = Arc::new(Literal::new(ScalarValue::Int64(None)));
        let bounds = joined(
            compared("id", Operator::GtEq, lit(1_i64)),
            Operator::And,
            compared("id", Operator::LtEq, lit(9_i64)),
        );
        let list = among("id", vec![lit(1_i64), lit(9_i64), Arc::clone(&null)]);
        assert_eq!(written(lit(true)), "S");
        assert_eq!(written(Arc::clone(&bounds)), "(d.c0 >= BIGINT '1') AND (d.c0 <= BIGINT '9')");
        assert_eq!(
            written(joined(Arc::clone(&bounds), Operator::And, Arc::clone(&list))),
            "(d.c0 >= BIGINT '1') AND (d.c0 <= BIGINT '9') AND (d.c0 IN (BIGINT '1', BIGINT '9'))"
        );
        // What does not compare there as here, and what is no plain column.
        assert_eq!(written(among("odd", vec![lit("a")])), "S");
        assert_eq!(written(is_null(col("id", &schema()).unwrap()).unwrap()), "S");
        assert_eq!(
            written(joined(bounds, Operator::And, among("odd", vec![lit("a")]))),
            "(d.c0 >= BIGINT '1') AND (d.c0 <= BIGINT '9')"
        );
    }

    #[test]
    fn a_row_may_be_in_any_part_that_rows_were_dealt_to() {
        let dealt = |first: Arc<dyn PhysicalExpr>, second: Arc<dyn PhysicalExpr>| {
            let part = |at: i64| compared("id", Operator::Eq, lit(at));
            case(None, vec![(part(0), first), (part(1), second)], Some(lit(false))).unwrap()
        };
        let list = |value: &str| among("city", vec![lit(value)]);
        assert_eq!(written(dealt(list("a"), list("b"))), "((d.c1 IN ('a')) OR (d.c1 IN ('b')))");
        assert_eq!(written(dealt(list("a"), lit(false))), "(d.c1 IN ('a'))");
        assert_eq!(written(dealt(list("a"), lit(true))), "S");
        assert_eq!(written(joined(list("a"), Operator::Or, among("odd", vec![lit("b")]))), "S");
    }

    #[test]
    fn tokens_are_led_back_to_values_only_where_all_are_known() {
        let tokens = Tokens::new(KeyRing::from_secret([7_u8; 32], "test").purpose_key("test"), "test");
        tokens.want();
        let values: ArrayRef = Arc::new(StringArray::from(vec!["ann", "bob"]));
        let made = tokens.treated(Treatment::Hash, "t.rider", &values).unwrap();
        let token = |row: usize| lit(ScalarValue::try_from_array(&made, row).unwrap());
        let written = |filter| written_with(filter, tokens.clone());
        assert_eq!(written(among("rider", vec![token(1), token(0)])), "(d.c3 IN ('bob', 'ann'))");
        assert_eq!(written(compared("rider", Operator::Eq, token(0))), "(d.c3 = 'ann')");
        // One of another table, of another column, and an order of tokens.
        assert_eq!(written(among("rider", vec![token(1), lit("ann")])), "S");
        assert_eq!(
            written(among("city", vec![token(1)])),
            format!("(d.c1 IN ('{}'))", made.as_string::<i32>().value(1))
        );
        for op in [Operator::GtEq, Operator::LtEq, Operator::Lt, Operator::Gt] {
            assert_eq!(written(compared("rider", op, token(0))), "S", "{op}");
        }
    }
}
