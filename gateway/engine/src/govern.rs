//! govern: policies decide per table, and each name in the statement comes to mean the governed table.
//!
//! INVARIANT: only this file makes a [`Governed`], and only a `Governed` can be planned. The plan in it scans nothing but
//! [`PolicyTable`]s.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::provider_as_source;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{LogicalPlan, TableSource};
use datafusion::sql::planner::SqlToRel;
use lockgate_contract::{Access, FilePart, PinnedStore};
use lockgate_policies::{TableAccess, TableDecision, TableName};
use lockgate_wire::ErrorCode;

use crate::barrier::{PolicyTable, RowPredicate, TableShape};
use crate::bind::{Bound, BoundTable, not_found};
use crate::engine::Engine;
use crate::parse::Mode;
use crate::scan::{BatchTable, RawTable, SourceFault, SqlTable};
use crate::tokens::Tokens;
use crate::{Error, Session, denial, functions, rewrite};

/// A query whose every scan is governed.
pub(crate) struct Governed {
    plan: LogicalPlan,
    /// What to do with it.
    pub(crate) mode: Mode,
    /// Whether it holds a wildcard.
    pub(crate) wildcard: bool,
    /// Its tables with what policy decided.
    pub(crate) tables: Vec<GovernedTable>,
    /// Version of the policy that decided.
    pub(crate) policy: Arc<str>,
    /// Names and texts in the statement, by which a refusal knows a withheld column.
    words: BTreeSet<String>,
}

/// A table of a governed query.
pub(crate) struct GovernedTable {
    /// Name as policy knows it.
    pub(crate) name: TableName,
    /// Name of its source.
    pub(crate) source: String,
    /// What policy decided.
    pub(crate) decision: Arc<TableDecision>,
    /// Schema that the decision was taken on, for asking again after a policy change.
    pub(crate) schema: datafusion::arrow::datatypes::SchemaRef,
}

impl Governed {
    /// The logical plan over governed tables.
    pub(crate) fn plan(&self) -> &LogicalPlan {
        &self.plan
    }

    /// A planning error as the caller may read it: the refusal of a withheld column, if the statement names one.
    pub(crate) fn error(&self, error: &DataFusionError) -> Error {
        denial::explain(rewrite::plan_error(error), &self.words, &self.tables)
    }
}

/// Decides on every table and plans the statement over governed tables.
///
/// # Errors
/// `POLICY_DENIED` for a withheld table or column that is named; the planning errors of SQL, rewritten.
pub(crate) fn govern(
    engine: &Engine,
    session: &Session,
    state: &SessionState,
    bound: Bound,
) -> Result<Governed, Error> {
    let mut sources: HashMap<TableName, Arc<dyn TableSource>> = HashMap::new();
    let mut tables = Vec::with_capacity(bound.tables.len());
    let purpose = &session.asker.purpose;
    let tokens = Tokens::new(engine.keys().purpose_key(purpose), purpose);
    for table in bound.tables {
        let decision = bound.policy.decide(&session.asker, &table.name, &table.table.schema);
        let provider = governed_table(engine, &tokens, session, state, &table, &decision)?;
        sources.insert(table.spelled, provider_as_source(provider));
        let source = table.source.name().to_owned();
        tables.push(GovernedTable { name: table.name, source, decision, schema: table.table.schema });
    }
    let namespace = crate::namespace::Namespace::new(state, sources);
    let words = denial::words(&bound.statement);
    let plan = SqlToRel::new(&namespace)
        .statement_to_plan(*bound.statement)
        .map_err(|error| denial::explain(rewrite::plan_error(&error), &words, &tables))?;
    check_plan(&plan)?;
    functions::check_growth(&plan)?;
    let policy = Arc::from(bound.policy.version());
    Ok(Governed { plan, mode: bound.mode, wildcard: bound.wildcard, tables, policy, words })
}

fn governed_table(
    engine: &Engine,
    tokens: &Tokens,
    session: &Session,
    state: &SessionState,
    table: &BoundTable,
    decision: &TableDecision,
) -> Result<Arc<dyn TableProvider>, Error> {
    let (columns, rows) = match &decision.access {
        TableAccess::Visible { columns, rows } => (columns, rows),
        TableAccess::Withheld(withheld) => return Err(denial::table(&table.name, withheld)),
        TableAccess::Hidden => return Err(not_found(&table.spelled.to_string())),
    };
    let raw_schema = &table.table.schema;
    let shape = TableShape::new(raw_schema, columns, &table.name.to_string());
    let rows = RowPredicate::new(rows, raw_schema, state, session.asker.env.today)?;
    let raw = raw_table(engine, table, rows.expr().is_some())?;
    Ok(Arc::new(PolicyTable::new(table.name.clone(), raw, shape, rows, tokens.clone())))
}

