//! Nodes of a plan, each as a statement whose columns are called `c0`, `c1`, ...

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::DFSchemaRef;
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::{
    Distinct, Expr, FetchType, Limit, LogicalPlan, Projection, SkipType, Sort, TableScan, Union,
};
use lockgate_contract::{SqlDialect, SqlServer};

use super::expression::{Floats, Known, Stays, truth, value};
use super::late::Late;
use super::select::TableScope;
use super::treated::{Shown, shown_columns};
use crate::barrier::PolicyTable;
use crate::expected::Expected;

/// What people read in the place of row rules.
pub(super) const ROW_RULES: &str = "<row rules>";

/// Rows that one server can give.
pub(crate) struct Relation {
    /// A statement.
    pub(crate) sql: String,
    /// Its columns, in the order of the plan's.
    pub(crate) columns: Vec<Out>,
    /// Who answers it.
    pub(crate) server: Arc<dyn SqlServer>,
    /// In which dialect.
    pub(crate) dialect: &'static SqlDialect,
    /// Whether the order of its rows matters.
    pub(crate) is_ordered: bool,
    /// How many rows it may have.
    pub(crate) rows: Rows,
    /// Whether it is grouped by what tokens stand for: the server may give the groups in an order of its own that tells of it.
    pub(crate) is_grouped_by_tokens: bool,
    /// Whether it does more than to read columns of a table.
    pub(crate) has_work: bool,
    /// Governed tables that it reads.
    pub(crate) tables: Vec<String>,
    /// Name of the source of the first.
    pub(crate) source: String,
    /// Whether policy hides rows of any of them.
    pub(crate) hides_rows: bool,
    /// How many rows are to be expected.
    pub(crate) expected: Expected,
    /// Columns of them that are treated at the source, each after its table's full name.
    pub(crate) treated: BTreeSet<String>,
}

/// How many rows a relation may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rows {
    /// One, always.
    One,
    /// One or none.
    AtMostOne,
    /// Any number.
    Any,
}

impl Rows {
    /// What is left of them when some are taken away.
    fn some(self) -> Self {
        match self {
            Self::One | Self::AtMostOne => Self::AtMostOne,
            Self::Any => Self::Any,
        }
    }
}

/// A column of a relation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Out {
    /// Type in the plan.
    pub(crate) data_type: DataType,
    /// Type that the server gives; another one is made into the plan's when the rows come.
    pub(crate) given: DataType,
    /// Whether two of its values compare there as here.
    pub(crate) comparable: bool,
    /// The treatment that it still has to get: no expression may name it until then.
    pub(crate) late: Option<Late>,
}

impl Out {
    /// A column that is given in the plan's type.
    pub(crate) fn of(known: &Known) -> Self {
        let data_type = known.data_type.clone();
        Self { given: data_type.clone(), data_type, comparable: known.comparable, late: None }
    }

    /// Whether its values are the plan's own as they come.
    pub(crate) fn is_given_as_planned(&self) -> bool {
        self.data_type == self.given && self.late.is_none()
    }

    /// Whether its values are shown as they come, and compare there as here.
    pub(crate) fn is_shown_as_given(&self) -> bool {
        self.comparable && self.is_given_as_planned()
    }

    /// Whether equal values are equal there: floating-point numbers have two zeroes and many not-a-numbers.
    pub(crate) fn can_be_key(&self) -> bool {
        self.comparable && !self.data_type.is_floating() && self.data_type == self.given
    }
}

/// Writes plans. What people may read of a statement is another text: row rules are named, not written out.
pub(crate) struct Writer {
    /// Whether people read it.
    pub(crate) is_shown: bool,
    n_aliases: usize,
}

impl Writer {
    pub(crate) fn new(is_shown: bool) -> Self {
        Self { is_shown, n_aliases: 0 }
    }

    /// A name for a derived table.
    pub(super) fn alias(&mut self) -> String {
        let alias = format!("t{}", self.n_aliases);
        self.n_aliases = self.n_aliases.saturating_add(1);
        alias
    }

