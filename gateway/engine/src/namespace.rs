//! The user's namespace while SQL becomes a plan: governed tables and allowed functions, and nothing else.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::{Result, TableReference, plan_err};
use datafusion::config::ConfigOptions;
use datafusion::datasource::cte_worktable::CteWorkTable;
use datafusion::datasource::provider_as_source;
use datafusion::execution::SessionState;
use datafusion::logical_expr::planner::{ContextProvider, ExprPlanner, TypePlanner};
use datafusion::logical_expr::{AggregateUDF, HigherOrderUDF, ScalarUDF, TableSource, WindowUDF};
use lockgate_policies::TableName;

use crate::functions;

/// What a statement may name.
pub(crate) struct Namespace<'a> {
    state: &'a SessionState,
    tables: HashMap<TableName, Arc<dyn TableSource>>,
}

impl<'a> Namespace<'a> {
    /// A namespace of exactly these tables.
    pub(crate) fn new(state: &'a SessionState, tables: HashMap<TableName, Arc<dyn TableSource>>) -> Self {
        Self { state, tables }
    }
}

impl ContextProvider for Namespace<'_> {
    fn get_table_source(&self, name: TableReference) -> Result<Arc<dyn TableSource>> {
        let found = match &name {
            TableReference::Full { catalog, schema, table } => {
                self.tables.get(&TableName::new(&**catalog, &**schema, &**table))
            }
            TableReference::Bare { .. } | TableReference::Partial { .. } => None,
        };
        match found {
            Some(source) => Ok(Arc::clone(source)),
            None => plan_err!("table `{name}` is not visible"),
        }
    }

    fn create_cte_work_table(&self, name: &str, schema: SchemaRef) -> Result<Arc<dyn TableSource>> {
        Ok(provider_as_source(Arc::new(CteWorkTable::new(name, schema))))
    }

    fn get_expr_planners(&self) -> &[Arc<dyn ExprPlanner>] {
        self.state.expr_planners()
    }

    fn get_type_planner(&self) -> Option<Arc<dyn TypePlanner>> {
        None
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        functions::allowed(functions::SCALAR, name).then(|| self.state.scalar_functions().get(name).cloned()).flatten()
    }

    fn get_higher_order_meta(&self, _name: &str) -> Option<Arc<HigherOrderUDF>> {
        None
    }

    fn get_aggregate_meta(&self, name: &str) -> Option<Arc<AggregateUDF>> {
        functions::allowed(functions::AGGREGATE, name)
            .then(|| self.state.aggregate_functions().get(name).cloned())
            .flatten()
    }

    fn get_window_meta(&self, name: &str) -> Option<Arc<WindowUDF>> {
        functions::allowed(functions::WINDOW, name).then(|| self.state.window_functions().get(name).cloned()).flatten()
    }

    fn get_variable_type(&self, _variable_names: &[String]) -> Option<DataType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        self.state.config_options()
    }

    fn udf_names(&self) -> Vec<String> {
        functions::SCALAR.split_ascii_whitespace().map(str::to_owned).collect()
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn udaf_names(&self) -> Vec<String> {
        functions::AGGREGATE.split_ascii_whitespace().map(str::to_owned).collect()
    }

    fn udwf_names(&self) -> Vec<String> {
        functions::WINDOW.split_ascii_whitespace().map(str::to_owned).collect()
    }
}
