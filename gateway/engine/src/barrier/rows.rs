//! Which rows: the policy's row filter as one expression over raw columns.

use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use chrono::{Days, NaiveDate};
use datafusion::arrow::array::{Array, AsArray, BooleanArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type, SchemaRef, TimeUnit};
use datafusion::common::{Column, DFSchema, Result};
use datafusion::execution::SessionState;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, lit,
};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::scalar::ScalarValue;
use datafusion::sql::planner::{PlannerContext, SqlToRel};
use lockgate_policies::{Erased, Retention, RowFilter};
use lockgate_wire::ErrorCode;

use crate::Error;
use crate::namespace::Namespace;

/// The row filter of one governed table, ready to stand below the barrier.
#[derive(Debug, Clone)]
pub(crate) struct RowPredicate {
    expr: Option<Expr>,
    may_hide: bool,
}

/// Whether policy may hide rows: it may be that there are none to hide today.
pub(crate) fn may_hide_rows(filter: &RowFilter) -> bool {
    let all = filter.granted.iter().any(|rule| rule.all);
    !all || filter.retention.is_some() || filter.erased.is_some() || filter.region.is_some()
}

impl RowPredicate {
    /// Makes one expression of row rules (ORed), retention, erasure and region (ANDed).
    ///
    /// # Errors
    /// `POLICY_UNAVAILABLE` when a rule does not fit the table as it is now: the table is then not read at all.
    pub(crate) fn new(
        filter: &RowFilter,
        schema: &SchemaRef,
        state: &SessionState,
        today: NaiveDate,
    ) -> Result<Self, Error> {
        let mut conjuncts = Vec::new();
        if !filter.granted.iter().any(|rule| rule.all) {
            conjuncts.push(granted(filter, schema, state)?);
        }
        if let Some(retention) = &filter.retention {
            conjuncts.push(kept(retention, schema, today)?);
        }
        if let Some(erased) = &filter.erased
            && !erased.keys.is_empty()
        {
            conjuncts.push(not_erased(erased));
        }
        if let Some(region) = &filter.region {
            conjuncts.push(raw_column(&region.column).eq(lit(region.value.clone())));
        }
        Ok(Self { expr: conjuncts.into_iter().reduce(Expr::and), may_hide: may_hide_rows(filter) })
    }

    /// The expression, or `None` when every row may be read.
    pub(crate) fn expr(&self) -> Option<&Expr> {
        self.expr.as_ref()
    }

    /// See [`may_hide_rows`].
    pub(crate) fn may_hide(&self) -> bool {
        self.may_hide
    }
}

/// A column by its exact name, without the case folding of SQL text.
pub(crate) fn raw_column(name: &str) -> Expr {
    Expr::Column(Column::new_unqualified(name))
}

fn granted(filter: &RowFilter, schema: &SchemaRef, state: &SessionState) -> Result<Expr, Error> {
    let namespace = Namespace::new(state, HashMap::new());
    let planner = SqlToRel::new(&namespace);
    let df_schema =
        DFSchema::try_from(Arc::clone(schema)).map_err(|error| broken("the table's schema", &error.to_string()))?;
    let mut alternatives = Vec::with_capacity(filter.granted.len());
    for rule in &filter.granted {
        let expr = planner
            .sql_to_expr(rule.expr.clone(), &df_schema, &mut PlannerContext::new())
            .map_err(|error| broken(&rule.name, &error.to_string()))?;
        match expr.get_type(&df_schema) {
            Ok(DataType::Boolean) => alternatives.push(simplified(expr, &df_schema, state, &rule.name)?),
            Ok(_) | Err(_) => return Err(broken(&rule.name, "it is not Boolean on the table's columns")),
        }
    }
    // No grant at all never gets here: policy withholds such a table. If it did, no row is shown.
    Ok(alternatives.into_iter().reduce(Expr::or).unwrap_or_else(|| lit(false)))
}

/// The rule with its casts written out and its constants computed, so that a source's SQL can say it.
fn simplified(expr: Expr, schema: &DFSchema, state: &SessionState, rule: &str) -> Result<Expr, Error> {
    let context = SimplifyContext::builder()
        .with_schema(Arc::new(schema.clone()))
        .with_config_options(Arc::clone(state.config_options()))
        .build();
    let simplifier = ExprSimplifier::new(context);
    let coerced = simplifier.coerce(expr, schema).and_then(|coerced| simplifier.simplify(coerced));
    coerced.map_err(|error| broken(rule, &error.to_string()))
}

