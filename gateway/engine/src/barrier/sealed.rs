//! The sealed plan: a leaf in the user's physical plan that hides a whole plan below it.
//!
//! INVARIANT: no children, no metrics, no statistics but how many rows are to be expected, a partition count that does not
//! depend on data, no filter accepted but dynamic ones on clear columns, every error from below replaced by a scrubbed one.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use datafusion::arrow::array::{RecordBatch, RecordBatchOptions};
use datafusion::arrow::compute::BatchCoalescer;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, Statistics, internal_err};
use datafusion::config::ConfigOptions;
use datafusion::error::DataFusionError;
use datafusion::execution::{RecordBatchStream, SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, apply_expression_roots, reset_plan_states};
use datafusion::physical_plan::filter_pushdown::{ChildPushdownResult, FilterPushdownPhase, FilterPushdownPropagation};
use datafusion::physical_plan::statistics::StatisticsArgs;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning, PhysicalExpr, PlanProperties,
};
use futures::{Stream, StreamExt, stream};

use super::dynamic;
use super::masked;
use crate::expected::Expected;
use crate::scan::Fault;
use crate::{edges, rules};

/// See the module.
pub(crate) struct SealedExec {
    label: String,
    hidden: Arc<dyn ExecutionPlan>,
    /// Schema that the batches leave with: the hidden plan's types, the governed table's metadata.
    schema: SchemaRef,
    fault: Arc<dyn Fault>,
    /// Cut batches to the session's size, so that batch boundaries do not tell how many rows were dropped between.
    even_batches: bool,
    /// Columns that are shown as they are: dynamic filters on these alone may cross.
    clear: Vec<String>,
    /// Dynamic filters that crossed.
    crossed: Vec<Arc<dyn PhysicalExpr>>,
    /// How many rows the plan above is told to expect.
    expected: Expected,
    properties: Arc<PlanProperties>,
}

impl SealedExec {
    /// Seals `hidden`, whose columns are those of `schema`; those in `clear` are shown as they are. Declares `partitions`
    /// partitions whatever the hidden plan has.
    pub(crate) fn new(
        label: String,
        hidden: Arc<dyn ExecutionPlan>,
        schema: SchemaRef,
        clear: Vec<String>,
        fault: Arc<dyn Fault>,
        partitions: usize,
        even_batches: bool,
    ) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            Partitioning::UnknownPartitioning(partitions.max(1)),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self {
            label,
            hidden,
            schema,
            fault,
            even_batches,
            clear,
            crossed: Vec::new(),
            expected: Expected::default(),
            properties: Arc::new(properties),
        }
    }

    /// The same, with what is to be expected of it.
    pub(crate) fn expecting(self, expected: Expected) -> Self {
        Self { expected, ..self }
    }

    /// The plan below, for tests that count what it read.
    #[cfg(test)]
    pub(super) fn hidden(&self) -> &Arc<dyn ExecutionPlan> {
        &self.hidden
    }

    /// The same seal over another hidden plan.
    fn over(&self, hidden: Arc<dyn ExecutionPlan>, crossed: Vec<Arc<dyn PhysicalExpr>>) -> Self {
        Self {
            label: self.label.clone(),
            hidden,
            schema: Arc::clone(&self.schema),
            fault: Arc::clone(&self.fault),
            even_batches: self.even_batches || !crossed.is_empty(),
            clear: self.clear.clone(),
            crossed,
            expected: self.expected,
            properties: Arc::clone(&self.properties),
        }
    }
}

impl fmt::Debug for SealedExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedExec").field("label", &self.label).finish_non_exhaustive()
    }
}

impl DisplayAs for SealedExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GovernedScan: {}", self.label)
    }
}

impl ExecutionPlan for SealedExec {
    fn name(&self) -> &str {
        "GovernedScan"
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
        apply_expression_roots(&self.crossed, f)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        if children.is_empty() { Ok(self) } else { internal_err!("a sealed plan has no children") }
    }

    fn statistics_from_inputs(&self, _: &[Arc<Statistics>], args: &StatisticsArgs) -> Result<Arc<Statistics>> {
        // How rows lie in partitions is up to the data.
        let expected = if args.partition().is_none() { self.expected } else { Expected::default() };
        Ok(expected.statistics(&self.schema))
    }

    fn reset_state(self: Arc<Self>) -> Result<Arc<dyn ExecutionPlan>> {
        let hidden = reset_plan_states(Arc::clone(&self.hidden))?;
        Ok(Arc::new(self.over(hidden, self.crossed.clone())))
    }

