//! The answer of a server as a table: a sealed scan of one statement.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DFSchemaRef, Result, internal_err};
use datafusion::datasource::{TableType, provider_as_source};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Projection};
use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::expressions::col;
use datafusion::physical_plan::sorts::sort::SortExec;
use lockgate_contract::{SqlDialect, SqlServer};

use super::hint::Narrowing;
use super::late::Late;
use super::relation::{Out, Relation};
use crate::barrier::SealedExec;
use crate::expected::Expected;
use crate::scan::{Make, SourceFault, StatementExec, StatementRows};

/// A relation that stands in a plan.
#[derive(Debug)]
pub(crate) struct PushedTable {
    sql: String,
    dialect: &'static SqlDialect,
    server: Arc<dyn SqlServer>,
    /// Columns as the server gives them.
    given: SchemaRef,
    /// Columns of the plan.
    schema: SchemaRef,
    /// How each of them may be narrowed.
    narrowing: Vec<Narrowing>,
    /// The treatment that each still has to get.
    late: Arc<[Option<Late>]>,
    tables: String,
    source: String,
    hides_rows: bool,
    /// Whether its rows come in an order that may tell of what tokens stand for.
    is_grouped_by_tokens: bool,
    expected: Expected,
}

#[cfg(test)]
impl PushedTable {
    pub(super) fn sql(&self) -> &str {
        &self.sql
    }
}

/// Puts a relation in the place of the plan that it was written from.
pub(crate) fn in_place_of(plan_schema: &DFSchemaRef, relation: Relation) -> Result<LogicalPlan> {
    let mut given = Vec::with_capacity(relation.columns.len());
    let mut shown = Vec::with_capacity(relation.columns.len());
    for (at, (out, field)) in relation.columns.iter().zip(plan_schema.fields()).enumerate() {
        let metadata = field.metadata().clone();
        given.push(Field::new(format!("c{at}"), out.given.clone(), true));
        shown.push(Field::new(format!("c{at}"), out.data_type.clone(), field.is_nullable()).with_metadata(metadata));
    }
    if given.is_empty() {
        // A statement has a column even where the plan wants none.
        given.push(Field::new("none", DataType::Int32, true));
    }
    let table = PushedTable {
        sql: relation.sql,
        dialect: relation.dialect,
        narrowing: relation.columns.iter().map(narrowing).collect(),
        late: relation.columns.iter().map(|out| out.late.clone()).collect(),
        server: relation.server,
        given: Arc::new(Schema::new(given)),
        schema: Arc::new(Schema::new(shown)),
        tables: relation.tables.join(", "),
        source: relation.source,
        hides_rows: relation.hides_rows,
        is_grouped_by_tokens: relation.is_grouped_by_tokens,
        expected: relation.expected,
    };
    let scan = LogicalPlanBuilder::scan("pushed", provider_as_source(Arc::new(table)), None)?.build()?;
    let names = scan.schema().columns().into_iter().zip(plan_schema.iter());
    let exprs = names
        .map(|(column, (qualifier, field))| Expr::Column(column).alias_qualified(qualifier.cloned(), field.name()))
        .collect();
    Ok(LogicalPlan::Projection(Projection::try_new_with_schema(exprs, Arc::new(scan), Arc::clone(plan_schema))?))
}

#[async_trait]
impl TableProvider for PushedTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if !filters.is_empty()
            || limit.is_some()
            || projection.is_some_and(|columns| !columns.iter().copied().eq(0..self.schema.fields().len()))
        {
            return internal_err!("a part that was pushed is read as it is");
        }
        let rows = StatementRows {
            sql: self.sql.clone(),
            dialect: self.dialect,
            given: Arc::clone(&self.given),
            narrowing: self.narrowing.clone(),
            schema: Arc::clone(&self.schema),
            server: Arc::clone(&self.server),
            source: self.source.clone(),
            hides_rows: self.hides_rows,
            make: self.make(),
        };
        let schema = Arc::clone(&self.schema);
        let hidden = self.in_order_of_tokens(Arc::new(StatementExec::new(rows)))?;
        // What a statement gives, the asker may see, clear or as tokens: the keys of a join's other side narrow it.
        let narrowed = schema.fields().iter().zip(&self.narrowing);
        let narrowed = narrowed.filter(|(_, narrowing)| !matches!(narrowing, Narrowing::Nothing));
        let clear = narrowed.map(|(field, _)| field.name().clone()).collect();
        let fault = SourceFault {
            source: self.source.clone(),
            table: self.tables.clone(),
            files: Vec::new(),
            opened: Arc::default(),
        };
        let partitions = state.config().target_partitions();
        let label = format!("pushed to `{}`: {}", self.source, self.tables);
        let sealed = SealedExec::new(label, hidden, schema, clear, Arc::new(fault), partitions, self.hides_rows);
        Ok(Arc::new(sealed.expecting(self.expected)))
    }
}

impl PushedTable {
    /// The rows in the order of their tokens, where the order they come in may tell of what the tokens stand for.
    fn in_order_of_tokens(&self, hidden: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
        let tokens = self.schema.fields().iter().zip(&*self.late).filter(|(_, late)| late.is_some());
        let keys = tokens.map(|(field, _)| Ok(PhysicalSortExpr::new_default(col(field.name(), &self.schema)?)));
        let order = LexOrdering::new(keys.collect::<Result<Vec<_>>>()?);
        match order {
            Some(order) if self.is_grouped_by_tokens => Ok(Arc::new(SortExec::new(order, hidden))),
            _ => Ok(hidden),
        }
    }

    fn make(&self) -> Make {
        let (late, tables) = (Arc::clone(&self.late), self.tables.clone());
        Make::new(move |batch, schema| plan_types(batch, schema, &late, &tables))
    }
}

fn narrowing(out: &Out) -> Narrowing {
    match &out.late {
        Some(late) if out.can_be_key() => Narrowing::Tokens(late.tokens().clone()),
        None if out.is_shown_as_given() => Narrowing::Plain,
        _ => Narrowing::Nothing,
    }
}

/// The columns of a batch in the types of the plan, and in their treatment.
fn plan_types(batch: &RecordBatch, schema: &SchemaRef, late: &[Option<Late>], tables: &str) -> Result<RecordBatch> {
    let mut columns = Vec::with_capacity(schema.fields().len());
    for ((column, field), late) in batch.columns().iter().zip(schema.fields()).zip(late) {
        let column = plan_type(column, field.data_type())?;
        columns.push(match late {
            Some(late) => {
                let name = format!("{} of {tables}", field.name());
                late.treated(&name, &column)?
            }
            None => column,
        });
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}

fn plan_type(column: &ArrayRef, data_type: &DataType) -> Result<ArrayRef> {
    match (column.data_type(), data_type) {
        (given, wanted) if given == wanted => Ok(Arc::clone(column)),
        // A sum with all its digits, as one that wraps around.
        (DataType::Decimal128(..), DataType::Int64) => {
            let sums = column.as_primitive::<Decimal128Type>();
            #[expect(clippy::cast_possible_truncation, reason = "wrapping around is what the gateway's own sum does")]
            let wrapped: Int64Array = sums.iter().map(|sum| sum.map(|sum| sum as i64)).collect();
            Ok(Arc::new(wrapped))
        }
        (given, wanted) => internal_err!("a source gave {given} for {wanted}"),
    }
}
