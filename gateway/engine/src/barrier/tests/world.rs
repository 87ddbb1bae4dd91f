//! A small world behind a barrier: visible and hidden rows, over four kinds of raw scan, and a spy function.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{
    ArrayRef, AsArray, BooleanArray, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray,
};
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::datasource::{MemTable, TableType};
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TableProviderFilterPushDown,
    Volatility,
};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::{ParquetReadOptions, SessionConfig, SessionContext};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;
use lockgate_policies::{
    ColumnDecision, KeyRing, RowFilter, RowRule, Shown, TableName, Treatment, Withheld, WithheldReason,
};
use parking_lot::Mutex;

use crate::barrier::{PolicyTable, RowPredicate, TableShape};
use crate::rules;
use crate::scan::{RawTable, SourceFault};
use crate::tokens::Tokens;

/// Rows of the world; `grp` runs from 0 to 99, and a rule keeps `grp < keep`.
const ROWS: i64 = 2_000;
/// Ids of hidden rows lie from here on, so that a spy knows them.
pub(super) const HIDDEN_FROM: i64 = 1_000_000;

/// What the raw scan is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Raw {
    Memory,
    Parquet,
    ParquetWithPushdown,
    ClaimsExact,
}

pub(super) struct World {
    /// Session with `t` governed.
    pub(super) governed: SessionContext,
    /// Session with `t` as a plain table of the visible, treated rows.
    pub(super) oracle: SessionContext,
    /// Ids that the spy saw in the governed session.
    pub(super) seen: Arc<Mutex<Vec<i64>>>,
    _files: Option<tempfile::TempDir>,
}

fn raw_batch(keep: i64) -> RecordBatch {
    let schema = Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, false),
        Field::new("grp", DataType::Int64, false),
        Field::new("email", DataType::Utf8, true),
        Field::new("name", DataType::Utf8, true),
        Field::new("city", DataType::Utf8, true),
        Field::new("fare", DataType::Float64, true),
        Field::new("born", DataType::Date32, true),
        Field::new("secret", DataType::Utf8, true),
        Field::new("code", DataType::Utf8, true),
    ]));
    let is_hidden = |row: i64| row % 100 >= keep;
    let rows = || 0..ROWS;
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(rows().map(|row| if is_hidden(row) { HIDDEN_FROM + row } else { row }))),
        Arc::new(Int64Array::from_iter_values(rows().map(|row| row % 100))),
        Arc::new(StringArray::from_iter_values(rows().map(|row| format!("u{row}@example.com")))),
        Arc::new(StringArray::from_iter(rows().map(|row| (row % 7 != 0).then(|| format!("Name {row}"))))),
        Arc::new(StringArray::from_iter(rows().map(|row| (row % 11 != 0).then(|| format!("city{}", row % 13))))),
        // Hidden fares are zero, so that a division by fare fails on hidden rows only.
        Arc::new(Float64Array::from_iter_values(
            rows().map(|row| if is_hidden(row) { 0.0 } else { 1.0 + (row % 50) as f64 }),
        )),
        Arc::new(Date32Array::from_iter_values(rows().map(|row| i32::try_from(row * 5).unwrap()))),
        Arc::new(StringArray::from_iter_values(rows().map(|row| format!("secret-{row}")))),
        // Hidden codes are no numbers, so that a cast fails on hidden rows only.
        Arc::new(StringArray::from_iter_values(
            rows().map(|row| if is_hidden(row) { format!("hidden-{row}") } else { (row % 50).to_string() }),
        )),
    ];
    RecordBatch::try_new(schema, columns).unwrap()
}

