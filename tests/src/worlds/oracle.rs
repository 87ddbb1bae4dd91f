//! The oracle: plain DataFusion over the materialised policy view, in which nothing needs hiding any more.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use datafusion::catalog::{MemTable, MemoryCatalogProvider, MemorySchemaProvider};
use datafusion::error::DataFusionError;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::physical_optimizer::PhysicalOptimizerRule as _;
use datafusion::physical_optimizer::filter_pushdown::FilterPushdown;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::TryStreamExt;

use super::data::{Data, Seen};
use super::people::Person;
use super::tables::TABLES;

/// Rows in a batch, for the oracle and for the engines that it is compared with: small, so that results have several.
pub const BATCH_SIZE: usize = 64;

/// Answers what `person` should get.
pub struct Oracle {
    context: SessionContext,
}

impl Oracle {
    /// The policy view of `data` for `person`.
    ///
    /// # Panics
    /// When the view cannot be made, which is a fault of the test.
    pub fn new(data: &Data, person: &Person) -> Self {
        let mut config =
            SessionConfig::new().with_target_partitions(1).with_batch_size(BATCH_SIZE).with_information_schema(false);
        config.options_mut().sql_parser.map_string_types_to_utf8view = false;
        config.options_mut().execution.time_zone = Some("UTC".to_owned());
        // Without the push-down of static filters through physical plans, which gives wrong rows for outer joins whose
        // sides were swapped.
        let mut rules = PhysicalOptimizer::new().rules;
        rules.retain(|rule| rule.name() != FilterPushdown::new().name());
        let state = SessionStateBuilder::new().with_default_features().with_config(config);
        let context = SessionContext::new_with_state(state.with_physical_optimizer_rules(rules).build());
        for table in &TABLES {
            let Some(seen) = data.view(person, table) else { continue };
            let parts: Vec<&str> = table.name.split('.').collect();
            let [catalog, schema, name] = parts[..] else { panic!("a full name") };
            if context.catalog(catalog).is_none() {
                context.register_catalog(catalog, Arc::new(MemoryCatalogProvider::new()));
            }
            let provider = context.catalog(catalog).expect("registered");
            if provider.schema(schema).is_none() {
                provider.register_schema(schema, Arc::new(MemorySchemaProvider::new())).expect("a new schema");
            }
            let (schema_ref, batches) = batches(&seen);
            let table = MemTable::try_new(schema_ref, vec![batches]).expect("a table of batches");
            provider
                .schema(schema)
                .expect("registered")
                .register_table(name.to_owned(), Arc::new(table))
                .expect("a new table");
        }
        Self { context }
    }

    /// Runs a query over the view.
    ///
    /// # Errors
    /// Whatever plain DataFusion says; a panic of its own counts as an error.
    pub async fn query(&self, sql: &str) -> Result<(SchemaRef, Vec<RecordBatch>), DataFusionError> {
        let (context, sql) = (self.context.clone(), sql.to_owned());
        let answer = tokio::spawn(async move {
            let frame = context.sql(&sql).await?;
            let stream = frame.execute_stream().await?;
            let schema = stream.schema();
            Ok((schema, stream.try_collect().await?))
        });
        answer.await.unwrap_or_else(|panic| Err(DataFusionError::Internal(panic.to_string())))
    }
}

fn batches(seen: &Seen) -> (SchemaRef, Vec<RecordBatch>) {
    let fields: Vec<Field> =
        seen.columns.iter().map(|(name, kind)| Field::new(*name, kind.data_type(), true)).collect();
    let schema = Arc::new(Schema::new(fields));
    let chunks = seen.rows.chunks(BATCH_SIZE).map(|rows| {
        let arrays = seen.columns.iter().enumerate().map(|(column_idx, (_, kind))| {
            let cells: Vec<_> = rows.iter().map(|row| row[column_idx].clone()).collect();
            kind.array(&cells)
        });
        RecordBatch::try_new(Arc::clone(&schema), arrays.collect()).expect("a batch of the view")
    });
    let chunks = chunks.collect();
    (schema, chunks)
}