    /// The plan as a statement.
    ///
    /// # Errors
    /// Why it stays in the gateway.
    pub(crate) fn relation(&mut self, plan: &LogicalPlan) -> Result<Relation, Stays> {
        match plan {
            LogicalPlan::TableScan(scan) => self.table(scan),
            LogicalPlan::SubqueryAlias(alias) => self.relation(&alias.input),
            LogicalPlan::Projection(projection) => self.projection(projection),
            LogicalPlan::Filter(filter) => {
                let input = self.input_for(&filter.input, std::slice::from_ref(&filter.predicate))?;
                let condition = truth(&filter.predicate, &input.scope())?;
                let sql = format!("SELECT {} FROM {} WHERE {condition}", input.all(), input.from);
                let (rows, expected) = (input.relation.rows.some(), input.relation.expected.filtered());
                Ok(Relation { sql, rows, expected, has_work: true, ..input.relation })
            }
            LogicalPlan::Aggregate(aggregate) => self.aggregate(aggregate),
            LogicalPlan::Join(join) => self.join(join),
            LogicalPlan::Sort(sort) => self.sort(sort),
            LogicalPlan::Limit(limit) => self.limit(limit),
            LogicalPlan::Distinct(Distinct::All(input)) => {
                let input = self.input(input)?;
                if !input.relation.columns.iter().all(Out::can_be_key) {
                    return Stays::because("DISTINCT of such values means something else at the source");
                }
                let sql = format!("SELECT DISTINCT {} FROM {}", input.all(), input.from);
                let is_grouped_by_tokens =
                    input.relation.is_grouped_by_tokens || input.relation.columns.iter().any(|out| out.late.is_some());
                Ok(Relation { sql, has_work: true, is_ordered: false, is_grouped_by_tokens, ..input.relation })
            }
            LogicalPlan::Union(union) => self.union(union),
            LogicalPlan::Subquery(_) => Stays::because("a subquery's result is used in the gateway"),
            LogicalPlan::Window(_) => Stays::because("window functions are computed in the gateway"),
            other => Stays::because(format!("{} is done in the gateway", node(other))),
        }
    }

    fn table(&self, scan: &TableScan) -> Result<Relation, Stays> {
        let provider = source_as_provider(&scan.source).ok();
        let table = provider.as_deref().and_then(|provider| provider.downcast_ref::<PolicyTable>());
        let Some((table, view)) = table.and_then(|table| Some((table, table.sql_view()?))) else {
            return Stays::because("a table is not one that a server's SQL reads");
        };
        let scope = TableScope { access: view.access, schema: view.raw };
        let Shown { columns, values, treated } = shown_columns(scan, table, &view, &scope)?;
        let mut filters = Vec::new();
        if let Some(rule) = view.rows {
            let Ok(written) = truth(rule, &scope) else {
                return Stays::because(format!("row rules of `{}` are applied in the gateway", table.name()));
            };
            filters.push(if self.is_shown { ROW_RULES.to_owned() } else { written });
        }
        for filter in &scan.filters {
            filters.push(truth(filter, &scope)?);
        }
        let has_work = columns.iter().any(|out| out.late.is_some());
        let mut sql = format!("SELECT {} FROM {}", named(&values), view.access.relation);
        if !filters.is_empty() {
            sql = format!("{sql} WHERE {}", filters.join(" AND "));
        }
        if let Some(most) = scan.fetch {
            sql = format!("{sql} LIMIT {most}");
        }
        Ok(Relation {
            sql,
            columns,
            server: Arc::clone(&view.access.server),
            dialect: view.access.dialect,
            is_ordered: false,
            rows: Rows::Any,
            is_grouped_by_tokens: false,
            // Tokens of what is only read are made late too: keys of another source narrow the statement by their values.
            has_work,
            tables: vec![table.name().to_string()],
            source: table.name().catalog.clone(),
            hides_rows: view.rows.is_some(),
            expected: view.expected.read(scan.filters.len(), scan.fetch),
            treated,
        })
    }

    fn projection(&mut self, projection: &Projection) -> Result<Relation, Stays> {
        let input = self.input_for(&projection.input, &projection.expr)?;
        let scope = input.scope();
        let (mut columns, mut texts) = (Vec::new(), Vec::new());
        for expr in &projection.expr {
            // A column passes as it is, in whatever type the server gives it.
            let passed = match expr.clone().unalias() {
                Expr::Column(column) => projection.input.schema().maybe_index_of_column(&column),
                _ => None,
            };
            match passed.and_then(|at| Some((at, input.relation.columns.get(at)?))) {
                Some((at, out)) => {
                    columns.push(out.clone());
                    texts.push(format!("{}.c{at}", input.alias));
                }
                None => {
                    let known = value(expr, &scope)?;
                    columns.push(Out::of(&known));
                    texts.push(known.sql);
                }
            }
        }
        typed(&columns, &projection.schema)?;
        let is_plain = |expr: &Expr| matches!(expr.clone().unalias(), Expr::Column(_));
        let has_work = input.relation.has_work || !projection.expr.iter().all(is_plain);
        let sql = format!("SELECT {} FROM {}", named(&texts), input.from);
        Ok(Relation { sql, columns, has_work, ..input.relation })
    }