fn decisions() -> Vec<ColumnDecision> {
    let column =
        |name: &str, shown: Shown| ColumnDecision { name: name.to_owned(), shown, rules: Vec::new(), tags: Vec::new() };
    let withheld = Withheld { reason: WithheldReason::NoRule, rule: None, remedy: String::new() };
    vec![
        column("id", Shown::Treated(Treatment::Clear)),
        column("grp", Shown::Treated(Treatment::Clear)),
        column("email", Shown::Treated(Treatment::Hash)),
        column("name", Shown::Treated(Treatment::Null)),
        column("city", Shown::Treated(Treatment::Clear)),
        column("fare", Shown::Treated(Treatment::Clear)),
        column("born", Shown::Treated(Treatment::Year)),
        column("secret", Shown::Withheld(withheld)),
        column("code", Shown::Treated(Treatment::Clear)),
    ]
}

fn row_filter(keep: i64) -> RowFilter {
    let sql = format!("grp < {keep}");
    let expr = Parser::new(&GenericDialect {}).try_with_sql(&sql).unwrap().parse_expr().unwrap();
    let rule =
        RowRule { name: "kept".to_owned(), rule: "RW-1".to_owned(), expr, all: false, columns: vec!["grp".to_owned()] };
    RowFilter { granted: vec![rule], retention: None, erased: None, region: None }
}