fn raw_table(engine: &Engine, table: &BoundTable, hides_rows: bool) -> Result<RawTable, Error> {
    let mut fault = SourceFault {
        source: table.source.name().to_owned(),
        table: table.name.to_string(),
        files: Vec::new(),
        opened: Arc::default(),
    };
    let schema = &table.table.schema;
    let provider: Arc<dyn TableProvider> = match &table.table.access {
        Access::Files(files) => {
            fault.files = files.files.iter().map(known_path).collect();
            let opened = Arc::clone(&fault.opened);
            engine.file_stores().table(schema, files.clone(), opened).map_err(|error| {
                Error::new(ErrorCode::Internal, "the gateway failed").with_internal(format!(
                    "file table {}: {}",
                    table.name,
                    rewrite::class_of(&error)
                ))
            })?
        }
        Access::Batches(access) => Arc::new(BatchTable { schema: Arc::clone(schema), access: Arc::clone(access) }),
        Access::Sql(access) => {
            let source = table.source.name().to_owned();
            Arc::new(SqlTable { schema: Arc::clone(schema), access: access.clone(), source, hides_rows })
        }
    };
    Ok(RawTable { provider, fault: Arc::new(fault), rows: table.table.rows })
}

/// The path that the operator knows.
fn known_path(file: &FilePart) -> String {
    let location = &file.meta.location;
    PinnedStore::unpin(location).unwrap_or_else(|| location.clone()).to_string()
}

/// Only plan nodes that read, and only scans of governed tables. Exhaustive, so that a new DataFusion node must be judged.
fn check_plan(plan: &LogicalPlan) -> Result<(), Error> {
    let mut refused: Option<&'static str> = None;
    let walked = plan.apply_with_subqueries(|node| {
        let verdict = match node {
            LogicalPlan::TableScan(scan) => {
                let provider = datafusion::datasource::source_as_provider(&scan.source);
                let is_governed = provider.is_ok_and(|provider| {
                    provider.downcast_ref::<PolicyTable>().is_some()
                        || provider.downcast_ref::<datafusion::datasource::cte_worktable::CteWorkTable>().is_some()
                });
                (!is_governed).then_some("a scan that is not governed")
            }
            LogicalPlan::Projection(_)
            | LogicalPlan::Filter(_)
            | LogicalPlan::Window(_)
            | LogicalPlan::Aggregate(_)
            | LogicalPlan::Sort(_)
            | LogicalPlan::Join(_)
            | LogicalPlan::Repartition(_)
            | LogicalPlan::Union(_)
            | LogicalPlan::EmptyRelation(_)
            | LogicalPlan::Subquery(_)
            | LogicalPlan::SubqueryAlias(_)
            | LogicalPlan::Limit(_)
            | LogicalPlan::Values(_)
            | LogicalPlan::Distinct(_)
            | LogicalPlan::Unnest(_)
            | LogicalPlan::RecursiveQuery(_) => None,
            LogicalPlan::Statement(_) => Some("a session statement"),
            LogicalPlan::Explain(_) | LogicalPlan::Analyze(_) => Some("a nested EXPLAIN"),
            LogicalPlan::Extension(_) => Some("an extension"),
            LogicalPlan::Dml(_) => Some("writing"),
            LogicalPlan::Ddl(_) => Some("changing the catalogue"),
            LogicalPlan::Copy(_) => Some("COPY"),
            LogicalPlan::DescribeTable(_) => Some("a nested DESCRIBE"),
        };
        Ok(match verdict {
            Some(what) => {
                refused = Some(what);
                TreeNodeRecursion::Stop
            }
            None => TreeNodeRecursion::Continue,
        })
    });
    match (walked, refused) {
        (Ok(_), None) => Ok(()),
        (Ok(_), Some(what)) => Err(Error::new(ErrorCode::UnsupportedStatement, format!("{what} is not accepted"))
            .with_hint("send one read-only query")),
        (Err(error), _) => Err(rewrite::plan_error(&error)),
    }
}

#[cfg(test)]
mod tests;
