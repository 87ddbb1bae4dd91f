//! The governed table: the only kind of table that a query's namespace holds.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::Session;
use datafusion::common::{Result, internal_err};
use datafusion::datasource::{TableProvider, TableType, provider_as_source};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, ScalarUDF, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use lockgate_contract::SqlAccess;
use lockgate_policies::TableName;

use super::leakproof::is_leakproof;
use super::rows::{RowPredicate, raw_column};
use super::sealed::SealedExec;
use super::shape::{ColumnShape, ShownColumn, TableShape};
use super::treat::Treat;
use crate::expected::Expected;
use crate::rules;
use crate::scan::{RawTable, SqlTable, unqualified};
use crate::tokens::Tokens;

/// A table as one asker sees it, for the time of one query.
#[derive(Debug)]
pub(crate) struct PolicyTable {
    name: TableName,
    raw: RawTable,
    shape: TableShape,
    rows: RowPredicate,
    tokens: Tokens,
}

impl PolicyTable {
    /// A governed table over `raw`.
    pub(crate) fn new(name: TableName, raw: RawTable, shape: TableShape, rows: RowPredicate, tokens: Tokens) -> Self {
        Self { name, raw, shape, rows, tokens }
    }

    /// The name that policy knows it by.
    pub(crate) fn name(&self) -> &TableName {
        &self.name
    }

    /// How many rows are to be expected of it.
    ///
    /// INVARIANT: nothing is where policy may hide rows: the count is of all of them, and a plan that hangs on it would tell of
    /// the hidden ones.
    fn expected(&self) -> Expected {
        if self.rows.may_hide() { Expected::default() } else { Expected::of(self.raw.rows) }
    }

    /// What a statement of the source must know of the table; `None` when it is not read by statements.
    pub(crate) fn sql_view(&self) -> Option<SqlView<'_>> {
        let raw = self.raw.provider.downcast_ref::<SqlTable>()?;
        Some(SqlView {
            access: &raw.access,
            raw: &raw.schema,
            shape: &self.shape,
            rows: self.rows.expr(),
            tokens: &self.tokens,
            expected: self.expected(),
        })
    }

    /// `Project(treatments)(Filter(rule AND leakproof)(Scan))` over raw input.
    fn hidden_plan(&self, columns: &[&ShownColumn], filters: &[Expr], limit: Option<usize>) -> Result<LogicalPlan> {
        let mut plan = LogicalPlanBuilder::scan("raw", provider_as_source(Arc::clone(&self.raw.provider)), None)?;
        if let Some(rule) = self.rows.expr() {
            plan = plan.filter(rule.clone())?;
        }
        for filter in filters {
            // A leakproof conjunct names clear columns only, so the names are the same below.
            plan = plan.filter(unqualified(filter)?)?;
        }
        if let Some(limit) = limit {
            plan = plan.limit(0, Some(limit))?;
        }
        plan.project(columns.iter().map(|column| self.shown(column)).collect::<Result<Vec<_>>>()?)?.build()
    }

    fn shown(&self, column: &ShownColumn) -> Result<Expr> {
        let raw = raw_column(&column.name);
        if column.shape == ColumnShape::Clear {
            return Ok(raw);
        }
        let field = Arc::new(self.shape.schema.field_with_name(&column.name)?.clone());
        let name = format!("{}.{}", self.name, column.name);
        let treat = Treat::new(column.shape.clone(), field, self.tokens.clone(), name);
        Ok(Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(ScalarUDF::from(treat)), vec![raw]))
            .alias(&column.name))
    }
}

/// A governed table that a server's statements read.
pub(crate) struct SqlView<'a> {
    /// How its raw columns stand in a statement.
    pub(crate) access: &'a SqlAccess,
    /// Its raw columns.
    pub(crate) raw: &'a Schema,
    /// How they are shown.
    pub(crate) shape: &'a TableShape,
    /// Which rows are.
    pub(crate) rows: Option<&'a Expr>,
    /// What makes tokens of them.
    pub(crate) tokens: &'a Tokens,
    /// How many rows are to be expected.
    pub(crate) expected: Expected,
}

#[async_trait]
impl TableProvider for PolicyTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.shape.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let raw = self.raw.provider.schema();
        Ok(filters
            .iter()
            .map(|filter| {
                // What is the same for every row stays above, where the optimiser drops it or the whole branch.
                let is_constant = filter.column_refs().is_empty();
                if !is_constant && is_leakproof(filter, &self.shape, &raw) {
                    TableProviderFilterPushDown::Exact
                } else {
                    TableProviderFilterPushDown::Unsupported
                }
            })
            .collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        // INVARIANT: whatever the optimiser believes, only leakproof conjuncts go below.
        let raw_schema = self.raw.provider.schema();
        if !filters.iter().all(|filter| is_leakproof(filter, &self.shape, &raw_schema)) {
            return internal_err!("a filter that is not leakproof reached a governed scan");
        }
        let columns: Vec<&ShownColumn> = match projection {
            Some(indices) => indices.iter().filter_map(|&index| self.shape.columns.get(index)).collect(),
            None => self.shape.columns.iter().collect(),
        };
        let schema = match projection {
            Some(indices) => Arc::new(self.shape.schema.project(indices)?),
            None => Arc::clone(&self.shape.schema),
        };
        let plan = self.hidden_plan(&columns, filters, limit)?;
        let hidden = state
            .create_physical_plan(&plan)
            .await
            .and_then(|hidden| rules::push_filters(hidden, state.config_options()))
            .and_then(rules::give_early)
            .map_err(|error| DataFusionError::External(Box::new(self.raw.fault.scrub(&error))))?;
        let types = |schema: &SchemaRef| {
            schema.fields().iter().map(|field| (field.name().clone(), field.data_type().clone())).collect::<Vec<_>>()
        };
        if types(&hidden.schema()) != types(&schema) {
            return internal_err!("the governed scan of a table gives other types than declared");
        }
        let partitions = state.config().target_partitions();
        let even_batches = self.rows.expr().is_some() || !filters.is_empty();
        let label = format!(
            "{} columns=[{}]",
            self.name,
            columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", ")
        );
        let clear = columns
            .iter()
            .filter(|column| column.shape == ColumnShape::Clear)
            .map(|column| column.name.clone())
            .collect();
        let sealed =
            SealedExec::new(label, hidden, schema, clear, Arc::clone(&self.raw.fault), partitions, even_batches);
        Ok(Arc::new(sealed.expecting(self.expected().read(filters.len(), limit))))
    }
}
