//! What one asker sees of one table as it is classified: the unit of the matrix and of comparisons.

use std::collections::BTreeMap;

use crate::classification::Residency;
use crate::decide::{Case, classified_outcome, grants};
use crate::{Asker, PolicySet, TableName, Treatment};

/// Rows and columns that an asker sees; nothing at all when no rows are granted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct View {
    /// Granted row rules with their SQL.
    pub(crate) rows: BTreeMap<String, String>,
    /// Whether a granted row rule keeps all rows.
    pub(crate) all_rows: bool,
    /// Shown columns by path.
    pub(crate) columns: BTreeMap<String, Treatment>,
}

impl View {
    pub(crate) fn of(set: &PolicySet, asker: &Asker, table: &TableName) -> Self {
        let Some(class) = set.table_class(table) else {
            return Self::default();
        };
        let compiled = set.compiled(asker);
        let case = Case { set, asker: &compiled, table, class };
        let grants = grants(case);
        let foreign = matches!(&class.residency, Some(Residency::Site(site)) if *site != asker.env.site);
        if grants.granted.is_empty() || foreign {
            return Self::default();
        }
        let mut view = Self { all_rows: grants.granted.iter().any(|rule| rule.all), ..Self::default() };
        view.rows.extend(grants.granted.iter().map(|rule| (rule.name.clone(), rule.expr.to_string())));
        for path in class.columns.keys() {
            let (outcome, _) = classified_outcome(case, path);
            if let Ok(treatment) = outcome.shown {
                view.columns.insert(path.clone(), treatment);
            }
        }
        view
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Names of the row rules, joined.
    pub(crate) fn rows_text(&self) -> String {
        self.rows.keys().cloned().collect::<Vec<_>>().join("|")
    }
}
