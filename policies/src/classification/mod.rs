//! What data is: tags, types and duties of tables and columns, purposes and row rules, as `classification.yaml` says.

mod declared_type;
mod draft;
mod fixed_lists;
mod purposes;
mod row_rules;
mod row_sql;
mod tables;

use std::collections::{BTreeMap, BTreeSet};

pub use declared_type::DeclaredType;
pub use draft::draft;
pub use purposes::PurposeSpec;
pub(crate) use row_rules::RowRuleSpec;
pub use tables::{ColumnClass, Residency, SubjectKey, TableClass};

use crate::condition::Condition;
use crate::folder::CLASSIFICATION;
use crate::problem::{Place, Problems};
use crate::yaml;
use crate::yaml_reader::Reader;
use crate::{TableName, Treatment};

/// A read `classification.yaml`.
#[derive(Debug, Default)]
pub(crate) struct Classification {
    /// Label of the version that the owners gave.
    pub(crate) label: String,
    /// Treatments in the order of asking, from most to least revealing.
    pub(crate) treatments: Vec<Treatment>,
    /// Row rules in file order.
    pub(crate) row_rules: Vec<RowRuleSpec>,
    /// Conditions that rules may use.
    pub(crate) conditions: Conditions,
    pub(crate) purposes: BTreeMap<String, PurposeSpec>,
    pub(crate) tables: BTreeMap<TableName, TableClass>,
}

/// The closed list of conditions.
#[derive(Debug, Default)]
pub(crate) struct Conditions {
    pub(crate) listed: Vec<Condition>,
    /// Whether `until=DATE` is listed, which allows any date.
    pub(crate) any_date: bool,
}

impl Conditions {
    pub(crate) fn allows(&self, condition: &Condition) -> bool {
        self.listed.contains(condition) || (self.any_date && matches!(condition, Condition::Until(_)))
    }
}

const KEYS: [&str; 6] = ["version", "treatments", "row_filters", "conditions", "purposes", "tables"];

impl Classification {
    /// Reads the text of `classification.yaml`; all that is wrong goes to `problems`.
    pub(crate) fn read(text: &str, problems: &mut Problems) -> Self {
        let Some(root) = yaml::read(CLASSIFICATION, text, problems) else {
            return Self::default();
        };
        let mut reader = Reader { file: CLASSIFICATION, problems };
        let fields = reader.fields(&root, "", &KEYS);
        for key in KEYS {
            if fields.get(key).is_none() {
                let hint = "a classification has `version`, `treatments`, `row_filters`, `conditions`, `purposes` and `tables`";
                reader.problems.error(Place::file(CLASSIFICATION), format!("`{key}` is missing"), hint);
            }
        }
        let mut class = Self::default();
        if let Some(node) = fields.get("version") {
            class.label = fixed_lists::version(&mut reader, node);
        }
        if let Some(node) = fields.get("treatments") {
            class.treatments = fixed_lists::treatments(&mut reader, node);
        }
        if let Some(node) = fields.get("conditions") {
            class.conditions = fixed_lists::conditions(&mut reader, node);
        }
        if let Some(node) = fields.get("purposes") {
            class.purposes = purposes::read(&mut reader, node);
        }
        if let Some(node) = fields.get("tables") {
            class.tables = tables::read(&mut reader, node);
        }
        if let Some(node) = fields.get("row_filters") {
            class.row_rules = row_rules::read(&mut reader, node, &class.tables);
        }
        class
    }

    /// Tags that a column or the rows of a table carry.
    pub(crate) fn carried_tags(&self) -> BTreeSet<&str> {
        let mut tags = BTreeSet::new();
        for table in self.tables.values() {
            tags.insert(table.rows.as_str());
            for column in table.columns.values() {
                tags.extend(column.tags.iter().map(String::as_str));
            }
        }
        tags
    }

    /// Row rules that may be granted on `table`, in file order.
    pub(crate) fn row_rules_of<'a>(&'a self, table: &'a TableName) -> impl Iterator<Item = &'a RowRuleSpec> {
        self.row_rules.iter().filter(move |rule| rule.is_for(table))
    }
}

#[cfg(test)]
mod tests;