/// The visible, treated rows, made with the treatments themselves but without any plan.
fn visible(raw: &RecordBatch, keep: i64, keys: &KeyRing) -> RecordBatch {
    let groups = raw.column_by_name("grp").unwrap().as_primitive::<Int64Type>();
    let mask: BooleanArray = groups.iter().map(|group| Some(group.unwrap() < keep)).collect();
    let kept = filter_record_batch(raw, &mask).unwrap();
    let key = keys.purpose_key("analytics");
    let mut columns = Vec::new();
    let mut fields = Vec::new();
    for (decision, (column, field)) in decisions().iter().zip(kept.columns().iter().zip(kept.schema().fields())) {
        let Shown::Treated(treatment) = decision.shown else { continue };
        columns.push(treatment.apply(column, Some(&key)).unwrap());
        fields.push(Field::new(field.name(), field.data_type().clone(), true));
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

/// A session with the engine's rules where the raw scan is of Parquet, and elsewhere with all of DataFusion's, which push
/// more: the barrier holds whatever the optimiser does.
pub(super) fn context(raw: Raw, seen: &Arc<Mutex<Vec<i64>>>) -> SessionContext {
    let mut config = SessionConfig::new().with_target_partitions(2).with_batch_size(256);
    config.options_mut().execution.parquet.pushdown_filters = raw == Raw::ParquetWithPushdown;
    config.options_mut().execution.parquet.schema_force_view_types = false;
    config.options_mut().sql_parser.map_string_types_to_utf8view = false;
    let mut state = SessionStateBuilder::new().with_default_features().with_config(config);
    if matches!(raw, Raw::Parquet | Raw::ParquetWithPushdown) {
        state = state.with_optimizer_rules(rules::logical()).with_physical_optimizer_rules(rules::physical());
    }
    let context = SessionContext::new_with_state(state.build());
    context.register_udf(ScalarUDF::from(Spy {
        seen: Arc::clone(seen),
        signature: Signature::any(1, Volatility::Volatile),
    }));
    context.register_udf(ScalarUDF::from(Spy2 {
        seen: Arc::clone(seen),
        signature: Signature::any(1, Volatility::Immutable),
    }));
    context
}

impl World {
    /// A world whose rule keeps `keep` percent of the rows.
    pub(super) async fn new(raw: Raw, keep: i64) -> Self {
        let batch = raw_batch(keep);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let governed = context(raw, &seen);
        let keys = KeyRing::from_secret([7_u8; 32], "test");
        let (provider, files) = provider(raw, &governed, &batch).await;
        let shape = TableShape::new(&batch.schema(), &decisions(), "a.b.t");
        let rows =
            RowPredicate::new(&row_filter(keep), &batch.schema(), &governed.state(), chrono::NaiveDate::default())
                .unwrap();
        let (source, table) = ("a".to_owned(), "a.b.t".to_owned());
        let fault = Arc::new(SourceFault { source, table, files: Vec::new(), opened: Arc::default() });
        let table = PolicyTable::new(
            TableName::new("a", "b", "t"),
            RawTable { provider, fault, rows: Some(2_000) },
            shape,
            rows,
            Tokens::new(keys.purpose_key("analytics"), "analytics"),
        );
        governed.register_table("t", Arc::new(table)).unwrap();

        let oracle = context(Raw::Parquet, &Arc::new(Mutex::new(Vec::new())));
        let shown = visible(&batch, keep, &keys);
        oracle.register_table("t", Arc::new(MemTable::try_new(shown.schema(), vec![vec![shown]]).unwrap())).unwrap();
        Self { governed, oracle, seen, _files: files }
    }
}

pub(super) async fn provider(
    raw: Raw,
    context: &SessionContext,
    batch: &RecordBatch,
) -> (Arc<dyn TableProvider>, Option<tempfile::TempDir>) {
    let memory = || Arc::new(MemTable::try_new(batch.schema(), vec![vec![batch.clone()]]).unwrap());
    match raw {
        Raw::Memory => (memory(), None),
        Raw::ClaimsExact => (Arc::new(ClaimsExact(memory())), None),
        Raw::Parquet | Raw::ParquetWithPushdown => {
            let dir = tempfile::tempdir().unwrap();
            let file = std::fs::File::create(dir.path().join("part.parquet")).unwrap();
            let properties = datafusion::parquet::file::properties::WriterProperties::builder()
                .set_max_row_group_row_count(Some(200))
                .build();
            let mut writer =
                datafusion::parquet::arrow::ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
            writer.write(batch).unwrap();
            writer.close().unwrap();
            let path = dir.path().to_str().unwrap().to_owned();
            context.register_parquet("raw_files", &path, ParquetReadOptions::default()).await.unwrap();
            let provider = context.table_provider("raw_files").await.unwrap();
            context.deregister_table("raw_files").unwrap();
            (provider, Some(dir))
        }
    }
}

/// A raw provider that claims to evaluate every filter itself, and does.
#[derive(Debug)]
struct ClaimsExact(Arc<MemTable>);

#[async_trait]
impl TableProvider for ClaimsExact {
    fn schema(&self) -> SchemaRef {
        self.0.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Exact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut plan = datafusion::logical_expr::LogicalPlanBuilder::scan(
            "t",
            datafusion::datasource::provider_as_source(Arc::clone(&self.0) as _),
            None,
        )?;
        for filter in filters {
            plan = plan.filter(crate::scan::unqualified(filter)?)?;
        }
        let all = 0..self.0.schema().fields().len();
        let columns = projection.cloned().unwrap_or_else(|| all.collect());
        let plan = plan.select(columns)?.limit(0, limit)?.build()?;
        state.create_physical_plan(&plan).await
    }
}

macro_rules! spy {
    ($type:ident, $name:literal) => {
        /// Hands an Int64 through and notes each value.
        #[derive(Debug)]
        struct $type {
            seen: Arc<Mutex<Vec<i64>>>,
            signature: Signature,
        }

        impl PartialEq for $type {
            fn eq(&self, other: &Self) -> bool {
                Arc::ptr_eq(&self.seen, &other.seen)
            }
        }

        impl Eq for $type {}

        impl std::hash::Hash for $type {
            fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
                $name.hash(state);
            }
        }

        impl ScalarUDFImpl for $type {
            fn name(&self) -> &str {
                $name
            }

            fn signature(&self) -> &Signature {
                &self.signature
            }

            fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
                Ok(DataType::Int64)
            }

            fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
                let values = args.args.into_iter().next().unwrap().into_array(args.number_rows)?;
                let values = datafusion::arrow::compute::cast(&values, &DataType::Int64)?;
                self.seen.lock().extend(values.as_primitive::<Int64Type>().iter().flatten());
                Ok(ColumnarValue::Array(values))
            }
        }
    };
}

spy!(Spy, "spy");
spy!(Spy2, "spy_pure");
