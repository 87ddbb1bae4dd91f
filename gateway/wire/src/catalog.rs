//! What one caller may see, as `/v1/catalog` and metadata calls tell it.

use serde::{Deserialize, Serialize};

/// A table that the caller may query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogTable {
    /// Catalogue, i.e. the source's name.
    pub catalog: String,
    /// Schema within the catalogue.
    pub schema: String,
    /// Table within the schema.
    pub table: String,
    /// What the table is, from the classification; else from the source, for whom every column is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Names of the row rules that hold for this caller (`all` when every row is visible).
    pub rows: Vec<String>,
    /// Columns in table order. A withheld column that is not hidden is listed with `treatment: withheld`.
    pub columns: Vec<CatalogColumn>,
}

/// A column of a [`CatalogTable`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogColumn {
    /// Column name; a struct's leaf is `payload.phone`.
    pub name: String,
    /// Arrow type as the caller receives it; absent for a withheld column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_type: Option<String>,
    /// What the source says of it, for whom it is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// `clear`, another treatment's name, or `withheld`.
    pub treatment: String,
    /// Ids of the rules that decided.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
    /// What would give more, for a column that is not clear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}
