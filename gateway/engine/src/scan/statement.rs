//! The rows of one statement.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, internal_err};
use datafusion::config::ConfigOptions;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_expr::expressions::DynamicFilterPhysicalExpr;
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, apply_expression_roots};
use datafusion::physical_plan::filter_pushdown::{ChildPushdownResult, FilterPushdownPhase, FilterPushdownPropagation};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PhysicalExpr, PlanProperties,
};
use futures::{StreamExt, stream};
use lockgate_contract::{QueryContext, SourceError, SqlDialect, SqlServer, SqlStatement};

use crate::bind;
use crate::progress::Statements;
use crate::pushdown::{Narrowing, StatementColumns, narrowed};

/// A statement and what becomes of its rows.
#[derive(Debug, Clone)]
pub(crate) struct StatementRows {
    /// The statement.
    pub(crate) sql: String,
    /// In which dialect.
    pub(crate) dialect: &'static SqlDialect,
    /// Columns as the server gives them.
    pub(crate) given: SchemaRef,
    /// How each column of `schema` may be narrowed.
    pub(crate) narrowing: Vec<Narrowing>,
    /// Columns as the plan wants them.
    pub(crate) schema: SchemaRef,
    /// Who answers.
    pub(crate) server: Arc<dyn SqlServer>,
    /// Name of the source.
    pub(crate) source: String,
    /// Whether policy hides rows of what it reads.
    pub(crate) hides_rows: bool,
    /// Makes a batch of the plan's columns out of one of the server's.
    pub(crate) make: Make,
}

/// Makes a batch of the plan's columns out of one of the server's.
#[derive(Clone)]
pub(crate) struct Make(Arc<Making>);

type Making = dyn Fn(&RecordBatch, &SchemaRef) -> Result<RecordBatch> + Send + Sync;

impl Make {
    /// Makes batches with `make`.
    pub(crate) fn new(make: impl Fn(&RecordBatch, &SchemaRef) -> Result<RecordBatch> + Send + Sync + 'static) -> Self {
        Self(Arc::new(make))
    }
}

impl fmt::Debug for Make {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Make")
    }
}

/// Runs the statement when its first row is asked for: what joins have learnt by then of the keys of their other sides goes
/// with it.
#[derive(Debug)]
pub(crate) struct StatementExec {
    rows: StatementRows,
    hints: Vec<Arc<dyn PhysicalExpr>>,
    properties: Arc<PlanProperties>,
}

impl StatementExec {
    /// A scan of these rows.
    pub(crate) fn new(rows: StatementRows) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&rows.schema)),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self { rows, hints: Vec::new(), properties: Arc::new(properties) }
    }
}

impl DisplayAs for StatementExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Statement")
    }
}

impl ExecutionPlan for StatementExec {
    fn name(&self) -> &str {
        "Statement"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        apply_expression_roots(&self.hints, f)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        if children.is_empty() { Ok(self) } else { internal_err!("a statement has no children") }
    }

    fn handle_child_pushdown_result(
        &self,
        phase: FilterPushdownPhase,
        result: ChildPushdownResult,
        _config: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        let mut hints = self.hints.clone();
        if matches!(phase, FilterPushdownPhase::Post) {
            let filters = result.parent_filters.iter().map(|parent| &parent.filter);
            hints.extend(filters.filter(|filter| filter.is::<DynamicFilterPhysicalExpr>()).cloned());
        }
        // They are hints: who asked keeps its own filter.
        let refused = FilterPushdownPropagation::all_unsupported(result);
        if hints.len() == self.hints.len() {
            return Ok(refused);
        }
        self.rows.want_tokens(&hints);
        let narrowed = Self { rows: self.rows.clone(), hints, properties: Arc::clone(&self.properties) };
        Ok(refused.with_updated_node(Arc::new(narrowed)))
    }

    fn execute(&self, _partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let (rows, hints) = (self.rows.clone(), self.hints.clone());
        let batches = stream::once(async move { rows.run(&hints, &context) }).flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.rows.schema), batches)))
    }
}

impl StatementRows {
    /// Has the tokens remembered that these filters will speak of.
    fn want_tokens(&self, hints: &[Arc<dyn PhysicalExpr>]) {
        for (field, narrowing) in self.schema.fields().iter().zip(&self.narrowing) {
            let is_named =
                |hint: &Arc<dyn PhysicalExpr>| collect_columns(hint).iter().any(|column| column.name() == field.name());
            if let Narrowing::Tokens(tokens) = narrowing
                && hints.iter().any(is_named)
            {
                tokens.want();
            }
        }
    }

    fn run(
        self,
        hints: &[Arc<dyn PhysicalExpr>],
        context: &TaskContext,
    ) -> impl futures::Stream<Item = Result<RecordBatch>> + Send + use<> {
        let config = context.session_config();
        let statements = config.get_extension::<Statements>().unwrap_or_default();
        let columns = StatementColumns { schema: &self.schema, narrowing: &self.narrowing, dialect: self.dialect };
        let statement = SqlStatement {
            sql: narrowed(&self.sql, hints, &columns),
            schema: Arc::clone(&self.given),
            batch_rows: config.batch_size(),
            query: config.get_extension::<QueryContext>().unwrap_or_default(),
            watch: statements.watch(&self.source, self.hides_rows),
        };
        let (given, schema, make) = (self.given, self.schema, self.make);
        self.server.run(statement).map(move |batch| (make.0)(&checked(batch, &given)?, &schema))
    }
}

/// Treatments and row rules go by position: a batch with other columns than asked for must not reach them.
fn checked(batch: Result<RecordBatch, SourceError>, given: &SchemaRef) -> Result<RecordBatch> {
    let batch = batch.map_err(|error| DataFusionError::External(Box::new(bind::source_error(&error))))?;
    if batch.schema().fields() != given.fields() {
        return internal_err!("a source gave other columns than it was asked for");
    }
    Ok(batch)
}