fn kept(retention: &Retention, schema: &SchemaRef, today: NaiveDate) -> Result<Expr, Error> {
    let no_column = || broken("retention", "its column is missing or neither a date nor a timestamp");
    let field = schema.field_with_name(&retention.column).map_err(|_| no_column())?;
    let cutoff = today.checked_sub_days(Days::new(u64::from(retention.days))).ok_or_else(no_column)?;
    let days = cutoff.signed_duration_since(NaiveDate::default()).num_days();
    let seconds = days.saturating_mul(86_400);
    let value = match field.data_type() {
        DataType::Date32 => ScalarValue::Date32(i32::try_from(days).ok()),
        DataType::Date64 => ScalarValue::Date64(Some(seconds.saturating_mul(1_000))),
        DataType::Timestamp(TimeUnit::Second, zone) => ScalarValue::TimestampSecond(Some(seconds), zone.clone()),
        DataType::Timestamp(TimeUnit::Millisecond, zone) => {
            ScalarValue::TimestampMillisecond(Some(seconds.saturating_mul(1_000)), zone.clone())
        }
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            ScalarValue::TimestampMicrosecond(Some(seconds.saturating_mul(1_000_000)), zone.clone())
        }
        DataType::Timestamp(TimeUnit::Nanosecond, zone) => {
            ScalarValue::TimestampNanosecond(Some(seconds.saturating_mul(1_000_000_000)), zone.clone())
        }
        _ => return Err(no_column()),
    };
    Ok(raw_column(&retention.column).gt_eq(lit(value)))
}

fn not_erased(erased: &Erased) -> Expr {
    let udf = ScalarUDF::from(NotErased::new(Arc::clone(&erased.keys)));
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(udf), vec![raw_column(&erased.column)]))
}

/// The keys of an erasure filter and the column that it looks at; `None` for any other function.
pub(crate) fn erased_keys(function: &ScalarFunction) -> Option<(&[String], &Expr)> {
    let filter = function.func.inner().downcast_ref::<NotErased>()?;
    Some((&filter.keys, function.args.first()?))
}

fn broken(rule: &str, why: &str) -> Error {
    Error::new(
        ErrorCode::PolicyUnavailable,
        "a row rule of the policy does not fit the table as it is now, so nothing of it may be read",
    )
    .with_hint("tell the owner of the policy")
    .with_internal(format!("row rule `{rule}`: {why}"))
}

/// True for rows whose subject key is not on the erasure list, and for null keys. Holds the list itself, so that no key
/// ever becomes a literal in a plan.
#[derive(Debug)]
struct NotErased {
    keys: Arc<[String]>,
    texts: HashSet<String>,
    numbers: HashSet<i64>,
    signature: Signature,
}

impl NotErased {
    fn new(keys: Arc<[String]>) -> Self {
        let texts = keys.iter().cloned().collect();
        let numbers = keys.iter().filter_map(|key| key.trim().parse().ok()).collect();
        Self { keys, texts, numbers, signature: Signature::any(1, Volatility::Immutable) }
    }
}

impl PartialEq for NotErased {
    fn eq(&self, other: &Self) -> bool {
        self.keys == other.keys
    }
}

impl Eq for NotErased {}

impl Hash for NotErased {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.keys.len().hash(state);
    }
}

impl ScalarUDFImpl for NotErased {
    fn name(&self) -> &str {
        "lockgate_not_erased"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(value) = args.args.into_iter().next() else {
            return datafusion::common::internal_err!("an erasure list takes one column");
        };
        let keys = value.into_array(args.number_rows)?;
        let kept: BooleanArray = if keys.data_type().is_integer() {
            let numbers = cast(&keys, &DataType::Int64)?;
            numbers
                .as_primitive::<Int64Type>()
                .iter()
                .map(|key| Some(key.is_none_or(|key| !self.numbers.contains(&key))))
                .collect()
        } else {
            let texts = cast(&keys, &DataType::Utf8)?;
            texts.as_string::<i32>().iter().map(|key| Some(key.is_none_or(|key| !self.texts.contains(key)))).collect()
        };
        Ok(ColumnarValue::Array(Arc::new(kept)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::datatypes::Schema;
    use datafusion::execution::session_state::SessionStateBuilder;
    use datafusion::sql::sqlparser::dialect::GenericDialect;
    use datafusion::sql::sqlparser::parser::Parser;
    use lockgate_policies::RowRule;

    use super::*;

    #[test]
    fn without_a_granted_rule_no_row_is_shown() {
        let nothing = RowFilter { granted: Vec::new(), retention: None, erased: None, region: None };
        let state = SessionStateBuilder::new().with_default_features().build();
        let rows = RowPredicate::new(&nothing, &Arc::new(Schema::empty()), &state, NaiveDate::default()).unwrap();
        assert_eq!(rows.expr(), Some(&lit(false)));
        assert!(rows.may_hide());
    }

    #[test]
    fn a_list_of_erased_people_may_hide_rows_also_while_it_is_empty() {
        let all = RowRule {
            name: "all".to_owned(),
            rule: "R".to_owned(),
            expr: Parser::new(&GenericDialect {}).try_with_sql("true").unwrap().parse_expr().unwrap(),
            all: true,
            columns: Vec::new(),
        };
        let every = RowFilter { granted: vec![all], retention: None, erased: None, region: None };
        let erased = Some(Erased { column: "id".to_owned(), keys: Vec::new().into() });
        assert!(!may_hide_rows(&every));
        assert!(may_hide_rows(&RowFilter { erased, ..every }));
    }
}