    fn handle_child_pushdown_result(
        &self,
        phase: FilterPushdownPhase,
        result: ChildPushdownResult,
        config: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        let crossing: Vec<Arc<dyn PhysicalExpr>> = match phase {
            FilterPushdownPhase::Pre => Vec::new(),
            FilterPushdownPhase::Post => result
                .parent_filters
                .iter()
                .map(|parent| &parent.filter)
                .filter(|filter| dynamic::may_cross(filter, &self.clear))
                .cloned()
                .collect(),
        };
        // Whatever crosses is a hint below; who asked keeps its own filter.
        let refused = FilterPushdownPropagation::all_unsupported(result);
        if crossing.is_empty() {
            return Ok(refused);
        }
        let hidden = dynamic::push_into(&self.hidden, crossing.clone(), config)?;
        let crossed = self.crossed.iter().cloned().chain(crossing).collect();
        Ok(refused.with_updated_node(Arc::new(self.over(hidden, crossed))))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let declared = self.properties.partitioning.partition_count();
        let actual = self.hidden.output_partitioning().partition_count();
        let mut streams = Vec::new();
        for hidden_partition in (partition..actual).step_by(declared) {
            streams.push(
                self.hidden
                    .execute(hidden_partition, Arc::clone(&context))
                    .map_err(|error| scrub(self.fault.as_ref(), &error))?,
            );
        }
        let schema = Arc::clone(&self.schema);
        let batch_schema = Arc::clone(&schema);
        let fault = Arc::clone(&self.fault);
        let crossed = self.crossed.clone();
        let rows = stream::iter(streams).flatten().map(move |batch| match batch {
            Ok(batch) => dynamic::keep(batch.with_schema(Arc::clone(&batch_schema))?, &crossed),
            Err(error) => Err(scrub(fault.as_ref(), &error)),
        });
        let rows: SendableRecordBatchStream = Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&schema), rows));
        if self.even_batches {
            let later_size = context.session_config().batch_size();
            let size = rules::early_rows(later_size);
            let coalescer = BatchCoalescer::new(Arc::clone(&schema), size);
            Ok(Box::pin(EvenBatches { input: Some(rows), coalescer, schema, size, later_size }))
        } else {
            Ok(rows)
        }
    }
}

/// Replaces an error from below by one that tells only its class and source.
fn scrub(fault: &dyn Fault, error: &DataFusionError) -> DataFusionError {
    DataFusionError::External(Box::new(fault.scrub(error)))
}

/// Cuts a stream into batches whose buffers tell of nothing but their rows: a small one first, so that the first rows leave
/// early, then batches of exactly `later_size` rows, and what is left.
///
/// INVARIANT: a reader may leave a hidden row's value in a buffer under a visible row's null, and what buffers weigh tells
/// how many rows were read with them.
struct EvenBatches {
    input: Option<SendableRecordBatchStream>,
    coalescer: BatchCoalescer,
    schema: SchemaRef,
    /// Rows of the next batch.
    size: usize,
    later_size: usize,
}

impl EvenBatches {
    /// What leaves, and from then on batches of the later size.
    fn give(&mut self, batch: &RecordBatch) -> Result<RecordBatch> {
        if self.size != self.later_size {
            self.size = self.later_size;
            let later = BatchCoalescer::new(Arc::clone(&self.schema), self.size);
            let mut early = std::mem::replace(&mut self.coalescer, later);
            early.finish_buffered_batch()?;
            while let Some(rest) = early.next_completed_batch() {
                self.coalescer.push_batch(rest)?;
            }
        }
        bare(batch)
    }
}

fn bare(batch: &RecordBatch) -> Result<RecordBatch> {
    let own = |column| masked::overwrite(column).and_then(|clean| edges::own(&clean));
    let columns: Result<Vec<_>, _> = batch.columns().iter().map(own).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(batch.schema(), columns?, &options)?)
}

impl Stream for EvenBatches {
    type Item = Result<RecordBatch>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if let Some(batch) = this.coalescer.next_completed_batch() {
                return Poll::Ready(Some(this.give(&batch)));
            }
            let Some(input) = this.input.as_mut() else { return Poll::Ready(None) };
            match input.poll_next_unpin(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(batch))) => {
                    if batch.num_rows() == this.size && this.coalescer.is_empty() {
                        return Poll::Ready(Some(this.give(&batch)));
                    }
                    this.coalescer.push_batch(batch)?;
                }
                Poll::Ready(Some(Err(error))) => {
                    this.input = None;
                    return Poll::Ready(Some(Err(error)));
                }
                Poll::Ready(None) => {
                    this.input = None;
                    this.coalescer.finish_buffered_batch()?;
                }
            }
        }
    }
}

impl RecordBatchStream for EvenBatches {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}
