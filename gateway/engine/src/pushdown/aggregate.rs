//! Grouping, and the aggregates that give the same result at a source.

use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{Aggregate, Expr};

use super::expression::{Known, Scope, Stays, floats, handle, truth, value};
use super::relation::{Out, Relation, Rows, Writer, named};
use crate::expected::Expected;

impl Writer {
    pub(super) fn aggregate(&mut self, aggregate: &Aggregate) -> Result<Relation, Stays> {
        let input = self.input(&aggregate.input)?;
        let scope = input.scope();
        let (mut columns, mut values, mut keys) = (Vec::new(), Vec::new(), Vec::new());
        let mut is_grouped_by_tokens = input.relation.is_grouped_by_tokens;
        for expr in &aggregate.group_expr {
            if let Some((sql, out)) = handle(expr, &scope) {
                keys.push(sql.clone());
                values.push(sql);
                columns.push(out);
                is_grouped_by_tokens = true;
                continue;
            }
            let known = value(expr, &scope)?;
            let out = Out::of(&known);
            match (&known.data_type, floats(&scope)) {
                (DataType::Float64, Some(floats)) => {
                    let (parts, made) = floats.group(&known.sql);
                    keys.extend(parts);
                    values.push(made);
                }
                _ if out.can_be_key() => {
                    keys.push(known.sql.clone());
                    values.push(known.sql);
                }
                _ => return Stays::because("grouping by such values means something else at the source"),
            }
            columns.push(out);
        }
        for expr in &aggregate.aggr_expr {
            let (out, sql) = aggregated(expr, &scope)?;
            columns.push(out);
            values.push(sql);
        }
        let fields = aggregate.schema.fields();
        let fits = columns.len() == fields.len()
            && columns.iter().zip(fields).all(|(out, field)| out.data_type == *field.data_type());
        if !fits {
            return Stays::because("an aggregate gives another type at the source");
        }
        let mut sql = format!("SELECT {} FROM {}", named(&values), input.from);
        let mut rows = Rows::One;
        if !keys.is_empty() {
            sql = format!("{sql} GROUP BY {}", keys.join(", "));
            rows = Rows::Any;
        }
        let expected = if rows == Rows::One { Expected::ONE } else { input.relation.expected };
        Ok(Relation {
            sql,
            columns,
            rows,
            is_grouped_by_tokens,
            expected,
            has_work: true,
            is_ordered: false,
            ..input.relation
        })
    }
}

fn aggregated(expr: &Expr, scope: &dyn Scope) -> Result<(Out, String), Stays> {
    let Expr::AggregateFunction(AggregateFunction { func, params }) = expr.clone().unalias() else {
        return Stays::because("such an aggregate is computed in the gateway");
    };
    let name = func.name();
    let refused = || Stays::because(format!("`{name}` of such values is computed in the gateway"));
    if !params.order_by.is_empty() || params.null_treatment.is_some() {
        return Stays::because(format!("`{name}` with an order of its own is computed in the gateway"));
    }
    let [argument] = params.args.as_slice() else { return refused() };
    let distinct = if params.distinct { "DISTINCT " } else { "" };
    let exact =
        |data_type: DataType, comparable: bool| Out { given: data_type.clone(), data_type, comparable, late: None };
    let (out, sql) = match (name, argument) {
        ("count", Expr::Literal(literal, _)) if !literal.is_null() && !params.distinct => {
            (exact(DataType::Int64, true), "count(*)".to_owned())
        }
        ("count", argument) if let Some((sql, _)) = handle(argument, scope) => {
            (exact(DataType::Int64, true), format!("count({distinct}{sql})"))
        }
        ("count", argument) => {
            let known = value(argument, scope)?;
            if params.distinct && !Out::of(&known).can_be_key() {
                return refused();
            }
            (exact(DataType::Int64, true), format!("count({distinct}{})", known.sql))
        }
        // Repeating a value changes nothing.
        ("min" | "max", argument) => {
            let known = value(argument, scope)?;
            let sql = match (&known.data_type, floats(scope), &params.filter) {
                (DataType::Float64, Some(floats), None) if name == "min" => floats.min(&known.sql),
                (DataType::Float64, Some(floats), None) => floats.max(&known.sql),
                _ if Out::of(&known).can_be_key() => format!("{name}({})", known.sql),
                _ => return refused(),
            };
            (Out::of(&known), sql)
        }
        ("bool_and" | "bool_or", argument) => {
            let known = value(argument, scope)?;
            if known.data_type != DataType::Boolean {
                return refused();
            }
            (exact(DataType::Boolean, true), format!("{name}({})", known.sql))
        }
        ("sum", argument) if !params.distinct => sum(&value(argument, scope)?).map_or_else(refused, Ok)?,
        ("avg", argument) if !params.distinct => {
            let known = value(argument, scope)?;
            if known.data_type != DataType::Float64 {
                return refused();
            }
            (exact(DataType::Float64, true), format!("avg({})", known.sql))
        }
        _ => return refused(),
    };
    match &params.filter {
        Some(filter) => Ok((out, format!("{sql} FILTER (WHERE {})", truth(filter, scope)?))),
        None => Ok((out, sql)),
    }
}

/// A sum of whole numbers is asked for with all its digits: at a source it would fail where the gateway's wraps around.
fn sum(known: &Known) -> Option<(Out, String)> {
    match known.data_type {
        DataType::Int64 => {
            let given = DataType::Decimal128(38, 0);
            let out = Out { data_type: DataType::Int64, given, comparable: false, late: None };
            Some((out, format!("sum(CAST({} AS decimal(38, 0)))", known.sql)))
        }
        DataType::Float64 => Some((Out::of(known), format!("sum({})", known.sql))),
        DataType::Decimal128(precision, scale) if scale >= 0 => {
            let data_type = DataType::Decimal128(precision.saturating_add(10).min(38), scale);
            let DataType::Decimal128(digits, _) = data_type else { return None };
            let sql = format!("CAST(sum({}) AS decimal({digits}, {scale}))", known.sql);
            Some((Out { given: data_type.clone(), data_type, comparable: true, late: None }, sql))
        }
        _ => None,
    }
}
