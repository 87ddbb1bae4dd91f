//! The columns of a governed table as a statement gives them: clear ones as they are, treated ones in their treatment where
//! the dialect can write it, and those with a keyed token as what it stands for, to be treated when they come.

use std::collections::BTreeSet;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::Column;
use datafusion::logical_expr::TableScan;
use lockgate_contract::SqlDialect;
use lockgate_policies::Treatment;

use super::expression::{Known, Scope, Stays};
use super::kind::kind;
use super::late::Late;
use super::relation::Out;
use super::select::TableScope;
use crate::barrier::{ColumnShape, PolicyTable, SqlView};

/// The columns that a scan gives.
pub(super) struct Shown {
    /// What they are.
    pub(super) columns: Vec<Out>,
    /// How the source gives them.
    pub(super) values: Vec<String>,
    /// Those that are treated there, each after its table's full name.
    pub(super) treated: BTreeSet<String>,
}

/// The columns that a scan gives, and how the source gives them.
///
/// # Errors
/// Why one stays in the gateway.
pub(super) fn shown_columns(
    scan: &TableScan,
    table: &PolicyTable,
    view: &SqlView<'_>,
    scope: &TableScope<'_>,
) -> Result<Shown, Stays> {
    let mut shown = Shown { columns: Vec::new(), values: Vec::new(), treated: BTreeSet::new() };
    for field in scan.projected_schema.fields() {
        let name = field.name();
        let (Some(shape), Some(raw)) = (view.shape.of(name), scope.column(&Column::new_unqualified(name))) else {
            return Stays::because("a column is not at the source");
        };
        let (out, sql) = match shape {
            ColumnShape::Clear => (Out::of(&raw), raw.sql),
            shape => match (Late::of(shape, &raw.data_type, view.tokens), written(shape, &raw, scope.dialect())) {
                (Some(late), _) if raw.comparable && raw.data_type == *field.data_type() => {
                    (Out { late: Some(late), ..Out::of(&raw) }, raw.sql)
                }
                (_, Some(sql)) if raw.data_type == *field.data_type() => {
                    shown.treated.insert(format!("{}.{name}", table.name()));
                    (Out { comparable: true, ..Out::of(&raw) }, sql)
                }
                _ => {
                    return Stays::because(format!("column `{name}` of `{}` is treated in the gateway", table.name()));
                }
            },
        };
        shown.columns.push(out);
        shown.values.push(sql);
    }
    Ok(shown)
}

/// A treated value in the source's SQL, which never fails and gives what the gateway's treatment gives.
fn written(shape: &ColumnShape, raw: &Known, dialect: &SqlDialect) -> Option<String> {
    let ColumnShape::Treated(treatment) = shape else { return None };
    let kind = match raw.data_type {
        _ if *treatment == Treatment::Null => None,
        // Of a text that does not compare as here, other functions do not either.
        DataType::Utf8 if !raw.comparable => return None,
        _ => Some(kind(&raw.data_type)?),
    };
    let found = dialect.treatments.iter().find(|(name, of, _)| *name == treatment.name() && *of == kind);
    found.map(|(_, _, template)| format!("({})", template.replace("{}", &raw.sql)))
}
