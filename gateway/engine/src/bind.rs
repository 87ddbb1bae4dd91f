//! bind: names -> source tables. A name that this asker may not even know of is refused here exactly like one that does
//! not exist, before any source is asked.

use std::sync::Arc;

use datafusion::arrow::datatypes::Schema;
use datafusion::common::TableReference;
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::resolve::resolve_table_references;
use lockgate_contract::{Source, SourceError, SourceErrorKind, SourceTable, TablePath};
use lockgate_policies::{Asker, PolicySet, TableAccess, TableName};
use lockgate_wire::ErrorCode;

use crate::engine::Engine;
use crate::parse::Mode;
use crate::{Error, Session};

/// A query whose tables are found, not yet decided upon.
pub(crate) struct Bound {
    /// The query.
    pub(crate) statement: Box<DfStatement>,
    /// What to do with it.
    pub(crate) mode: Mode,
    /// Whether it holds a wildcard.
    pub(crate) wildcard: bool,
    /// Its tables, each once.
    pub(crate) tables: Vec<BoundTable>,
    /// The policy snapshot that this query keeps to its end.
    pub(crate) policy: Arc<PolicySet>,
}

/// A table that a query names.
pub(crate) struct BoundTable {
    /// Name as the statement has it, after case folding.
    pub(crate) spelled: TableName,
    /// Name as policy knows it: the source's own spelling.
    pub(crate) name: TableName,
    /// The source that holds it.
    pub(crate) source: Arc<dyn Source>,
    /// Schema and access as they are now.
    pub(crate) table: SourceTable,
}

/// Finds every table that `statement` names.
///
/// # Errors
/// `TABLE_NOT_FOUND`, or the source's error.
pub(crate) async fn bind(
    engine: &Engine,
    session: &Session,
    policy: Arc<PolicySet>,
    statement: Box<DfStatement>,
    mode: Mode,
    wildcard: bool,
) -> Result<Bound, Error> {
    let (references, _ctes) =
        resolve_table_references(&statement, true).map_err(|error| crate::rewrite::plan_error(&error))?;
    let mut tables = Vec::with_capacity(references.len());
    for reference in &references {
        let spelled = full_name(reference)?;
        tables.push(bind_table(engine, &session.asker, &policy, spelled).await?);
    }
    Ok(Bound { statement, mode, wildcard, tables, policy })
}

/// Finds one table.
pub(crate) async fn bind_table(
    engine: &Engine,
    asker: &Asker,
    policy: &PolicySet,
    spelled: TableName,
) -> Result<BoundTable, Error> {
    if is_hidden(policy, asker, &spelled) {
        return Err(not_found(&spelled.to_string()));
    }
    let Some(source) = engine.source(&spelled.catalog) else {
        return Err(not_found(&spelled.to_string()));
    };
    let path = TablePath::new(&spelled.schema, &spelled.table);
    let Some(table) = source.table(&path).await.map_err(|error| source_error(&error))? else {
        return Err(not_found(&spelled.to_string()));
    };
    let name = TableName::new(source.name(), &table.path.schema, &table.path.table);
    // The source may know the table under another spelling, which is the one that policy decides on.
    if name != spelled && is_hidden(policy, asker, &name) {
        return Err(not_found(&spelled.to_string()));
    }
    Ok(BoundTable { spelled, name, source: Arc::clone(source), table })
}

/// Whether the table looks to this asker like one that does not exist.
pub(crate) fn is_hidden(policy: &PolicySet, asker: &Asker, name: &TableName) -> bool {
    match policy.table_class(name) {
        None => true,
        Some(class) if class.hidden => {
            matches!(policy.decide(asker, name, &Arc::new(Schema::empty())).access, TableAccess::Hidden)
        }
        Some(_) => false,
    }
}

fn full_name(reference: &TableReference) -> Result<TableName, Error> {
    match reference {
        TableReference::Full { catalog, schema, table } => Ok(TableName::new(&**catalog, &**schema, &**table)),
        TableReference::Bare { .. } | TableReference::Partial { .. } => Err(not_found(&reference.to_string())),
    }
}

/// The one answer for tables that do not exist and tables that must look so.
pub(crate) fn not_found(name: &str) -> Error {
    Error::new(ErrorCode::TableNotFound, format!("no table `{name}` is visible to you"))
        .with_hint("write full names, `catalog.schema.table`; SHOW TABLES lists the tables that you may query")
}

/// A source's error as the caller may read it.
pub(crate) fn source_error(error: &SourceError) -> Error {
    let code = match error.kind {
        SourceErrorKind::Config | SourceErrorKind::Unavailable | SourceErrorKind::Limit | SourceErrorKind::Refused => {
            ErrorCode::SourceUnavailable
        }
        SourceErrorKind::Data => ErrorCode::SourceData,
        SourceErrorKind::Changed => ErrorCode::SourceChanged,
    };
    Error::new(code, error.to_string()).with_internal(error.internal.clone())
}
