//! Joins of tables of one server.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Column, JoinType, NullEquality};
use datafusion::logical_expr::{Join, Operator};
use lockgate_contract::SqlDialect;

use super::expression::{Known, Scope, Stays, floats, handle, truth, value};
use super::input::{Input, InputScope};
use super::relation::{Out, Relation, Rows, Writer, named};

impl Writer {
    pub(super) fn join(&mut self, join: &Join) -> Result<Relation, Stays> {
        if join.null_equality != NullEquality::NullEqualsNothing {
            return Stays::because("a join that takes nulls for equal is done in the gateway");
        }
        let (left, right) = (self.input(&join.left)?, self.input(&join.right)?);
        let scope = Both { left: left.scope(), right: right.scope() };
        let is_beside_one = [&left, &right].iter().any(|side| side.relation.rows != Rows::Any);
        if join.on.is_empty() && !(is_beside_one && join.join_type == JoinType::Inner) {
            return Stays::because("a join without equal columns is done in the gateway");
        }
        let mut conditions = Vec::with_capacity(join.on.len());
        let mut further = Vec::new();
        let mut keys = Vec::with_capacity(join.on.len());
        for (on_left, on_right) in &join.on {
            if let (Some((sql_left, left)), Some((sql_right, right))) =
                (handle(on_left, &scope.left), handle(on_right, &scope.right))
                && left == right
            {
                conditions.push(format!("{sql_left} = {sql_right}"));
                keys.push((sql_left, sql_right));
                continue;
            }
            let (on_left, on_right) = (value(on_left, &scope.left)?, value(on_right, &scope.right)?);
            if let (DataType::Float64, DataType::Float64, Some(floats)) =
                (&on_left.data_type, &on_right.data_type, floats(&scope))
            {
                further.extend(floats.compare(&on_left.sql, Operator::Eq, &on_right.sql));
                continue;
            }
            let can_join = on_left.data_type == on_right.data_type
                && Out::of(&on_left).can_be_key()
                && Out::of(&on_right).can_be_key();
            if !can_join {
                return Stays::because("joining such values means something else at the source");
            }
            conditions.push(format!("{} = {}", on_left.sql, on_right.sql));
            keys.push((on_left.sql, on_right.sql));
        }
        if let Some(filter) = &join.filter {
            if join.join_type == JoinType::Full {
                return Stays::because("a full join with further conditions is done in the gateway");
            }
            conditions.push(truth(filter, &scope)?);
        }
        if !further.is_empty() && (conditions.is_empty() || join.join_type == JoinType::Full || join.null_aware) {
            return Stays::because("a join on floating-point numbers is done in the gateway");
        }
        conditions.extend(further);
        let on = if conditions.is_empty() { "true".to_owned() } else { conditions.join(" AND ") };
        match join.join_type {
            JoinType::Inner => pair(left, "JOIN", right, &on),
            JoinType::Left => pair(left, "LEFT JOIN", right, &on),
            JoinType::Right => pair(left, "RIGHT JOIN", right, &on),
            JoinType::Full => pair(left, "FULL JOIN", right, &on),
            JoinType::LeftSemi => filtered(left, "EXISTS", &right, &on),
            JoinType::RightSemi => filtered(right, "EXISTS", &left, &on),
            JoinType::LeftAnti if join.null_aware => match keys.as_slice() {
                [(on_left, on_right)] if join.filter.is_none() => not_in(left, on_left, &right, on_right),
                _ => Stays::because("NOT IN of several columns is done in the gateway"),
            },
            JoinType::LeftAnti => filtered(left, "NOT EXISTS", &right, &on),
            JoinType::RightAnti => filtered(right, "NOT EXISTS", &left, &on),
            JoinType::LeftMark | JoinType::RightMark => {
                Stays::because("a subquery among conditions is done in the gateway")
            }
        }
    }
}

fn pair(left: Input<'_>, word: &str, right: Input<'_>, on: &str) -> Result<Relation, Stays> {
    let columns: Vec<Out> = left.relation.columns.iter().chain(&right.relation.columns).cloned().collect();
    let values = [left.columns(), right.columns()].concat();
    let sql = format!("SELECT {} FROM {} {word} {} ON {on}", named(&values), left.from, right.from);
    Ok(Relation { sql, columns, ..left.relation.with(&right.relation)? })
}

fn filtered(kept: Input<'_>, word: &str, other: &Input<'_>, on: &str) -> Result<Relation, Stays> {
    let sql =
        format!("SELECT {} FROM {} WHERE {word} (SELECT 1 FROM {} WHERE {on})", kept.all(), kept.from, other.from);
    Ok(Relation { sql, expected: kept.relation.expected, ..kept.relation.with(&other.relation)? })
}

fn not_in(kept: Input<'_>, key: &str, other: &Input<'_>, other_key: &str) -> Result<Relation, Stays> {
    let sql =
        format!("SELECT {} FROM {} WHERE {key} NOT IN (SELECT {other_key} FROM {})", kept.all(), kept.from, other.from);
    Ok(Relation { sql, expected: kept.relation.expected, ..kept.relation.with(&other.relation)? })
}

/// The columns of both sides.
struct Both<'a> {
    left: InputScope<'a>,
    right: InputScope<'a>,
}

impl Scope for Both<'_> {
    fn column(&self, column: &Column) -> Option<Known> {
        self.left.column(column).or_else(|| self.right.column(column))
    }

    fn dialect(&self) -> &'static SqlDialect {
        self.left.dialect()
    }
}