    fn sort(&mut self, sort: &Sort) -> Result<Relation, Stays> {
        let Some(most) = sort.fetch else { return Stays::because("rows are put in order in the gateway") };
        let input = self.input(&sort.input)?;
        let scope = input.scope();
        let mut keys = Vec::with_capacity(sort.expr.len());
        for key in &sort.expr {
            let known = value(&key.expr, &scope)?;
            let mut parts = vec![known.sql.clone()];
            match known.data_type {
                DataType::Float64 => parts.push(Floats::zero_sign(&known.sql)),
                _ if Out::of(&known).can_be_key() => {}
                _ => return Stays::because("such values are put in another order at the source"),
            }
            let direction = if key.asc { "ASC" } else { "DESC" };
            let nulls = if key.nulls_first { "NULLS FIRST" } else { "NULLS LAST" };
            keys.extend(parts.iter().map(|part| format!("{part} {direction} {nulls}")));
        }
        let sql = format!("SELECT {} FROM {} ORDER BY {} LIMIT {most}", input.all(), input.from, keys.join(", "));
        let (rows, expected) = (input.relation.rows.some(), input.relation.expected.at_most(most));
        Ok(Relation { sql, rows, expected, has_work: true, is_ordered: true, ..input.relation })
    }

    fn limit(&mut self, limit: &Limit) -> Result<Relation, Stays> {
        let (Ok(SkipType::Literal(0)), Ok(FetchType::Literal(Some(most)))) =
            (limit.get_skip_type(), limit.get_fetch_type())
        else {
            return Stays::because("OFFSET is done in the gateway");
        };
        let input = self.input(&limit.input)?;
        if input.relation.is_ordered {
            return Stays::because("the first of ordered rows are taken in the gateway");
        }
        let sql = format!("SELECT {} FROM {} LIMIT {most}", input.all(), input.from);
        let (rows, expected) = (input.relation.rows.some(), input.relation.expected.at_most(most));
        Ok(Relation { sql, rows, expected, has_work: true, ..input.relation })
    }

    fn union(&mut self, union: &Union) -> Result<Relation, Stays> {
        let mut whole: Option<Relation> = None;
        for input in &union.inputs {
            let input = self.input(input)?;
            let sql = format!("SELECT {} FROM {}", input.all(), input.from);
            let input = input.relation;
            whole = Some(match whole {
                None => Relation { sql, is_ordered: false, rows: Rows::Any, has_work: true, ..input },
                Some(before) => {
                    let columns: Vec<Out> =
                        before.columns.iter().zip(&input.columns).map(|(a, b)| meet(a, b)).collect();
                    let is_same =
                        |(a, b): (&Out, &Out)| a.data_type == b.data_type && a.given == b.given && a.late == b.late;
                    if !before.columns.iter().zip(&input.columns).all(is_same) {
                        return Stays::because("the parts of a UNION are of several types");
                    }
                    let sql = format!("{} UNION ALL {sql}", before.sql);
                    let expected = before.expected.and(input.expected);
                    Relation { sql, columns, expected, ..before.with(&input)? }
                }
            });
        }
        whole.map_or_else(|| Stays::because("a UNION of nothing"), Ok)
    }
}

fn meet(left: &Out, right: &Out) -> Out {
    Out { comparable: left.comparable && right.comparable, ..left.clone() }
}

/// Values must be of the types that the plan says.
fn typed(columns: &[Out], schema: &DFSchemaRef) -> Result<(), Stays> {
    let fields = schema.fields();
    let is_same = |(out, field): (&Out, &FieldRef)| out.data_type == *field.data_type();
    if columns.len() == fields.len() && columns.iter().zip(fields).all(is_same) {
        return Ok(());
    }
    Stays::because("the source gives a value of another type")
}

/// `a AS c0, b AS c1`; a statement has a column even where the plan wants none.
pub(super) fn named(values: &[String]) -> String {
    if values.is_empty() {
        return "1 AS none".to_owned();
    }
    values.iter().enumerate().map(|(at, sql)| format!("{sql} AS c{at}")).collect::<Vec<_>>().join(", ")
}

fn node(plan: &LogicalPlan) -> String {
    plan.display().to_string().split([':', ' ']).next().unwrap_or_default().to_owned()
}

impl Relation {
    /// This one together with another of the same server.
    pub(super) fn with(self, other: &Self) -> Result<Self, Stays> {
        if self.server.id() != other.server.id() {
            return Stays::because("tables of several servers meet in the gateway");
        }
        let mut tables = self.tables.clone();
        tables.extend(other.tables.iter().cloned());
        let mut treated = self.treated.clone();
        treated.extend(other.treated.iter().cloned());
        Ok(Self {
            tables,
            treated,
            has_work: true,
            is_ordered: false,
            rows: Rows::Any,
            is_grouped_by_tokens: self.is_grouped_by_tokens || other.is_grouped_by_tokens,
            hides_rows: self.hides_rows || other.hides_rows,
            expected: self.expected.joined(other.expected),
            ..self
        })
    }
}
